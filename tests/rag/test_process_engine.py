"""The model's process: killed, stopped, asked by many at once, and left behind by its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pubmed_rag.core.errors import ModelCrashedError, UnknownModelError
from pubmed_rag.rag.engine import Message, Queued, Sampling
from pubmed_rag.rag.process_engine import ProcessEngine
from tests.support import child_environment

WORKER = (sys.executable, str(Path(__file__).with_name("scripted_worker.py")))


def engine_named(name: str = "scripted") -> ProcessEngine:
    return ProcessEngine(name, Path("no-such-file.gguf"), command=WORKER)


@pytest.fixture
def engine() -> Iterator[ProcessEngine]:
    made = engine_named()
    yield made
    made.close()


def events(engine: ProcessEngine, wish: str) -> Iterator[str | Queued]:
    return engine.generate([Message("user", wish)], grammar="g", sampling=Sampling(0.5, 0.9, 7, 33))


def write(engine: ProcessEngine, wish: str) -> str:
    return "".join(piece for piece in events(engine, wish) if isinstance(piece, str))


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process_id}/stat")
    return not state.exists() or ") Z" not in state.read_text()


def gone_within(process_id: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not alive(process_id):
            return True
        time.sleep(0.02)
    return False


def test_nothing_starts_before_it_is_needed(engine: ProcessEngine) -> None:
    assert engine.process_id is None
    assert engine.context_tokens == 777
    assert engine.process_id is not None


def test_text_settings_and_counts_pass_through_whatever_the_library_prints(engine: ProcessEngine) -> None:
    assert write(engine, "say Ärzte “zitieren” 心") == "Ärzte “zitieren” 心 "
    assert write(engine, "settings") == "g 0.5 0.9 7 33"
    assert engine.count_tokens("one two three") == 3


def test_a_killed_process_is_an_error_in_words_and_the_next_question_works(engine: ProcessEngine) -> None:
    stream = events(engine, "slowly " + "word " * 500)
    assert next(stream) == "word "
    first = engine.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ModelCrashedError, match="SIGKILL") as caught:
        list(stream)
    assert caught.value.exit_code == 5
    assert "ask again" in str(caught.value)
    assert write(engine, "say again") == "again "
    assert engine.process_id != first


def test_a_process_that_dies_of_itself_gives_its_last_words(engine: ProcessEngine) -> None:
    with pytest.raises(ModelCrashedError, match="GGML_ASSERT failed"):
        write(engine, "die now")
    with pytest.raises(ModelCrashedError, match="a bug in the worker"):
        write(engine, "break now")
    assert write(engine, "say on") == "on "


def test_a_model_that_cannot_be_loaded() -> None:
    with pytest.raises(UnknownModelError, match="this is no model") as caught:
        engine_named("unusable").count_tokens("x")
    assert caught.value.remedy == "take another"
    with pytest.raises(ModelCrashedError, match="SIGSEGV"):
        write(engine_named("deadly"), "say x")


def test_eight_askers_are_answered_in_turn_and_none_is_mixed(engine: ProcessEngine) -> None:
    positions: dict[int, list[int]] = {}

    def ask(number: int) -> str:
        text = ""
        for piece in events(engine, f"slowly {f'n{number} ' * 8}"):
            if isinstance(piece, Queued):
                positions.setdefault(number, []).append(piece.position)
            else:
                text += piece
        return text

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == [f"n{number} " * 8 for number in range(8)]
    assert len(positions) == 7, "all but the first wait"
    assert all(seen == sorted(seen, reverse=True) and len(set(seen)) == len(seen) for seen in positions.values())
    assert max(seen[0] for seen in positions.values()) == 7


def test_tokens_are_counted_while_another_generates(engine: ProcessEngine) -> None:
    stream = events(engine, "slowly " + "word " * 100)
    next(stream)
    begun = time.monotonic()
    assert engine.count_tokens("a b") == 2
    assert time.monotonic() - begun < 1.5
    stream.close()  # type: ignore[attr-defined]


def test_giving_up_lets_the_next_one_in(engine: ProcessEngine) -> None:
    stream = events(engine, "slowly " + "word " * 5000)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    begun = time.monotonic()
    assert write(engine, "say next") == "next "
    assert time.monotonic() - begun < 10, "100 s of words would have followed"


def test_a_wish_to_stop_is_heard_while_waiting_and_while_reading(engine: ProcessEngine) -> None:
    stop = threading.Event()
    first = events(engine, "slowly " + "word " * 5000)
    next(first)
    waiting = engine.generate([Message("user", "say never")], grammar="", sampling=Sampling(), stopped=stop.is_set)
    assert next(waiting) == Queued(1)
    stop.set()
    assert list(waiting) == []
    first.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("ending", ["return", "os.kill(os.getpid(), 9)"])
def test_the_process_ends_with_its_parent(ending: str) -> None:
    """Also when the parent is killed in the middle of an answer and can tell nobody."""
    program = textwrap.dedent(
        f"""
        import os, sys
        from pathlib import Path
        from pubmed_rag.rag.engine import Message, Sampling
        from pubmed_rag.rag.process_engine import ProcessEngine
        def main():
            engine = ProcessEngine("x", Path("x"), command={WORKER!r})
            wish = [Message("user", "slowly " + "word " * 5000)]
            for piece in engine.generate(wish, grammar="", sampling=Sampling()):
                print(engine.process_id, flush=True)
                {ending}
        main()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=child_environment(),
    )
    worker = int(done.stdout)
    assert gone_within(worker, 5), done.stderr


def test_ctrl_c_reaches_the_program_and_not_the_worker(engine: ProcessEngine) -> None:
    assert engine.context_tokens
    worker = engine.process_id
    assert worker is not None
    os.kill(worker, signal.SIGINT)
    assert write(engine, "say still here") == "still here "
    assert engine.process_id == worker
    assert os.getsid(worker) != os.getsid(0)


def test_closing_ends_the_process_and_asking_again_starts_one(engine: ProcessEngine) -> None:
    write(engine, "say x")
    first = engine.process_id
    assert first is not None
    engine.close()
    assert gone_within(first, 5)
    assert write(engine, "say y") == "y "
