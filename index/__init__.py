"""Articles → searchable index: embeddings, FAISS, words, and the search over them."""
