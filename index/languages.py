"""Languages as PubMed codes them: three letters of MARC 21, bibliographic (``ger``, not ``deu``)."""

from __future__ import annotations

_NAMES = {
    "afr": "Afrikaans",
    "alb": "Albanian",
    "amh": "Amharic",
    "ara": "Arabic",
    "arm": "Armenian",
    "aze": "Azerbaijani",
    "ben": "Bengali",
    "bos": "Bosnian",
    "bul": "Bulgarian",
    "cat": "Catalan",
    "chi": "Chinese",
    "cze": "Czech",
    "dan": "Danish",
    "dut": "Dutch",
    "eng": "English",
    "epo": "Esperanto",
    "est": "Estonian",
    "fin": "Finnish",
    "fre": "French",
    "geo": "Georgian",
    "ger": "German",
    "gla": "Scottish Gaelic",
    "gre": "Greek",
    "heb": "Hebrew",
    "hin": "Hindi",
    "hrv": "Croatian",
    "hun": "Hungarian",
    "ice": "Icelandic",
    "ind": "Indonesian",
    "ita": "Italian",
    "jpn": "Japanese",
    "kin": "Kinyarwanda",
    "kor": "Korean",
    "lat": "Latin",
    "lav": "Latvian",
    "lit": "Lithuanian",
    "mac": "Macedonian",
    "mal": "Malayalam",
    "mao": "Maori",
    "may": "Malay",
    "mul": "Multiple languages",
    "nor": "Norwegian",
    "per": "Persian",
    "pol": "Polish",
    "por": "Portuguese",
    "pus": "Pushto",
    "rum": "Romanian",
    "rus": "Russian",
    "san": "Sanskrit",
    "slo": "Slovak",
    "slv": "Slovenian",
    "spa": "Spanish",
    "srp": "Serbian",
    "swe": "Swedish",
    "tha": "Thai",
    "tur": "Turkish",
    "ukr": "Ukrainian",
    "und": "Undetermined",
    "urd": "Urdu",
    "vie": "Vietnamese",
    "wel": "Welsh",
}
_CODES = {name.lower(): code for code, name in _NAMES.items()}


def language_code(text: str) -> str | None:
    """The code that ``text``, a name or a code in any case, stands for; ``None`` for one that is not known."""
    folded = " ".join(text.lower().split())
    return folded if folded in _NAMES else _CODES.get(folded)


def language_name(code: str) -> str | None:
    """The English name of the language."""
    return _NAMES.get(code.lower())
