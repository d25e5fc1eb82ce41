"""Every error a user can meet, with the exit code the command line gives it.

PubmedRagError                      1   (itself never raised: a bare one would be a bug)
├── UsageError                      2   the command was given something it cannot use
│   ├── SettingsError                   an unknown key, or a value of the wrong kind
│   └── UnknownModelError               a model name that is neither registered nor a path
├── InputError                      3   a file or record that cannot be read
│   ├── UnrecognisedFormatError         content that is none of the formats we read
│   ├── DamagedFileError                truncated, not well-formed, or fails its checksum
│   └── UnknownArticleError             an article id that the library does not hold
├── RemoteError                     4   a service we depend on failed
│   ├── RemoteRefusedError              it answered: this request will never succeed
│   ├── RemoteUnavailableError          it did not answer, or not within our patience
│   └── DownloadError                   a file did not arrive, or arrived different
└── LibraryError                    5   the library, its index or its models
    ├── LibraryNotFoundError            no library there yet
    ├── LibraryTooNewError              written by a later version of this program
    ├── LibraryBusyError                another process is writing
    ├── StorageError                    disk full, read-only, no permission
    ├── IndexMissingError               nothing has been indexed yet
    ├── IndexCorruptError               a file differs from its manifest
    ├── IndexMismatchError              the index was built with something we do not have
    ├── ModelMissingError               a registered model that is not on this machine
    └── ModelCrashedError               the process of a language model ended while it was needed

An error says what failed (its message) and the next thing to do (its ``remedy``).
"""

from __future__ import annotations

import errno
import sqlite3

INTERRUPTED_EXIT_CODE = 130
"""What a shell expects after Ctrl-C (128 + SIGINT)."""


class PubmedRagError(Exception):
    """Base of all errors raised on purpose.

    ``message`` says what failed and why; ``remedy`` is the next command or action, or ``None``.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}" if self.remedy else self.message


class UsageError(PubmedRagError):
    """The command was given something it cannot use."""

    exit_code = 2


class SettingsError(UsageError):
    """A settings file or variable has an unknown key or an unusable value."""


class UnknownModelError(UsageError):
    """A model name that is neither in the registry nor a path to a model."""


class InputError(PubmedRagError):
    """A file or record that cannot be read."""

    exit_code = 3


class UnrecognisedFormatError(InputError):
    """The content is none of the formats that can be ingested."""


class DamagedFileError(InputError):
    """The file is truncated, not well-formed, or fails its checksum."""


class UnknownArticleError(InputError):
    """The library holds no article with this id."""


class RemoteError(PubmedRagError):
    """A service we depend on failed."""

    exit_code = 4


class RemoteRefusedError(RemoteError):
    """The service answered that this request will never succeed: repeating it is useless."""


class RemoteUnavailableError(RemoteError):
    """The service did not give a usable answer within the stated patience."""


class DownloadError(RemoteError):
    """A file did not arrive, or what arrived is not what was announced."""


class LibraryError(PubmedRagError):
    """The library, its index or its models cannot be used."""

    exit_code = 5


class LibraryNotFoundError(LibraryError):
    """There is no library in the given directory."""


class LibraryTooNewError(LibraryError):
    """The library was written by a later version of this program."""


class LibraryBusyError(LibraryError):
    """Another process is writing to the library."""


class StorageError(LibraryError):
    """The disk is full, read-only or closed to us."""


class IndexMissingError(LibraryError):
    """The library has articles but no index yet."""


class IndexCorruptError(LibraryError):
    """A file of the index is missing or differs from its manifest."""


class IndexMismatchError(LibraryError):
    """The index was built with a model or format that does not fit what is asked."""


class ModelMissingError(LibraryError):
    """A registered model has not been fetched to this machine."""


class ModelCrashedError(LibraryError):
    """The process that holds a language model ended while it was needed."""


_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


def reason_of(error: BaseException) -> str:
    """The first line of what a library's error says; its type where it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def translate(error: BaseException) -> PubmedRagError | None:
    """The user's words for a failure of the operating system or of SQLite, or ``None`` if it is neither.

    One place decides what "disk full" or "read-only" sounds like, whichever library met it first.
    """
    if isinstance(error, PubmedRagError):
        return error
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in _DISK_FULL:
            return StorageError(f"the disk is full{where}", remedy="free some space and repeat the command")
        if error.errno in _NOT_WRITABLE:
            return StorageError(f"no permission to write here{where}", remedy="choose another place with --library")
        if isinstance(error, FileNotFoundError):
            return InputError(f"no such file: {error.filename}")
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            return StorageError(f"not a directory{where}", remedy="choose another place with --library")
        return None
    if isinstance(error, sqlite3.Error):
        text = str(error)
        if "disk is full" in text:
            return StorageError("the disk is full", remedy="free some space and repeat the command")
        if "readonly database" in text or "unable to open database" in text:
            return StorageError("the library cannot be written here", remedy="choose another place with --library")
        if "disk I/O error" in text:
            return StorageError("the disk failed to read or write", remedy="check its free space, then repeat")
        if "locked" in text:
            return LibraryBusyError("another process is writing to this library", remedy="wait for it, then repeat")
        if "malformed" in text or "not a database" in text:
            return LibraryError(
                f"articles.sqlite is damaged ({text})", remedy="restore it from a copy, or ingest into a new library"
            )
    if isinstance(error, ValueError) and "No space left on device" in str(error):  # tantivy reports I/O as ValueError
        return StorageError("the disk is full", remedy="free some space and repeat the command")
    if isinstance(error, RuntimeError) and "write error" in str(error):  # FAISS: short write
        return StorageError("the disk is full or failed while writing", remedy="free some space and repeat")
    return None
