"""What an evaluation of answers found, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pubmed_rag.core.records import YesNoMaybe
from pubmed_rag.eval.questions import QuestionKind


@dataclass(frozen=True, slots=True)
class QaResult:
    """One question with its answer, as far as the measures need it; a line of ``answers.jsonl``.

    ``cited`` are the article ids that supported claims cite, ``found`` those that were retrieved, best first.
    """

    question_id: str
    question: str
    kind: QuestionKind
    gold: tuple[str, ...]
    expected: YesNoMaybe | None
    given: YesNoMaybe | None
    answered: bool
    answer: str
    cited: tuple[str, ...]
    found: tuple[str, ...]
    supported: int
    claims: int
    unresolved: int
    rouge: Mapping[str, float] = field(default_factory=dict)
    named: int = 0
    to_name: int = 0
    answerable: bool = True
    milliseconds: float = 0.0

    @property
    def gold_found(self) -> bool:
        """Whether an article that holds the answer was retrieved at all."""
        return bool(set(self.gold) & set(self.found))


@dataclass(frozen=True, slots=True)
class QaMeasure:
    """A measure over ``questions`` questions; ``value`` is ``None`` where none of them allows it."""

    name: str
    value: float | None
    questions: int
    meaning: str


@dataclass(frozen=True, slots=True)
class QaReport:
    """All measures of one run over a set of questions. ``configuration`` says what answered."""

    name: str
    measures: tuple[QaMeasure, ...]
    results: tuple[QaResult, ...]
    notes: tuple[str, ...]
    configuration: Mapping[str, str]
    out: str
