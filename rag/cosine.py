"""Cosines from whatever vectors a model gives: some encoders keep their vectors' lengths (MedCPT)."""

from __future__ import annotations

import numpy as np

from pubmed_rag.index.vectors import Vectors


def unit(vectors: Vectors) -> Vectors:
    """``vectors`` with length 1 in the last axis, so that inner products are cosines; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), np.float32)
