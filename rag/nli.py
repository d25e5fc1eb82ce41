"""A judge that has learnt entailment: a cross-encoder over (evidence, claim), from a hub or a folder.

Any sequence-classification model with an "entailment" label serves, such as those trained on MNLI, SciFact or
MedNLI. Figures are compared beside it, since such models read over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pubmed_rag.core.errors import UnknownModelError
from pubmed_rag.core.native import prepare_native_libraries
from pubmed_rag.core.records import Check
from pubmed_rag.core.text import normalise
from pubmed_rag.rag.check import numbers_missing

LEAST_PROBABILITY = 0.5


class NliJudge:
    """A :class:`~pubmed_rag.rag.check.Judge`. Each cited sentence and all together may bear the claim out."""

    def __init__(self, model: str, *, least: float = LEAST_PROBABILITY) -> None:
        prepare_native_libraries()
        from sentence_transformers import CrossEncoder
        from torch.nn import Softmax

        try:
            self._model: Any = CrossEncoder(model)
        except (OSError, ValueError) as error:
            raise UnknownModelError(
                f"{model} cannot be loaded as a cross-encoder ({type(error).__name__})",
                remedy="set models.judge to a folder or a hub id, or leave it empty",
            ) from error
        labels = {str(name).casefold(): int(number) for number, name in self._model.config.id2label.items()}
        found = [number for name, number in labels.items() if name.startswith(("entail", "support"))]
        if len(found) != 1:
            raise UnknownModelError(
                f"{model} has no label for entailment (its labels: {', '.join(labels)})",
                remedy="take a model trained for natural language inference",
            )
        self._entailment = found[0]
        self._softmax = Softmax(dim=1)
        self._least = least

    def __call__(self, claim: str, evidence: Sequence[str], /) -> Check:
        texts = [normalise(text) for text in evidence]
        together = " ".join(texts)
        pairs = [(text, normalise(claim)) for text in dict.fromkeys([*texts, together])]
        chances = self._model.predict(pairs, activation_fn=self._softmax, show_progress_bar=False)
        best = float(chances[:, self._entailment].max())
        reasons = numbers_missing(normalise(claim), together)
        if best < self._least:
            reasons.append(f"the evidence does not entail it (probability {best:.2f})")
        return Check("unsupported" if reasons else "supported", round(best, 4), tuple(reasons))
