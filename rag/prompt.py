"""What the model is told, and the grammar that lets it cite nothing but the evidence shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pubmed_rag.core.records import ExplainLevel
from pubmed_rag.core.text import normalise
from pubmed_rag.rag.engine import Message
from pubmed_rag.rag.evidence import Evidence
from pubmed_rag.rag.study_table import design_of

REFUSAL = "The evidence does not answer this."
"""The only thing the model may say without a citation."""

_SYSTEM = (
    "You answer questions for medical researchers from numbered evidence sentences. Use only the evidence. "
    "Write one to four short sentences. End each sentence with the number of the evidence it rests on, in square "
    "brackets, for example: Drug A lowered blood pressure more than placebo [2]. Give figures exactly as they stand. "
    f"If no evidence answers the question, write: {REFUSAL}"
)
_FOR_READERS = {
    "": "",
    "lay": " Write for people without medical training: everyday words, no jargon, nothing that the evidence does not "
    "say.",
    "expert": " Write for specialists: name the design, the number of participants and the effect with its confidence "
    "interval as they stand.",
}
_LONGEST = 240
_SENTENCE_RULES = (
    f'sentence ::= [A-Z] (letter | [0-9] "." [0-9]){{15,{_LONGEST}}} " " cite (" " cite){{0,2}} "."',
    "letter ::= [^.!?\\[\\]\\n\\r]",
    'cite ::= "[" number "]"',
)
# Possessive, so that long nonsense is read in linear time.
_SENTENCE = re.compile(r"\s*+(?P<text>[^\[\]\n]++)\s*+(?P<cites>(?:\[\d{1,4}\]\s*+)++)\.")
_NUMBER = re.compile(r"\[(\d+)\]")
_DECIMAL = re.compile(r"\d\.\d")
# How models write that keep to no grammar.
_SEVERAL = re.compile(r"\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})+)\]")
_BEHIND = re.compile(r"([.!?])[ ]*+((?:\[\d{1,4}\][ ]*+)++)(?![.!?])")
_BULLET = re.compile(r"^\s*+(?:[-*•]\s++|\d{1,2}[.)]\s++)")
_NO_SPACE = re.compile(r"\s+([,;:])")


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence as the model wrote it; ``numbers`` are the evidence numbers it cites, from 1.

    ``cut``: it was as long as the grammar lets one be, so that the model did not end it itself.
    """

    text: str
    numbers: tuple[int, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A sentence that is not borne out by the evidence it cites, and why not."""

    draft: Draft
    reasons: tuple[str, ...]


def build_messages(question: str, evidence: Sequence[Evidence], level: ExplainLevel = "") -> list[Message]:
    """The chat for one question. Evidence is quoted as data, numbered from 1, with year and design where known."""
    lines = [_line(number, item) for number, item in enumerate(evidence, start=1)]
    content = "Evidence:\n" + "\n".join(lines) + f"\n\nQuestion: {normalise(question)}\nAnswer:"
    return [Message("system", _SYSTEM + _FOR_READERS[level]), Message("user", content)]


def build_repair(failures: Sequence[Failure], evidence: Sequence[Evidence]) -> tuple[list[Message], str]:
    """Chat and grammar for a second attempt at ``failures``: a sentence each, in order, on the same evidence.

    Only the evidence that they cite is shown, under the numbers it had.
    """
    cited = sorted({number for failure in failures for number in failure.draft.numbers})
    lines = [_line(number, evidence[number - 1]) for number in cited]
    wrong = [
        f"{failure.draft.text} {''.join(f'[{number}]' for number in failure.draft.numbers)}. "
        f"Wrong: {'; '.join(failure.reasons)}."
        for failure in failures
    ]
    content = (
        "Evidence:\n" + "\n".join(lines) + "\n\nThese sentences say more than their evidence:\n" + "\n".join(wrong)
        + "\n\nWrite each again in the words of its evidence, one sentence for each, with its number.\nAnswer:"
    )  # fmt: skip
    numbers = " | ".join(f'"{number}"' for number in cited)
    sentences = ' " " '.join(["sentence"] * len(failures))
    grammar = "\n".join((f"root ::= {sentences}", *_SENTENCE_RULES, f"number ::= {numbers}"))
    return [Message("system", _SYSTEM), Message("user", content)], grammar


def pair_repairs(failures: Sequence[Failure], again: Sequence[Draft]) -> dict[Draft, Draft]:
    """Each failed sentence with its second attempt: the next unused one that cites some of the same evidence."""
    left = list(again)
    found: dict[Draft, Draft] = {}
    for failure in failures:
        for draft in left:
            if set(draft.numbers) & set(failure.draft.numbers):
                found[failure.draft] = draft
                left.remove(draft)
                break
    return found


def build_grammar(evidence_count: int) -> str:
    """GBNF for one to four sentences, each ending in one to three citations of evidence 1…``evidence_count``.

    Valid:    ``Bucindolol did not reduce mortality [3].``   ``It helped [1] [2]. It was safe [2].``
    A full stop inside a sentence stands only in a number (``0.86``), so nothing can hide behind one.

    Invalid:  ``It helped.``   ``It helped [9].`` (with eight shown)   ``[1] It helped.``
    """
    numbers = " | ".join(f'"{number}"' for number in range(1, evidence_count + 1))
    return "\n".join(
        (
            'root ::= refusal | sentence (" " sentence){0,3}',
            f'refusal ::= "{REFUSAL}"',
            *_SENTENCE_RULES,
            f"number ::= {numbers}",
        )
    )


def parse_drafts(raw: str) -> tuple[list[Draft], str]:
    """The complete sentences in ``raw``, and what is left over at its end (cut off by the token limit)."""
    drafts, position = [], 0
    while match := _SENTENCE.match(raw, position):
        numbers = tuple(dict.fromkeys(int(number) for number in _NUMBER.findall(match["cites"])))
        drafts.append(Draft(match["text"].strip(), numbers, _is_cut(match["text"])))
        position = match.end()
    return drafts, raw[position:].strip()


def _is_cut(text: str) -> bool:
    """Whether ``text``, up to its first citation, is all that the grammar allows: its capital and the space behind it
    come in addition, and the figure before and after a decimal point are one with it."""
    return len(text) - 2 * len(_DECIMAL.findall(text)) - 2 >= _LONGEST


def read_freely(raw: str) -> tuple[list[Draft], str]:
    """Like :func:`parse_drafts`, of a model that was asked for citations and not bound to a grammar.

    ``[1, 2]``, citations behind the full stop, lists and line breaks are understood; a sentence without
    citation has no ``numbers``. What is left over is a refusal, or nothing.
    """
    import sentencex

    apart = _SEVERAL.sub(lambda match: " ".join(f"[{number}]" for number in re.findall(r"\d+", match[1])), raw)
    text = _BEHIND.sub(lambda match: f" {match[2].strip()}{match[1]} ", apart)
    drafts: list[Draft] = []
    for line in text.splitlines():
        for sentence in sentencex.segment("en", line):
            numbers = tuple(dict.fromkeys(int(number) for number in _NUMBER.findall(sentence) if len(number) < 5))
            words = " ".join(_BULLET.sub("", _NUMBER.sub(" ", sentence)).split()).rstrip(" .!?")
            if words == REFUSAL.rstrip(".") and not numbers:
                return drafts, REFUSAL
            if words:
                drafts.append(Draft(_NO_SPACE.sub(r"\1", words), numbers))
    return drafts, ""


def _line(number: int, item: Evidence) -> str:
    return f"[{number}] {_source(item)}{normalise(item.span.text)}"


def _source(item: Evidence) -> str:
    """``(1996, randomized trial) ``, as far as known."""
    design = design_of(item.article)
    known = [str(part) for part in (item.article.year, design.value if design else None) if part]
    return f"({', '.join(known)}) " if known else ""
