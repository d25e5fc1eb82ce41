"""The words and tables of a challenge's report, shared by its two forms, and the Markdown form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pubmed_rag.eval.causes import CAUSES, FOUND_BY, LARGE
from pubmed_rag.eval.challenge_records import ChallengeResult, CollectionResult
from pubmed_rag.eval.failures import Failure, Shown
from pubmed_rag.eval.report import (
    INTERVAL,
    METHOD,
    Table,
    comparisons_table,
    interval_text,
    latency_note,
    markdown_list,
    markdown_table,
    markdown_text,
    plain,
    provenance_table,
    signed,
    systems_table,
    verdict_sentence,
)
from pubmed_rag.eval.rewriting import REWRITINGS
from pubmed_rag.eval.statistics import CONFIDENCE, Comparison
from pubmed_rag.eval.systems import KINDS

FAMILY = (
    "In this report p is corrected for all its comparisons together, over all collections; the report in each "
    "collection's folder corrects for that collection's alone."
)

CAUSES_NOTE = (
    f"Topics on which one is ahead by {LARGE} or more, and what explains them. A word: one of the query's keywords, in "
    "any of its forms. Found: a relevant document is among the first ten of BM25 alone, of vectors alone."
)

EMULATION = (
    "The PubMed of this report is an emulation unless a system is called live. It follows NLM's documented rules of "
    "term mapping and Boolean search. The second stage of PubMed's Best Match was learned from clicks that are not "
    "public, so the emulation orders what the Boolean search found by BM25 over fields, with a little weight on "
    "recency: a better order by PubMed itself is possible, more documents than the Boolean search found are not.",
    "The emulation searches the collection alone. PubMed searches about 40 million records, among which the few "
    "judged ones are harder to find; how rare a word is differs too.",
    "Whole sentences are not how PubMed is used. They are reported as they stand and as keywords by a fixed rule, "
    "joined by AND, as PubMed joins them, and by OR. A skilled searcher would do better than any rule.",
)
"""Where the emulation is not PubMed."""


def answer(result: ChallengeResult) -> list[str]:
    """The shortest true answer: for each pair that matters, on how many collections it is better, worse, or neither."""
    return answer_of((found.spec.name, comparison) for found, comparison in result.headlines())


def answer_of(headlines: Iterable[tuple[str, Comparison]]) -> list[str]:
    """As :func:`answer`, of comparisons by the name of their collection."""
    verdicts: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, comparison in headlines:
        pair = (comparison.system, comparison.baseline)
        verdicts.setdefault(pair, []).append((comparison.verdict, name))
    if not verdicts:
        return ["The systems that the question is about did not run together on any collection, so there is no answer."]
    return [_pair_sentence(system, baseline, given) for (system, baseline), given in verdicts.items()]


def _pair_sentence(system: str, baseline: str, given: list[tuple[str, str]]) -> str:
    parts = []
    for verdict in ("better", "worse", "no difference shown"):
        names = [name for found, name in given if found == verdict]
        if names:
            parts.append(f"{verdict} on {', '.join(names)}")
    return f"{system} against {baseline}: {'; '.join(parts)}."


def headline_points(result: ChallengeResult) -> list[tuple[str, tuple[str, ...]]]:
    """One sentence a headline comparison, and its reasons."""
    return [
        (
            f"On {found.spec.name} ({len(found.evaluation.topics):,} topics): {verdict_sentence(comparison)}",
            found.reasons[comparison.baseline, comparison.system],
        )
        for found, comparison in result.headlines()
    ]


def systems_declared(result: ChallengeResult) -> Table:
    """What each system is."""
    rows = []
    for spec in result.config.systems:
        parts = [spec.about or KINDS[spec.kind]]
        if spec.query != "raw":
            parts.append(f"asked {REWRITINGS[spec.query]}")
        if spec.kind in ("pubmed", "pubmed-live", "expert-boolean"):
            parts.append("most relevant first" if spec.sort == "relevance" else "newest first")
        rows.append((spec.name, spec.kind, "; ".join(parts)))
    return Table(("system", "kind", "what it is"), tuple(rows), numbers_from=3)


def collection_sentence(found: CollectionResult) -> str:
    """Size and origin of one collection."""
    evaluation = found.evaluation
    documents = f"{found.documents:,} documents, " if found.documents else "no documents of its own, "
    return (
        f"{documents}{len(evaluation.topics):,} topics of split {evaluation.split}, {found.judgements:,} judgements; "
        f"measured as {found.spec.task}, systems compare by {evaluation.primary.name}."
    )


def groups_table(found: CollectionResult) -> Table:
    """The headline pairs by kind of query."""
    rows = tuple(
        (
            f"{r.dimension}: {r.group}",
            f"{r.system} vs {r.baseline}",
            f"{r.topics:,}",
            plain(r.baseline_mean),
            plain(r.system_mean),
            signed(r.difference),
            interval_text(r.interval, signed) if r.interval else "(no interval)",
            f"{r.wins:,}",
            f"{r.losses:,}",
        )
        for r in found.group_results
    )
    header = ("queries", "systems", "topics", "baseline", "system", "difference", INTERVAL, "won", "lost")
    return Table(header, rows, numbers_from=2)


def causes_table(found: CollectionResult) -> Table:
    """Over all topics that differ by :data:`LARGE` or more: what explains them, and which component found it."""
    header = ("who is ahead", "topics", *CAUSES, *(f"found {name}" for name in FOUND_BY))
    rows = tuple(
        (
            f"{counts.better} before {counts.other}",
            f"{counts.topics:,}",
            *(f"{counts.causes[name]:,}" for name in CAUSES),
            *(f"{counts.found[name]:,}" if counts.found else "-" for name in FOUND_BY),
        )
        for counts in found.causes
    )
    return Table(header, rows)


def glance_table(result: ChallengeResult) -> Table:
    """One row a collection on which the question was asked: its kind of queries, and the mean of each system named."""
    config = result.config
    names = tuple(dict.fromkeys((config.baseline, *config.rivals, *config.challengers)))
    asked = [found for found in result.collections if any(where is found for where, _ in result.headlines())]
    rows = []
    for found in asked:
        evaluation = found.evaluation
        means = {system.name: system.scores.mean(evaluation.primary.name) for system in evaluation.systems}
        kinds = ", ".join(sorted({group["written as"] for group in found.groups}))
        cells = (plain(means[name]) if name in means else "-" for name in names)
        rows.append((found.spec.name, kinds, evaluation.primary.name, f"{len(evaluation.topics):,}", *cells))
    return Table(("collection", "queries", "measure", "topics", *names), tuple(rows), numbers_from=3)


def failure_title(failure: Failure) -> str:
    """Topic, text and both values."""
    return (
        f"{failure.topic_id}: {failure.text} ({failure.baseline} {plain(failure.baseline_value)}, "
        f"{failure.system} {plain(failure.system_value)})"
    )


def failure_table(failure: Failure) -> Table:
    """Both rankings side by side, as far as either goes."""
    length = max(len(failure.baseline_top), len(failure.system_top))
    rows = []
    for rank in range(length):
        cells = [_cell(top[rank]) if rank < len(top) else "" for top in (failure.baseline_top, failure.system_top)]
        rows.append((str(rank + 1), *cells))
    return Table(("rank", failure.baseline, failure.system), tuple(rows), numbers_from=3)


def care(result: ChallengeResult) -> list[str]:
    """What a reader must know before believing a figure."""
    notes: list[str] = []
    if any(spec.kind in ("pubmed", "expert-boolean") for spec in result.config.systems):
        notes += EMULATION
    for found in result.collections:
        if found.spec.caution:
            notes.append(f"{found.spec.name}: {found.spec.caution}.")
        notes += [f"{found.spec.name}: {note}." for note in found.evaluation.left_out]
        if found.live_dates:
            first, last = (day[:10] for day in found.live_dates)
            days = f"on {first}" if first == last else f"from {first} to {last}"
            notes.append(f"{found.spec.name}: PubMed itself was asked {days}; its answers change with time.")
    notes += [f"Not run: {missing}." for missing in result.missing]
    return notes


def measures_used(result: ChallengeResult) -> list[str]:
    """What each measure means, each once."""
    found = {measure.name: measure.meaning for c in result.collections for measure in c.evaluation.measures}
    return [f"{name}: {meaning}." for name, meaning in found.items()]


def challenge_markdown(result: ChallengeResult) -> str:
    """The whole report as Markdown."""
    parts = [f"# {markdown_text(result.config.title)}"]
    parts += [markdown_text(paragraph) for paragraph in paragraphs(result.config.about)]
    parts += [
        "## Answer",
        markdown_list(answer(result)),
        *([markdown_table(glance_table(result))] if result.headlines() else []),
        "### How sure",
        _points(headline_points(result)),
    ]
    parts += ["## Systems", markdown_table(systems_declared(result))]
    for found in result.collections:
        parts += [
            f"## {markdown_text(found.spec.name)}",
            markdown_text(collection_sentence(found)),
            markdown_table(systems_table(found.evaluation)),
            markdown_text(latency_note(found.evaluation)),
        ]
        if found.evaluation.comparisons:
            parts += ["### Differences", markdown_table(comparisons_table(found.evaluation))]
        if found.group_results:
            parts += ["### By kind of query", markdown_table(groups_table(found))]
        if found.causes:
            parts += ["### Why they differ", markdown_text(CAUSES_NOTE), markdown_table(causes_table(found))]
        if found.failures and result.with_texts:
            parts.append("### Where the two differ most")
            parts += [_failure(failure) for failure in found.failures]
    parts += [
        "## How to read the differences",
        markdown_text(METHOD),
        markdown_text(FAMILY),
        markdown_text(
            f"By kind of query, each {CONFIDENCE:.0%} interval stands by itself: among many groups, some leave out 0 "
            "by chance."
        ),
        "## Read with care",
        markdown_list(care(result)),
        "## Measures",
        markdown_list(measures_used(result)),
        "## How this was made",
    ]
    for found in result.collections:
        parts += [f"### {markdown_text(found.spec.name)}", markdown_table(provenance_table(found.evaluation))]
    return "\n\n".join(parts) + "\n"


def paragraphs(text: str) -> list[str]:
    """Paragraphs, which empty lines separate, each on one line."""
    return [" ".join(block.split()) for block in text.split("\n\n") if block.strip()]


def _points(points: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    lines = []
    for sentence, reasons in points:
        lines.append(f"- {markdown_text(sentence)}")
        lines += [f"  - {markdown_text(reason)}" for reason in reasons]
    return "\n".join(lines)


def _failure(failure: Failure) -> str:
    parts = [f"**{markdown_text(failure_title(failure))}**", markdown_table(failure_table(failure))]
    if failure.reasons:
        parts.append(markdown_list(failure.reasons))
    return "\n\n".join(parts)


def _cell(shown: Shown) -> str:
    grade = "unjudged" if shown.grade is None else "not relevant" if shown.grade == 0 else f"relevant ({shown.grade})"
    return f"{shown.doc_id} {shown.title} [{grade}]"
