"""A process killed at any moment leaves a store that the repeated command completes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore, article_digest
from pubmed_rag.ingest.files import ingest_files
from tests.ingest.xml_builder import article, xml_set

_INGEST = """
import sys
from pathlib import Path
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.files import ingest_files
print("ready", flush=True)
with ArticleStore(LibraryPaths(Path(sys.argv[1])), create=True) as store:
    ingest_files([Path(sys.argv[2])], store, batch_size=25)
"""


def digests(library: Path) -> dict[str, bytes]:
    with ArticleStore(LibraryPaths(library)) as store:
        return {stored.article.id: article_digest(stored.article) for stored in store.articles()}


def run(library: Path, file: Path, *, kill_after: float | None) -> bool:
    """Ingest in a process of its own; true if it was killed before it had finished."""
    with subprocess.Popen([sys.executable, "-c", _INGEST, str(library), str(file)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        return process.wait() != 0


@pytest.mark.timeout(120)
def test_ten_kills(tmp_path: Path) -> None:
    deletion = "<DeleteCitation><PMID>5</PMID><PMID>1999</PMID></DeleteCitation>"
    file = tmp_path / "pubmed26n0001.xml"
    text = "<Abstract><AbstractText>{}</AbstractText></Abstract>"
    records = [article(str(n), title=f"Title {n}.", article=text.format(f"word{n} " * 150)) for n in range(1, 2001)]
    file.write_bytes(xml_set(*records, deletion))

    with ArticleStore(LibraryPaths(tmp_path / "undisturbed"), create=True) as store:
        started = time.monotonic()
        ingest_files([file], store, batch_size=25)
        duration = time.monotonic() - started

    moments = random.Random(7)
    killed = sum(run(tmp_path / "library", file, kill_after=moments.uniform(0, duration)) for _ in range(10))
    assert killed > 0
    assert not run(tmp_path / "library", file, kill_after=None)

    undisturbed = digests(tmp_path / "undisturbed")
    assert len(undisturbed) == 1998
    assert digests(tmp_path / "library") == undisturbed
