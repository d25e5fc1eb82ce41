"""How fast the command line answers ``--help``, beside pip's ``--help`` in the same environment.

    python benchmarks/startup.py

The issue of a slow start is an import that crept in; tests/test_architecture.py fails on one, this says
what the rest costs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

RUNS = 7


def fastest(command: Sequence[str]) -> float:
    """Seconds of the fastest of several runs, whole process."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    ours = fastest([sys.executable, "-m", "pubmed_rag.ui.cli", "--help"])
    peer = fastest([sys.executable, "-m", "pip", "--help"])
    print(f"pubmed-rag --help {ours * 1000:.0f} ms, pip --help {peer * 1000:.0f} ms, ratio {ours / peer:.2f}")


if __name__ == "__main__":
    main()
