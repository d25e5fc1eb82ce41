"""Which kind of index a library gets, and when it gets another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.index.vector_factory import FLAT_LIMIT, VectorPlan, lists_for, outgrown, plan_vectors

GIGABYTE = 1 << 30


@pytest.mark.parametrize(
    ("count", "dimension", "factory", "rows"),
    [
        (1, 384, "Flat", "float16"),
        (FLAT_LIMIT, 384, "Flat", "float16"),
        (1_000_000, 384, "IVF2048,PQ96x4fs", "int8"),
        (1_000_000, 64, "IVF2048,PQ16x4fs", "float16"),
        (10_000_000, 384, "IVF8192_HNSW32,PQ96x4fs", "int12"),
        (40_000_000, 768, "IVF16384_HNSW32,PQ192x4fs", "int12"),
    ],
)
def test_the_factory_follows_the_count(count: int, dimension: int, factory: str, rows: str) -> None:
    plan = plan_vectors(count, dimension, memory=64 * GIGABYTE)
    assert (plan.factory, plan.rows, plan.chosen, plan.count) == (factory, rows, True, count)


@pytest.mark.parametrize(
    ("count", "dimension", "recall", "rows"),
    [
        (4_000_000, 384, 0.95, "int8"),
        (4_000_001, 384, 0.95, "int12"),
        (1_000_000, 384, 0.99, "int12"),
        (1_000_000, 384, 1.0, "int12"),
        (300_000, 384, 1.0, "float16"),
        (40_000_000, 128, 0.95, "float16"),
    ],
)
def test_rows_are_as_fine_as_count_and_recall_ask(count: int, dimension: int, recall: float, rows: str) -> None:
    assert plan_vectors(count, dimension, recall=recall).rows == rows
    assert plan_vectors(count, dimension, "HNSW32,Flat", recall=recall).rows == rows


@pytest.mark.parametrize("dimension", [1, 2, 7, 97, 100, 250, 384, 1023])
def test_any_dimension_can_be_cut_into_equal_parts(dimension: int) -> None:
    plan = plan_vectors(1_000_000, dimension)
    parts = int(plan.factory.split(",PQ")[1].removesuffix("x4fs"))
    assert dimension % parts == 0


def test_little_memory_means_shorter_codes_and_more_candidates() -> None:
    rich = plan_vectors(40_000_000, 384, memory=4 * GIGABYTE)
    poor = plan_vectors(40_000_000, 384, memory=2 * GIGABYTE)
    assert rich.factory.endswith("PQ96x4fs")
    assert poor.factory.endswith("PQ48x4fs")
    assert poor.refine > rich.refine


def test_a_wish_for_everything_compares_everything() -> None:
    assert plan_vectors(10_000_000, 384, recall=1).factory == "Flat"
    assert plan_vectors(1_000_000, 384, recall=0.99).refine > plan_vectors(1_000_000, 384, recall=0.9).refine
    for impossible in (0, -1, 1.5):
        with pytest.raises(UsageError, match="recall"):
            plan_vectors(10, 384, recall=impossible)


def test_what_the_user_names_is_taken_and_kept() -> None:
    plan = plan_vectors(1_000_000, 384, "HNSW32,SQ8")
    assert (plan.factory, plan.chosen, plan.lists) == ("HNSW32,SQ8", False, 0)
    assert not outgrown(plan, 10**9)


def test_codes_packed_for_fast_scans_are_known_by_their_factory() -> None:
    for factory in ("IVF2048,PQ96x4fs", "IVF64,PQ96x4fsr", "IVF64,PQ96x4fs,RFlat", "IVF256,RaBitQfs", "PQ16x4fs"):
        assert VectorPlan(factory, "int8", False, 1).has_packed_codes
    for factory in ("Flat", "HNSW32,SQ8", "IVF64,PQ16", "IVF64,Flat"):
        assert not VectorPlan(factory, "int8", False, 1).has_packed_codes


def test_what_was_chosen_is_kept_within_a_margin() -> None:
    flat = plan_vectors(250_000, 384)
    assert not outgrown(flat, 450_000)
    assert outgrown(flat, 450_001)
    assert not outgrown(plan_vectors(250_000, 384, recall=1), 10**9)
    half = plan_vectors(500_000, 384)
    assert not outgrown(half, 4_000_000)
    assert outgrown(half, 4_000_001), "its lists are too long"
    million = plan_vectors(1_000_000, 384)
    assert not outgrown(million, 6_000_000)
    assert outgrown(million, 6_000_001), "neighbours are too close for its rows"
    ten = plan_vectors(10_000_000, 384)
    assert not outgrown(ten, 80_000_000)
    assert outgrown(ten, 80_000_001)
    assert not outgrown(replace(ten, rows="float16"), 80_000_000), "as they were built before there was int12"


def test_training_needs_a_sample_only() -> None:
    assert plan_vectors(1_000_000, 384).training_size() == 49_152
    assert plan_vectors(40_000_000, 384).training_size() <= 600_000
    assert [lists_for(count) for count in (300_000, 1_000_000, 4_000_000)] == [2048, 2048, 4096]
