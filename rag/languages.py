"""In which language a question is asked, and the fixed sentences of answers in the languages we have them in.

Recognised with py3langid (BSD-3-Clause; after Lui and Baldwin, ACL 2012), which is asked only where no plain English
word stands in the text, so that English questions cost nothing and names of drugs make no question Spanish.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

ENGLISH = "en"

NAMES = {
    "en": "English", "pt": "Portuguese", "es": "Spanish", "fr": "French", "de": "German", "it": "Italian",
    "nl": "Dutch", "hi": "Hindi", "th": "Thai", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "ru": "Russian",
    "ar": "Arabic", "pl": "Polish", "tr": "Turkish",
}  # fmt: skip
"""Languages that an answer may be asked for in, by ISO 639-1 code."""

_LATIN = ("en", "pt", "es", "fr", "de", "it")
_LEAST_PROBABILITY = 0.6
_ENGLISH_WORDS = re.compile(
    r"\b(?:is|are|does|did|has|have|can|could|should|would|will|the|of|and|what|which|how|why|when|who|where|with|for"
    r"|from|by|in|after|between|than|there|list|describe|define|name)\b",
    re.IGNORECASE,
)
"""Words of questions that no other of these languages has, but for "in", which German has with other words."""

_OTHER_WORDS = re.compile(
    r"\b(?:qual|quais|como|uma?|não|dos?|das|nos?|nas|el|los|las|una?|del|qué|cuál|der|die|das|und|ist|sind|bei|mit|wie"
    r"|les?|des|une|est|sont|dans|quels?|quelles?|il|gli|della?|nei|nella|che|quale)\b",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[^\W\d_]")
_LATIN_LETTER = re.compile(r"[A-Za-zÀ-ɏ]")

_SENTENCES = {
    "insufficient": {
        "en": "The library holds no sufficient evidence on this question.",
        "pt": "A biblioteca não tem evidência suficiente sobre esta pergunta.",
    },
    "nearest": {
        "en": "The nearest articles are listed, but none of them answers it.",
        "pt": "Os artigos mais próximos estão listados, mas nenhum deles responde a ela.",
    },
    "english only": {
        "en": "the question is in {language}, which the model {model} is not known to write: searched as it is, and "
        "answered in English. Asked in English more is found",
        "pt": "a pergunta está em {language}, que não se sabe se o modelo {model} escreve: procurou-se como está, "
        "e a resposta está em inglês. Em inglês encontra-se mais",
    },
    "searched": {
        "en": "searched for as: {question}",
        "pt": "procurado como: {question}",
    },
    "not translated": {
        "en": "{count} of {total} paragraphs stay in English, for their translation lost or changed something",
        "pt": "{count} de {total} parágrafos ficam em inglês, porque a tradução perdeu ou mudou algo",
    },
    "translated": {
        "en": "translated by the model from the English sentences that were checked, which stand beside it",
        "pt": "traduzido pelo modelo das frases em inglês que foram verificadas, que estão ao lado",
    },
}
_NAMES_PT = {
    "en": "inglês", "pt": "português", "es": "espanhol", "fr": "francês", "de": "alemão", "it": "italiano",
}  # fmt: skip


def detect(text: str) -> str:
    """The language of ``text`` (ISO 639-1); English where nothing speaks clearly against it."""
    letters = _LETTER.findall(text)
    if not letters:
        return ENGLISH
    latin = sum(bool(_LATIN_LETTER.match(letter)) for letter in letters) / len(letters)
    if latin > 0.5 and len(_ENGLISH_WORDS.findall(text)) > len(_OTHER_WORDS.findall(text)):
        return ENGLISH
    if latin > 0.5:
        found, probability = _identifier(_LATIN).classify(text)
        sure = float(probability) >= _LEAST_PROBABILITY or bool(_OTHER_WORDS.search(text))
        return str(found) if sure else ENGLISH
    found, _ = _identifier(None).classify(text)
    return str(found)


def say(sentence: str, speaks: str, /, **values: object) -> str:
    """A fixed sentence in the language ``speaks``, or in English where we do not have it."""
    forms = _SENTENCES[sentence]
    return forms.get(speaks, forms[ENGLISH]).format(**values)


def name_of(code: str, language: str = ENGLISH) -> str:
    """What the language ``code`` is called in ``language``."""
    return (_NAMES_PT.get(code) if language == "pt" else None) or NAMES.get(code, code)


@cache
def _identifier(among: tuple[str, ...] | None) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    made = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if among is not None:
        made.set_languages(list(among))
    return made
