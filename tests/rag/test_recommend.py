"""Which model suits which machine."""

from __future__ import annotations

import pytest

from pubmed_rag.core.models import registry
from pubmed_rag.rag.recommend import Machine, recommended, suitabilities, this_machine


def best(memory: int, cores: int) -> str | None:
    spec = recommended(suitabilities(Machine(memory, cores), registry().values()))
    return spec.name if spec else None


@pytest.mark.parametrize(
    ("memory", "cores", "expected"),
    [
        (1_000, 2, None),
        (2_000, 2, "smollm2-135m"),
        (4_000, 2, "llama-3.2-1b"),
        (8_000, 4, "llama-3.2-3b"),
        (8_000, 1, "smollm2-135m"),
        (16_000, 8, "llama-3.1-8b"),
        (64_000, 2, "llama-3.2-1b"),
        (64_000, 8, "llama-3.1-8b"),
    ],
)
def test_machines(memory: int, cores: int, expected: str | None) -> None:
    assert best(memory, cores) == expected


def test_more_memory_or_cores_never_mean_a_smaller_model() -> None:
    sizes = {spec.name: spec.memory_megabytes for spec in registry().values()}
    grid = [
        [sizes.get(best(memory, cores) or "", 0) for cores in range(1, 9)] for memory in range(1_000, 40_000, 1_000)
    ]
    assert all(row == sorted(row) for row in grid)
    assert all(list(column) == sorted(column) for column in zip(*grid, strict=True))


def test_this_machine_is_one() -> None:
    machine = this_machine()
    assert machine.memory_megabytes > 500
    assert 1 <= machine.cores <= 8
    assert {item.spec.kind for item in suitabilities(machine, registry().values())} == {"llm"}
