"""Question → cited answer: evidence first, then a small Llama, then a check of every sentence."""
