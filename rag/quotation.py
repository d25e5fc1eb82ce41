"""A quotation that reads well: who says it, when, and the sentence word for word."""

from __future__ import annotations

from pubmed_rag.core.records import Article
from pubmed_rag.rag.evidence import Evidence


def quote(item: Evidence) -> str:
    """``Packer et al. (1996): “…”``. Facts the record lacks are left out."""
    source = attribution(item.article)
    words = f"“{item.span.text}”"
    return f"{source}: {words}" if source else words


def attribution(article: Article) -> str:
    """``Packer et al. (1996)``, as far as authors and year are known; a group by its name."""
    names = [author.collective_name or author.last_name for author in article.authors]
    known = [name for name in names if name]
    if not known:
        who = ""
    elif len(names) == 1:
        who = known[0]
    elif len(names) == 2 and len(known) == 2:
        who = f"{known[0]} and {known[1]}"
    else:
        who = f"{known[0]} et al."
    when = f"({article.year})" if article.year else ""
    return " ".join(part for part in (who, when) if part)
