"""What a reader of any format yields, in the order of its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pubmed_rag.core.records import Article, RejectedRecord


@dataclass(frozen=True, slots=True)
class Deleted:
    """PubMed withdrew these PMIDs: ``DeleteCitation`` of an update file, at its place in the order."""

    pmids: tuple[str, ...]


Item: TypeAlias = Article | RejectedRecord | Deleted
