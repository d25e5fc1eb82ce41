"""Tables of figures as markup: in a box that scrolls by itself where the screen is narrow."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pubmed_rag.ui.highlight import Html, tag


def table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[int] = (),
    wide: bool = True,
) -> Html:
    """A table whose first column names its rows. Cells are escaped unless they are markup.

    ``numbers`` are the columns (from 0) that hold numbers; ``wide`` ones keep a width of their own and scroll.
    """

    def kind(column: int) -> str | None:
        return "prag-count" if column in numbers else None

    heads = tag("tr", *(tag("th", text, scope="col", cls=kind(place)) for place, text in enumerate(header)))
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, cls=kind(place)) for place, cell in enumerate(row[1:], start=1)),
        )
        for row in rows
    ]
    made = tag("table", tag("caption", caption), tag("thead", heads), tag("tbody", *body), cls="prag-table")
    # A box that scrolls must be reachable by keyboard, and then it needs a name.
    if not wide:
        return tag("div", made, cls="prag-words")
    return tag("div", made, cls="prag-scroll prag-numbers", tabindex="0", role="region", aria_label=caption)
