"""From what a model wrote to the claims of an answer: every sentence checked, mended once, quoted or left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from pubmed_rag.core.records import Check, Citation, Claim, ExplainLevel, Passage, Unresolved
from pubmed_rag.index.analysis import STOPWORDS
from pubmed_rag.rag.check import Judge
from pubmed_rag.rag.evidence import Evidence, EvidenceSet
from pubmed_rag.rag.prompt import REFUSAL, Draft, Failure
from pubmed_rag.rag.quotation import quote

FEWEST_ARTICLES = 4
"""An answer quotes at least this many articles where there are so many with evidence."""

_FEWEST_SENTENCES = 3
"""Where fewer articles have something to say, they are quoted further, up to so many sentences together."""

_LEAST_SHARE = 0.6
"""A further quotation of an article has at least this share of the best sentence's similarity to the question."""


class Composer:
    """Turns the model's text into claims: its own sentences where they hold, quotations where they do not.

    First :meth:`failures` tells what the model may mend; then :meth:`compose` gives the claims in order.
    """

    def __init__(
        self, evidence: EvidenceSet, judge: Judge, fewest: int = FEWEST_ARTICLES, level: ExplainLevel = ""
    ) -> None:
        self._items = evidence.items
        self._fewest = fewest
        self._level = level
        self._judge = judge
        self._checks: dict[Draft, Check] = {}
        self._numbers: dict[str, int] = {}
        self._quoted: set[Passage] = set()
        self.claims: list[Claim] = []
        self.unresolved: list[Unresolved] = []

    def failures(self, drafts: Sequence[Draft]) -> list[Failure]:
        """The complete sentences that cite what was shown and are not borne out by it, each once."""
        return [
            Failure(draft, check.reasons)
            for draft in dict.fromkeys(drafts)
            if self._is_sound(draft) and (check := self._check(draft)).verdict != "supported"
        ]

    def compose(
        self, drafts: Sequence[Draft], rest: str, mended: Mapping[Draft, Draft] | None = None
    ) -> Iterator[Claim]:
        """The claims. ``mended`` has the model's second attempt at sentences that failed; one that holds is taken."""
        if rest:
            reason = "the model found no answer in the evidence" if rest == REFUSAL else "cut off before its citation"
            self.unresolved.append(Unresolved(rest, reason))
        for draft in drafts:
            again = (mended or {}).get(draft)
            if again is not None and self._is_sound(again) and self._check(again).verdict == "supported":
                self.unresolved.append(Unresolved(draft.text, f"mended: {'; '.join(self._check(draft).reasons)}"))
                draft = again
            yield from self._from_draft(draft)
        for _, items in itertools.groupby(self._more(), key=lambda item: item.article.id):
            yield from self._quotation(*items)

    def _more(self) -> list[Evidence]:
        """What is quoted besides: each article's best until there are enough, then more of these; by article."""
        chosen: list[Evidence] = []
        cited = set(self._numbers)
        for item in self._items:
            if len(cited) < self._fewest and item.article.id not in cited:
                cited.add(item.article.id)
                chosen.append(item)
        for item in self._items:
            if len(self.claims) + len(chosen) >= _FEWEST_SENTENCES:
                break
            if item.article.id in cited and item not in chosen and self._near(item) and not self._is_quoted(item):
                chosen.append(item)
        order = list(dict.fromkeys([*self._numbers, *(item.article.id for item in chosen)]))
        return sorted(chosen, key=lambda item: (order.index(item.article.id), item.span.start))

    def _from_draft(self, draft: Draft) -> Iterator[Claim]:
        if not draft.numbers:
            self.unresolved.append(Unresolved(draft.text, "it cites nothing"))
            return
        cited = self._cited(draft)
        if len(cited) < len(draft.numbers):
            self.unresolved.append(Unresolved(draft.text, "it cites evidence that was not shown"))
            return
        if _breaks_off(draft):
            self.unresolved.append(Unresolved(draft.text, "it breaks off"))
            yield from self._quotation(cited[0])
            return
        check = self._check(draft)
        if check.verdict == "supported" and not self._already_said(cited):
            self._quoted.update(item.span for item in cited)
            yield self._add(Claim(f"{draft.text}.", "supported", self._citations(cited), "model", check))
            return
        reason = "; ".join(check.reasons) or "it repeats what was said"
        self.unresolved.append(Unresolved(draft.text, reason))
        if check.reasons:
            yield from self._quotation(cited[0])

    def _cited(self, draft: Draft) -> list[Evidence]:
        return [self._items[number - 1] for number in draft.numbers if 1 <= number <= len(self._items)]

    def _is_sound(self, draft: Draft) -> bool:
        return bool(draft.numbers) and len(self._cited(draft)) == len(draft.numbers) and not _breaks_off(draft)

    def _check(self, draft: Draft) -> Check:
        if draft not in self._checks:
            self._checks[draft] = self._judge(draft.text, [item.span.text for item in self._cited(draft)])
        return self._checks[draft]

    def _quotation(self, *items: Evidence) -> Iterator[Claim]:
        """One claim of the sentences of one article that were not quoted before."""
        new = [item for item in items if not self._is_quoted(item)]
        if not new:
            return
        self._quoted.update(item.span for item in new)
        check = Check("supported", 1.0, ("quoted word for word",))
        before = self.claims[-1].citations if self.claims else ()
        again = len(before) == 1 and before[0].id == new[0].article.id
        yield self._add(
            Claim(quote(new, again=again, level=self._level), "supported", self._citations(new), "quotation", check)
        )

    def _is_quoted(self, item: Evidence) -> bool:
        return item.span in self._quoted

    def _near(self, item: Evidence) -> bool:
        """Whether a further sentence of an article is close enough to the question to be quoted for it."""
        return item.similarity >= _LEAST_SHARE * max(other.similarity for other in self._items)

    def _already_said(self, cited: Sequence[Evidence]) -> bool:
        return all(item.span in self._quoted for item in cited)

    def _citations(self, cited: Sequence[Evidence]) -> tuple[Citation, ...]:
        by_article: dict[str, list[Evidence]] = {}
        for item in cited:
            by_article.setdefault(item.article.id, []).append(item)
        return tuple(
            Citation(
                self._numbers.setdefault(article_id, len(self._numbers) + 1),
                article_id,
                items[0].article.pmid,
                tuple(item.span for item in items),
            )
            for article_id, items in by_article.items()
        )

    def _add(self, claim: Claim) -> Claim:
        self.claims.append(claim)
        return claim


def _breaks_off(draft: Draft) -> bool:
    """Whether a sentence ends in the middle, as small models do when the grammar makes them stop."""
    words = draft.text.casefold().split()
    return draft.cut or not words or words[-1].endswith((",", ";", ":", "(", "-")) or words[-1] in STOPWORDS
