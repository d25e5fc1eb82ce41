"""The commands that fill a library and keep it fresh, against the local E-utilities server and small bulk folders."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ui import cli
from tests.eutils_records import generated
from tests.eutils_server import SOME_KEY, EutilsServer, generate_records
from tests.ingest.test_files import deletion
from tests.ingest.xml_builder import article, xml_set
from tests.support import child_environment

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def failed_with(self, code: int, *words: str) -> None:
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert self.code == code, (self.code, self.err)
        assert len(lines) == 1, self.err
        for word in words:
            assert word in lines[0], lines[0]


Run = Callable[..., Done]


@pytest.fixture
def server() -> Iterator[EutilsServer]:
    """300 records, every third on asthma; no rate limit."""
    with EutilsServer(generate_records(300), limited=False) as running:
        yield running


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def run(
    server: EutilsServer, library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """A command in this process, in a new library, with the server as PubMed."""
    for name, value in {
        "PUBMED_RAG_EUTILS_URL": server.url,
        "PUBMED_RAG_ENTREZ_TRIES": "2",
        "NCBI_EMAIL": "someone@example.org",
        "NCBI_API_KEY": SOME_KEY,
        "no_proxy": "127.0.0.1",
        "COLUMNS": "100",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = cli.run(["--library", str(library), *map(str, arguments)])
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run


def ids(library: Path) -> set[str]:
    with ArticleStore(LibraryPaths(library)) as store:
        return {stored.article.id for stored in store.articles()}


def ago(library: Path, query: str, maximum: int | None = None) -> None:
    """Let the library believe that ``query`` was asked long ago."""
    with ArticleStore(LibraryPaths(library)) as store:
        long_ago = datetime(2020, 12, 1, tzinfo=UTC)
        store.save_query(query, since=None, until=None, maximum=maximum, asked=long_ago)


def bulk_file(folder: Path, name: str, *elements: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(xml_set(*elements))
    return path


# -- queries -----------------------------------------------------------------------------------------


def test_entrez_prints_the_contract(run: Run, library: Path) -> None:
    done = run("ingest", "entrez", "asthma", "--json")
    assert done.code == 0, done.err
    assert done.json == {"read": 100, "added": 100, "updated": 0, "unchanged": 0, "deleted": 0, "rejected": []}
    assert "pubmed-rag index update" in done.err
    again = run("ingest", "entrez", "asthma")
    assert "100 records read: 0 added, 0 updated, 100 unchanged" in again.out
    assert "index update" not in again.err
    assert len(ids(library)) == 100


def test_a_dry_run_fetches_and_creates_nothing(run: Run, library: Path, server: EutilsServer) -> None:
    done = run("ingest", "entrez", "asthma[tiabb] AND trial", "--dry-run", "--json")
    assert done.code == 0, done.err
    shown = done.json
    assert {"query", "count", "translation", "warnings", "problems", "parts", "requests", "seconds"} <= set(shown)
    assert (shown["query"], shown["count"]) == ("asthma[tiabb] AND trial", 100)
    (problem,) = shown["problems"]
    assert shown["query"][problem["start"] : problem["end"]] == problem["text"]
    assert problem["text"] == "[tiabb]"
    assert problem["suggestion"] == "[tiab]"
    assert not library.exists()
    assert {call.script for call in server.calls} == {"esearch.fcgi"}


def test_a_dry_run_points_at_the_problem(run: Run) -> None:
    done = run("ingest", "entrez", "asthma[tiabb] AND trial", "--dry-run")
    lines = done.out.splitlines()
    at = next(number for number, line in enumerate(lines) if "^" in line)
    assert lines[at - 1][lines[at].index("^") : lines[at].rindex("^") + 1] in {"[tiabb]", "tiabb", "asthma[tiabb]"}
    assert "[tiab]" in lines[at + 1]
    assert "100 records" in done.out
    assert "Nothing was fetched" in done.out


def test_problems_of_a_query_are_noted_before_fetching(run: Run, library: Path) -> None:
    done = run("ingest", "entrez", "asthma[tiabb]", "--json")
    assert done.code == 0
    assert "^" in done.err
    assert "[tiab]" in done.err
    assert done.json["added"] == 100
    assert "^" not in run("ingest", "entrez", "malaria").err


def test_a_service_out_of_order_is_exit_code_4_and_what_came_is_kept(
    run: Run, library: Path, server: EutilsServer
) -> None:
    server.order("500", script="efetch.fcgi", after=1, times=50)
    done = run("ingest", "entrez", "all[sb]")
    done.failed_with(4, "repeat the command")
    assert SOME_KEY not in done.out + done.err
    server.faults.clear()
    held = len(ids(library))
    assert 0 < held < 300
    assert run("ingest", "entrez", "all[sb]", "--json").json["added"] == 300 - held
    assert len(ids(library)) == 300


def test_ctrl_c_is_130_says_what_is_kept_and_repeating_continues(library: Path, server: EutilsServer) -> None:
    """At NCBI's rate without a key, so that there is time to press it."""
    server.replace(*generate_records(3_000, first_pmid=31_000_001))
    server.limited = True
    environment = {**child_environment(), "PUBMED_RAG_EUTILS_URL": server.url, "no_proxy": "127.0.0.1"}
    environment.pop("NCBI_API_KEY", None)
    command = [sys.executable, "-m", "pubmed_rag.ui.cli", "--library", str(library), "ingest", "entrez", "all[sb]"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and not (LibraryPaths(library).exists and ids(library)):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "repeat the command to go on" in errors
    held = len(ids(library))
    assert 0 < held < 3_300
    environment["NCBI_API_KEY"] = SOME_KEY
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout)["added"] == 3_300 - held
    assert "continuing" in done.stderr


# -- saved queries -----------------------------------------------------------------------------------


def test_saved_queries_are_listed_and_forgotten(run: Run, library: Path, tmp_path: Path) -> None:
    run("ingest", "entrez", "asthma", "--max", "5", "--since", "2020-01-01")
    bulk_file(tmp_path / "nlm", "pubmed26n0001.xml", article("1"))
    run("ingest", "bulk", tmp_path / "nlm", "--jobs", "1")
    shown = run("ingest", "queries")
    assert "1. asthma" in shown.out
    assert "entered from 2020-01-01, at most 5" in shown.out
    assert f"2. {tmp_path / 'nlm'}" in shown.out
    listed = run("ingest", "queries", "--json").json
    assert [(q["query"], q["since"], q["until"], q["max"]) for q in listed["queries"]] == [
        ("asthma", "2020-01-01", None, 5)
    ]
    assert listed["sources"] == [str(tmp_path / "nlm")]
    assert "forgotten: asthma" in run("ingest", "queries", "--forget", "asthma").err
    assert run("ingest", "queries", "--forget", "1", "--json").json == {"queries": [], "sources": []}
    run("ingest", "queries", "--forget", "9").failed_with(2, "'9' is no saved query", "pubmed-rag ingest queries")
    assert "ingest entrez QUERY" in run("ingest", "queries").out
    assert len(ids(library)) == 6


# -- lists, RIS, tables ------------------------------------------------------------------------------


def test_files_that_name_articles_are_resolved(run: Run, library: Path, tmp_path: Path) -> None:
    (tmp_path / "pmids.txt").write_text("30000001\nPMID: 30000002\n99\n")
    (tmp_path / "refs.ris").write_text(
        "TY  - JOUR\nTI  - Trial\nDO  - 10.5555/ASTHMA.30000004\nER  - \n"
        "TY  - JOUR\nTI  - Unknown\nDO  - 10.5555/none\nER  - \n"
        "TY  - JOUR\nTI  - A book on ducks\nER  - \n"
    )
    (tmp_path / "export.csv").write_text("Title;PubMed ID;DOI\nx;30000005;\ny;;10.5555/malaria.30000006\n")
    done = run("ingest", "files", *(tmp_path / n for n in ("pmids.txt", "refs.ris", "export.csv")), "--json")
    assert done.code == 0, done.err
    assert ids(library) == {f"3000000{n}" for n in (1, 2, 4, 5, 6)}
    assert (done.json["read"], done.json["added"]) == (8, 5)
    assert {(Path(r["source"]).name, r["pmid"], r["reason"].partition(" (")[0]) for r in done.json["rejected"]} == {
        ("pmids.txt, line 3", "99", "PubMed has no record with PMID 99"),
        ("refs.ris, line 5", None, "PubMed has no record with DOI 10.5555/none"),
        ("refs.ris, line 9", None, "it has neither a PMID nor a DOI"),
    }
    assert "resolving 4 PMIDs and 3 DOIs through PubMed" in done.err
    again = run("ingest", "files", tmp_path / "pmids.txt")
    assert "2 unchanged" in again.out
    assert "rejected: " in again.out


def test_lists_where_pubmed_does_not_answer(run: Run, library: Path, tmp_path: Path, server: EutilsServer) -> None:
    (tmp_path / "pmids.txt").write_text("30000001\n")
    bulk_file(tmp_path, "a.xml", article("7"))
    server.order("500", times=50)
    done = run("ingest", "files", tmp_path / "pmids.txt", tmp_path / "a.xml", "--json")
    done.failed_with(4, "repeat the command")
    assert done.json["added"] == 1
    assert ids(library) == {"7"}


# -- bulk files --------------------------------------------------------------------------------------


def test_bulk_prints_the_contract_and_continues(run: Run, library: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nlm"
    bulk_file(folder, "baseline/pubmed26n0001.xml", article("1"), article("2"))
    done = run("ingest", "bulk", folder, "--jobs", "1", "--json")
    assert done.code == 0, done.err
    assert {
        "read": 2,
        "added": 2,
        "files": 1,
        "edition": 2026,
        "filtered": 0,
        "complete": True,
    }.items() <= done.json.items()
    bulk_file(folder, "updatefiles/pubmed26n0002.xml", article("3"), deletion("1"))
    done = run("ingest", "bulk", folder, "--jobs", "1")
    assert "1 files of edition 2026" in done.out
    assert "1 records read: 1 added, 0 updated, 0 unchanged, 1 deleted" in done.out
    assert ids(library) == {"2", "3"}
    assert "No new files" in run("ingest", "bulk", folder).out
    bulk_file(tmp_path / "part", "pubmed26n0007.xml", article("9"))
    assert "a part of PubMed" in run("ingest", "bulk", tmp_path / "part", "--jobs", "1").out


def test_a_subset_keeps_what_matches_and_changes_only_on_purpose(run: Run, library: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nlm"
    old = article("1", pub_date="<Year>1999</Year>")
    bulk_file(folder, "pubmed26n0001.xml", old, article("2", pub_date="<Year>2020</Year>"))
    done = run("ingest", "bulk", folder, "--subset", "years=2000-", "--jobs", "1", "--json")
    assert done.json["filtered"] == 1
    assert ids(library) == {"2"}
    run("ingest", "bulk", folder, "--subset", "years=1990-").failed_with(2, "--again")
    run("ingest", "bulk", folder, "--subset", "yeers=1990-").failed_with(2, "yeers")
    assert run("ingest", "bulk", folder, "--subset", "years=1990-", "--again", "--jobs", "1").code == 0
    assert ids(library) == {"1", "2"}


def test_a_damaged_bulk_file_is_exit_code_3(run: Run, library: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nlm"
    bulk_file(folder, "pubmed26n0001.xml", article("1"))
    bulk_file(folder, "pubmed26n0002.xml").write_bytes(xml_set(article("2"))[:-30])
    run("ingest", "bulk", folder, "--jobs", "1").failed_with(3, "pubmed26n0002.xml")
    assert "1" in ids(library)
    run("ingest", "bulk", tmp_path / "nowhere", "--subset", "abstract").failed_with(3, "nowhere")
    assert run("ingest", "queries", "--json").json["sources"] == [str(folder)]


# -- update and changes ------------------------------------------------------------------------------


def test_update_announces_retractions_and_changes_lists_them(run: Run, server: EutilsServer, library: Path) -> None:
    run("ingest", "entrez", "asthma")
    ago(library, "asthma")
    today = date.today()
    server.replace(
        generated(30_000_001, date(2020, 1, 1), "asthma", title="Withdrawn hopes.", modified=today, retracted=True),
        generated(30_000_004, date(2020, 1, 4), "asthma", title="A better title.", modified=today),
        generated(50_000_001, today, "asthma", title="The latest."),
    )  # fmt: skip
    done = run("update", "--json")
    assert done.code == 0, done.err
    assert {
        "read": 3,
        "added": 1,
        "updated": 2,
        "unchanged": 0,
        "deleted": 0,
        "rejected": [],
    }.items() <= done.json.items()
    assert done.json["newly_retracted"] == [{"id": "30000001", "pmid": "30000001", "title": "Withdrawn hopes."}]
    assert (done.json["update"], done.json["new"], done.json["revised"]) == (1, 1, 2)
    assert [(q["query"], q["read"], q["error"]) for q in done.json["queries"]] == [("asthma", 3, None)]
    assert "pubmed-rag index update" in done.err

    assert run("changes", "retracted").out == "30000001  Withdrawn hopes.\n"
    assert run("changes", "new").out == "50000001  The latest.\n"
    everything = run("changes").out
    assert "revised: 2" in everything
    assert "A better title." in everything
    listed = run("changes", "--json").json
    assert listed["update"] == 1
    assert {a["pmid"] for a in listed["revised"]} == {"30000001", "30000004"}
    assert listed["deleted"] == []


def test_update_on_the_terminal(run: Run, server: EutilsServer, library: Path) -> None:
    run("ingest", "entrez", "asthma")
    ago(library, "asthma")
    retracted = [r for r in server.records if "asthma" in r.text][:25]
    server.replace(
        *(generated(int(r.pmid), r.entered, "asthma", modified=date.today(), retracted=True) for r in retracted)
    )
    done = run("update")
    lines = done.out.splitlines()
    assert lines[0] == "25 articles of this library have been RETRACTED since the last update:"
    assert sum("Trial 300" in line for line in lines) == 20
    assert "and 5 more: pubmed-rag changes retracted" in done.out
    assert "0 new, 25 revised, 0 deleted, 25 newly retracted" in done.out
    assert len(run("changes", "retracted", "--update", "1").out.splitlines()) == 25
    nothing = run("update")
    assert nothing.code == 0
    assert nothing.out.startswith("Nothing new.")
    assert run("changes", "new", "--update", "2").out == ""


def test_update_where_there_is_nothing_to_ask(run: Run, tmp_path: Path) -> None:
    run("update").failed_with(5, "no library")
    run("ingest", "files", bulk_file(tmp_path, "a.xml", article("1")))
    done = run("update")
    assert done.code == 0
    assert "pubmed-rag ingest entrez QUERY" in done.err
    assert run("update", "--json").json["update"] is None
    run("changes").failed_with(2, "not been updated yet", "pubmed-rag update")


def test_a_failing_source_decides_the_exit_code_after_the_report(
    run: Run, server: EutilsServer, library: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "nlm"
    bulk_file(folder, "pubmed26n0001.xml", article("1"))
    run("ingest", "bulk", folder, "--jobs", "1")
    run("ingest", "entrez", "asthma", "--max", "3")
    bulk_file(folder, "pubmed26n0002.xml", article("2"))
    server.order("500", times=2)
    done = run("update")
    done.failed_with(4, "asthma: ", "repeat the command")
    assert "1 new, 0 revised" in done.out
    assert "asthma: failed" in done.out
    assert "2" in ids(library)
    bulk_file(folder, "pubmed26n0003.xml").write_bytes(b"<PubmedArticleSet><Pub")
    broken = run("update", "--json")
    broken.failed_with(3, "pubmed26n0003.xml")
    assert broken.json["update"] == 2
    assert "pubmed26n0003.xml" in broken.json["sources"][0]["error"]


def test_changes_says_what_it_does_not_know(run: Run) -> None:
    run("ingest", "entrez", "asthma", "--max", "1")
    run("update")
    run("update")
    run("changes", "newest").failed_with(2, "newest", "new, revised, deleted, retracted")
    run("changes", "new", "--update", "7").failed_with(2, "no update 7", "1 to 2")


def test_the_index_follows_where_wanted(
    run: Run, library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a model on this machine the update itself must still be reported."""
    monkeypatch.setenv("PUBMED_RAG_MODELS_DIRECTORY", str(tmp_path / "models"))
    run("ingest", "entrez", "asthma", "--max", "3")
    done = run("update", "--index", "--json")
    done.failed_with(5, "minilm", "pubmed-rag models pull")
    assert done.json["update"] == 1
    assert done.json["index"] is None
