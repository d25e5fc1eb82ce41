"""Terms of medicine in an answer, with what MeSH says they mean."""

from __future__ import annotations

from collections.abc import Sequence

from pubmed_rag.index.mesh import Mesh
from pubmed_rag.rag.query_concepts import concepts_of

_LONGEST = 320
_FEWEST_LETTERS = 9
"""A single shorter word is rather one that everyone knows."""


def scope_notes(texts: Sequence[str], mesh: Mesh) -> list[tuple[str, str]]:
    """Headings that ``texts`` speak of with their scope notes, those of most letters first; none without a note."""
    found: dict[str, str] = {}
    for text in texts:
        for concept in concepts_of(text, mesh):
            if len(concept.words) < _FEWEST_LETTERS:
                continue
            for heading in concept.headings[:1]:
                note = found.get(heading) or mesh.scope_note(heading)
                if note:
                    found[heading] = note
    return [(heading, _short(note)) for heading, note in sorted(found.items(), key=lambda item: -len(item[0]))]


def _short(note: str) -> str:
    """The first sentences of ``note``, as many as are short enough to be read beside an answer."""
    if len(note) <= _LONGEST:
        return note
    end = note.rfind(". ", 0, _LONGEST)
    return note[: end + 1] if end > 0 else f"{note[:_LONGEST].rsplit(' ', 1)[0]} …"
