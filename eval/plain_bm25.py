"""BM25 as papers report it: one field of title and abstract, no weights, published parameters. A yardstick.

The product's own ``bm25`` weighs titles and headings. This one does nothing of the kind, so that a figure can be put
beside those of others: score = Σ idf · tf / (tf + k1 (1 − b + b · length / mean length)) over the query's distinct
words, idf = ln(1 + (N − n + 0.5) / (n + 0.5)): Robertson and Zaragoza, FnTIR 3 (2009) 333, in Lucene's form (Kamphuis
et al., ECIR 2020, LNCS 12036, 28). k1 = 0.9 and b = 0.4 are Anserini's, which the published BEIR baselines use.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.text import normalise
from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.provenance import ranking_code_digest, versions
from pubmed_rag.eval.rewriting import Rewriter
from pubmed_rag.eval.systems import ScoredDoc
from pubmed_rag.index.analysis import terms

K1, B = 0.9, 0.4

Documents = Iterable[tuple[str, str]]
"""Id and whole text (title, abstract) of every document."""


class PlainBm25:
    """An index in memory. Equal scores are ordered by rising id."""

    def __init__(self, documents: Documents, k1: float = K1, b: float = B) -> None:
        self._ids: list[str] = []
        lengths: list[int] = []
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for doc_id, text in sorted(documents):
            words = terms(normalise(text))
            for word, count in Counter(words).items():
                postings[word].append((len(self._ids), count))
            self._ids.append(doc_id)
            lengths.append(len(words))
        mean = sum(lengths) / max(1, len(lengths))
        norm = k1 * (1.0 - b + b * np.asarray(lengths, dtype=np.float64) / max(mean, 1e-9))
        self._weights: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = {}
        for word, found in postings.items():
            places, counts = (np.asarray(column) for column in zip(*found, strict=True))
            idf = math.log(1.0 + (len(self._ids) - len(found) + 0.5) / (len(found) + 0.5))
            self._weights[word] = (places.astype(np.int64), idf * counts / (counts + norm[places]))

    def search(self, query: str, top: int, among: frozenset[str] = frozenset()) -> list[ScoredDoc]:
        """The best ``top`` documents that hold a word of ``query``; only those of ``among``, if it is not empty."""
        scores = np.zeros(len(self._ids))
        for word in dict.fromkeys(terms(normalise(query))):
            if word in self._weights:
                places, weights = self._weights[word]
                scores[places] += weights
        order = (place for place in np.argsort(-scores, kind="stable") if scores[place] > 0.0)
        found = (ScoredDoc(self._ids[place], float(scores[place])) for place in order)
        wanted = (document for document in found if not among or document.doc_id in among)
        return [document for document, _ in zip(wanted, range(top), strict=False)]


class PlainBm25System:
    """The yardstick as a system. The index is made at the first question, and from no question none."""

    remote = False

    def __init__(
        self,
        name: str,
        documents: Callable[[], Documents],
        rewriter: Rewriter,
        k1: float = K1,
        b: float = B,
    ) -> None:
        self._name = name
        self._documents = documents
        self._rewriter = rewriter
        self._k1, self._b = k1, b
        self._index: PlainBm25 | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def configuration(self) -> Mapping[str, str]:
        return {
            "kind": "bm25-plain",
            "k1": f"{self._k1:g}",
            "b": f"{self._b:g}",
            "field": "title and abstract, Snowball stems",
            **(self._rewriter.configuration if self._rewriter.name != "raw" else {}),
            "code": ranking_code_digest(),
            **versions(("pubmed-rag", "tantivy", "numpy")),
        }

    def run(self, topic: Topic, depth: int) -> list[ScoredDoc]:
        if self._index is None:
            self._index = PlainBm25(self._documents(), self._k1, self._b)
        return self._index.search(self._rewriter(topic.text), depth, frozenset(topic.candidates))
