"""What term mapping asks of a vocabulary: what a phrase means, in MeSH and among journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pubmed_rag.core.article import Journal
from pubmed_rag.core.mesh_store import Meaning
from pubmed_rag.index.thesaurus import Thesaurus


class Vocabulary(Thesaurus, Protocol):
    """A thesaurus that can be asked for terms. Phrases compare by :func:`pubmed_rag.core.mesh.term_key`."""

    def meanings(self, keys: Sequence[str]) -> Mapping[str, Sequence[Meaning]]:
        """What each key leads to, headings before entry terms; keys without a meaning are left out."""

    def subheading(self, text: str) -> str | None:
        """The subheading that a name, a synonym or a two-letter code means, lower case."""

    def is_action(self, heading: str) -> bool:
        """Whether the heading is a pharmacological action of any substance."""

    def journal(self, text: str) -> Journal | None:
        """The journal with this title, abbreviation or ISSN, of those that are known."""

    def suggest_heading(self, text: str) -> str | None:
        """The heading that ``text``, which is none, may have been meant to be."""

    def complete_heading(self, text: str) -> str | None:
        """The one heading that has a term of one word more than ``text``, which its own name has too."""
