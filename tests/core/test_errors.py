"""The error tree, its exit codes, and the words for what the system or SQLite says."""

from __future__ import annotations

import errno
import inspect
import re
import sqlite3
import zipfile

import pytest

from pubmed_rag.core import errors
from pubmed_rag.core.errors import (
    InputError,
    LibraryBusyError,
    LibraryError,
    PubmedRagError,
    StorageError,
    UsageError,
    translate,
)

LINE = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<name>\w+Error)\s+(?P<rest>.*)$")


def tree_in_docstring() -> dict[str, tuple[str | None, int]]:
    """Parent and exit code of every class drawn in the module's docstring."""
    assert errors.__doc__ is not None
    drawn: dict[str, tuple[str | None, int]] = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        depth = len(match["branch"]) // 4
        del above[depth:]
        stated = re.match(r"\d+", match["rest"])
        parent = above[-1] if above else None
        code = int(stated.group()) if stated else drawn[str(parent)][1]
        drawn[match["name"]] = (parent, code)
        above.append(match["name"])
    return drawn


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    classes = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, PubmedRagError) and kind.__module__ == errors.__name__
    }
    real = {
        name: (None if kind is PubmedRagError else kind.__bases__[0].__name__, kind.exit_code)
        for name, kind in classes.items()
    }
    assert tree_in_docstring() == real


def test_exit_codes_are_the_published_ones() -> None:
    codes = {kind.exit_code: name for name, kind in vars(errors).items() if kind in PubmedRagError.__subclasses__()}
    assert codes == {2: "UsageError", 3: "InputError", 4: "RemoteError", 5: "LibraryError"}
    assert PubmedRagError.exit_code == 1


def test_an_error_says_what_failed_and_what_to_do() -> None:
    assert str(UsageError("unknown model 'x'", remedy="known: y")) == "unknown model 'x'. known: y"
    assert str(UsageError("unknown model 'x'")) == "unknown model 'x'"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "f"), StorageError, "the disk is full (f)"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageError, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), StorageError, "no permission to write here (f)"),
        (OSError(errno.EROFS, "Read-only file system", "f"), StorageError, "no permission to write here (f)"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "f"), InputError, "no such file: f"),
        (FileExistsError(errno.EEXIST, "File exists", "f"), StorageError, "not a directory (f)"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "f"), StorageError, "not a directory (f)"),
        (sqlite3.OperationalError("database or disk is full"), StorageError, "the disk is full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), StorageError, "cannot be written"),
        (sqlite3.OperationalError("unable to open database file"), StorageError, "cannot be written"),
        (sqlite3.OperationalError("disk I/O error"), StorageError, "the disk failed"),
        (sqlite3.OperationalError("database is locked"), LibraryBusyError, "another process is writing"),
        (sqlite3.DatabaseError("database disk image is malformed"), LibraryError, "articles.sqlite is damaged"),
        (sqlite3.DatabaseError("file is not a database"), LibraryError, "articles.sqlite is damaged"),
        (ValueError("IO error: No space left on device (os error 28)"), StorageError, "the disk is full"),
        (RuntimeError("Error in write: write error on vectors.faiss"), StorageError, "the disk is full"),
    ],
)
def test_what_the_system_says_in_the_users_words(error: Exception, kind: type[PubmedRagError], words: str) -> None:
    known = translate(error)
    assert type(known) is kind
    assert words in known.message
    assert known.remedy is not None or kind is InputError


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        RuntimeError("x"),
        OSError(errno.EPIPE, "Broken pipe"),
        sqlite3.OperationalError("no such table: articles"),
        zipfile.BadZipFile("x"),
    ],
)
def test_a_bug_stays_a_bug(error: Exception) -> None:
    assert translate(error) is None


def test_our_own_errors_pass_unchanged() -> None:
    error = UsageError("x")
    assert translate(error) is error
