"""From what a person wrote to what a system is asked: as it stands, its keywords, or words that a model puts in.

Feeding PubMed whole sentences is unfair to it, as it wants every word in an article: so keywords are taken by a
fixed rule as well, and both are reported. The rules look at nothing but the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.core.text import collapse
from pubmed_rag.eval.append import AppendedFile

REWRITINGS: Mapping[str, str] = {
    "raw": "the text as it stands",
    "keywords": "its words without PubMed's 132 stopwords and without question words, so that all must match",
    "any-keyword": "the same words joined by OR, so that one is enough",
    "model-query": "a query in PubMed's language that a language model writes",
    "model-abstract": "the text, and after it a short abstract that a language model makes up (HyDE)",
}
"""Rewritings by name. HyDE: Gao, Ma, Lin and Callan, ACL 2023, arXiv:2212.10496."""

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_EMPTY = frozenset("who whom whose why whether or not".split())
"""Words of asking and joining that PubMed's own list lacks; as operators they would change the query."""

_MOST_TOKENS = 160

_QUERY_PROMPT = (
    "Write a search of PubMed for the text below: two or three groups of words that an article on it would use. "
    'Words of one group mean the same. Example: ("heart failure" OR "cardiac failure") AND ("beta blocker" OR '
    '"carvedilol")\n\nText: {text}\nSearch:'
)
_QUERY_GRAMMAR = r"""root ::= group (" AND " group){1,2}
group ::= "(" term (" OR " term){0,2} ")"
term ::= "\"" word (" " word){0,2} "\""
word ::= [A-Za-z] [a-z0-9-]{1,17}"""
_ABSTRACT_PROMPT = (
    "Write two sentences from the abstract of a medical research article that answers or discusses this.\n\n"
    "Text: {text}\nAbstract:"
)
_ABSTRACT_GRAMMAR = r"""root ::= sentence " " sentence
sentence ::= [A-Z] [^.!?\n\[\]]{20,220} ". "
"""


class TextGenerator(Protocol):
    """A language model, as far as rewriting needs one. Equal prompts must give equal texts."""

    @property
    def name(self) -> str:
        """Names the model in configurations."""

    @property
    def weights(self) -> str:
        """The checksum of its weights, or in words why there is none. May be read only when the model is needed."""

    def write(self, prompt: str, grammar: str, most_tokens: int) -> str:
        """What the model writes under ``grammar`` (GBNF), greedily."""


def keywords(text: str) -> tuple[str, ...]:
    """The words of ``text`` that PubMed would search for, in order, each once, without regard to case.

    Hyphenated words stay together. Where nothing is left, all words are taken.
    """
    words = [match.group() for match in _WORD.finditer(text)]
    kept = [word for word in words if word.lower() not in STOPWORDS and word.lower() not in _EMPTY]
    by_form: dict[str, str] = {}
    for word in kept or words:
        by_form.setdefault(word.lower(), word)
    return tuple(by_form.values())


class Rewriter:
    """Rewrites texts by one of :data:`REWRITINGS`. What a model wrote is kept in ``memory``, so it is asked once.

    Raises :class:`UsageError` for an unknown name, or for a model's rewriting without a model.
    """

    def __init__(self, name: str, generator: TextGenerator | None = None, memory: Path | None = None) -> None:
        if name not in REWRITINGS:
            raise UsageError(f"unknown rewriting '{name}'", remedy=f"choose from {', '.join(REWRITINGS)}")
        if name.startswith("model-") and generator is None:
            raise UsageError(f"the rewriting '{name}' needs a language model", remedy="name one with --model")
        self.name = name
        self._generator = generator
        self._memory = AppendedFile(memory, _Written) if memory and generator else None
        self._known = {item.key: item.text for item in self._memory.read()} if self._memory else {}

    @property
    def configuration(self) -> Mapping[str, str]:
        """What the rewriting depends on."""
        if not self.name.startswith("model-") or self._generator is None:
            return {"query": self.name}
        prompt, grammar = _prompt_of(self.name)
        return {
            "query": self.name,
            "generator": self._generator.name,
            "generator weights": self._generator.weights,
            "decoding": f"greedy, seed 0, at most {_MOST_TOKENS} tokens",
            "prompt": _short_hash(prompt + grammar),
        }

    def __call__(self, text: str) -> str:
        """The query for ``text``; never empty."""
        if self.name == "keywords":
            return " ".join(keywords(text))
        if self.name == "any-keyword":
            return " OR ".join(keywords(text))
        if self.name == "model-query":
            return self._written(text) or " ".join(keywords(text))
        if self.name == "model-abstract":
            return collapse(f"{text} {self._written(text)}")
        return text

    def _written(self, text: str) -> str:
        assert self._generator is not None, "checked when made"
        prompt, grammar = _prompt_of(self.name)
        model = f"{self._generator.name} {self._generator.weights}"
        key = _short_hash(f"{model}\0{_MOST_TOKENS}\0{grammar}\0{prompt}\0{text}")
        if key not in self._known and self._memory:  # another system may have asked the same in the meantime
            self._known = {item.key: item.text for item in self._memory.read()}
        if key not in self._known:
            written = collapse(self._generator.write(prompt.format(text=collapse(text)), grammar, _MOST_TOKENS))
            # The token limit may cut a query off before its last parenthesis.
            self._known[key] = _balanced(written) if self.name == "model-query" else written
            if self._memory:
                self._memory.append(_Written(key, self._known[key]))
        return self._known[key]


class _Written(msgspec.Struct, frozen=True):
    """One line of the memory."""

    key: str
    text: str


def _prompt_of(name: str) -> tuple[str, str]:
    return (_QUERY_PROMPT, _QUERY_GRAMMAR) if name == "model-query" else (_ABSTRACT_PROMPT, _ABSTRACT_GRAMMAR)


def _balanced(query: str) -> str:
    """The complete groups at the beginning of ``query``."""
    groups = re.findall(r'\((?:"[^"]*"(?: OR )?)+\)', query)
    return " AND ".join(groups)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
