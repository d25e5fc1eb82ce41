"""Jobs beside the page."""

from __future__ import annotations

import threading

import pytest

from pubmed_rag.core.errors import LibraryBusyError
from pubmed_rag.ui.jobs import JobRunner

WAIT = 10.0


def test_a_job_tells_where_it_stands_and_what_came_of_it() -> None:
    runner = JobRunner()
    go, at_half = threading.Event(), threading.Event()

    def work() -> str:
        with runner.task("embedding", 4, "articles") as task:
            task.advance(2)
            runner.note("half")
            at_half.set()
            go.wait(WAIT)
            task.advance(2)
        return "result"

    number = runner.start("Build", work, detail="4 articles")
    assert at_half.wait(WAIT)
    now = runner.running()
    assert now is not None
    assert (now.number, now.name, now.detail, now.state) == (number, "Build", "4 articles", "running")
    assert (now.stage, now.done, now.total, now.unit, now.notes) == ("embedding", 2, 4, "articles", ("half",))
    with pytest.raises(LibraryBusyError):
        runner.start("Another", lambda: None)
    go.set()
    over = runner.wait(WAIT)
    assert over is not None
    assert (over.state, over.result, over.done) == ("done", "result", 4)
    assert runner.running() is None
    runner.start("Another", lambda: None)
    assert (runner.wait(WAIT) or over).name == "Another"
    assert [job.name for job in runner.jobs()] == ["Another", "Build"]


def test_a_job_that_is_stopped_ends_at_its_next_report_and_cleans_up() -> None:
    runner = JobRunner()
    begun, cleaned = threading.Event(), []

    def work() -> None:
        try:
            with runner.task("reading", None, "records") as task:
                while True:
                    task.advance()
                    begun.set()
        except Exception:  # ordinary handlers must not swallow it
            cleaned.append("swallowed")
        finally:
            cleaned.append("closed")

    number = runner.start("Read", work)
    assert begun.wait(WAIT)
    runner.stop(number)
    over = runner.wait(WAIT)
    assert over is not None
    assert over.state == "stopped"
    assert over.error is None
    assert cleaned == ["closed"]
    runner.stop(number)  # over already
    runner.start("Next", lambda: runner.note("not stopped"))
    assert (runner.wait(WAIT) or over).state == "done"


def test_a_failure_is_kept_with_its_job() -> None:
    runner = JobRunner()

    def work() -> None:
        raise ValueError("broken")

    runner.start("Fail", work)
    over = runner.wait(WAIT)
    assert over is not None
    assert over.state == "failed"
    assert isinstance(over.error, ValueError)


def test_reports_outside_a_job_are_let_pass() -> None:
    runner = JobRunner()
    with runner.task("alone", 1, "units") as task:
        task.advance()
    runner.note("nobody listens")
    assert runner.jobs() == ()
    assert runner.wait(0) is None
