"""A quotation that reads well: who says it, when, and the sentence word for word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pubmed_rag.core.records import Article, ExplainLevel
from pubmed_rag.rag.evidence import Evidence
from pubmed_rag.rag.study_table import design_of, study


def quote(items: Sequence[Evidence], *, again: bool = False, level: ExplainLevel = "") -> str:
    """``Packer et al. (1996): “…” “…”``, sentences of one article in their order.

    Facts the record lacks are left out. ``again``: the article was quoted just before. Lay people are told first what
    kind of study it is, experts its design and size.
    """
    source = "It also says" if again else _FOR[level](items[0].article)
    return f"{source}: {' '.join(f'“{item.span.text}”' for item in items)}"


def _for_lay(article: Article) -> str:
    """``A randomized trial with 1,094 participants (Packer et al., 1996)``, as far as it is plainly stated."""
    row = study(article)
    who, when = _who(article), str(article.year or "")
    kind = row.design.value if row.design else "study"
    text = f"{'An' if kind[0] in 'aeiou' else 'A'} {kind}"
    if row.participants:
        text += f" with {_number(row.participants.value)} participants"
    told = ", ".join(part for part in (who, when) if part)
    return f"{text} ({told})" if told else text


def _for_expert(article: Article) -> str:
    """``Packer et al. (1996; randomized trial, n = 1,094)``, as far as it is plainly stated."""
    row = study(article)
    size = f"n = {_number(row.participants.value)}" if row.participants else ""
    about = ", ".join(part for part in (row.design.value if row.design else "", size) if part)
    told = "; ".join(part for part in (str(article.year or ""), about) if part)
    who = _who(article) or "A study"
    return f"{who} ({told})" if told else who


def _number(text: str) -> str:
    return f"{int(text):,}" if text.isdigit() else text


def attribution(article: Article) -> str:
    """``Packer et al. (1996)``, as far as authors and year are known; a group by its name; else by what it is."""
    who = _who(article)
    if not who:
        design = design_of(article)
        kind = f"{'An' if design.value[0] in 'aeiou' else 'A'} {design.value}" if design else "A study"
        return f"{kind} of {article.year}" if article.year else kind
    return f"{who} ({article.year})" if article.year else who


def _who(article: Article) -> str:
    names = [author.collective_name or author.last_name for author in article.authors]
    known = [name for name in names if name]
    if not known:
        return ""
    if len(names) == 1:
        return known[0]
    if len(names) == 2 and len(known) == 2:
        return f"{known[0]} and {known[1]}"
    return f"{known[0]} et al."


_FOR: dict[ExplainLevel, Callable[[Article], str]] = {"": attribution, "lay": _for_lay, "expert": _for_expert}
