"""Measures of answers. Shares and means over the questions that allow them; each says over how many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pubmed_rag.core.records import YesNoMaybe
from pubmed_rag.eval.bioasq_documents import geometric_mean, score_documents
from pubmed_rag.eval.qa_records import QaMeasure, QaResult

_ROUGE = (("rouge1", "ROUGE-1"), ("rouge2", "ROUGE-2"), ("rougeL", "ROUGE-L"))
_ROUGE_BIOASQ = (
    ("rouge2_recall", "BioASQ ROUGE-2 recall"),
    ("rouge2_f1", "BioASQ ROUGE-2 F1"),
    ("rougeSU4_recall", "BioASQ ROUGE-SU4 recall"),
    ("rougeSU4_f1", "BioASQ ROUGE-SU4 F1"),
)
_VERDICTS: tuple[YesNoMaybe, ...] = ("yes", "no", "maybe")


def measure_answers(results: Sequence[QaResult]) -> tuple[QaMeasure, ...]:
    """Every measure, those of verdicts first."""
    verdicts = [r for r in results if r.expected is not None]
    decided = [r for r in verdicts if r.given is not None]
    cited = [r for r in results if r.cited and r.gold]
    with_gold = [r for r in results if r.gold]
    claims = [r for r in results if r.claims]
    factoids = [r for r in results if r.kind == "factoid" and r.to_name]
    lists = [r for r in results if r.kind == "list" and r.to_name]
    ideal = [r for r in results if r.rouge]
    measures = [
        _mean("accuracy", verdicts, lambda r: r.given == r.expected, "verdict right; none given is wrong"),
        QaMeasure(
            "macro-F1",
            macro_f1(verdicts),
            len(verdicts),
            "mean F1 of the verdicts that occur among the gold ones; of yes and no alone this is BioASQ's",
        ),
        *(
            QaMeasure(f"F1 {verdict}", f1_of(verdict, verdicts), len(verdicts), f"of the verdict '{verdict}'")
            for verdict in _VERDICTS
            if any(r.expected == verdict for r in verdicts)
        ),
        _mean("accuracy of those decided", decided, lambda r: r.given == r.expected, "where a verdict was given"),
        _mean("majority", verdicts, _is_majority(verdicts), "accuracy of always giving the commonest verdict"),
        _mean("citation precision", cited, _precision, "share of cited articles that are gold, where any is cited"),
        _mean("citation recall", with_gold, _recall, "share of gold articles that are cited; none cited is 0"),
        _mean("gold found", with_gold, lambda r: r.gold_found, "a gold article was among those retrieved"),
        QaMeasure(
            "support rate",
            _ratio(sum(r.supported for r in claims), sum(r.claims for r in claims)),
            len(claims),
            "share of all sentences given that the check found supported by what they cite",
        ),
        _mean(
            "left out", claims, lambda r: r.unresolved > 0, "something the model wrote did not pass and was left out"
        ),
        _mean(
            "answer named", factoids, lambda r: r.named > 0, "factoid: a form of the exact answer stands in the text"
        ),
        _mean("items named", lists, lambda r: r.named / r.to_name, "list: share of items that the text names"),
        *(_mean(label, ideal, _rouge(key), "F1 against the closest ideal answer") for key, label in _ROUGE),
        *(_mean(label, ideal, _rouge(key), "over all ideal answers together") for key, label in _ROUGE_BIOASQ),
        *_documents(with_gold),
        *_abstention(results),
        _mean("seconds", results, lambda r: r.milliseconds / 1000, "mean time of an answer"),
    ]
    return tuple(measure for measure in measures if measure.questions)


def macro_f1(results: Iterable[QaResult]) -> float | None:
    """Mean over the verdicts that occur as gold of 2TP / (2TP + FP + FN); a question without a verdict is a miss."""
    rows = list(results)
    expected = {r.expected for r in rows}
    scores = [score for verdict in _VERDICTS if verdict in expected and (score := f1_of(verdict, rows)) is not None]
    return sum(scores) / len(scores) if scores else None


def f1_of(verdict: YesNoMaybe, results: Iterable[QaResult]) -> float | None:
    """2TP / (2TP + FP + FN) of one verdict; ``None`` where it is neither expected nor given."""
    pairs = [(r.expected, r.given) for r in results]
    hits = sum(e == g == verdict for e, g in pairs)
    wrong = sum((e == verdict) != (g == verdict) for e, g in pairs)
    return _ratio(2 * hits, 2 * hits + wrong)


def _documents(results: Sequence[QaResult]) -> list[QaMeasure]:
    """BioASQ's measures of the articles that were retrieved for the answer."""
    scores = [score_documents(r.found, r.gold) for r in results]
    count, first = len(scores), "of the first ten articles retrieved"
    averages = [score.average_precision for score in scores]
    return [
        QaMeasure("documents precision", _ratio(sum(s.precision for s in scores), count), count, f"mean, {first}"),
        QaMeasure("documents recall", _ratio(sum(s.recall for s in scores), count), count, f"mean, {first}"),
        QaMeasure("documents F1", _ratio(sum(s.f1 for s in scores), count), count, f"mean, {first}"),
        QaMeasure("documents MAP", _ratio(sum(averages), count), count, f"{first}; of gold articles at most ten count"),
        QaMeasure("documents GMAP", geometric_mean(averages), count, "the same, geometric mean, 1e-5 added"),
    ]


def _abstention(results: Sequence[QaResult]) -> list[QaMeasure]:
    """An abstention is right where nothing that holds the answer was retrieved, or where there is no answer."""
    judged = [r for r in results if r.gold or not r.answerable]
    hopeless = [r for r in judged if not r.answerable or not r.gold_found]
    possible = [r for r in judged if r.answerable and r.gold_found]
    abstained = [r for r in judged if not r.answered]
    return [
        _mean("answered", results, lambda r: r.answered, "share of all questions that were answered"),
        _mean("answered, gold at hand", possible, lambda r: r.answered, "higher is better"),
        _mean("abstained, gold not at hand", hopeless, lambda r: not r.answered, "higher is better"),
        _mean(
            "abstention precision",
            abstained,
            lambda r: not r.answerable or not r.gold_found,
            "share of abstentions that were right",
        ),
    ]


def _rouge(key: str) -> Callable[[QaResult], float]:
    return lambda result: result.rouge[key]


def _precision(result: QaResult) -> float:
    return len(set(result.cited) & set(result.gold)) / len(set(result.cited))


def _recall(result: QaResult) -> float:
    return len(set(result.cited) & set(result.gold)) / len(set(result.gold))


def _is_majority(results: Sequence[QaResult]) -> Callable[[QaResult], bool]:
    counts = {verdict: sum(r.expected == verdict for r in results) for verdict in _VERDICTS}
    commonest = max(counts, key=lambda verdict: counts[verdict])
    return lambda result: result.expected == commonest


def _mean(name: str, results: Sequence[QaResult], value: Callable[[QaResult], float], meaning: str) -> QaMeasure:
    return QaMeasure(name, _ratio(sum(float(value(r)) for r in results), len(results)), len(results), meaning)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
