"""Random trees of PubMed queries, in the form in which the parser makes them."""

from __future__ import annotations

from hypothesis import strategies as st

from pubmed_rag.core import search_tags
from pubmed_rag.index.pubmed_ast import And, Node, Not, Or, Range, Term

WORDS = st.sampled_from(["asthma", "heart", "IL-6", "o'brien", "x", "2,4-d", "and", "or", "the", "B12", "naïve"])
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
PLAIN_FIELDS = [field for field in search_tags.FIELDS if not field.ranges]
DATES = [field.code for field in search_tags.FIELDS if field.ranges and field.code != "UID"]


@st.composite
def terms(draw: st.DrawFn) -> Term:
    field = draw(st.one_of(st.none(), st.sampled_from(PLAIN_FIELDS)))
    quoted = draw(st.booleans())
    truncated = draw(st.booleans())
    stem = draw(st.sampled_from(["infarct", "randomi", "beta-block"]))
    text = draw(TEXTS)
    if field is None and not quoted:
        text = stem if truncated else draw(st.sampled_from(["asthma", "heart attack", "vitamin c", "the heart"]))
        return Term(text, truncated=truncated)
    if truncated:
        text = f"{text} {stem}"
    if field is None:
        return Term(text, quoted=True, truncated=truncated)
    nearness = quoted and field.proximity and not truncated and " " in text
    return Term(
        text,
        field.code,
        quoted=quoted,
        truncated=truncated,
        explode=not (field.noexp and draw(st.booleans())),
        subheading=draw(st.sampled_from([None, "therapy", "dh"])) if field.code in {"MESH", "MAJR"} and not truncated
        else None,
        proximity=draw(st.sampled_from([None, 0, 3])) if nearness else None,
    )  # fmt: skip


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    field = draw(st.sampled_from(DATES))
    low, high = sorted(draw(st.dates()) for _ in range(2))
    if draw(st.booleans()):
        day = f"{low.year:04d}/{low.month:02d}/{low.day:02d}"
        return draw(
            st.sampled_from(
                [
                    Range(day, day, field, single=True),
                    Range(f"{day[:4]}/01/01", f"{day[:4]}/12/31", field, single=True),
                    Range(f"{day[:4]}/02/01", f"{day[:4]}/02/28", field, single=True)
                    if low.year % 4
                    else Range(f"{day[:4]}/04/01", f"{day[:4]}/04/30", field, single=True),
                ]
            )
        )
    return Range(low.strftime("%Y/%m/%d").zfill(10), high.strftime("%Y/%m/%d").zfill(10), field)


def trees() -> st.SearchStrategy[Node]:
    """Trees as the parser makes them: normal terms and ranges under And, Or and Not."""
    leaves: st.SearchStrategy[Node] = st.one_of(
        terms(),
        ranges(),
        st.integers(1, 99_999_999).map(lambda n: Term(str(n), "UID")),
        st.just(Range("1", "9", "UID")),
    )
    return st.recursive(
        leaves,
        lambda nodes: st.one_of(
            st.lists(nodes, min_size=2, max_size=4).map(lambda parts: And(tuple(parts))),
            st.lists(nodes, min_size=2, max_size=4).map(lambda parts: Or(tuple(parts))),
            st.tuples(nodes, nodes).map(lambda pair: Not(*pair)),
        ),
        max_leaves=12,
    )
