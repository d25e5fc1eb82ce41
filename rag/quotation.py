"""A quotation that reads well: who says it, when, and the sentence word for word."""

from __future__ import annotations

from collections.abc import Sequence

from pubmed_rag.core.records import Article
from pubmed_rag.rag.evidence import Evidence
from pubmed_rag.rag.study_table import design_of


def quote(items: Sequence[Evidence], *, again: bool = False) -> str:
    """``Packer et al. (1996): “…” “…”``, sentences of one article in their order.

    Facts the record lacks are left out. ``again``: the article was quoted just before.
    """
    source = "It also says" if again else attribution(items[0].article)
    return f"{source}: {' '.join(f'“{item.span.text}”' for item in items)}"


def attribution(article: Article) -> str:
    """``Packer et al. (1996)``, as far as authors and year are known; a group by its name; else by what it is."""
    names = [author.collective_name or author.last_name for author in article.authors]
    known = [name for name in names if name]
    if not known:
        design = design_of(article)
        kind = f"{'An' if design.value[0] in 'aeiou' else 'A'} {design.value}" if design else "A study"
        return f"{kind} of {article.year}" if article.year else kind
    if len(names) == 1:
        who = known[0]
    elif len(names) == 2 and len(known) == 2:
        who = f"{known[0]} and {known[1]}"
    else:
        who = f"{known[0]} et al."
    return f"{who} ({article.year})" if article.year else who
