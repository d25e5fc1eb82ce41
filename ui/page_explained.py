"""What an answer adds for its readers, as markup. Pure functions: records in, :class:`Html` out."""

from __future__ import annotations

from pubmed_rag.core.records import Answer, ExplainLevel, Explanation, ExplanationKind
from pubmed_rag.ui.highlight import LONGEST_TITLE, Html, join, record_text, tag
from pubmed_rag.ui.messages import say, word

READERS: dict[ExplainLevel, str] = {
    "": word("Anybody"),
    "lay": word("Lay people"),
    "expert": word("Experts"),
}
_TITLES: dict[ExplanationKind, str] = {
    "term": word("In plain words"),
    "study": word("The studies in figures"),
    "abbreviation": word("Abbreviations"),
}
ENDONYMS = {
    "en": "English", "pt": "Português", "es": "Español", "fr": "Français", "de": "Deutsch", "it": "Italiano",
    "nl": "Nederlands", "hi": "हिन्दी", "th": "ไทย", "zh": "中文", "ja": "日本語", "ko": "한국어", "ru": "Русский",
    "ar": "العربية", "pl": "Polski", "tr": "Türkçe",
}  # fmt: skip
"""Languages by their own names, which need no translation."""


def explained(answer: Answer) -> Html:
    """Terms in plain words, studies in figures and abbreviations written out, as far as the answer has any."""
    parts = []
    for kind, title in _TITLES.items():
        items = [item for item in answer.explanations if item.kind == kind]
        if items:
            parts.append(tag("h3", say(title), cls="prag-subpart"))
            parts.append(tag("dl", *(_item(item) for item in items), cls=f"prag-explained prag-{kind}"))
    return tag("div", join(parts), cls="prag-note") if parts else Html()


def _item(item: Explanation) -> Html:
    number = f" [{item.number}]" if item.number is not None else ""
    source = tag("small", f" ({item.source})") if item.kind == "term" and item.source else ""
    shown = next((passage.text for passage in item.evidence), None)
    return tag(
        "div",
        tag("dt", record_text(item.term, LONGEST_TITLE), number if item.kind != "study" else ""),
        tag("dd", record_text(item.text), source, title=shown),
    )
