"""MeSH for searches: families of headings, subheadings and publication types, and what a term means.

Everything is asked of the library's SQLite file when it is needed; opening it loads nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

from pubmed_rag.core import subheadings
from pubmed_rag.core.article import Journal
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.mesh import term_key
from pubmed_rag.core.mesh_store import Meaning, MeshInfo, MeshStore, TermKind
from pubmed_rag.index.word_variants import american, number_variants

_DESCRIPTORS = frozenset({TermKind.HEADING, TermKind.ENTRY})
_REMEMBERED = 4096


class Mesh:
    """A :class:`~pubmed_rag.index.vocabulary.Vocabulary` over a library's MeSH.

    ``journals``: a function that gives the journals to map to, called at the first need. May be used from several
    threads.
    """

    def __init__(self, store: MeshStore, journals: Callable[[], Iterable[Journal]] = tuple) -> None:
        self._store = store
        self._load_journals = journals
        self.heading_family = functools.lru_cache(_REMEMBERED)(self._heading_family)
        self.publication_type_family = functools.lru_cache(_REMEMBERED)(self._publication_type_family)

    @property
    def info(self) -> MeshInfo:
        """Where it came from, and how much it holds."""
        return self._store.info

    def close(self) -> None:
        """Close the file. The object must not be used afterwards."""
        self._store.close()

    # -- families ----------------------------------------------------------------------------------

    def _heading_family(self, name: str) -> tuple[str, ...]:
        return self._family(name, is_type=False)

    def _publication_type_family(self, name: str) -> tuple[str, ...]:
        return self._family(name, is_type=True)

    def _family(self, name: str, *, is_type: bool) -> tuple[str, ...]:
        key = term_key(name)
        for meaning in self._store.meanings([key]).get(key, ()):
            if meaning.kind is TermKind.HEADING and meaning.is_type is is_type:
                return tuple(self._store.below(meaning.ui))
        return (name,)

    def subheading_family(self, name: str) -> tuple[str, ...]:
        """``name`` and the subheadings below it, lower case; by NLM's tree numbers where its file was ingested."""
        plain = self.subheading(name) or name.lower()
        trees = self._subheading_trees
        numbers = trees.get(plain)
        if not numbers:
            return subheadings.family(plain)
        below = [
            other
            for other, places in trees.items()
            if any(place.startswith(f"{number}.") for place in places for number in numbers)
        ]
        return (plain, *(other for other in below if other != plain))

    @functools.cached_property
    def _subheading_trees(self) -> dict[str, tuple[str, ...]]:
        found = {record.name: record.tree_numbers for record in self._store.subheadings()}
        return found if any(found.values()) else {}

    # -- terms -------------------------------------------------------------------------------------

    def meanings(self, keys: Sequence[str]) -> Mapping[str, Sequence[Meaning]]:
        """What each key leads to; see :class:`~pubmed_rag.index.vocabulary.Vocabulary`."""
        return self._store.meanings(keys)

    def subheading(self, text: str) -> str | None:
        """The subheading that a name, a synonym or a two-letter code means, lower case."""
        known = subheadings.find(text)
        if known:
            return known
        key = term_key(text)
        for meaning in self._store.meanings([key]).get(key, ()):
            if meaning.kind is TermKind.SUBHEADING:
                return meaning.name
        return None

    def is_action(self, heading: str) -> bool:
        """Whether the heading is a pharmacological action of any substance."""
        return self._store.is_action(heading)

    def substances(self, action: str) -> tuple[str, ...]:
        """The substances with a pharmacological action, as MeSH spells them; none where its files do not say."""
        return tuple(self._store.substances(action))

    def suggest_heading(self, text: str) -> str | None:
        """The heading that ``text`` may have been meant to be: without its first or last words, or in the plural."""
        words = term_key(american(text)).split()
        spans = [words[:end] for end in range(len(words) - 1, 0, -1)] + [
            words[start:] for start in range(1, len(words))
        ]
        spans.sort(key=len, reverse=True)
        candidates = [" ".join(span) for span in [words, *spans] if span]
        found = self._store.meanings([form for text in candidates for form in (text, *number_variants(text))])
        for candidate in candidates:
            for form in (candidate, *number_variants(candidate)):
                for meaning in found.get(form, ()):
                    if meaning.kind in _DESCRIPTORS and not meaning.is_type:
                        return meaning.name
        return None

    def scope_note(self, heading: str) -> str:
        """What MeSH says that a heading means; empty where its files did not say."""
        return self._store.scope_note(heading)

    def complete_heading(self, text: str) -> str | None:
        """The heading that has a term of one word more than ``text``, which its own name has too.

        So beta blockers, which MeSH knows as ``beta-Blockers, Adrenergic``, are Adrenergic beta-Antagonists. ``None``
        where several headings have such a term, or none.
        """
        found: set[str] = set()
        key = term_key(american(text))
        for form in (key, *number_variants(key)):
            for term, name in self._store.terms_beginning(form):
                rest = term.removeprefix(form).split()
                if len(rest) == 1 and rest[0] in term_key(name).split():
                    found.add(name)
        return found.pop() if len(found) == 1 else None

    # -- journals ----------------------------------------------------------------------------------

    def journal(self, text: str) -> Journal | None:
        """The journal with this title, abbreviation or ISSN."""
        return self._journals.get(term_key(text))

    @functools.cached_property
    def _journals(self) -> dict[str, Journal]:
        found: dict[str, Journal] = {}
        for journal in self._load_journals():
            for name in (journal.abbreviation, journal.title, *journal.issns):
                if name:
                    found.setdefault(term_key(name), journal)
        return found


def open_mesh(paths: LibraryPaths, journals: Callable[[], Iterable[Journal]] = tuple) -> Mesh | None:
    """The library's MeSH, or ``None`` where it has none. Raises :class:`LibraryError` where it is damaged."""
    if not paths.mesh.is_file():
        return None
    return Mesh(MeshStore(paths.mesh), journals)
