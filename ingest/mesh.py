"""MeSH headings written as text, as in the MEDLINE format: ``*Asthma/drug therapy/*genetics``."""

from __future__ import annotations

from pubmed_rag.core.records import MeshHeading, MeshQualifier


def parse_heading(text: str) -> MeshHeading:
    """A heading with its qualifiers; an asterisk marks a major topic (PubMed User Guide, "MH")."""
    descriptor, *qualifiers = (part.strip() for part in text.split("/"))
    return MeshHeading(
        name=descriptor.removeprefix("*"),
        major=descriptor.startswith("*"),
        qualifiers=tuple(
            MeshQualifier(name.removeprefix("*"), major=name.startswith("*")) for name in qualifiers if name
        ),
    )
