"""Taking results away: citations for reference managers, and an answer as text to copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pubmed_rag.core.records import Answer, Article
from pubmed_rag.rag.export import ExportFormat, escape_markdown, export_articles, markdown_references
from pubmed_rag.ui.highlight import clean
from pubmed_rag.ui.messages import say
from pubmed_rag.ui.page_state import KEPT

_FORMATS: dict[ExportFormat, tuple[str, str, str]] = {
    "ris": ("RIS (Zotero, EndNote, Mendeley)", "ris", "application/x-research-info-systems"),
    "bibtex": ("BibTeX", "bib", "application/x-bibtex"),
    "csl-json": ("CSL-JSON", "json", "application/json"),
    "nbib": ("NBIB (MEDLINE)", "nbib", "text/plain"),
    "csv": ("CSV", "csv", "text/csv"),
}


def save_articles(articles: Sequence[Article], key: str) -> None:
    """A choice of format and the file in it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            say("Format"),
            list(_FORMATS),
            key=f"{KEPT}{key}.format",
            format_func=lambda name: _FORMATS[name][0],
            width=280,
        )
        _, ending, kind = _FORMATS[chosen]
        st.download_button(
            say("Save {count} as a file", count=len(articles)),
            _written(articles, chosen, key),
            f"pubmed-rag.{ending}",
            kind,
            key=f"{key}.save",
            on_click="ignore",
        )


def _written(articles: Sequence[Article], to: ExportFormat, key: str) -> bytes:
    """The file, or the one made before for the same articles and format."""
    kept: tuple[Sequence[Article], ExportFormat, bytes] | None = st.session_state.get(f"{key}.written")
    if kept is not None and kept[1] == to and kept[0] == articles:
        return kept[2]
    text = export_articles(articles, to).text.encode("utf-8", "replace")
    st.session_state[f"{key}.written"] = (articles, to, text)
    return text


def save_answer(answer: Answer, articles: Mapping[str, Article], key: str) -> None:
    """An answer as Markdown to copy or save, and its sources for reference managers."""
    made: tuple[Answer, str] | None = st.session_state.get(f"{key}.text")
    text = made[1] if made is not None and made[0] is answer else answer_markdown(answer, articles)
    st.session_state[f"{key}.text"] = (answer, text)
    with st.expander(say("Copy or save"), key=f"{key}.expander"):
        st.code(text, language=None, wrap_lines=True)
        st.download_button(
            say("Save as Markdown"),
            text.encode("utf-8", "replace"),
            "answer.md",
            "text/markdown",
            key=f"{key}.markdown",
            on_click="ignore",
        )
        cited = [articles[article_id] for article_id in cited_ids(answer) if article_id in articles]
        if cited:
            save_articles(cited, key)


def cited_ids(answer: Answer) -> list[str]:
    """The cited articles in the order of their printed numbers."""
    numbers = {citation.number: citation.id for claim in answer.claims for citation in claim.citations}
    return [numbers[number] for number in sorted(numbers)]


def answer_markdown(answer: Answer, articles: Mapping[str, Article]) -> str:
    """Question, answer with its numbers, references, and how it was made."""
    cited = cited_ids(answer)
    sentences = [
        escape_markdown(claim.translated or claim.text)
        + "".join(f" [{citation.number}]" for citation in claim.citations)
        for claim in answer.claims
    ]
    parts = [
        f"# {escape_markdown(' '.join(answer.question.split()))}",
        *(sentences or [escape_markdown(answer.answer)]),
    ]
    parts += [f"**{escape_markdown(item.term)}**: {escape_markdown(item.text)}" for item in answer.explanations]
    known = [articles[article_id] for article_id in cited if article_id in articles]
    if len(known) == len(cited) and known:
        parts.append("".join(markdown_references(known)).rstrip())
    parts.append(
        f"*pubmed-rag, {escape_markdown(answer.model)}, temperature {answer.temperature:g}, seed {answer.seed}*"
    )
    return clean("\n\n".join(parts)) + "\n"
