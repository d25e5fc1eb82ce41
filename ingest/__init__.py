"""PubMed into the article store: saved files, and E-utilities.

Everything that can be read becomes an :class:`~pubmed_rag.core.records.Article`, a
:class:`~pubmed_rag.core.records.RejectedRecord` or an :class:`~pubmed_rag.ingest.items.Deleted`;
only :mod:`~pubmed_rag.ingest.files` and :mod:`~pubmed_rag.ingest.entrez` write to the store.
"""
