"""Articles that a map leaves out, put where they would stand: among the nearest of those that were drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.concept_map import ConceptMap, MapPoint, point_of
from pubmed_rag.index.generation import current_generation
from pubmed_rag.index.vectors import FaissIndex, Vectors

NEIGHBOURS = 5


class MapPlaces:
    """Finds the place on ``found`` of articles of the present index; holds the drawn ones' vectors, 1.5 kB each.

    An article stands half way between the drawn one nearest to it by cosine and the middle (the median of both
    coordinates) of the nearest five, and belongs to the group that most of those belong to. One object may serve
    several threads.
    """

    def __init__(self, paths: LibraryPaths, store: ArticleStore, found: ConceptMap) -> None:
        self._store = store
        self._rows = FaissIndex.load(current_generation(paths).vectors).rows
        ids = [point.id for point in found.points]
        keys = store.keys_of(ids)
        drawn, vectors = self._vectors(ids, keys)
        self._points = [found.points[at] for at in drawn]
        self._drawn = vectors
        self._known = frozenset(ids)
        self._places = np.array([(point.x, point.y) for point in self._points], np.float32).reshape(-1, 2)

    def of(self, ids: Sequence[str]) -> tuple[MapPoint, ...]:
        """A point for each of ``ids`` that is not on the map, in their order; none for one without a vector."""
        missing = [article_id for article_id in dict.fromkeys(ids) if article_id not in self._known]
        if not missing or not self._points:
            return ()
        at, vectors = self._vectors(missing, self._store.keys_of(missing))
        articles = self._store.get_many([missing[place] for place in at])
        likeness = vectors @ self._drawn.T
        count = min(NEIGHBOURS, len(self._points))
        near = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        made = []
        for place, row, beside in zip(at, likeness, near, strict=True):
            article = articles.get(missing[place])
            if article is None:
                continue
            beside = beside[np.argsort(-row[beside], kind="stable")]
            x, y = (self._places[beside[0]] + np.median(self._places[beside], axis=0)) / 2
            group = Counter(self._points[int(one)].group for one in beside).most_common(1)[0][0]
            made.append(point_of(article, float(x), float(y), group))
        return tuple(made)

    def _vectors(self, ids: Sequence[str], keys: dict[str, int]) -> tuple[npt.NDArray[np.int64], Vectors]:
        """Which of ``ids`` have a vector (their places), and those vectors (n, d), of length 1."""
        wanted = np.array([keys.get(article_id, -1) for article_id in ids], np.int64)
        positions = self._rows.positions_of(wanted)
        at = np.flatnonzero((wanted >= 0) & (positions >= 0))
        vectors = self._rows.vectors_at(positions[at])
        return at, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
