"""How the cited studies divide on a yes/no question, and what they are, side by side. Pure functions: records in,
:class:`Html` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pubmed_rag.core.records import Answer, StanceKind, YesNoMaybe
from pubmed_rag.rag.study_table import Fact, Study
from pubmed_rag.ui.highlight import LONGEST_TITLE, Html, record_text, tag
from pubmed_rag.ui.messages import say, say_count, word

_STANCES: dict[StanceKind, tuple[str, str, str]] = {
    "yes": (word("{count} study says yes"), word("{count} studies say yes"), "prag-yes"),
    "unclear": (word("{count} study is unclear"), word("{count} studies are unclear"), "prag-unclear"),
    "no": (word("{count} study says no"), word("{count} studies say no"), "prag-no"),
}
_VERDICTS: dict[YesNoMaybe, str] = {
    "yes": word("Together: yes"),
    "no": word("Together: no"),
    "maybe": word("Together: maybe"),
}
_COLUMNS = (
    word("Study"),
    word("Year"),
    word("Design"),
    word("Participants"),
    word("Population"),
    word("Effect as stated"),
)


def meter(answer: Answer, numbers: Mapping[str, int]) -> Html:
    """A bar of the studies' stances with their printed ``numbers`` (by article id), and the verdict and its chance."""
    bars, lines = [], []
    known = [stance for stance in answer.stances if stance.id in numbers]
    for kind, (one, many, style) in _STANCES.items():
        found = sorted(numbers[stance.id] for stance in known if stance.stance == kind)
        if found:
            bars.append(tag("span", cls=f"prag-share {style}", style=f"flex-grow: {len(found)}"))
            cited = "".join(f"[{number}]" for number in found)
            lines.append(tag("li", tag("span", cls=f"prag-key {style}"), f"{say_count(one, many, len(found))} {cited}"))
    if not lines:
        return Html()
    verdict: Html | str = ""
    if answer.verdict is not None:
        chance = dict(answer.verdict_probabilities).get(answer.verdict)
        likely = "" if chance is None else f" ({say('{share} likely', share=f'{chance:.0%}')})"
        verdict = tag("p", f"{say(_VERDICTS[answer.verdict])}{likely}", cls="prag-verdict")
    return tag(
        "div",
        tag("h2", say("How the studies divide"), cls="prag-part"),
        tag("div", *bars, cls="prag-meter", aria_hidden="true"),
        tag("ul", *lines, cls="prag-stances"),
        verdict,
    )


def table(studies: Sequence[Study]) -> Html:
    """The studies in the order of their printed numbers. What is not plainly stated stays blank."""
    head = tag("tr", *(tag("th", say(column), scope="col") for column in _COLUMNS))
    rows = (
        tag(
            "tr",
            tag("th", f"[{number}] ", record_text(study.title, LONGEST_TITLE), scope="row"),
            tag("td", str(study.year or "")),
            *(_cell(fact) for fact in (study.design, study.participants, study.population, study.effect)),
        )
        for number, study in enumerate(studies, start=1)
    )
    return tag(
        "div",
        tag("table", tag("thead", head), tag("tbody", *rows), cls="prag-table"),
        cls="prag-scroll",
        tabindex="0",
        role="region",
        aria_label=say("The studies side by side"),
    )


def _cell(fact: Fact | None) -> Html:
    if fact is None:
        return tag("td", "")
    return tag("td", record_text(fact.value, LONGEST_TITLE), title=fact.span.text if fact.span else None)


def numbers_of(answer: Answer) -> dict[str, int]:
    """The printed number of each cited article."""
    return {citation.id: citation.number for claim in answer.claims for citation in claim.citations}
