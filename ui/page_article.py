"""How articles, claims and results look, as markup. Pure functions: records in, :class:`Html` out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from pubmed_rag.core.records import Answer, Article, Citation, Claim, Hit, TextSpan, Unresolved
from pubmed_rag.index.facets import OTHER_KIND, kind_of
from pubmed_rag.rag.answer import is_doubted
from pubmed_rag.ui.highlight import LONGEST_TITLE, Html, Span, clean, clip, join, marked, record_text, tag, within
from pubmed_rag.ui.messages import say, word

SUMMARY_WORDS = word("This text is a summary written for the sample library, not the published abstract.")
DOUBTED_WORDS = word("The journal has expressed concern about this paper. Read its notice before you rely on it.")
RETRACTED_WORDS = word("Retracted: the journal has withdrawn this paper. Do not rely on it.")
_SHOWN_AUTHORS = 3
_PMC = re.compile(r"PMC\d{1,12}")


def claim_card(claim: Claim, articles: Mapping[str, Article], place: str) -> Html:
    """A sentence of the answer with its chips; each chip opens the abstract with what supports it.

    ``place`` makes the element ids unique on the page. An article missing from ``articles`` has left the
    library since; its chip says so.
    """
    quoted, said = claim.origin == "quotation", claim.translated or claim.text
    chips, panels = [], []
    for citation in claim.citations:
        panel = f"prag-source-{place}-{citation.number}"
        article = articles.get(citation.id)
        name = say("Source {number}", number=citation.number)
        name += f": {clip(article.display_title(), 120)}" if article else ""
        chips.append(_chip(citation, panel, name))
        panels.append(_source_panel(citation, article, panel, name))
    return join(
        [
            tag(
                "div",
                tag("p", say("Quotation") if quoted else say("The model's own sentence, checked"), cls="prag-origin"),
                tag(
                    "p",
                    record_text(said),
                    "\u00a0",
                    join(chips, "\u00a0"),
                    cls="prag-sentence",
                ),
                tag("p", say("Checked in English"), ": ", record_text(claim.text), cls="prag-origin", lang="en")
                if claim.translated
                else "",
                cls="prag-claim prag-quotation" if quoted else "prag-claim prag-own",
            ),
            *panels,
        ]
    )


def _chip(citation: Citation, panel: str, name: str) -> Html:
    return tag(
        "button",
        f"[{citation.number}]",
        type="button",
        cls="prag-chip",
        popovertarget=panel,
        aria_label=f"{name}. {say('Opens the abstract.')}",
        aria_haspopup="dialog",
    )


def _source_panel(citation: Citation, article: Article | None, panel: str, name: str) -> Html:
    close = tag(
        "button", say("Close"), type="button", cls="prag-close", popovertarget=panel, popovertargetaction="hide"
    )
    if article is None:
        body: Html = tag("p", say("This article is no longer in the library. The sentence cited was:"))
        body = join([body, *(tag("blockquote", record_text(span.text)) for span in citation.evidence)])
    else:
        spans = [(span.start, span.end) for span in citation.evidence]
        body = join([heading(article, spans), about(article), links(article), abstract(article, spans)])
    return tag("div", close, body, id=panel, popover=True, role="dialog", aria_label=name, cls="prag-panel")


def heading(article: Article, spans: Sequence[Span] = (), *, number: str = "") -> Html:
    """The title, with the parts of ``spans`` (offsets into ``article.text``) that lie in it marked."""
    title = article.display_title()
    # Offsets refer to the title as stored; a translated title is shown without its brackets, unmarked.
    inside = within(spans, 0, len(article.title)) if title == article.title else []
    shown = marked(clip(title), inside)
    return tag("h3", tag("span", number, cls="prag-number") if number else "", shown, cls="prag-title")


def about(article: Article) -> Html:
    """Authors, year, journal and kind of study as far as known, with the banners a reader must see."""
    authors = [author.display() for author in article.authors[:_SHOWN_AUTHORS]]
    names = ", ".join(name for name in authors if name) + (" et al." if len(article.authors) > _SHOWN_AUTHORS else "")
    kind = kind_of(article)
    facts = [names, str(article.year or ""), article.journal.display() or "", "" if kind == OTHER_KIND else kind]
    known = [record_text(fact, LONGEST_TITLE) for fact in facts if fact]
    parts = [tag("p", join(known, " · ") if known else say("Year and journal unknown"), cls="prag-about")]
    if article.is_retracted:
        parts.append(tag("p", say(RETRACTED_WORDS), cls="prag-retracted"))
    elif is_doubted(article):
        parts.append(tag("p", say(DOUBTED_WORDS), cls="prag-retracted"))
    if article.abstract_is_summary:
        parts.append(tag("p", say(SUMMARY_WORDS), cls="prag-note"))
    return join(parts)


def links(article: Article) -> Html:
    """Ways to the original: PubMed by PMID, the publisher by DOI, the full text at PMC. Empty where there is none."""
    found = []
    if article.pmid and article.pmid.isascii() and article.pmid.isdigit():
        found.append(_link(f"https://pubmed.ncbi.nlm.nih.gov/{article.pmid}/", f"PubMed {article.pmid}"))
    if article.doi and article.doi.startswith("10."):
        found.append(_link(f"https://doi.org/{quote(clean(article.doi), safe='/:;()._-')}", "DOI"))
    if article.pmcid and _PMC.fullmatch(article.pmcid):
        found.append(_link(f"https://pmc.ncbi.nlm.nih.gov/articles/{article.pmcid}/", "PMC"))
    return tag("p", join(found, " · "), cls="prag-links") if found else Html()


def _link(url: str, words: str) -> Html:
    return tag("a", words, href=url, target="_blank", rel="noopener noreferrer")


def abstract(article: Article, spans: Iterable[Span] = ()) -> Html:
    """The abstract section by section, labels bold, ``spans`` (offsets into ``article.text``) marked."""
    wanted = list(spans)
    parts = [part for part in article.spans if part.part == "abstract"]
    if not parts:
        return tag("p", say("There is no abstract for this article."), cls="prag-about")
    return tag("div", *(_section(article.text, part, wanted) for part in parts), cls="prag-abstract")


def _section(text: str, part: TextSpan, spans: Sequence[Span]) -> Html:
    label = join([tag("strong", record_text(part.label, LONGEST_TITLE)), " "]) if part.label else ""
    return tag("p", label, marked(text[part.start : part.end], within(spans, part.start, part.end)))


def hit_card(
    hit: Hit,
    article: Article | None,
    snippet: Html,
    spans: Sequence[Span] = (),
    *,
    mark: Html | None = None,
    anchor: str | None = None,
) -> Html:
    """A search result: rank, title, facts, snippet, and the abstract to unfold with ``spans`` marked.

    ``mark`` says what sets the result apart; ``anchor`` is the name under which links reach it.
    """
    if article is None:
        gone = tag("p", say("This article has left the library since it was indexed."), cls="prag-about")
        title = tag(
            "h3",
            tag("span", f"{hit.rank}.", cls="prag-number"),
            record_text(hit.title, LONGEST_TITLE),
            cls="prag-title",
        )
        return tag("div", title, gone, cls="prag-hit", id=anchor)
    body = (
        tag("details", tag("summary", say("Abstract")), abstract(article, spans))
        if article.has_abstract
        else abstract(article)
    )
    quoted = tag("p", snippet, cls="prag-snippet") if snippet else ""
    title = heading(article, spans, number=f"{hit.rank}.")
    return tag("div", title, mark or "", about(article), quoted, links(article), body, cls="prag-hit", id=anchor)


def full_card(article: Article) -> Html:
    """One article with all of its abstract."""
    return tag("div", heading(article), about(article), links(article), abstract(article), cls="prag-hit")


def source_list(answer: Answer, articles: Mapping[str, Article]) -> Html:
    """The cited articles in the order of their numbers, each with facts, links and its abstract to unfold."""
    evidence: dict[int, tuple[str, list[Span]]] = {}
    for citation in (citation for claim in answer.claims for citation in claim.citations):
        spans = evidence.setdefault(citation.number, (citation.id, []))[1]
        spans.extend((span.start, span.end) for span in citation.evidence)
    cards = [
        _source(number, articles[article_id], spans)
        for number, (article_id, spans) in sorted(evidence.items())
        if article_id in articles
    ]
    return tag("div", *cards)


def _source(number: int, article: Article, spans: Sequence[Span]) -> Html:
    body = tag("details", tag("summary", say("Abstract, with the sentences cited")), abstract(article, spans))
    return tag(
        "div", heading(article, spans, number=f"[{number}]"), about(article), links(article), body, cls="prag-hit"
    )


def unused_list(retracted: Sequence[Hit], doubted: Sequence[Hit]) -> Html:
    """Papers that would have been evidence but were retracted, or doubted by their journal, and so left out."""
    withdrawn = (
        say("A retracted paper would have ranked here. It was not used as evidence:")
        if len(retracted) == 1
        else say("Retracted papers would have ranked here. They were not used as evidence:")
    )
    in_doubt = (
        say("A paper about which its journal has expressed concern was not used as evidence:")
        if len(doubted) == 1
        else say("Papers about which their journals have expressed concern were not used as evidence:")
    )
    return join([_left_out(withdrawn, retracted), _left_out(in_doubt, doubted)])


def _left_out(words: str, hits: Sequence[Hit]) -> Html:
    items = [
        tag("li", record_text(hit.title, LONGEST_TITLE), f" ({hit.year})" if hit.year else "", _pubmed_of(hit))
        for hit in hits
    ]
    return tag("div", tag("p", words), tag("ul", *items), cls="prag-retracted") if items else Html()


def _pubmed_of(hit: Hit) -> Html:
    known = links(Article(hit.id, pmid=hit.pmid))
    return join([" ", _link(f"https://pubmed.ncbi.nlm.nih.gov/{hit.pmid}/", "PubMed")]) if known else Html()


def unresolved_list(items: Sequence[Unresolved]) -> Html:
    """What the model wrote that is not part of the answer, with the reason."""
    rows = (
        tag(
            "li",
            tag("span", record_text(item.text), cls="prag-struck"),
            tag("br"),
            tag("small", f"{say('Left out')}: {item.reason}"),
        )
        for item in items
    )
    return tag("ul", *rows, cls="prag-unresolved")
