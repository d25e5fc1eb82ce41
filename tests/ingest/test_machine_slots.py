"""A rate that processes keep together, through kills and restarts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pubmed_rag.ingest.machine_slots import MachineSlots, clear_stale
from tests.eutils_server import EutilsServer, generate_records

REST = 1.02


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def slots_at(folder: Path, clock: Clock, rate: int = 1) -> MachineSlots:
    return MachineSlots(folder, rate, REST, clock=clock, sleep=clock.sleep)


def rested(clock: Clock) -> bool:
    """Whether the slot was waited for, and not much longer: it is looked at every 20 ms."""
    return 100.0 + REST <= clock.now <= 100.0 + REST + 0.03


def test_what_one_process_used_another_waits_for(tmp_path: Path) -> None:
    clock = Clock()
    one, other = slots_at(tmp_path, clock, rate=2), slots_at(tmp_path, clock, rate=2)
    with one.slot(), other.slot():
        pass
    assert clock.now == 100.0
    with one.slot():
        assert rested(clock)


@pytest.mark.parametrize("stamp", ["busy", "", "9e9"])
def test_a_slot_of_a_killed_process_or_of_before_a_restart_rests_once(tmp_path: Path, stamp: str) -> None:
    clock = Clock()
    (tmp_path / "slot-0.stamp").write_text(stamp)
    with slots_at(tmp_path, clock).slot():
        assert rested(clock)


def test_a_folder_that_cannot_be_used_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with slots_at(file / "folder", Clock()).slot():
        pass


def test_an_exception_frees_the_slot(tmp_path: Path) -> None:
    clock = Clock()
    with pytest.raises(OSError, match="x"), slots_at(tmp_path, clock).slot():
        raise OSError("x")
    with slots_at(tmp_path, clock).slot():
        assert rested(clock)


def test_places_nobody_uses_are_cleared_away(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with slots_at(tmp_path / name, Clock()).slot():
            pass
    now = (tmp_path / "new" / "slot-0.stamp").stat().st_mtime
    for file in (tmp_path / "old").iterdir():
        os.utime(file, (now - 90_000, now - 90_000))
    clear_stale(tmp_path, now=lambda: now)
    assert [place.name for place in tmp_path.iterdir()] == ["new"]
    clear_stale(tmp_path / "absent")


_ASK = """
import sys
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ingest.entrez import EntrezClient
client = EntrezClient(EntrezSettings(url=sys.argv[1], email="someone@example.org"))
for _ in range(4):
    client.search("asthma")
"""


@pytest.mark.timeout(60)
def test_three_processes_together_stay_below_the_limit_of_one_address(
    start_server: Callable[..., EutilsServer], tmp_path: Path
) -> None:
    server = start_server(generate_records(3))
    environment = {**os.environ, "no_proxy": "127.0.0.1", "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    asking = [subprocess.Popen([sys.executable, "-c", _ASK, server.url], env=environment) for _ in range(3)]
    assert [process.wait() for process in asking] == [0, 0, 0]
    times = sorted(call.time for call in server.calls)
    assert len(times) == 12
    assert server.broken_limits == []
    assert all(later - first >= 1.0 for first, later in zip(times, times[3:], strict=False))
