"""Open a judged collection whatever its form: the form shows in the content, not in a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pubmed_rag.core.errors import InputError, UnrecognisedFormatError
from pubmed_rag.eval.beir import is_beir, read_beir
from pubmed_rag.eval.bioasq import is_bioasq, read_bioasq
from pubmed_rag.eval.collections import Collection, Topic, corpus_digest, ids_digest
from pubmed_rag.eval.qrels import read_qrels
from pubmed_rag.eval.trec_topics import is_trec_topics, read_trec_topics

_FORMS = (
    "a BEIR folder (corpus.jsonl, queries.jsonl, qrels/), a folder with TREC topics and qrels, or BioASQ's golden JSON"
)


def open_collection(path: Path, split: str, *, queries: str = "queries") -> Collection:
    """The collection at ``path``: a BEIR folder, a folder of TREC files, or BioASQ's golden files.

    In a TREC folder ``split`` names the qrels file (without ending) where there are several. Raises
    :class:`InputError` where there is nothing, or the reader's own errors with file and line.
    """
    if not path.exists():
        raise InputError(f"there is no {path}", remedy="'pubmed-rag eval datasets' lists known collections")
    if path.is_file():
        if is_bioasq(path):
            return read_bioasq(path, split)
        raise UnrecognisedFormatError(f"{path} is no collection", remedy=f"expected {_FORMS}")
    if is_beir(path):
        return read_beir(path, split, queries=queries, corpus_optional=True)
    files = sorted(p for p in path.iterdir() if p.is_file())
    topics = [p for p in files if is_trec_topics(p)]
    if topics:
        return _trec_folder(path, split, topics, files)
    if any(".json" in p.name and is_bioasq(p) for p in files):
        return read_bioasq(path, split)
    # Most likely meant to be one: its reader says what is missing.
    return read_beir(path, split, queries=queries)


def trec_collection(
    topics: Path,
    qrels: Path,
    corpus: Sequence[Path] = (),
    *,
    fields: Sequence[str] = (),
    name: str = "",
    split: str = "",
) -> Collection:
    """A collection of TREC topics and judgements, over ``corpus`` files that ingestion can read."""
    return _assemble(name or topics.stem, split or qrels.stem, read_trec_topics(topics, fields), qrels, corpus)


def with_corpus(collection: Collection, corpus: Iterable[Path]) -> Collection:
    """The same topics and judgements over other documents: for collections that came as PMIDs alone."""
    files = tuple(corpus)
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise InputError(f"there is no file {missing[0]}")
    return replace(collection, corpus=files, digest=corpus_digest(files))


def with_fewer_topics(collection: Collection, most: int) -> Collection:
    """At most ``most`` topics, spread evenly over those of ``collection``, with their judgements."""
    count = len(collection.topics)
    if most >= count:
        return collection
    topics = tuple(collection.topics[position * count // most] for position in range(most))
    chosen = {topic.id for topic in topics}
    return replace(
        collection,
        topics=topics,
        qrels=tuple(qrel for qrel in collection.qrels if qrel.topic_id in chosen),
        notes=(*collection.notes, f"{most:,} of its {count:,} topics were asked, spread evenly over all"),
    )


def _trec_folder(folder: Path, split: str, topics: Sequence[Path], files: Sequence[Path]) -> Collection:
    if len(topics) > 1:
        names = ", ".join(path.name for path in topics)
        raise InputError(f"{folder} has several topic files: {names}", remedy="keep one collection a folder")
    known = {path.name.split(".")[0]: path for path in files if _is_qrels(path)}
    if not known:
        raise InputError(f"{folder} has topics but no qrels", remedy="put the judgements beside the topics")
    if split not in known and len(known) > 1:
        raise InputError(f"{folder} has no split '{split}'", remedy=f"its splits are: {', '.join(sorted(known))}")
    qrels = known.get(split) or next(iter(known.values()))
    corpus = [path for path in files if path not in topics and path not in known.values() and _is_corpus(path)]
    return _assemble(folder.resolve().name, qrels.name.split(".")[0], read_trec_topics(topics[0]), qrels, corpus)


def _assemble(name: str, split: str, topics: Sequence[Topic], qrels_path: Path, corpus: Sequence[Path]) -> Collection:
    qrels = read_qrels(qrels_path)
    judged = {qrel.topic_id for qrel in qrels}
    known = tuple(topic for topic in topics if topic.id in judged)
    if not known:
        raise InputError(f"no topic has a judgement in {qrels_path}", remedy="are they of the same collection?")
    ids = {topic.id for topic in known}
    lost = sorted(judged - ids)
    kept = tuple(qrel for qrel in qrels if qrel.topic_id in ids)
    return Collection(
        name=name,
        split=split,
        corpus=tuple(corpus),
        topics=known,
        qrels=kept,
        digest=corpus_digest(corpus) if corpus else ids_digest(qrel.doc_id for qrel in kept),
        notes=(f"judged topics without text: {len(lost):,}, such as {lost[0]}",) if lost else (),
    )


def _is_qrels(path: Path) -> bool:
    """True if the first line has four columns, the last a whole number."""
    with path.open("rb") as stream:
        fields = stream.readline(1000).split()
    return len(fields) == 4 and fields[3].lstrip(b"-").isdigit()


def _is_corpus(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return name.endswith((".jsonl", ".xml", ".nbib", ".txt"))
