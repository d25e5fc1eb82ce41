"""Results as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pubmed_rag.core.records import Answer, Article, Claim, Hit, SearchResult
from pubmed_rag.core.store import ArticleStore

if TYPE_CHECKING:
    from pubmed_rag.eval.records import Evaluation
    from pubmed_rag.rag.study_table import Study

PUBMED = "https://pubmed.ncbi.nlm.nih.gov"

_LONGEST_CLAUSE = 160
_NOTHING = {
    "pubmed": "No article matches. PubMed's language wants all words or clauses: leave some out, see with --explain "
    "which of them match nothing, or ask in plain words without --mode pubmed.",
    "bm25": "No article matches. Fewer or other words, or --mode dense, may find some.",
}


def print_search(console: Console, result: SearchResult, *, explain: bool = False) -> None:
    """A numbered list of hits, or words where there are none."""
    if explain:
        _print_translation(console, result)
    if not result.hits:
        console.print(_NOTHING.get(result.mode, _NOTHING["bm25"]))
    if result.suggestion:
        console.print(Text(f"Did you mean: {result.suggestion}", style="bold"))
    for hit in result.hits:
        console.print(_hit_lines(hit, explain=explain))
    if explain and result.mixture and result.mixture.weights:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in result.mixture.weights.items())
        console.print(Text(f"Weights: {weights}; chosen on {result.mixture.chosen_on}", style="dim"))
    if result.hits:
        first, last = result.hits[0].rank, result.hits[-1].rank
        which = f"{last}" if first == 1 else f"{first} to {last}"
        console.print(
            Text(f"{which} of {result.total:,} articles, {result.took_ms:.0f} ms, mode {result.mode}", style="dim")
        )


def _print_translation(console: Console, result: SearchResult) -> None:
    """How the query was understood, and what each clause of it matches by itself."""
    if result.translation:
        console.print(Text("Understood as: ", style="bold"), end="")
        console.print(Text(result.translation))
    if len(result.clauses) > 1:
        table = Table(box=None, pad_edge=False)
        table.add_column("articles", justify="right")
        table.add_column("clause", overflow="fold")
        for clause in result.clauses:
            text = clause.text if len(clause.text) <= _LONGEST_CLAUSE else clause.text[: _LONGEST_CLAUSE - 1] + "…"
            table.add_row(f"{clause.count:,}", Padding(Text(text), (0, 0, 0, 2 * clause.depth)))
        console.print(table)
    if result.translation or result.clauses:
        console.print()


def print_answer(console: Console, answer: Answer, store: ArticleStore) -> None:
    """The answer, then its sources with the supporting sentences, then what was left out and why."""
    console.print()
    console.print(Text(answer.question, style="bold"))
    console.print()
    if answer.status == "insufficient_evidence":
        console.print(Text(answer.answer))
        for hit in answer.hits[:5]:
            console.print(_hit_lines(hit))
    else:
        for claim in answer.claims:
            console.print(_claim(claim))
            if claim.translated:
                console.print(_indented(Text(claim.text, style="dim")))
            console.print()
        _print_explanations(console, answer)
        if answer.stances:
            console.print(_meter(answer))
            console.print()
        _print_sources(console, answer, store)
    for hit in answer.retracted:
        console.print(Text(f"Not used, because it was retracted: {hit.title} ({_link(hit.pmid, hit.id)})", style="red"))
    for hit in answer.concerns:
        told = f"Not used, because its journal has expressed concern: {hit.title} ({_link(hit.pmid, hit.id)})"
        console.print(Text(told, style="red"))
    if answer.unresolved:
        count = len(answer.unresolved)
        what = "1 sentence of the model was" if count == 1 else f"{count} sentences of the model were"
        console.print(
            Text(f'{what} left out because the evidence did not bear it (see --json, "unresolved").', style="dim")
        )
    steps = ", ".join(f"{name} {ms / 1000:.1f} s" for name, ms in answer.timings_ms if ms >= 50)
    how = f"model {answer.model}, temperature {answer.temperature:g}, seed {answer.seed}"
    console.print(Text(f"{answer.took_ms / 1000:.1f} s ({steps}); {how}", style="dim"))


def print_studies(console: Console, studies: Sequence[Study]) -> None:
    """The cited studies side by side, in the answer's numbering. What is not plainly stated stays blank."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "year", "design", "n", "population", "effect as stated"):
        table.add_column(column, justify="right" if column == "n" else "left", overflow="fold")
    for number, study in enumerate(studies, start=1):
        facts = (study.design, study.participants, study.population, study.effect)
        cells = [Text(fact.value if fact else "") for fact in facts]
        table.add_row(Text(f"[{number}]", style="bold cyan"), str(study.year or ""), *cells)
    console.print(table)


def facts_table(rows: list[tuple[str, str]]) -> Table:
    """Two columns, name and value."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value))
    return table


def _meter(answer: Answer) -> Text:
    """How the cited studies divide on a yes/no question, each by its number, and what that comes to."""
    numbers = {citation.id: citation.number for claim in answer.claims for citation in claim.citations}
    text = Text("How the studies divide: ", style="bold")
    for stance, style in (("yes", "green"), ("no", "red"), ("unclear", "dim")):
        found = [numbers[item.id] for item in answer.stances if item.stance == stance]
        if found:
            text.append(f"{'■' * len(found)} {stance} ", style=style)
            text.append("".join(f"[{number}]" for number in found) + "  ", style="cyan")
    if answer.verdict is not None:
        chance = dict(answer.verdict_probabilities)[answer.verdict]
        text.append(f"Together: {answer.verdict} ({chance:.0%} likely)", style="bold")
    return text


def _print_explanations(console: Console, answer: Answer) -> None:
    """Abbreviations in one line, then terms and studies, each with where it comes from."""
    short = [f"{item.term}: {item.text}" for item in answer.explanations if item.kind == "abbreviation"]
    if short:
        console.print(Text("; ".join(short), style="dim"))
        console.print()
    others = [item for item in answer.explanations if item.kind != "abbreviation"]
    for item in others:
        line = Text(item.term, style="bold")
        line.append(
            f": {item.text}" + (f" ({item.source})" if item.kind == "term" and item.source else ""), style="not bold"
        )
        console.print(line)
    if others:
        console.print()


def _claim(claim: Claim) -> Text:
    text = Text(claim.translated or claim.text)
    text.append(" ")
    for citation in claim.citations:
        text.append(f"[{citation.number}]", style="bold cyan")
    return text


def _print_sources(console: Console, answer: Answer, store: ArticleStore) -> None:
    numbered = {citation.number: citation for claim in answer.claims for citation in claim.citations}
    spans: dict[int, list[str]] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            found = spans.setdefault(citation.number, [])
            found += [span.text for span in citation.evidence if span.text not in found]
    articles = store.get_many([citation.id for citation in numbered.values()])
    summaries = False
    for number, citation in sorted(numbered.items()):
        article = articles[citation.id]
        summaries = summaries or article.abstract_is_summary
        console.print(_source_line(number, article))
        console.print(_indented(Text(_link(citation.pmid, citation.id), style="blue")))
        for text in spans[number]:
            console.print(_indented(Text(f"“{text}”", style="italic")))
        console.print()
    if summaries:
        console.print(
            Text(
                "The sample library's abstracts are summaries written for it, not the published abstracts.",
                style="yellow",
            )
        )


def _source_line(number: int, article: Article) -> Text:
    authors = ", ".join(author.display() for author in article.authors[:3]) + (
        " et al." if len(article.authors) > 3 else ""
    )
    facts = ". ".join(str(part).rstrip(".") for part in (authors, article.journal.display(), article.year) if part)
    line = Text(f"[{number}] ", style="bold cyan")
    line.append(article.display_title(), style="bold")
    line.append(f" {facts}", style="dim")
    return line


def _hit_lines(hit: Hit, *, explain: bool = False) -> Group:
    first = Text(f"{hit.rank:>2}. ")
    first.append(hit.title, style="bold")
    if hit.retracted:
        first.append(" RETRACTED", style="bold red")
    facts = " · ".join(str(part) for part in (hit.journal, hit.year, _link(hit.pmid, hit.id)) if part)
    lines: list[RenderableType] = [first, _indented(Text(facts, style="dim"))]
    if explain:
        scores = "  ".join(f"{c.name} {c.score:.2f} (#{c.rank})" for c in hit.components if c.score is not None)
        lines.append(_indented(Text(f"score {hit.score:.3f} from {scores}", style="dim")))
    return Group(*lines, Text())


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 4), expand=False)


def _link(pmid: str | None, article_id: str) -> str:
    return f"PMID {pmid} {PUBMED}/{pmid}/" if pmid else f"id {article_id}"


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Systems by measures, then in words what the comparisons carry."""
    from pubmed_rag.eval.report import systems_table, verdicts

    source = systems_table(evaluation)
    table = Table(box=None, pad_edge=False)
    for position, column in enumerate(source.header):
        table.add_column(column, justify="right" if position else "left")
    for row in source.rows:
        table.add_row(*row)
    console.print(
        Text(f"{evaluation.dataset}, split {evaluation.split}, {len(evaluation.topics):,} topics", style="bold")
    )
    console.print(table)
    for sentence in verdicts(evaluation):
        console.print(Text(sentence))
