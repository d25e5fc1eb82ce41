"""A library as a map: its article vectors laid out on a plane, near ones together, in named groups.

Drawn once for a generation and kept beside it in ``index/``, not in it: the files of a generation are listed with
their checksums and never change. Of a large library a sample is drawn.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
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
from pubmed_rag.core.records import Article
from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.facets import CHECK_TAGS, kind_of
from pubmed_rag.index.generation import current_generation
from pubmed_rag.index.vectors import FaissIndex, Vectors
from pubmed_rag.index.words import TantivyIndex

MOST_POINTS = 4000
"""Articles on a map; of a larger library so many, drawn by chance."""

_FORMAT = 1
_COMPONENTS = 30
_MOST_GROUPS = 12
_NAME_WORDS = 3
_LONGEST_TITLE = 160
_FEWEST_FOR_NEIGHBOURS = 10
_DIGITS = 4
_WORD = re.compile(r"[^\W\d_]{4,}")
_COMMON = STOPWORDS | {"study", "studies", "effect", "effects", "patients", "trial", "trials", "analysis", "using"}

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
    """A group of near articles, named by the headings or words that set it apart, and where its middle lies."""

    number: int
    name: str
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
    with progress.task("drawing the map", 4, "steps") as task:
        keys, vectors = _sample(generation.words, generation.vectors, most, seed)
        articles = store.get_by_keys([int(key) for key in keys])
        held = np.array([int(key) in articles for key in keys], bool)
        if not held.any():
            raise IndexMissingError("the index holds no articles", remedy="add some with 'pubmed-rag ingest'")
        shown = [articles[int(key)] for key in keys[held]]
        task.advance()
        reduced = _components(vectors[held], seed)
        task.advance()
        plane = _plane(reduced, seed)
        task.advance()
        groups = _groups(reduced, seed)
        made = _put_together(generation.manifest.generation, generation.manifest.articles, shown, plane, groups)
        with atomic_writer(map_path(paths)) as stream:
            stream.write(msgspec.json.encode(made))
        task.advance()
    return made


def _sample(words: Path, vectors: Path, most: int, seed: int) -> tuple[npt.NDArray[np.int64], Vectors]:
    from pubmed_rag.core.records import Filters

    keys = TantivyIndex.open(words).matching(Filters())
    if len(keys) > most:
        keys = np.sort(np.random.default_rng(seed).choice(keys, most, replace=False))
    rows = FaissIndex.load(vectors).rows
    positions = rows.positions_of(keys)
    known = positions >= 0
    return keys[known], rows.vectors_at(positions[known])


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
    names = group_names(shown, [place[int(number)] for number in groups])
    middles = {place[number]: np.median(plane[groups == number], axis=0) for number in by_size}
    return ConceptMap(
        format=_FORMAT,
        generation=generation,
        articles=articles,
        points=tuple(
            MapPoint(
                id=article.id,
                title=article.display_title()[:_LONGEST_TITLE],
                year=article.year,
                kind=kind_of(article),
                x=round(float(x), 4),
                y=round(float(y), 4),
                group=place[int(number)],
            )
            for article, (x, y), number in zip(shown, plane, groups, strict=True)
        ),
        groups=tuple(
            MapGroup(number, names[number], int((groups == by_size[number]).sum()), *_rounded(middles[number]))
            for number in range(len(by_size))
        ),
    )


def group_names(articles: Sequence[Article], groups: Sequence[int]) -> dict[int, str]:
    """A name for each group: what its articles have more often than the others, headings before words of titles.

    A term counts by how much larger its share inside is than outside, times the root of its share inside, so
    that neither what all groups have nor what one article has alone names a group.
    """
    inside: dict[int, Counter[str]] = {}
    sizes: Counter[int] = Counter(groups)
    total: Counter[str] = Counter()
    for article, group in zip(articles, groups, strict=True):
        found = _terms(article)
        inside.setdefault(group, Counter()).update(found)
        total.update(found)
    names: dict[int, str] = {}
    for group, counts in inside.items():
        size, others = sizes[group], max(1, len(articles) - sizes[group])

        def worth(term: str, counts: Counter[str] = counts, size: int = size, others: int = others) -> float:
            share = counts[term] / size
            return (share - (total[term] - counts[term]) / others) * math.sqrt(share)

        fewest = 2 if size > 3 else 1
        ordered = sorted((term for term in counts if counts[term] >= fewest), key=lambda term: (-worth(term), term))
        names[group] = ", ".join(_apart(ordered)) or f"{group + 1}"
    return names


def _terms(article: Article) -> set[str]:
    headings = {heading.name for heading in article.mesh if heading.name not in CHECK_TAGS}
    if headings:
        return headings
    return {word for word in _WORD.findall(article.title.casefold()) if word not in _COMMON}


def _apart(ordered: Sequence[str]) -> list[str]:
    """The first few terms that do not repeat one another, as "Asthma" and "Anti-Asthmatic Agents" do not."""
    chosen: list[str] = []
    for term in ordered:
        if not any(term.casefold() in known.casefold() or known.casefold() in term.casefold() for known in chosen):
            chosen.append(term)
        if len(chosen) == _NAME_WORDS:
            break
    return chosen


def _rounded(middle: Any) -> tuple[float, float]:
    return round(float(middle[0]), 4), round(float(middle[1]), 4)
