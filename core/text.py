"""Text as stored and text as indexed: two forms with one rule each."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff]")
_DASHES = re.compile("[\u2010-\u2014\u2212]")


def collapse(text: str) -> str:
    """``text`` with every run of white space turned into one blank and the ends trimmed: the stored form."""
    return " ".join(text.split())


def normalise(text: str) -> str:
    """The form that is indexed, embedded and compared: NFKC, no invisible characters, one kind of dash.

    PubMed mixes composed and decomposed letters, thin spaces and soft hyphens inside words.
    The stored form is kept for display; evidence offsets refer to it.
    """
    if text.isascii():
        return collapse(text)
    # Invisible characters go first: one between a letter and its accent would keep NFKC from joining them.
    return collapse(_DASHES.sub("-", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))))
