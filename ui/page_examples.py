"""Questions to start with, made from the titles of the reader's own library."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from pubmed_rag.core.records import Article
from pubmed_rag.core.store import ArticleStore

_SAMPLED = 300
_SHORTEST, _LONGEST = 25, 110
_CAPITAL_WORD = re.compile(r"[A-Z][a-z-]+\b(?!['\u2019])")


def example_questions(store: ArticleStore, count: int = 3) -> list[str]:
    """Up to ``count`` questions from the library's first articles; none where no title lends itself.

    The sample library has questions it was made for.
    """
    articles = [item.article for item in islice(store.articles(), _SAMPLED)]
    if 2 * sum(article.abstract_is_summary for article in articles) > len(articles):
        from pubmed_rag.ui.demo import SAMPLE_QUESTIONS

        return list(SAMPLE_QUESTIONS[:count])
    return questions_from(articles, count)


def questions_from(articles: Sequence[Article], count: int) -> list[str]:
    """One question from each ``count``-th part of ``articles``, so that neighbours on one subject give one.

    A title that asks is taken as it is; any other becomes "What is known about …?".
    """
    size = max(1, -(-len(articles) // count))
    parts = [articles[start : start + size] for start in range(0, len(articles), size)]
    found = (_best([article for article in part if _usable(article)]) for part in parts)
    return list(dict.fromkeys(question for question in found if question))[:count]


def _usable(article: Article) -> bool:
    title = article.title
    return (
        article.has_abstract
        and not article.is_retracted
        and _SHORTEST <= len(title) <= _LONGEST
        and not title.startswith("[")
        and ". " not in title
    )


def _best(articles: Sequence[Article]) -> str | None:
    if not articles:
        return None
    asking = [article.title for article in articles if article.title.endswith("?") and ":" not in article.title]
    if asking:
        return asking[0]
    title = min((article.title for article in articles), key=len).rstrip(".?! ")
    first = _CAPITAL_WORD.match(title)
    return f"What is known about {title[0].lower() + title[1:] if first else title}?"
