"""What docs/answers.md says of choosing evidence, refusing, citing, prompt length and waiting, measured again.

    python benchmarks/answers.py LIBRARY ../shared/data/pubmedqa/qa.jsonl [--limit 500] [--generate 0]

LIBRARY holds PubMedQA's 1,000 abstracts (`pubmed-rag --library DIR ingest files corpus.jsonl.gz`, then
`index build`). Everything but the last part needs no language model beyond its vocabulary: each question is
asked with its article and with that article withheld, and so are the questions of other subjects that lie in
benchmarks/data. The threshold for refusing is looked at on the questions it was fitted on, and cross-validated
by question. With ``--generate N`` the model answers N of the questions, and is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from pubmed_rag.core.records import Answer, SearchResult
from pubmed_rag.core.settings import Settings, load_settings
from pubmed_rag.eval.questions import Question, read_questions, spread
from pubmed_rag.rag.answer import Answerer
from pubmed_rag.rag.engine import Engine, Message, Queued, Sampling
from pubmed_rag.rag.evidence import Evidence, EvidenceSet, choose_evidence
from pubmed_rag.rag.prompt import build_messages
from pubmed_rag.rag.sufficiency import LEAST_PROBABILITY, sufficiency
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.engines import load_engine

OTHER_SUBJECTS = Path(__file__).parent / "data" / "other_subjects.jsonl"
TOP, SHOWN, RESAMPLES = 8, 8, 2000


class Silent:
    """Writes nothing, so that an answer is what is quoted; counts tokens like the model it stands for."""

    obeys_grammar = True

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name
        self.context_tokens = engine.context_tokens

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def generate(
        self,
        messages: Sequence[Message],  # noqa: ARG002
        *,
        grammar: str,  # noqa: ARG002
        sampling: Sampling,  # noqa: ARG002
        stopped: Callable[[], bool] | None = None,  # noqa: ARG002
    ) -> Iterator[str | Queued]:
        yield from ()


class Timed(Silent):
    """The model itself, timed: seconds to the first piece and to the last, and the pieces."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.first: list[float] = []
        self.whole: list[float] = []
        self.pieces: list[int] = []

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str | Queued]:
        begun, count = time.perf_counter(), 0
        for piece in self._engine.generate(messages, grammar=grammar, sampling=sampling, stopped=stopped):
            if isinstance(piece, str):
                if not count:
                    self.first.append(time.perf_counter() - begun)
                count += 1
            yield piece
        self.whole.append(time.perf_counter() - begun)
        self.pieces.append(count)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it met the library. ``found``: article ids, best first; ``figures``: what the refusal looks at."""

    question: Question
    found: tuple[str, ...]
    figures: tuple[float, float, float]
    probability: float
    evidence: tuple[Evidence, ...]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("library", type=Path)
    arguments.add_argument("questions", type=Path)
    arguments.add_argument("--split", default="dev")
    arguments.add_argument("--limit", type=int)
    arguments.add_argument("--generate", type=int, default=0, help="questions that the model answers, timed")
    options = arguments.parse_args()
    settings = load_settings(os.environ).with_library(options.library)
    questions = spread(read_questions(options.questions, options.split), options.limit)
    others = read_questions(OTHER_SUBJECTS)
    with Library(settings) as library:
        engine = load_engine(settings.models.llm, settings)
        try:
            print(json.dumps(_measure(library, questions, others, engine, options.generate, settings), indent=1))
        finally:
            engine.close()


def _measure(
    library: Library,
    questions: Sequence[Question],
    others: Sequence[Question],
    engine: Engine,
    generate: int,
    settings: Settings,
) -> dict[str, Any]:
    present = [_ask(library, question, frozenset()) for question in questions]
    withheld = [_ask(library, question, frozenset(question.gold)) for question in questions]
    off = [_ask(library, question, frozenset()) for question in others]
    report = {
        "questions": len(questions),
        "threads": settings.ask.threads,
        "evidence": _evidence(present),
        "refused": _refused(present, withheld, off),
        "prompt": _prompt(library, present, engine),
        "cited": _cited(library, questions, Silent(engine)),
    }
    if generate:
        report["timed"] = _timed(library, spread(questions, generate), Timed(engine))
    return report


def _ask(library: Library, question: Question, without: frozenset[str]) -> Asked:
    found = library.searcher.search(question.text, top=TOP + len(without))
    hits = tuple(hit for hit in found.hits if hit.id not in without)[:TOP]
    found = replace(found, hits=hits)
    ids = [hit.id for hit in hits]
    evidence = choose_evidence(question.text, ids, library.store, library.searcher, limit=SHOWN)
    return Asked(question, tuple(ids), _figures(evidence, found), sufficiency(evidence, found), evidence.items)


def _figures(evidence: EvidenceSet, found: SearchResult) -> tuple[float, float, float]:
    dense = [c.score for hit in found.hits for c in hit.components if c.name == "dense" and c.score is not None]
    return evidence.best_similarity, evidence.coverage, max(dense, default=0.0)


def _evidence(present: Sequence[Asked]) -> dict[str, float]:
    """Is the article that a question was written about among those of the chosen sentences?"""

    def share(count: int) -> float:
        return _mean(
            [bool({item.article.id for item in asked.evidence[:count]} & set(asked.question.gold)) for asked in present]
        )

    return {"source among all": share(SHOWN), "source among first three": share(3)}


def _refused(present: Sequence[Asked], withheld: Sequence[Asked], off: Sequence[Asked]) -> dict[str, Any]:
    groups = {"present": present, "withheld": withheld, "other subjects": off}
    asked = [each for group in groups.values() for each in group]
    kinds = np.array([name for name, group in groups.items() for _ in group])
    ids = np.array([each.question.id for each in asked])
    table = np.array([each.figures for each in asked])
    answerable = kinds == "present"
    chances = np.zeros((3, len(asked)))
    for seed in range(3):
        for known, unseen in StratifiedGroupKFold(10, shuffle=True, random_state=seed).split(table, answerable, ids):
            model = LogisticRegression(C=100, max_iter=3000).fit(table[known], answerable[known])
            chances[seed, unseen] = model.predict_proba(table[unseen])[:, 1]
    ours = np.array([each.probability for each in asked])
    return {
        "area under the curve": round(float(roc_auc_score(answerable, ours)), 4),
        "area, cross-validated": round(float(np.mean([roc_auc_score(answerable, c) for c in chances])), 4),
        "as it is": {name: _interval(ours[kinds == name] < LEAST_PROBABILITY) for name in groups},
        "cross-validated": {
            name: _interval((chances[:, kinds == name] < LEAST_PROBABILITY).mean(axis=0)) for name in groups
        },
    }


def _prompt(library: Library, present: Sequence[Asked], engine: Engine) -> dict[str, float]:
    """Tokens of the prompt: with the chosen sentences; with the whole abstracts of the same articles; and with those
    of all articles found, as programs do that choose no sentences."""
    chosen, same, found = [], [], []
    for asked in present:
        if asked.probability < LEAST_PROBABILITY:
            continue
        messages = build_messages(asked.question.text, asked.evidence)
        used = {item.article.id for item in asked.evidence}
        tokens = {hit: engine.count_tokens(library.article(hit).text) for hit in {*asked.found, *used}}
        rest = sum(engine.count_tokens(m.content) for m in build_messages(asked.question.text, ()))
        chosen.append(sum(engine.count_tokens(message.content) for message in messages))
        same.append(rest + sum(tokens[hit] for hit in used))
        found.append(rest + sum(tokens[hit] for hit in asked.found))
    return {
        "sentences": round(_mean(chosen), 1),
        "abstracts of the same articles": round(_mean(same), 1),
        "abstracts of all articles found": round(_mean(found), 1),
        "saved, same articles": round(1 - _mean(chosen) / _mean(same), 4),
        "saved, all found": round(1 - _mean(chosen) / _mean(found), 4),
        "articles chosen": round(_mean([len({item.article.id for item in asked.evidence}) for asked in present]), 2),
        "sentences chosen": round(_mean([len(asked.evidence) for asked in present]), 2),
    }


def _cited(library: Library, questions: Sequence[Question], engine: Engine) -> dict[str, float]:
    """What is quoted where the model writes nothing: the right article, and nothing but what was found."""
    answerer = Answerer(library.store, library.searcher, lambda: engine)
    answers = [(question, answerer.ask(question.text)) for question in questions]
    given = [(question, answer) for question, answer in answers if answer.status == "answered"]
    return {
        "answered": len(given),
        "right article cited": _mean([bool(set(question.gold) & _cites(answer)) for question, answer in given]),
        "cited outside of what was found": sum(
            len(_cites(answer) - {hit.id for hit in answer.hits}) for _, answer in given
        ),
        "evidence that slices exactly": _mean([exact for _, answer in given for exact in _slices(library, answer)]),
        "claims an answer": round(_mean([len(answer.claims) for _, answer in given]), 2),
    }


def _cites(answer: Answer) -> set[str]:
    return {citation.id for claim in answer.claims for citation in claim.citations}


def _slices(library: Library, answer: Answer) -> Iterator[bool]:
    for claim in answer.claims:
        for citation in claim.citations:
            text = library.article(citation.id).text
            yield from (text[span.start : span.end] == span.text for span in citation.evidence)


def _timed(library: Library, questions: Sequence[Question], engine: Timed) -> dict[str, Any]:
    answerer = Answerer(library.store, library.searcher, lambda: engine)
    totals, own, claims, kept = [], 0, 0, 0
    for question in questions:
        begun = time.perf_counter()
        answer = answerer.ask(question.text)
        if answer.status != "answered":
            continue
        totals.append(time.perf_counter() - begun)
        own += sum(claim.origin == "model" for claim in answer.claims)
        claims += len(answer.claims)
        kept += bool(set(question.gold) & _cites(answer))
    return {
        "answered": len(totals),
        "right article cited": kept,
        "claims": claims,
        "in the model's own words": own,
        "seconds to the first token": _median_and_p95(engine.first),
        "seconds to the last token": _median_and_p95(engine.whole),
        "seconds of the whole answer": _median_and_p95(totals),
        "tokens written": _median_and_p95(engine.pieces),
    }


def _median_and_p95(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(float(np.median(values)), 2),
        "p95": round(float(np.percentile(values, 95)), 2),
    }


def _interval(values: Any) -> dict[str, float]:
    """A share with its percentile interval over resampled questions."""
    data = np.asarray(values, float)
    means = data[np.random.default_rng(0).integers(0, len(data), (RESAMPLES, len(data)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {"share": round(float(data.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4) if len(values) else 0.0


if __name__ == "__main__":
    main()
