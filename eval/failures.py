"""The failure explorer: the topics on which two systems differ most, both rankings side by side, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pubmed_rag.eval.collections import Collection, Topic
from pubmed_rag.eval.rewriting import keywords
from pubmed_rag.eval.runs import Ranking, Rankings, trec_order
from pubmed_rag.index.analysis import terms

SHOWN = 10
"""Documents of each ranking: as many as the primary measure looks at."""

LONGEST_TITLE = 300
"""Characters kept of a document's title."""

_EXPLAINED = 2
"""Relevant documents a topic is explained by."""

Texts = Callable[[Sequence[str]], Mapping[str, tuple[str, str]]]
"""Title and whole text by document id, of those that are known."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document in a ranking. ``grade`` is its judgement; ``None`` if nobody judged it."""

    rank: int
    doc_id: str
    title: str
    grade: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """One topic: values of the primary measure, the beginnings of both rankings, and what explains the difference."""

    topic_id: str
    text: str
    baseline: str
    system: str
    baseline_value: float
    system_value: float
    baseline_top: tuple[Shown, ...]
    system_top: tuple[Shown, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopicNote:
    """What explains a topic, whichever two systems are compared on it.

    ``grades`` are its judgements by document. ``missing`` gives, by relevant document, the words of the query that
    it does not hold; ``None`` where the corpus lacks the document. ``translation`` is how PubMed reads the query.
    """

    topic_id: str
    text: str
    grades: Mapping[str, int]
    missing: Mapping[str, tuple[str, ...] | None]
    translation: str | None = None


def note_topic(
    topic: Topic, grades: Mapping[str, int], known: Mapping[str, tuple[str, str]], translation: str | None
) -> TopicNote:
    """The note of ``topic``; ``known`` holds title and whole text of those relevant documents that the corpus has."""
    relevant = sorted(doc_id for doc_id, grade in grades.items() if grade > 0)
    missing = {doc: missing_words(topic.text, known[doc][1]) if doc in known else None for doc in relevant}
    return TopicNote(topic.id, topic.text, grades, missing, translation)


def explain(
    note: TopicNote,
    pair: tuple[str, str],
    values: tuple[float, float],
    rankings: Mapping[str, Ranking],
    titles: Mapping[str, str],
) -> Failure:
    """One topic of two systems side by side. ``rankings`` are the topic's, by system, in trec_eval's order."""
    tops = [rankings.get(name, ())[:SHOWN] for name in pair]
    return Failure(
        topic_id=note.topic_id,
        text=note.text,
        baseline=pair[0],
        system=pair[1],
        baseline_value=values[0],
        system_value=values[1],
        baseline_top=_shown(tops[0], note.grades, titles),
        system_top=_shown(tops[1], note.grades, titles),
        reasons=_reasons(note, pair, {**dict.fromkeys(pair, ()), **rankings}),
    )


def failures(
    collection: Collection,
    pair: tuple[str, str],
    values: Mapping[str, Sequence[float]],
    rankings: Mapping[str, Rankings],
    texts: Texts,
    translate: Callable[[str], str | None],
    each: int,
) -> tuple[Failure, ...]:
    """The ``each`` topics on which the second of ``pair`` loses most to the first, then those where it wins most.

    ``rankings`` of further systems, by name, help to tell which component found a document.
    """
    baseline, system = pair
    differences = [after - before for before, after in zip(values[baseline], values[system], strict=True)]
    order = sorted(range(len(differences)), key=lambda index: (differences[index], index))
    lost = [index for index in order if differences[index] < 0][:each]
    won = [index for index in reversed(order) if differences[index] > 0][:each]
    found = []
    for index in (*lost, *won):
        topic = collection.topics[index]
        grades = {qrel.doc_id: qrel.relevance for qrel in collection.qrels if qrel.topic_id == topic.id}
        ranked = {name: trec_order(run.get(topic.id, ())) for name, run in rankings.items()}
        tops = [ranked[baseline][:SHOWN], ranked[system][:SHOWN]]
        relevant = sorted(doc_id for doc_id, grade in grades.items() if grade > 0)
        known = texts(list(dict.fromkeys([*(doc.doc_id for top in tops for doc in top), *relevant])))
        note = note_topic(topic, grades, known, translate(topic.text))
        titles = {doc_id: title for doc_id, (title, _) in known.items()}
        found.append(explain(note, pair, (values[baseline][index], values[system][index]), ranked, titles))
    return tuple(found)


def _shown(top: Ranking, grades: Mapping[str, int], titles: Mapping[str, str]) -> tuple[Shown, ...]:
    return tuple(
        Shown(rank, doc.doc_id, titles.get(doc.doc_id, "")[:LONGEST_TITLE], grades.get(doc.doc_id))
        for rank, doc in enumerate(top, start=1)
    )


def _reasons(note: TopicNote, pair: tuple[str, str], ranked: Mapping[str, Ranking]) -> tuple[str, ...]:
    ranks = {name: {doc.doc_id: rank for rank, doc in enumerate(docs, start=1)} for name, docs in ranked.items()}
    reasons = [f"{name} returned nothing" for name in pair if not ranked[name]]
    # First the documents whose ranks lie furthest apart.
    far = max((len(docs) for docs in ranked.values()), default=0) + 1
    apart = sorted(note.missing, key=lambda doc: -abs(ranks[pair[0]].get(doc, far) - ranks[pair[1]].get(doc, far)))[
        :_EXPLAINED
    ]
    for doc_id in apart:
        places = ", ".join(f"{name} {_place(ranks[name].get(doc_id))}" for name in _in_order(pair, ranks))
        reasons.append(f"relevant document {doc_id}: {places}")
        missing = note.missing[doc_id]
        if missing is None:
            reasons.append(f"{doc_id} is not in the corpus: no system can find it")
        elif missing:
            reasons.append(f"words of the query that {doc_id} does not hold: {', '.join(missing)}")
        else:
            reasons.append(f"{doc_id} holds every word of the query")
    if note.translation:
        reasons.append(f"read by the emulated PubMed as: {note.translation}")
    return tuple(reasons)


def missing_words(query: str, text: str) -> tuple[str, ...]:
    """The query's keywords of which no form stands in ``text``, compared by stem as the word index does."""
    held = set(terms(text))
    return tuple(word for word in keywords(query) if not set(terms(word)) <= held)


def _in_order(pair: tuple[str, str], ranks: Mapping[str, object]) -> list[str]:
    return [*pair, *(name for name in ranks if name not in pair)]


def _place(rank: int | None) -> str:
    return "does not return it" if rank is None else f"at {rank}"
