"""How native threads wait for each other."""

from __future__ import annotations

import os


def wait_without_spinning() -> None:
    """Let OpenMP threads sleep while they wait. Call before torch or llama.cpp is first loaded.

    They spin by default, which gains a little on an idle machine and costs a factor of two to thirty as
    soon as anything else wants a core. A user's own ``OMP_WAIT_POLICY`` stands.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
