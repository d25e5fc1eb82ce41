"""PMIDs, DOIs, PMCIDs and ORCIDs in the one form this project keeps."""

from __future__ import annotations

import re

_PMID = re.compile(r"[1-9][0-9]{0,9}")
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\S+)", re.IGNORECASE)
_PMCID = re.compile(r"PMC[0-9]+", re.IGNORECASE)
_ORCID = re.compile(r"([0-9]{4})-?([0-9]{4})-?([0-9]{4})-?([0-9]{3}[0-9Xx])/?$")


def is_pmid(text: str) -> bool:
    """True for a positive whole number without leading zeros."""
    return _PMID.fullmatch(text) is not None


def bare_doi(text: str | None) -> str | None:
    """``10.…`` without resolver or ``doi:``, in the case of the source; ``None`` if it is no DOI."""
    match = _DOI.fullmatch(text.strip()) if text else None
    return match[1] if match else None


def bare_pmcid(text: str | None) -> str | None:
    """``PMC1234567``; ``None`` if there is none in ``text``."""
    match = _PMCID.search(text) if text else None
    return match[0].upper() if match else None


def bare_orcid(text: str | None) -> str | None:
    """``0000-0002-1825-0097``, whether the source gives an address, the bare form or 16 digits."""
    match = _ORCID.search(text.strip()) if text else None
    return "-".join(match.groups()).upper() if match else None
