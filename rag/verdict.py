"""Yes, no or maybe: what a study concludes on a question that can be answered so, with probabilities.

A logistic regression over words: negation, direction, hedges and reservations in the conclusion, and its
nearness to the question. It was fitted by ``benchmarks/train_verdict.py`` on the 500 development questions of PubMedQA
(Jin et al., EMNLP 2019; labels under the MIT licence), each with the conclusion of its article. Where an
abstract states no conclusion nothing is claimed: on results alone no classifier we tried does better than
always saying yes (docs/answers.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec
import numpy as np

from pubmed_rag.core.records import Article, Passage, Stance, StanceKind, YesNoMaybe
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.passages import sentences

LEAST_PROBABILITY = 0.7
"""A stance less probable than this is "unclear"."""

CLASSES: tuple[YesNoMaybe, ...] = ("yes", "no", "maybe")

_AUXILIARY = (
    "is|are|was|were|am|do|does|did|can|could|should|shall|will|would|has|have|had|may|might|must"
    "|isn't|aren't|doesn't|don't|didn't|can't|won't"
)
_YES_NO = re.compile(
    rf"(?:^|[:;.?!–—]\s+|\s-\s|--\s?)(?:(?:and|but|so|then|when|if)\b[^,]{{0,60}}, ?)?(?:{_AUXILIARY})\b"
    r"|:\s[^:?]+\?$",  # "Aripiprazole: a new risk factor for gambling?"
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"(?:^|:\s+)(?:who|whom|whose|what|which|when|where|why|how)\b(?!.*[:;.?!]\s+(?:is|are|do|does|did|can|should)\b)",
    re.IGNORECASE,
)

_CONCLUSION_LABEL = re.compile(r"conclu|interpretation|significance|implication|summary", re.IGNORECASE)
_CONCLUDES = re.compile(
    r"^(?:in conclusion|in summary|to conclude|conclusions?\b|we (?:therefore )?conclude|overall,|thus,|therefore,"
    r"|(?:taken together, )?(?:these|our|the present|the) (?:\w+ )?(?:findings|results|data|study|observations)"
    r" (?:\w+ )?(?:suggests?|indicates?|shows?|demonstrates?|supports?|confirms?|provides?|imply|implies))",
    re.IGNORECASE,
)

_WORDS = {
    "no": r"\b(?:no|not|nor|neither|without|none|cannot|lack(?:s|ed|ing)?|fail(?:s|ed|ing)?|unlikely|absence|unable"
    r"|rarely|never|little|poor\w*|insufficient|limited|unnecessary|questionable)\b|n't\b|\bnon",
    "not significant": r"\b(?:no|not|non)[- ]?(?:\w+ ){0,3}?(?:significant\w*|differ\w*|associat\w*|correlat\w*"
    r"|improv\w*|effect|influence|predict\w*|relationship)|\bn\.?s\.?\b|p ?> ?0?\.\d|\b(?:did|does|was|were) not\b"
    r"|\bno evidence\b",
    "equal": r"\b(?:similar|comparable|equal\w*|equivalent|unchanged|same|independent of|irrespective|regardless"
    r"|remain\w*)\b",
    "positive": r"\b(?:significant\w*|associated|correlat\w*|effective|improv\w*|superior|better|benefi\w*|useful|safe"
    r"|feasible|reliab\w*|valid\w*|accurate\w*|predict\w*|important|increas\w*|decreas\w*|reduc\w*|risk factor"
    r"|support\w*|demonstrat\w*|confirm\w*|should|can be|valuable|helpful|promising|favorable|necessary|recommended"
    r"|impact|influenc\w*|affect\w*|higher|lower|more|less)\b",
    "hedged": r"\b(?:may|might|could|possibl\w+|suggest\w*|appear\w*|seem\w*|potential\w*|likely|perhaps|probabl\w+)\b",
    "reserved": r"\b(?:unclear|further|some|partial\w*|depend\w*|although|however|but|only|caution\w*|controvers\w*"
    r"|inconclusive|trend|larger|whether|subset|selected|certain|weak\w*|moderate\w*|modest\w*|mixed|varie[sd]|needed"
    r"|warrant\w*|whereas|while|despite)\b",
    "up": r"\b(?:increas\w*|rais\w*|higher|greater|more|improv\w*|enhanc\w*|superior|longer|better|promot\w*)\b",
    "down": r"\b(?:decreas\w*|reduc\w*|lower\w*|fewer|less|declin\w*|diminish\w*|inferior|shorter|prevent\w*|worse)\b",
}
_PATTERNS = {name: re.compile(words, re.IGNORECASE) for name, words in _WORDS.items()}
_MOST_COUNTED = 3

FEATURES = (
    *(f"{name}: {where}" for name in _WORDS for where in ("first", "nearest", "rate", "last")),
    "sentences", "length", "overlap", "overlap of the first", "question negated", "question and first negated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """How good the classifier was found: cross-validated, with a 95 % bootstrap interval, and beside what."""

    questions: int
    accuracy: float
    low: float
    high: float
    macro_f1: float
    majority: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class VerdictModel:
    """Coefficients (3, n_features) on features made comparable by ``mean`` and ``scale``, and what they were worth."""

    classes: tuple[YesNoMaybe, ...]
    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]
    intercept: tuple[float, ...]
    measured: Measured

    @property
    def may_be_shown(self) -> bool:
        """Only what beats the majority class, interval and all, is shown to anyone."""
        return self.measured.low > self.measured.majority

    def probabilities(self, question: str, conclusion: Sequence[str]) -> dict[YesNoMaybe, float]:
        """Of yes, no and maybe, summing to 1."""
        scaled = (np.array(features(question, conclusion)) - np.array(self.mean)) / np.array(self.scale)
        scores = np.array(self.coefficients) @ scaled + np.array(self.intercept)
        weights = np.exp(scores - scores.max())
        return {name: float(weight) for name, weight in zip(self.classes, weights / weights.sum(), strict=True)}


@cache
def verdict_model() -> VerdictModel:
    """The classifier that comes with the program (``verdict.json``)."""
    text = resources.files("pubmed_rag.rag").joinpath("verdict.json").read_bytes()
    return msgspec.json.decode(text, type=VerdictModel)


def is_yes_no(question: str) -> bool:
    """Whether a question asks for yes or no: by its verb standing first, there or behind a colon."""
    asked = normalise(question).strip()
    return bool(_YES_NO.search(asked)) and not _OPEN.search(asked)


def conclusion_of(article: Article) -> tuple[Passage, ...]:
    """The sentences in which an abstract concludes: by their section, or by their opening words without sections."""
    found = sentences(article)
    labelled = tuple(passage for passage in found if passage.section and _CONCLUSION_LABEL.search(passage.section))
    if labelled or any(passage.section for passage in found):
        return labelled
    starts = [number for number, passage in enumerate(found) if _CONCLUDES.search(passage.text)]
    return tuple(found[starts[-1] :]) if starts and starts[-1] >= len(found) // 2 else ()


def features(question: str, conclusion: Sequence[str]) -> list[float]:
    """The figures the classifier looks at, in the order of :data:`FEATURES`. ``conclusion`` has a sentence at least."""
    texts = [normalise(text) for text in conclusion]
    together = " ".join(texts)
    wanted = set(terms(normalise(question)))
    overlaps = [len(wanted & set(terms(text))) / max(1, len(wanted)) for text in texts]
    nearest = texts[overlaps.index(max(overlaps))]
    values: list[float] = []
    for pattern in _PATTERNS.values():
        rate = min(_MOST_COUNTED, len(pattern.findall(together))) / len(texts)
        values += [_holds(pattern, texts[0]), _holds(pattern, nearest), rate, _holds(pattern, texts[-1])]
    negated = _holds(_PATTERNS["no"], question)
    values += [len(texts), len(together) / 100, max(overlaps), overlaps[0], negated, negated * values[0]]
    return values


def opposed(question: str, conclusion: Sequence[str]) -> bool:
    """Whether the question asks for one direction and the conclusion speaks of the other only.

    "Does it reduce deaths?", "It increased deaths.": such pairs are rare in what the classifier learnt from.
    """
    together = normalise(" ".join(conclusion))
    asked = {name for name in ("up", "down") if _PATTERNS[name].search(question)}
    told = {name for name in ("up", "down") if _PATTERNS[name].search(together)}
    return len(asked) == 1 and len(told) == 1 and asked != told


def _holds(pattern: re.Pattern[str], text: str) -> float:
    return float(bool(pattern.search(text)))


def stance_of(question: str, article: Article, cited: Sequence[Passage]) -> Stance:
    """What one study says to a yes/no question. ``cited``: what stands for it where it states no conclusion."""
    conclusion = _usable(question, article)
    model = verdict_model()
    if not conclusion or not model.may_be_shown:
        return Stance(article.id, article.pmid, "unclear", None, tuple(cited))
    chances = model.probabilities(question, [passage.text for passage in conclusion])
    best = max(chances, key=lambda name: chances[name])
    sure = chances[best] >= LEAST_PROBABILITY and best != "maybe"
    kind: StanceKind = "unclear" if not sure else "yes" if best == "yes" else "no"
    return Stance(article.id, article.pmid, kind, round(chances[best], 3), conclusion)


def _usable(question: str, article: Article) -> tuple[Passage, ...]:
    conclusion = conclusion_of(article)
    return () if opposed(question, [passage.text for passage in conclusion]) else conclusion


def verdict_of(
    question: str, articles: Sequence[Article]
) -> tuple[YesNoMaybe | None, tuple[tuple[YesNoMaybe, float], ...]]:
    """The verdict over several studies with its probabilities: the mean of what each concludes, all alike.

    ``(None, ())`` where no study states a conclusion or the classifier is not good enough to be shown.
    """
    model = verdict_model()
    concluded = [found for found in (_usable(question, article) for article in articles) if found]
    if not concluded or not model.may_be_shown:
        return None, ()
    each = [model.probabilities(question, [passage.text for passage in found]) for found in concluded]
    mean = {name: sum(chances[name] for chances in each) / len(each) for name in CLASSES}
    verdict = max(CLASSES, key=lambda name: mean[name])
    return verdict, tuple((name, round(mean[name], 3)) for name in CLASSES)
