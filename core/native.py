"""How the native libraries under torch and llama.cpp behave towards the rest of the machine."""

from __future__ import annotations

import os

_MANNERS = {
    # OpenMP threads spin while they wait, which gains a little on an idle machine and costs a factor of two
    # to thirty as soon as anything else wants a core.
    "OMP_WAIT_POLICY": "PASSIVE",
    # oneDNN keeps 1,024 compiled kernels, one for every length of text it met. Embedding 1,000 abstracts took
    # 1.2 GB and went on growing; with so few kernels it stays near 1 GB, at the same speed.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
}


def prepare_native_libraries() -> None:
    """Set what these libraries read when they are first loaded; what the user has set stands.

    Call before torch or llama.cpp is imported. Afterwards it has no effect, and does no harm.
    """
    for name, value in _MANNERS.items():
        os.environ.setdefault(name, value)


def prepare_transformers() -> None:
    """The same, and no progress bars of transformers: they would write over ours. Imports it."""
    prepare_native_libraries()
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
