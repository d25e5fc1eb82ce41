"""Where a library keeps what: the one place that knows the on-disk layout.

LIBRARY/
  articles.sqlite       the only source of truth; everything else is rebuilt from it
  embeddings/<model>/   vectors by (model revision, text hash): rebuilding never re-embeds
  index/<generation>/   vectors/, sentences/, words/, manifest.json
  index/CURRENT         the generation being served
  ranker/               a ranker trained on judged topics, if there is one
  runs/                 evaluation runs and reports
  answers/              answers given on the page, to be read again
  downloads/            bulk files under way; each is removed once it is in the store
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pubmed_rag.core.errors import LibraryBusyError, LibraryNotFoundError


@dataclass(frozen=True, slots=True)
class LibraryPaths:
    """Paths inside the library at ``root``. Creating the object touches nothing on disk."""

    root: Path

    @property
    def store(self) -> Path:
        return self.root / "articles.sqlite"

    @property
    def embeddings(self) -> Path:
        return self.root / "embeddings"

    @property
    def index(self) -> Path:
        return self.root / "index"

    @property
    def current(self) -> Path:
        return self.index / "CURRENT"

    @property
    def mesh(self) -> Path:
        return self.root / "mesh.sqlite"

    @property
    def ranker(self) -> Path:
        return self.root / "ranker"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def answers(self) -> Path:
        return self.root / "answers"

    @property
    def downloads(self) -> Path:
        return self.root / "downloads"

    @property
    def exists(self) -> bool:
        return self.store.is_file()

    def require(self) -> None:
        """Raise :class:`LibraryNotFoundError` where there is no library."""
        if not self.exists:
            raise LibraryNotFoundError(
                f"there is no library in {self.root}",
                remedy="make one with 'pubmed-rag ingest files PATH' or 'pubmed-rag ingest entrez QUERY', "
                "try 'pubmed-rag demo', or name another with --library DIR",
            )

    @contextmanager
    def index_lock(self) -> Iterator[None]:
        """Hold the right to write the index. The system frees it when the process dies, however it dies."""
        self.index.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.index / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise LibraryBusyError(
                f"another process is building the index of {self.root}", remedy="wait until it has finished"
            ) from error
        try:
            yield
        finally:
            lock.release()
