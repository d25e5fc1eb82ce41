"""What a search needs of a vocabulary: the families of a heading, a subheading and a publication type."""

from __future__ import annotations

from typing import Protocol


class Thesaurus(Protocol):
    """A controlled vocabulary. Names compare without regard to case; unknown names are families of one."""

    def heading_family(self, name: str) -> tuple[str, ...]:
        """``name`` and every heading below it in any of its trees, as MeSH spells them."""

    def subheading_family(self, name: str) -> tuple[str, ...]:
        """``name`` and the subheadings below it, lower case."""

    def publication_type_family(self, name: str) -> tuple[str, ...]:
        """``name`` and the publication types below it."""


class NoThesaurus:
    """The vocabulary of a library without MeSH: every name stands for itself alone."""

    def heading_family(self, name: str) -> tuple[str, ...]:
        return (name,)

    def subheading_family(self, name: str) -> tuple[str, ...]:
        return (name.lower(),)

    def publication_type_family(self, name: str) -> tuple[str, ...]:
        return (name,)
