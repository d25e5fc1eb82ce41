"""NLM's MeSH files fetched over the network: this year's, or last year's where this year's are not out yet."""

from __future__ import annotations

import urllib.error
from datetime import date
from http import HTTPStatus
from pathlib import Path

from pubmed_rag.core.download import download
from pubmed_rag.core.errors import DownloadError
from pubmed_rag.core.progress import SILENT, Progress

NLM = "https://nlmpubs.nlm.nih.gov/projects/mesh/MESH_FILES/xmlmesh"
"""Where NLM keeps the XML of MeSH: ``desc2026.gz``, ``supp2026.gz``, ``qual2026.xml``, ``pa2026.xml`` …"""

_KINDS = ("desc", "supp", "qual", "pa")
_FORMS = ("gz", "xml")


def download_mesh(folder: Path, *, today: date, address: str = NLM, progress: Progress = SILENT) -> list[Path]:
    """The files of the latest year there is, in ``folder``; what arrived before an interruption is continued.

    Raises :class:`DownloadError`.
    """
    for year in (today.year, today.year - 1):
        first = _fetch(_KINDS[0], year, folder, address, progress)
        if first is not None:
            break
    else:
        raise DownloadError(
            f"there is no MeSH of {today.year} or {today.year - 1} at {address}",
            remedy="fetch NLM's desc, supp and qual files by hand and name them: 'pubmed-rag ingest mesh FILE…'",
        )
    found = [first]
    for kind in _KINDS[1:]:
        path = _fetch(kind, year, folder, address, progress)
        if path is None:
            raise DownloadError(f"{kind}{year} is missing at {address}", remedy="try again later")
        found.append(path)
    return found


def _fetch(kind: str, year: int, folder: Path, address: str, progress: Progress) -> Path | None:
    """One file in the first form in which it is there; ``None`` if in none."""
    for form in _FORMS:
        name = f"{kind}{year}.{form}"
        target = folder / name
        try:
            download(f"{address.rstrip('/')}/{name}", target, checksum=None, label=name, progress=progress)
        except DownloadError as error:
            cause = error.__cause__
            if isinstance(cause, urllib.error.HTTPError) and cause.code == HTTPStatus.NOT_FOUND:
                continue
            raise DownloadError(
                error.message, remedy="check the network, or fetch NLM's files by hand: 'pubmed-rag ingest mesh FILE…'"
            ) from error
        return target
    return None
