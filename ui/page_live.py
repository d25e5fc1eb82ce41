"""PubMed itself beside the library: what it answered in this tab, and the records it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st

from pubmed_rag.core.errors import RemoteError, UsageError
from pubmed_rag.core.records import Article, Filters, Hit
from pubmed_rag.core.settings import Settings
from pubmed_rag.ui.api import Library

if TYPE_CHECKING:
    from pubmed_rag.index.pubmed_search import Sort
    from pubmed_rag.ingest.entrez_live import LiveFound

DEPTH = 200
"""So many of PubMed's first results are compared with those of the library."""

_ANSWERS, _RECORDS = "live.answers", "live.records"
_KEPT_ANSWERS, _KEPT_RECORDS = 8, 400


@dataclass(frozen=True, slots=True)
class Live:
    """What PubMed answered: ``found``, or the ``error`` that came instead."""

    found: LiveFound | None = None
    error: Exception | None = None

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The articles by PMID, in PubMed's order; it gives no scores."""
        pmids = self.found.pmids if self.found else ()
        return tuple(Hit(pmid, pmid, rank, 0.0, "", None, None, False) for rank, pmid in enumerate(pmids, start=1))


def service(settings: Settings) -> str:
    """Who is asked, as people know it."""
    host = urlsplit(settings.entrez.url).hostname or settings.entrez.url
    return "NCBI" if host.endswith("ncbi.nlm.nih.gov") else host


def known(query: str, sort: Sort, filters: Filters) -> Live | None:
    """The answer that came in this tab to the same question, if it was asked."""
    answers: dict[object, Live] = st.session_state.setdefault(_ANSWERS, {})
    return answers.get((query, sort, filters))


def ask(library: Library, query: str, sort: Sort, filters: Filters) -> Live:
    """Ask PubMed, and keep what came of it for this tab, a failure included."""
    try:
        live = Live(found=library.search_live(query, top=DEPTH, sort=sort, filters=filters))
    except (RemoteError, UsageError) as error:
        live = Live(error=error)
    answers: dict[object, Live] = st.session_state.setdefault(_ANSWERS, {})
    while len(answers) >= _KEPT_ANSWERS:
        del answers[next(iter(answers))]
    answers[query, sort, filters] = live
    return live


def forget_failures() -> None:
    """Let what failed be asked again."""
    answers: dict[object, Live] = st.session_state.get(_ANSWERS, {})
    st.session_state[_ANSWERS] = {key: live for key, live in answers.items() if live.error is None}


def records(library: Library, pmids: Sequence[str]) -> dict[str, Article]:
    """The records of ``pmids`` as PubMed has them, as far as they can be had."""
    kept: dict[str, Article] = st.session_state.setdefault(_RECORDS, {})
    missing = [pmid for pmid in pmids if pmid not in kept]
    if missing:
        try:
            kept.update(library.records_live(missing))
        except (RemoteError, UsageError):
            return {pmid: kept[pmid] for pmid in pmids if pmid in kept}
        while len(kept) > _KEPT_RECORDS:
            del kept[next(iter(kept))]
    return {pmid: kept[pmid] for pmid in pmids if pmid in kept}


def kept_records() -> dict[str, Article]:
    """Every record that was shown in this tab."""
    return dict(st.session_state.get(_RECORDS, {}))
