"""A library as a map: its article vectors laid out on a plane, near ones together, in named groups.

Drawn once for a generation and kept beside it in ``index/``, not in it: the files of a generation are listed with
their checksums and never change. Of a large library a sample is drawn.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from pubmed_rag.core.errors import IndexMissingError
from pubmed_rag.core.files import atomic_writer
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import Article, Filters
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.facets import kind_of
from pubmed_rag.index.generation import Generation, current_generation
from pubmed_rag.index.map_names import group_terms
from pubmed_rag.index.vectors import FaissIndex, Vectors
from pubmed_rag.index.words import Keys, TantivyIndex

MOST_POINTS = 4000
"""Articles on a map; of a larger library so many, drawn by chance."""

_FORMAT = 2
_COMPONENTS = 30
_MOST_GROUPS = 12
_LONGEST_TITLE = 160
_FEWEST_FOR_NEIGHBOURS = 10
_DIGITS = 4
_STEPS = 4

Plane = npt.NDArray[np.float32]
Groups = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class MapPoint:
    """An article at ``x``, ``y`` (both within −1 … 1), of group number ``group``."""

    id: str
    title: str
    year: int | None
    kind: str
    x: float
    y: float
    group: int


@dataclass(frozen=True, slots=True)
class MapGroup:
    """A group of near articles, the headings or words that set it apart, and where its middle lies.

    ``terms`` are up to three, the most telling first; none where the articles have nothing in common.
    """

    number: int
    terms: tuple[str, ...]
    count: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """A map of ``generation``, which held ``articles``; groups are in the order of their size."""

    format: int
    generation: str
    articles: int
    points: tuple[MapPoint, ...]
    groups: tuple[MapGroup, ...]


def map_path(paths: LibraryPaths) -> Path:
    """Where the map is kept: beside the generations."""
    return paths.index / "map.json"


def read_map(paths: LibraryPaths) -> ConceptMap | None:
    """The map drawn last, be it of an earlier generation; ``None`` where there is none that can be read."""
    try:
        found = msgspec.json.decode(map_path(paths).read_bytes(), type=ConceptMap)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.format == _FORMAT else None


def draw_map(
    paths: LibraryPaths,
    store: ArticleStore,
    *,
    most: int = MOST_POINTS,
    seed: int = 0,
    progress: Progress = SILENT,
) -> ConceptMap:
    """Draw the map of the current generation and keep it. The same generation and ``seed`` give the same map.

    Principal components, then t-SNE (van der Maaten and Hinton, JMLR 9, 2008) for the plane and k-means for the
    groups, all from scikit-learn. Raises what :func:`current_generation` raises, and
    :class:`IndexMissingError` for an index without articles.
    """
    generation = current_generation(paths)
    with progress.task("drawing the map", _STEPS, "steps") as task:
        keys = TantivyIndex.open(generation.words).matching(Filters())
        if len(keys) > most:
            keys = np.sort(np.random.default_rng(seed).choice(keys, most, replace=False))
        made = _lay_out(generation, store, keys, seed, task.advance)
        with atomic_writer(map_path(paths)) as stream:
            stream.write(msgspec.json.encode(made))
        task.advance()
    return made


def map_of(paths: LibraryPaths, store: ArticleStore, ids: Sequence[str], *, seed: int = 0) -> ConceptMap:
    """A map of the articles ``ids`` alone, with groups of its own; kept nowhere. Those without a vector are left out.

    Takes half a second for 200. Raises what :func:`draw_map` raises.
    """
    keys = np.array(sorted(store.keys_of(ids).values()), np.int64)
    return _lay_out(current_generation(paths), store, keys, seed, lambda: None)


def _lay_out(
    generation: Generation, store: ArticleStore, keys: Keys, seed: int, done: Callable[[], object]
) -> ConceptMap:
    """The map of the articles ``keys`` (n,). ``done`` is called after each step."""
    articles = store.get_by_keys([int(key) for key in keys])
    rows = FaissIndex.load(generation.vectors).rows
    positions = rows.positions_of(keys)
    held = (positions >= 0) & np.array([int(key) in articles for key in keys], bool)
    if not held.any():
        raise IndexMissingError("the index holds no articles", remedy="add some with 'pubmed-rag ingest'")
    shown = [articles[int(key)] for key in keys[held]]
    vectors = rows.vectors_at(positions[held])
    done()
    reduced = _components(vectors, seed)
    done()
    plane = _plane(reduced, seed)
    done()
    groups = _groups(reduced, seed)
    return _put_together(generation.manifest.generation, generation.manifest.articles, shown, plane, groups)


def _components(vectors: Vectors, seed: int) -> Vectors:
    from sklearn.decomposition import PCA

    wanted = min(_COMPONENTS, *vectors.shape)
    if wanted < 2:
        return np.asarray(vectors[:, :2], np.float32)
    with np.errstate(invalid="ignore"):  # equal vectors have no variance to explain
        return np.asarray(PCA(wanted, random_state=seed).fit_transform(vectors), np.float32)


def _plane(reduced: Vectors, seed: int) -> Plane:
    """(n, 2) in −1 … 1. Equal rows lie on one another.

    scikit-learn's t-SNE dies of a segmentation fault where all points begin at the same place, so it gets each
    row once, and places to begin from that differ.
    """
    rows, back = np.unique(reduced.round(_DIGITS), axis=0, return_inverse=True)
    n = len(rows)
    if n < _FEWEST_FOR_NEIGHBOURS:
        plane = np.zeros((n, 2), np.float32)
        plane[:, : min(2, rows.shape[1])] = rows[:, :2]
    else:
        from sklearn.manifold import TSNE

        first = np.random.default_rng(seed).standard_normal((n, 2)) * 1e-6
        first[:, : min(2, rows.shape[1])] += rows[:, :2] * (1e-4 / max(1e-9, float(rows[:, 0].std())))
        layout = TSNE(
            2,
            perplexity=min(30.0, (n - 1) / 3),
            init=np.asarray(first, np.float32),
            max_iter=500,
            random_state=seed,
        )
        plane = np.asarray(layout.fit_transform(rows), np.float32)
    plane = plane[back.reshape(-1)]
    plane -= plane.mean(axis=0)
    widest = float(np.abs(plane).max(initial=0.0))
    return plane / widest if widest > 0 else plane


def _groups(reduced: Vectors, seed: int) -> Groups:
    """A group number (n,) for each article."""
    from sklearn.cluster import KMeans

    wanted = max(
        1, min(_MOST_GROUPS, round(math.sqrt(len(reduced) / 4)), len(np.unique(reduced.round(_DIGITS), axis=0)))
    )
    return np.asarray(KMeans(wanted, n_init=4, random_state=seed).fit_predict(reduced), np.int32)


def _put_together(generation: str, articles: int, shown: Sequence[Article], plane: Plane, groups: Groups) -> ConceptMap:
    by_size = [number for number, _ in Counter(groups.tolist()).most_common()]
    place = {number: position for position, number in enumerate(by_size)}
    terms = group_terms(shown, [place[int(number)] for number in groups])
    middles = {place[number]: np.median(plane[groups == number], axis=0) for number in by_size}
    return ConceptMap(
        format=_FORMAT,
        generation=generation,
        articles=articles,
        points=tuple(
            point_of(article, float(x), float(y), place[int(number)])
            for article, (x, y), number in zip(shown, plane, groups, strict=True)
        ),
        groups=tuple(
            MapGroup(number, terms[number], int((groups == by_size[number]).sum()), *_rounded(middles[number]))
            for number in range(len(by_size))
        ),
    )


def point_of(article: Article, x: float, y: float, group: int) -> MapPoint:
    """``article`` at a place on a map."""
    return MapPoint(
        id=article.id,
        title=article.display_title()[:_LONGEST_TITLE],
        year=article.year,
        kind=kind_of(article),
        x=round(x, _DIGITS),
        y=round(y, _DIGITS),
        group=group,
    )


def _rounded(middle: Any) -> tuple[float, float]:
    return round(float(middle[0]), 4), round(float(middle[1]), 4)
