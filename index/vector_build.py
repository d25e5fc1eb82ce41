"""Making vector indexes: batch by batch, so that no more than a training sample is ever held in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pubmed_rag.core.errors import UsageError, translate
from pubmed_rag.core.native import prepare_native_libraries
from pubmed_rag.index.row_codes import Codes, RowCoder
from pubmed_rag.index.vector_factory import VectorPlan
from pubmed_rag.index.vector_rows import VectorRows, mapped, merge_segments, segment_folders, writing_rows
from pubmed_rag.index.vectors import ABOUT, CANDIDATES, ROWS, FaissIndex, VectorFacts, Vectors
from pubmed_rag.index.words import Keys

Batches = Iterable[tuple[Keys, Vectors]]

_MOST_SEGMENTS = 8
_QUERIES = 128
"""Stored vectors that are searched for to set the number of lists to look into."""
_LEAST_PROBES = 16
_PROBES = (16, 32, 64, 128, 256, 512, 1024)
_REFINE_FACTORS = (1, 2, 4, 8, 16)
_ON_TOP = 0.7
_WIDE_SHARE = 8
_NO_LOSS = 0.003
_ITERATIONS = 6
_EFFORT_ADDING, _EFFORT = 24, 128
"""How thoroughly the graph over the lists, where there is one, is searched (``efSearch``) for a vector to be added,
and for a query."""


def build_vectors(directory: Path, dimension: int, plan: VectorPlan, batches: Callable[[], Batches]) -> VectorFacts:
    """Write a vector index into ``directory``.

    ``batches`` gives rising keys (n,) with their vectors (n, d); it is called again for the training sample.
    Raises :class:`UsageError` for a factory that FAISS does not know or that needs more vectors.
    """
    prepare_native_libraries()
    sample = np.empty((0, dimension), np.float32)
    if not plan.is_flat or plan.rows != "float16":
        sample = _sample(batches(), plan, dimension)
    candidates = None if plan.is_flat else _trained(dimension, plan, sample)
    coder = RowCoder.new(dimension, plan.rows, sample)
    del sample
    segment = directory / ROWS / "000000"
    with writing_rows(segment, coder, np.empty(0, np.int64)) as append:
        total = _fill(append, coder, candidates, batches())
    facts = VectorFacts(plan, dimension, total)
    if candidates is not None and total:
        _write_lists(directory / ROWS, candidates, plan)
        if plan.lists:
            _search_graph(candidates, _EFFORT)
        facts = calibrated(FaissIndex(facts, VectorRows.open(directory / ROWS), candidates))
    _save(directory, facts, candidates)
    return facts


def update_vectors(directory: Path, old: Path, batches: Callable[[], Batches], gone: Keys) -> VectorFacts:
    """Complete ``directory``, which already holds links to the rows of the index in ``old``, with what changed.

    The articles ``gone`` lose their vectors, then those of ``batches`` (rising keys) get theirs.
    """
    before = FaissIndex.load(old, to_change=True)
    facts, candidates = before.facts, before.candidates
    folders = segment_folders(directory / ROWS)
    segment = directory / ROWS / f"{int(folders[-1].name) + 1 if folders else 0:06d}"
    lists = facts.plan.lists > 0
    if candidates is not None and lists and len(gone):
        candidates.remove_ids(gone)
        _clear_free_places(candidates)
    coder = RowCoder.of(folders[0])
    with writing_rows(segment, coder, gone) as append:
        _fill(append, coder, candidates, batches())
    if candidates is not None:
        _write_lists(directory / ROWS, candidates, facts.plan)
    _merge(directory / ROWS)
    facts = replace(facts, vectors=VectorRows.open(directory / ROWS).count())
    _save(directory, facts, candidates)
    return facts


def is_worn(facts: VectorFacts, old: Path, gone: int) -> bool:
    """Whether so much was replaced in an index that cannot forget that it had better be made anew."""
    rows = VectorRows.open(old / ROWS)
    return not facts.plan.is_flat and not facts.plan.lists and rows.stored() + gone > 1.25 * max(1, rows.count())


def calibrated(index: FaissIndex, *, queries: int = _QUERIES, top: int = 10) -> VectorFacts:
    """The index's facts with the fewest candidates, and then lists to look into, that reach the wished recall.

    A sample of the stored vectors is searched for, each without itself, and compared with the exact result.
    Stored vectors are easier to find than questions are, so more than wished is asked for.
    """
    plan = index.facts.plan
    keys = next(iter(index.rows.live_keys()))
    chosen = np.sort(np.random.default_rng(1).choice(keys, min(queries, len(keys)), replace=False))
    vectors = index.rows.vectors_at(index.rows.positions_of(chosen))
    exact = index.rows.exact_keys(vectors, top + 1)
    wished = plan.recall + _ON_TOP * (1 - plan.recall)

    def measured(probes: int, refine: int) -> float:
        return _recall(index.probing(probes, refine).search_many(vectors, top + 1)[0], exact, chosen)

    # First the candidates: as few as find what the most would find, in lists wide enough not to be what is missing.
    wide = max(min(_LEAST_PROBES, plan.lists), plan.lists // _WIDE_SHARE)
    found = {factor: measured(wide, plan.refine * factor) for factor in _REFINE_FACTORS}
    refine = plan.refine * min(
        factor for factor in _REFINE_FACTORS if found[factor] >= min(wished, max(found.values()) - _NO_LOSS)
    )
    # Then the lists: as few as are enough, or, where the codes are what is missing, as few as lose nothing more.
    enough = min(wished, found[refine // plan.refine] - _NO_LOSS)
    steps = [count for count in _PROBES if count < plan.lists] + [plan.lists] if plan.lists else [0]
    probes = next((count for count in steps if measured(count, refine) >= enough), steps[-1])
    plan = replace(plan, refine=refine)
    return replace(
        index.facts, plan=plan, probes=probes, recall=round(measured(probes, refine), 4), sampled=len(chosen)
    )


def _recall(found: Keys, exact: Keys, own: Keys) -> float:
    shares = []
    for row, key in enumerate(own):
        wanted = [other for other in exact[row].tolist() if other not in (key, -1)]
        shares.append(len(set(wanted) & set(found[row].tolist())) / max(1, len(wanted)))
    return float(np.mean(shares))


def _fill(append: Callable[[Keys, Codes], None], coder: RowCoder, candidates: Any | None, batches: Batches) -> int:
    """Add ``batches`` to the rows and to FAISS. Returns how many vectors that were."""
    total = 0
    for keys, vectors in batches:
        if len(keys):
            vectors = np.ascontiguousarray(vectors, np.float32)
            append(keys, coder.encode(vectors))
            if candidates is not None:
                candidates.add_with_ids(vectors, keys)
            total += len(keys)
    return total


def _sample(batches: Batches, plan: VectorPlan, dimension: int) -> Vectors:
    """About ``plan.training_size()`` vectors spread evenly over all."""
    wanted = plan.training_size()
    chance = np.random.default_rng(0)
    share = min(1.0, wanted / max(1, plan.count))
    parts = [vectors if share == 1 else vectors[chance.random(len(vectors)) < share] for _, vectors in batches]
    return np.ascontiguousarray(np.concatenate(parts)) if parts else np.empty((0, dimension), np.float32)


def _trained(dimension: int, plan: VectorPlan, sample: Vectors) -> Any:
    import faiss

    if plan.lists > len(sample):
        raise UsageError(
            f"the factory {plan.factory} makes {plan.lists:,} lists, but there are only {len(sample):,} vectors",
            remedy="leave --factory out, or ask for fewer lists",
        )
    try:
        index: Any = faiss.index_factory(dimension, plan.factory, faiss.METRIC_INNER_PRODUCT)
        if plan.lists:
            index.cp.niter = _ITERATIONS
            index.cp.min_points_per_centroid = 1  # the user's choice needs no warning
            if hasattr(index, "pq"):
                index.pq.cp.min_points_per_centroid = 1
            if _search_graph(index, _EFFORT_ADDING):
                # Where a graph finds the lists later, it may as well find them while they are made.
                graph = faiss.IndexHNSWFlat(dimension, 32, faiss.METRIC_INNER_PRODUCT)
                graph.hnsw.efSearch = _EFFORT_ADDING
                index.clustering_index = graph
        else:
            index = faiss.IndexIDMap(index)
        index.train(sample)
        if plan.lists:
            index.clustering_index = None
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].removeprefix("Error: ")
        raise UsageError(
            f"FAISS cannot make an index '{plan.factory}' of {dimension} dimensions ({reason})",
            remedy="leave --factory out to have one chosen",
        ) from error
    return index


def _search_graph(candidates: Any, effort: int) -> bool:
    """Set how thoroughly the graph over the lists is searched, if there is one. Returns whether there is."""
    import faiss

    graph = faiss.downcast_index(candidates.quantizer)
    if not isinstance(graph, faiss.IndexHNSW):
        return False
    graph.hnsw.efSearch = effort
    return True


def _write_lists(rows: Path, candidates: Any, plan: VectorPlan) -> None:
    """Note for every row of the newest segment in which inverted list it is."""
    if not plan.lists:
        return
    import faiss

    folder = segment_folders(rows)[-1]
    keys = mapped(folder / "keys.i64", "<i8")
    lists = np.full(len(keys), -1, "<i4")
    inverted = candidates.invlists
    for number in range(plan.lists if len(keys) else 0):
        size = inverted.list_size(number)
        if size:
            members = faiss.rev_swig_ptr(inverted.get_ids(number), size)
            places = np.minimum(np.searchsorted(keys, members), len(keys) - 1)
            own = keys[places] == members
            lists[places[own]] = number
    (folder / "lists.i32").write_bytes(lists.tobytes())


def _clear_free_places(candidates: Any) -> None:
    """Set the places that removed vectors left in the last block of each list to zero.

    FAISS packs fast-scan codes in blocks of 32, leaves the codes of removed vectors behind the end of a list, and
    adds new ones by or-ing them onto what is there (1.15.1: one in eight came out wrong).
    """
    import faiss

    blocks: Any = faiss.downcast_InvertedLists(candidates.invlists)
    if type(blocks).__name__ != "BlockInvertedLists":
        return
    nothing = np.zeros(blocks.packer.code_size, np.uint8)
    size = blocks.block_size
    for number in range(candidates.nlist):
        whole, used = divmod(blocks.list_size(number), blocks.n_per_block)
        if used:
            codes = faiss.rev_swig_ptr(blocks.get_codes(number), (whole + 1) * size)
            last = faiss.swig_ptr(codes[whole * size :])
            for place in range(used, blocks.n_per_block):
                blocks.packer.pack_1_c(faiss.swig_ptr(nothing), place, last)


def _save(directory: Path, facts: VectorFacts, candidates: Any | None) -> None:
    if candidates is not None:
        import faiss

        try:
            faiss.write_index(candidates, str(directory / CANDIDATES))
        except RuntimeError as error:
            known = translate(error)
            if known is None:
                raise
            raise known from error
    (directory / ABOUT).write_bytes(msgspec.json.encode(facts))


def _merge(rows: Path) -> None:
    """Keep segments few: when there are many, all but the first and largest become one; all of them, where the
    first has lost a third of its rows.
    """
    folders = segment_folders(rows)
    whole = VectorRows.open(rows)
    everything = whole.stored() > 1.5 * max(1, whole.count()) and len(folders) > 1
    if not everything and len(folders) <= _MOST_SEGMENTS:
        return
    chosen = folders if everything else folders[1:]
    target = rows / f"{int(folders[-1].name) + 1:06d}"
    merge_segments(chosen, target, keep_removed=not everything)
    for folder in chosen:
        shutil.rmtree(folder)


def link_rows(old: Path, new: Path) -> None:
    """Give ``new`` the row segments of ``old`` by hard links: they are never changed, only replaced."""
    for folder in segment_folders(old / ROWS):
        copy = new / ROWS / folder.name
        copy.mkdir(parents=True)
        for path in folder.iterdir():
            try:
                os.link(path, copy / path.name)
            except OSError:  # a file system without hard links
                shutil.copy2(path, copy / path.name)
