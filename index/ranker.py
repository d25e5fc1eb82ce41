"""A small learned ranker: a linear model and boosted trees over the features of ``ranker_features``.

Both start from the first ranking's score and learn what to add, so with little to learn from they stay close
to it. The linear half maximises the likelihood of the relevant candidates (ListNet's top-one form: Cao et al.,
ICML 2007) with a strong quadratic penalty; the trees are LambdaMART (Burges, MSR-TR-2010-82) by LightGBM:
few leaves, few rounds, averaged over seeds. One thread and fixed seeds: equal input gives an equal file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError, InputError
from pubmed_rag.core.files import write_text
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.index.letters import Matrix
from pubmed_rag.index.ranker_features import FEATURES_VERSION, feature_names, features
from pubmed_rag.index.rerank import Candidates
from pubmed_rag.index.words import Scores

FORMAT = 1
DEPTH = 50
"""Candidates that are looked at. 94 % of SciFact's training claims have a relevant article among them."""

MANIFEST = "ranker.json"
TRAIN = "train one with 'pubmed-rag index train-ranker --dataset DIR --split train'"
_FOLDS = 5
_FEWEST_TOPICS = 20
_SCALE = 2.0
"""What the first ranking's score counts for in logits; 1 and 4 did worse on SciFact's training claims."""
_PENALTY = 0.1
_CLIP = 4.0
_SEEDS = 3
_ROUNDS = 60
_TREES: Mapping[str, Any] = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 4,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambdarank_truncation_level": 15,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_RESAMPLES = 10_000

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """One topic to learn from: the ``rows`` (n, f) of its first n candidates, their ``fused`` scores (n,) and
    ``grades`` (n,), 0 where not relevant or not judged. ``relevant`` holds the grade of every relevant article,
    found or not, by its id; ``components`` names what the first ranking was made of."""

    topic: str
    rows: Matrix
    fused: Scores
    grades: npt.NDArray[np.int64]
    relevant: Mapping[str, int]
    components: tuple[str, ...]

    @property
    def teaches(self) -> bool:
        """Whether there is something to tell apart."""
        return bool(self.grades.any() and not self.grades.all())


@dataclass(frozen=True, slots=True)
class Gain:
    """nDCG@10 over the topics without and with the ranker, each topic scored by a ranker that had seen neither it
    nor a topic sharing a relevant article. ``p``: paired randomisation test, two-sided."""

    topics: int
    before: float
    after: float
    p: float
    wins: int
    losses: int

    @property
    def difference(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Training:
    """Where a ranker comes from: what it was trained on, and with which embedder."""

    collection: str
    split: str
    topics_digest: str
    qrels_digest: str
    corpus_digest: str
    model: str
    model_revision: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class RankerManifest:
    """``ranker.json``: everything one must know of a ranker. ``sha256`` is of the file ``model``."""

    format: int
    created: str
    training: Training
    topics: int
    taught: int
    gain: Gain
    depth: int
    components: tuple[str, ...]
    features: tuple[str, ...]
    features_version: int
    versions: Mapping[str, str]
    model: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class _Model:
    """Linear ``weights`` over features standardised by ``means`` and ``spreads``, and trees as LightGBM writes them."""

    means: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: tuple[float, ...]
    trees: tuple[str, ...]


class LearnedRanker:
    """A trained ranker, ready to score. One object serves several threads."""

    def __init__(self, manifest: RankerManifest, model: _Model) -> None:
        import lightgbm

        self._manifest = manifest
        self._means = np.array(model.means, np.float32)
        self._spreads = np.array(model.spreads, np.float32)
        self._weights = np.array(model.weights, np.float32)
        self._trees = [lightgbm.Booster(model_str=text) for text in model.trees]

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The ranker of a library, checked against its checksum.

        Raises :class:`IndexMissingError` where none was trained, :class:`IndexCorruptError` or
        :class:`IndexMismatchError`, all with the command that mends it.
        """
        manifest = read_manifest(directory)
        try:
            data = (directory / manifest.model).read_bytes()
        except OSError as error:
            raise IndexCorruptError(
                f"the ranker's file {manifest.model} cannot be read ({error})", remedy=TRAIN
            ) from error
        if hashlib.sha256(data).hexdigest() != manifest.sha256:
            raise IndexCorruptError(f"the ranker's file {manifest.model} differs from its checksum", remedy=TRAIN)
        if (manifest.features, manifest.features_version) != (feature_names(), FEATURES_VERSION):
            raise IndexMismatchError("the ranker was trained by a version that looks at other features", remedy=TRAIN)
        return cls(manifest, msgspec.json.decode(data, type=_Model))

    @property
    def name(self) -> str:
        return f"learned {self._manifest.sha256[:12]}"

    @property
    def depth(self) -> int:
        return self._manifest.depth

    @property
    def manifest(self) -> RankerManifest:
        return self._manifest

    def scores(self, candidates: Candidates) -> Scores:
        if not candidates.articles:
            return np.empty(0, np.float32)
        if set(candidates.components) != set(self._manifest.components):
            raise IndexMismatchError(
                f"the ranker was trained over {', '.join(self._manifest.components)}, "
                f"and this search ranks by {', '.join(candidates.components)}",
                remedy=TRAIN,
            )
        n = len(candidates.articles)
        return self.score_rows(features(candidates), candidates.fused[:n])

    def score_rows(self, rows: Matrix, fused: Scores) -> Scores:
        """(n,) for the candidates with these features (n, f) and first scores (n,)."""
        linear = np.clip((rows - self._means) / self._spreads, -_CLIP, _CLIP) @ self._weights
        trees = np.mean([tree.predict(rows, num_threads=1) for tree in self._trees], axis=0)
        # Back on the scale of the first ranking, so that scores above and below the cut compare.
        result: Scores = (fused + (linear + trees) / (2.0 * _SCALE)).astype(np.float32)
        return result


def example(topic: str, candidates: Candidates, relevant: Mapping[str, int]) -> Example:
    """What ``candidates`` teach where ``relevant`` gives the grade of each relevant article by its id."""
    n = len(candidates.articles)
    grades = np.array([relevant.get(article.id, 0) for article in candidates.articles], np.int64)
    return Example(topic, features(candidates), candidates.fused[:n], grades, relevant, tuple(candidates.components))


def train(examples: Sequence[Example], training: Training, *, progress: Progress = SILENT) -> tuple[LearnedRanker, str]:
    """A ranker trained on all ``examples``, its gain measured by cross-validation, and its model file's content.

    Raises :class:`InputError` where there is too little to learn from.
    """
    taught = [each for each in examples if each.teaches]
    if len(taught) < _FEWEST_TOPICS:
        raise InputError(
            f"only {len(taught)} of {len(examples)} topics have a relevant article among the first {DEPTH} found; "
            f"a ranker needs {_FEWEST_TOPICS}",
            remedy="give a split with more judged topics",
        )
    with progress.task("training", _FOLDS + 1, "models") as task:
        gain = _cross_validated(examples, training.seed, task.advance)
        model = _fitted(taught, training.seed)
        task.advance(1)
    text = msgspec.json.format(msgspec.json.encode(model), indent=1).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    manifest = RankerManifest(
        format=FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        training=training,
        topics=len(examples),
        taught=len(taught),
        gain=gain,
        depth=DEPTH,
        components=examples[0].components,
        features=feature_names(),
        features_version=FEATURES_VERSION,
        versions={name: metadata.version(name) for name in ("pubmed-rag", "lightgbm", "numpy")},
        model=f"model-{digest[:16]}.json",
        sha256=digest,
    )
    return LearnedRanker(manifest, model), text


def save(directory: Path, ranker: LearnedRanker, model: str) -> None:
    """Make ``ranker`` the one of the library whose ranker folder this is. The manifest is switched last."""
    directory.mkdir(parents=True, exist_ok=True)
    manifest = ranker.manifest
    write_text(directory / manifest.model, model)
    write_text(directory / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1).decode() + "\n")
    for path in directory.glob("model-*.json"):
        if path.name != manifest.model:
            path.unlink(missing_ok=True)


def read_manifest(directory: Path) -> RankerManifest:
    """What is known of the library's ranker. Raises what :meth:`LearnedRanker.load` raises."""
    try:
        manifest = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=RankerManifest)
    except FileNotFoundError as error:
        raise IndexMissingError("this library has no trained ranker yet", remedy=TRAIN) from error
    except (OSError, msgspec.DecodeError) as error:
        raise IndexCorruptError(f"{directory / MANIFEST} cannot be read ({error})", remedy=TRAIN) from error
    if manifest.format > FORMAT:
        raise IndexMismatchError("the ranker was trained by a newer pubmed-rag", remedy=TRAIN)
    return manifest


def ndcg10(grades: npt.NDArray[np.int64], relevant: Mapping[str, int]) -> float:
    """nDCG@10 of articles with these ``grades`` in ranked order; gains are the grades (trec_eval's form)."""
    discounts = 1.0 / np.log2(np.arange(2, 12))
    ideal = np.array(sorted((g for g in relevant.values() if g > 0), reverse=True)[:10], np.float64)
    if not len(ideal):
        return 0.0
    found = grades[:10]
    return float(found @ discounts[: len(found)] / (ideal @ discounts[: len(ideal)]))


def folds(examples: Sequence[Example], count: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold (n,) of each example. Topics that share a relevant article, even through others, stay together."""
    leader = list(range(len(examples)))

    def find(member: int) -> int:
        while leader[member] != member:
            leader[member] = leader[leader[member]]
            member = leader[member]
        return member

    first: dict[str, int] = {}
    for position, each in enumerate(examples):
        for article in each.relevant:
            leader[find(position)] = find(first.setdefault(article, position))
    groups = np.array([find(position) for position in range(len(examples))])
    distinct = np.random.default_rng(seed).permutation(np.unique(groups))
    fold_of = {int(group): place % count for place, group in enumerate(distinct)}
    return np.array([fold_of[int(group)] for group in groups], np.int64)


def _cross_validated(examples: Sequence[Example], seed: int, advance: Any) -> Gain:
    before = np.array([ndcg10(each.grades, each.relevant) for each in examples])
    after = before.copy()
    place = folds(examples, _FOLDS, seed)
    for fold in range(_FOLDS):
        taught = [each for each, at in zip(examples, place, strict=True) if at != fold and each.teaches]
        if taught:
            ranker = LearnedRanker(_unnamed(), _fitted(taught, seed))
            for position in map(int, np.flatnonzero(place == fold)):
                each = examples[position]
                if len(each.fused):
                    order = np.argsort(-ranker.score_rows(each.rows, each.fused), kind="stable")
                    after[position] = ndcg10(each.grades[order], each.relevant)
        advance(1)
    difference = after - before
    return Gain(
        topics=len(examples),
        before=round(float(before.mean()), 6),
        after=round(float(after.mean()), 6),
        p=_randomisation_p(difference, seed),
        wins=int((difference > 1e-9).sum()),
        losses=int((difference < -1e-9).sum()),
    )


def _fitted(examples: Sequence[Example], seed: int) -> _Model:
    rows = np.concatenate([each.rows for each in examples])
    means, spreads = rows.mean(0), np.maximum(rows.std(0), 1e-6)
    return _Model(
        means=tuple(map(float, means)),
        spreads=tuple(map(float, spreads)),
        weights=tuple(_linear(examples, means, spreads)),
        trees=tuple(_trees(examples, rows, seed)),
    )


def _linear(examples: Sequence[Example], means: Matrix, spreads: Matrix) -> list[float]:
    """Weights (f,) that maximise the mean log likelihood of the relevant under a softmax, less a penalty."""
    from scipy.optimize import minimize

    parts = [np.clip((e.rows - means) / spreads, -_CLIP, _CLIP).astype(np.float64) for e in examples]
    starts = [_SCALE * e.fused.astype(np.float64) for e in examples]
    targets = [e.grades / e.grades.sum() for e in examples]

    def loss(weights: Values) -> tuple[float, Values]:
        value, slope = 0.0, np.zeros_like(weights)
        for part, start, target in zip(parts, starts, targets, strict=True):
            logits = start + part @ weights
            logits -= logits.max()
            shares = np.exp(logits)
            total = shares.sum()
            value -= float(target @ (logits - np.log(total)))
            slope += part.T @ (shares / total - target)
        n = len(parts)
        return value / n + _PENALTY * float(weights @ weights), slope / n + 2 * _PENALTY * weights

    found = minimize(loss, np.zeros(len(means)), jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return [round(float(weight), 6) for weight in found.x]


def _trees(examples: Sequence[Example], rows: Matrix, seed: int) -> Iterator[str]:
    import lightgbm

    grades = np.concatenate([each.grades for each in examples])
    start = np.concatenate([_SCALE * each.fused for each in examples]).astype(np.float64)
    highest = max(1, int(grades.max()))
    for number in range(_SEEDS):
        settings = {**_TREES, "seed": seed + number, "label_gain": list(range(highest + 1))}
        data = lightgbm.Dataset(
            rows,
            grades,
            group=[len(each.grades) for each in examples],
            init_score=start,
            feature_name=list(feature_names()),
            params={"verbosity": -1, "num_threads": 1},
        )
        yield lightgbm.train(settings, data, num_boost_round=_ROUNDS).model_to_string()


def _randomisation_p(differences: Values, seed: int) -> float:
    """Two-sided p of the paired randomisation test: how often do coin-tossed signs reach as far?"""
    data = differences[np.abs(differences) > 1e-9]
    if not len(data):
        return 1.0
    signs = np.random.default_rng(seed).integers(0, 2, (_RESAMPLES, len(data)), dtype=np.int8) * 2 - 1
    hits = int((np.abs(signs @ data) >= abs(data.sum()) - 1e-9).sum())
    return round((hits + 1) / (_RESAMPLES + 1), 5)


def _unnamed() -> RankerManifest:
    nothing = Training("", "", "", "", "", "", "")
    gain = Gain(0, 0.0, 0.0, 1.0, 0, 0)
    return RankerManifest(FORMAT, "", nothing, 0, 0, gain, DEPTH, (), feature_names(), FEATURES_VERSION, {})
