"""Killed at any moment of a build, an update or the switch: what was served is served, and the next run completes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pubmed_rag.core.records import Hit
from pubmed_rag.index.generation import current_generation, current_name
from pubmed_rag.index.search import Searcher
from tests.support import FakeEmbedder, TinyLibrary, article, child_environment, open_tiny, random_articles

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")]

_MAKER = '''
"""Makes indexes on demand, each in a fork of its own, which may be told to die before its n-th step on the disk,
before its n-th rename (-2 n) or at the step after it (-2 n - 1)."""
import os, signal, sys
from pathlib import Path
import faiss, tantivy, sentencex
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.build import BuildOptions, build_index, update_index
from tests.support import FakeEmbedder

STEPS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "sqlite3.connect"}

def work(action, root, factory, deadly, report):
    paths = LibraryPaths(Path(root))
    steps = renames = 0
    def step(event, arguments):
        nonlocal steps, renames
        if event in STEPS:
            steps += 1
            renames += event == "os.rename"
            if deadly in (steps, -2 * renames if event == "os.rename" else -2 * renames - 1):
                os.kill(os.getpid(), signal.SIGKILL)
    store = ArticleStore(paths)
    sys.addaudithook(step)
    make = {"build": build_index, "update": update_index}[action]
    make(paths, store, FakeEmbedder(), options=BuildOptions(factory=factory))
    Path(report).write_text(f"{steps} {renames}")

print("ready", flush=True)
for line in sys.stdin:
    action, root, factory, deadly, report = line.split("\\t")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(action, root, factory, int(deadly), report.strip())
            code = 0
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
'''


class Maker:
    """Builds and updates in another process."""

    def __init__(self, process: subprocess.Popen[str], report: Path) -> None:
        self._process = process
        self._report = report

    def start(self, action: str, library: TinyLibrary, factory: str, deadly: int = 0) -> int:
        """Begin; ``deadly`` says where to die, 0 for nowhere. Returns the process id."""
        assert self._process.stdin is not None
        line = "\t".join([action, str(library.paths.root), factory, str(deadly), str(self._report)])
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def end(self) -> int:
        """Wait. Returns the exit code; negative: the signal that killed it."""
        return int(self._read())

    def steps(self) -> tuple[int, int]:
        """Steps on the disk and renames of the last run that ended well."""
        steps, renames = self._report.read_text(encoding="ascii").split()
        return int(steps), int(renames)

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def maker(report: Path) -> Iterator[Maker]:
    command = [sys.executable, "-c", _MAKER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=child_environment()
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Maker(process, report)
        finally:
            process.kill()


QUERIES = ("aspirin mortality", "carvedilol in children with asthma")
Found = list[tuple[Hit, ...]]


def found(library: TinyLibrary) -> Found:
    """What a process that starts now would find."""
    searcher = Searcher(library.paths, library.store, lambda: FakeEmbedder())
    return [searcher.search(query, mode=mode, top=12).hits for mode in ("bm25", "dense", "hybrid") for query in QUERIES]


def change(library: TinyLibrary, number: int) -> None:
    """Add, revise and delete a few articles that the queries find."""
    library.store.upsert(
        [*random_articles(4, seed=number, first=1000 + 10 * number), article("5", f"Aspirin {number}.")]
    )
    library.store.delete([str(1000 + 10 * (number - 1))])


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("factory", "moments"), [("auto", 17), ("IVF4,PQ16x4fs", 8)])
def test_killed_at_any_moment(tmp_path: Path, factory: str, moments: int) -> None:
    """Moments are chosen three ways: any time, any step on the disk, and just before and after the switch."""
    chance = random.Random(11)
    library = open_tiny(tmp_path / "library", random_articles(150), build=False)
    killed = switched = 0
    with maker(tmp_path / "report") as other:
        plans: dict[str, tuple[float, tuple[int, int]]] = {}
        for action in ("build", "update"):
            change(library, 500 + len(plans))
            started = time.monotonic()
            other.start(action, library, factory)
            assert other.end() == 0
            plans[action] = time.monotonic() - started, other.steps()
        for number in range(1, moments + 1):
            action = ("build", "update")[number % 2]
            seconds, (steps, renames) = plans[action]
            change(library, number)
            served, before = current_name(library.paths), found(library)
            # The last rename is that of CURRENT: the switch.
            switch = -(2 * renames + 1 - (number // 3 - 1) % 3)
            deadly = (switch, 0, chance.randint(1, steps))[number % 3]
            process = other.start(action, library, factory, deadly)
            if not deadly:
                time.sleep(chance.uniform(0, seconds))
                with contextlib.suppress(ProcessLookupError):  # it was faster
                    os.kill(process, signal.SIGKILL)
            killed += other.end() == -signal.SIGKILL

            generation = current_generation(library.paths)
            assert generation.problems() == []
            if generation.manifest.generation == served:
                assert found(library) == before, "the old generation answers"
            else:
                switched += 1
                assert generation.manifest.sequence == library.store.last_sequence(), "or the new one, whole"
            other.start("update", library, factory)
            assert other.end() == 0
            assert current_generation(library.paths).problems() == []
            assert current_generation(library.paths).manifest.sequence == library.store.last_sequence()
    assert killed >= moments * 0.6
    assert switched >= 1, "killed after the switch"
    names = [path.name for path in library.paths.index.iterdir() if path.is_dir()]
    assert len(names) <= 2

    after = found(library)
    undisturbed = open_tiny(tmp_path / "undisturbed", [stored.article for stored in library.store.articles()])
    assert {hit.id for hits in after for hit in hits} == {hit.id for hits in found(undisturbed) for hit in hits}
    for made in (library, undisturbed):
        made.store.close()
