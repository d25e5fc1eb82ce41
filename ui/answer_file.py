"""An answer as a file to keep: Markdown, HTML or JSON, with what it was made of, so that it can be asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Answer, Article, Claim, Explanation, Hit
from pubmed_rag.rag.csl import references, remarks
from pubmed_rag.rag.export import PUBMED, escape_markdown
from pubmed_rag.rag.replay import MARK, Provenance, Recorded, embedded, record, record_json
from pubmed_rag.ui.contract import answer_json, to_json
from pubmed_rag.ui.highlight import Html, join, tag

AnswerFormat = Literal["markdown", "json", "html"]
ANSWER_FORMATS: tuple[AnswerFormat, ...] = get_args(AnswerFormat)

_STYLE = Html(
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "blockquote{margin:.3rem 0 .3rem 1rem;color:#444}.retracted{color:#a00;font-weight:bold}"
    "footer{color:#555;font-size:.85rem;border-top:1px solid #ccc;margin-top:2rem}"
)


def as_answer_format(name: str) -> AnswerFormat:
    """``name`` as a format. Raises :class:`UsageError` with the known ones."""
    for known in ANSWER_FORMATS:
        if known == name:
            return known
    raise UsageError(f"unknown format '{name}'", remedy=f"choose one of {', '.join(ANSWER_FORMATS)}")


def answer_file(answer: Answer, articles: Mapping[str, Article], provenance: Provenance, to: AnswerFormat) -> str:
    """The text of the file. ``articles`` holds at least what the answer cites, by id."""
    recorded = record(answer, provenance)
    if to == "json":
        return to_json({**answer_json(answer), "record": record_json(recorded)}) + "\n"
    cited = _cited(answer, articles)
    return _markdown(answer, cited, recorded) if to == "markdown" else _html(answer, cited, recorded)


def _cited(answer: Answer, articles: Mapping[str, Article]) -> list[tuple[Article, str, list[str]]]:
    """By printed number: the article, its reference, and the sentences cited from it."""
    spans: dict[str, list[str]] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            found = spans.setdefault(citation.id, [])
            found += [span.text for span in citation.evidence if span.text not in found]
    kept = [articles[article_id] for article_id in spans]
    return [(article, text, spans[article.id]) for article, text in zip(kept, references(kept), strict=True)]


def _about(provenance: Provenance) -> list[str]:
    options = provenance.options
    return [
        f"Made {provenance.made} by pubmed-rag {provenance.program}",
        f"index {provenance.generation or 'none'}, library change {provenance.library_changes:,}",
        f"embedding model {provenance.embedder} ({provenance.embedder_revision[:16]})",
        f"language model {provenance.model} ({provenance.model_checksum[:16] or 'no checksum'})",
        f"{options.top} articles, temperature {options.temperature:g}, top-p {options.top_p:g}, seed {options.seed}",
    ]


def _unused(answer: Answer) -> list[tuple[str, Hit]]:
    retracted = [("it was retracted", hit) for hit in answer.retracted]
    return retracted + [("its journal has expressed concern", hit) for hit in answer.concerns]


def _division(answer: Answer) -> str:
    """``How the studies divide: yes [1][3]; no [2]. Together: yes (81% likely).``"""
    numbers = {citation.id: citation.number for claim in answer.claims for citation in claim.citations}
    parts = []
    for kind in ("yes", "no", "unclear"):
        found = "".join(f"[{numbers[item.id]}]" for item in answer.stances if item.stance == kind)
        parts += [f"{kind} {found}"] if found else []
    text = f"How the studies divide: {'; '.join(parts)}."
    if answer.verdict is not None:
        text += f" Together: {answer.verdict} ({dict(answer.verdict_probabilities)[answer.verdict]:.0%} likely)."
    return text


def _told(answer: Answer) -> list[tuple[str, list[Explanation]]]:
    """The explanations under their headings, as far as there are any."""
    titles = {"abbreviation": "Abbreviations", "term": "In plain words", "study": "The studies in figures"}
    found = [(title, [item for item in answer.explanations if item.kind == kind]) for kind, title in titles.items()]
    return [(title, items) for title, items in found if items]


def _text_of(item: Explanation) -> str:
    return f"{item.text} ({item.source})" if item.kind == "term" and item.source else item.text


def _marks(claim: Claim) -> str:
    return "".join(f"[{citation.number}]" for citation in claim.citations)


# -- Markdown ----------------------------------------------------------------------------------------


def _markdown(answer: Answer, cited: Sequence[tuple[Article, str, list[str]]], recorded: Recorded) -> str:
    lines = [f"# {escape_markdown(answer.question)}", ""]
    if answer.claims:
        for claim in answer.claims:
            said = escape_markdown(claim.translated or claim.text)
            lines += [f"{said} {escape_markdown(_marks(claim))}", ""]
            if claim.translated:
                lines += [f"> {escape_markdown(claim.text)}", ""]
    else:
        lines += [escape_markdown(answer.answer), ""]
    if answer.stances:
        lines += [escape_markdown(_division(answer)), ""]
    for note in answer.notes:
        lines += [f"*Note: {escape_markdown(note)}.*", ""]
    for title, items in _told(answer):
        lines += [f"## {title}", ""]
        lines += [f"- **{escape_markdown(item.term)}**: {escape_markdown(_text_of(item))}" for item in items] + [""]
    for why, hit in _unused(answer):
        lines += [f"**Not used, because {why}:** {escape_markdown(hit.title)} ({hit.pmid or hit.id})", ""]
    if cited:
        lines += ["## Sources", ""]
    for number, (article, reference, sentences) in enumerate(cited, start=1):
        link = f" [PubMed]({PUBMED}/{article.pmid}/)" if article.pmid else ""
        told = "".join(f" **{remark}.**" for remark in remarks(article))
        lines += [f"{number}. {escape_markdown(reference)}{told}{link}", ""]
        lines += [f"   > {escape_markdown(sentence)}\n" for sentence in sentences]
    lines += ["---", "", escape_markdown("; ".join(_about(recorded.provenance))) + ".", ""]
    return "\n".join([*lines, f"<!-- {MARK} {embedded(recorded)} -->", ""])


# -- HTML --------------------------------------------------------------------------------------------


def _html(answer: Answer, cited: Sequence[tuple[Article, str, list[str]]], recorded: Recorded) -> str:
    claims = [_claim(claim) for claim in answer.claims]
    body = [
        tag("h1", answer.question),
        *(claims or [tag("p", answer.answer)]),
        *([tag("p", _division(answer))] if answer.stances else []),
        *(tag("p", tag("em", f"Note: {note}.")) for note in answer.notes),
        *(
            part
            for title, items in _told(answer)
            for part in (tag("h2", title), tag("ul", *(_explained(item) for item in items)))
        ),
        *(
            tag("p", f"Not used, because {why}: {hit.title} ({hit.pmid or hit.id})", cls="retracted")
            for why, hit in _unused(answer)
        ),
    ]
    if cited:
        body += [tag("h2", "Sources"), tag("ol", *(_source(number, *parts) for number, parts in enumerate(cited, 1)))]
    body.append(tag("footer", "; ".join(_about(recorded.provenance)), "."))
    data = Html(f'<script type="application/json" id="{MARK}">{embedded(recorded)}</script>')
    head = join([Html('<meta charset="utf-8">'), tag("title", answer.question), tag("style", _STYLE)])
    return f"<!DOCTYPE html>\n{tag('html', tag('head', head), tag('body', *body, data), lang=answer.language)}\n"


def _claim(claim: Claim) -> Html:
    said = tag("p", tag("bdi", claim.translated or claim.text), " ", _links(claim))
    return join([said, tag("blockquote", tag("bdi", claim.text))]) if claim.translated else said


def _explained(item: Explanation) -> Html:
    return tag("li", tag("strong", tag("bdi", item.term)), ": ", tag("bdi", _text_of(item)))


def _links(claim: Claim) -> Html:
    return join(tag("a", f"[{citation.number}]", href=f"#source-{citation.number}") for citation in claim.citations)


def _source(number: int, article: Article, reference: str, sentences: Sequence[str]) -> Html:
    parts: list[str] = [tag("bdi", reference)]
    parts += [tag("span", f" {remark}.", cls="retracted") for remark in remarks(article)]
    if article.pmid:
        parts += [" ", tag("a", "PubMed", href=f"{PUBMED}/{article.pmid}/")]
    parts += [tag("blockquote", tag("bdi", sentence)) for sentence in sentences]
    return tag("li", *parts, id=f"source-{number}")
