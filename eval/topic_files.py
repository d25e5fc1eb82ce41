"""What a challenge leaves beside its runs for looking at any topic and any two systems later, without a corpus.

``topics.jsonl`` holds a :class:`TopicNote` a line, ``titles.json`` the titles of the documents that can be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.core.files import write_text
from pubmed_rag.eval.collections import Collection
from pubmed_rag.eval.failures import LONGEST_TITLE, SHOWN, Texts, TopicNote, note_topic
from pubmed_rag.eval.rewriting import keywords
from pubmed_rag.eval.runs import Rankings, trec_order

TOPICS, TITLES = "topics.jsonl", "titles.json"
_AT_ONCE = 500


def write_topics(
    folder: Path,
    collection: Collection,
    rankings: Mapping[str, Rankings],
    texts: Texts,
    translate: Callable[[str], str | None],
) -> None:
    """Both files into ``folder``. ``translate`` is asked the topics' keywords, as the emulated PubMed is."""
    grades: dict[str, dict[str, int]] = {topic.id: {} for topic in collection.topics}
    for qrel in collection.qrels:
        grades.get(qrel.topic_id, {})[qrel.doc_id] = qrel.relevance
    titles: dict[str, str] = {}
    lines = []
    for topic in collection.topics:
        relevant = sorted(doc_id for doc_id, grade in grades[topic.id].items() if grade > 0)
        known = texts(relevant)
        titles |= {doc_id: title[:LONGEST_TITLE] for doc_id, (title, _) in known.items()}
        note = note_topic(topic, grades[topic.id], known, translate(" ".join(keywords(topic.text))))
        lines.append(msgspec.json.encode(note).decode() + "\n")
    tops = (trec_order(ranking)[:SHOWN] for run in rankings.values() for ranking in run.values())
    shown = dict.fromkeys(document.doc_id for top in tops for document in top)
    for some in _batches([doc_id for doc_id in shown if doc_id not in titles]):
        titles |= {doc_id: title[:LONGEST_TITLE] for doc_id, (title, _) in texts(some).items()}
    write_text(folder / TOPICS, "".join(lines))
    write_text(folder / TITLES, msgspec.json.encode(dict(sorted(titles.items()))).decode() + "\n")


def read_topics(folder: Path) -> tuple[Mapping[str, TopicNote], Mapping[str, str]] | None:
    """Notes by topic id, in order, and titles by document id; ``None`` where the result was written without them.

    Raises :class:`DamagedFileError` for files that cannot be read.
    """
    if not ((folder / TOPICS).is_file() and (folder / TITLES).is_file()):
        return None
    try:
        notes = msgspec.json.Decoder(TopicNote).decode_lines((folder / TOPICS).read_bytes())
        titles = msgspec.json.decode((folder / TITLES).read_bytes(), type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedFileError(
            f"the topics kept in {folder.name} cannot be read: {error}",
            remedy="give the command that made the result again; what is there is used",
        ) from error
    return {note.topic_id: note for note in notes}, titles


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
