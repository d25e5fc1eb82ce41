"""Which registered language model suits this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pubmed_rag.core.models import ModelSpec
from pubmed_rag.rag.engine import usable_cpus

KEPT_FREE_MEGABYTES = 2_000
"""For the system, the index and the embedding model."""

_SLOW_GIGABYTES_PER_CORE = 0.7
"""A model with more weights for each core than this writes about as slowly as one reads aloud, or slower."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory in megabytes (0 where the system does not say) and the cores this process may use."""

    memory_megabytes: int
    cores: int


@dataclass(frozen=True, slots=True)
class Suitability:
    """Whether a model fits into memory beside everything else, and whether it will be slow."""

    spec: ModelSpec
    fits: bool
    slow: bool


def this_machine() -> Machine:
    """What this process may use: the memory of the machine, or of the container where it has less."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        memory = 0
    limits = [memory] if memory > 0 else []
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return Machine(min(limits, default=0) // 1_000_000, usable_cpus())


def suitabilities(machine: Machine, models: Iterable[ModelSpec]) -> tuple[Suitability, ...]:
    """Every language model of ``models``, in their order."""
    room = machine.memory_megabytes - KEPT_FREE_MEGABYTES
    return tuple(
        Suitability(
            spec,
            fits=spec.memory_megabytes <= max(room, machine.memory_megabytes // 4),
            slow=spec.megabytes / 1000 > _SLOW_GIGABYTES_PER_CORE * machine.cores,
        )
        for spec in models
        if spec.kind == "llm"
    )


def recommended(found: Iterable[Suitability]) -> ModelSpec | None:
    """The largest that fits and is not slow; else the smallest that fits; ``None`` if none does."""
    fitting = sorted((item for item in found if item.fits), key=lambda item: item.spec.memory_megabytes)
    quick = [item for item in fitting if not item.slow]
    best = quick[-1:] or fitting[:1]
    return best[0].spec if best else None
