"""People: the command line, the page, and the Python door for notebooks (:mod:`pubmed_rag.ui.api`)."""
