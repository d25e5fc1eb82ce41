"""Articles cut into passages: the whole article, and its sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pubmed_rag.core.records import Article, Passage

_PRINTED_LABEL = re.compile(
    r"(?P<label>BACKGROUND|CONTEXT|INTRODUCTION|RATIONALE|IMPORTANCE|AIMS?|OBJECTIVES?|PURPOSE|HYPOTHESIS|METHODS?"
    r"|STUDY DESIGN|DESIGN|SETTING|PATIENTS|PARTICIPANTS|SUBJECTS|INTERVENTIONS?|MEASUREMENTS|MAIN OUTCOME MEASURES"
    r"|MAIN RESULTS?|RESULTS?|FINDINGS|DISCUSSION|INTERPRETATION|CONCLUSIONS?|SIGNIFICANCE)"
    r"(?P<end>[:.]?\s+)(?=[A-Z0-9])"
)
"""A section label printed in capitals at the head of a sentence, where the source lost the structure."""


def whole(article: Article) -> Passage:
    """Title and abstract as one passage."""
    text = article.text
    return Passage(article.id, article.pmid, 0, len(text), text)


def sentences(article: Article) -> list[Passage]:
    """The title, as one, and then the sentences of the abstract, in order.

    Each carries offsets into ``article.text`` (characters) and the label of its section. The title counts
    because it is often the sentence that says what was found (docs/search.md has the measurement). In an
    abstract without sections a label printed in capitals ("RESULTS") is not part of the sentence; it names
    the section from there on.
    """
    text = article.text
    found: list[Passage] = []
    for span in article.spans:
        if span.part == "title":
            found.append(Passage(article.id, article.pmid, span.start, span.end, text[span.start : span.end]))
            continue
        label = span.label
        for start, end in _sentence_offsets(text[span.start : span.end], span.start):
            printed = None if span.label else _PRINTED_LABEL.match(text, start, end)
            if printed:
                label, start = printed["label"], printed.end()
            found.append(Passage(article.id, article.pmid, start, end, text[start:end], label))
    return found


def _sentence_offsets(text: str, offset: int) -> Iterator[tuple[int, int]]:
    import sentencex

    position = 0
    for piece in sentencex.segment("en", text):
        # The splitter returns the text cut into pieces that keep their white space; find() guards
        # against one that does not, so that an offset can never point elsewhere.
        found = text.find(piece, position)
        if found < 0:
            continue
        position = found + len(piece)
        start = found + len(piece) - len(piece.lstrip())
        end = found + len(piece.rstrip())
        if end > start:
            yield offset + start, offset + end
