"""NLM's bulk files as they lie in a folder or behind an address: names, numbers, checksums.

``baseline/pubmed26n0001.xml.gz`` … and, running on in number within a year, ``updatefiles/pubmed26n1335.xml.gz`` …,
each with ``.md5`` beside it, whose text is ``MD5(pubmed26n0001.xml.gz)= 5dfa…`` (OpenSSL's form); and
``deleted.pmids.gz``. A folder that holds the files themselves, without the two subfolders, will do.
"""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from pubmed_rag.core.download import Checksum, download
from pubmed_rag.core.errors import DamagedFileError, DownloadError, InputError, UsageError
from pubmed_rag.core.progress import SILENT, Progress

NLM = "https://ftp.ncbi.nlm.nih.gov/pubmed/"
"""What ``nlm`` stands for as a source."""

_NAME = re.compile(r"pubmed(\d\d)n(\d{4,})\.xml(?:\.gz)?")
_LINK = re.compile(r'href="([^"?#]+)"', re.IGNORECASE)
_MD5 = re.compile(r"\b([0-9a-f]{32})\b", re.IGNORECASE)
_FOLDERS = ("baseline", "updatefiles")
_DELETED = "deleted.pmids.gz"
_TIMEOUT_SECONDS = 60
_NETWORK = "check the network and repeat; what is in the library stays"


@dataclass(frozen=True, slots=True)
class BulkFile:
    """A file of an edition. ``edition`` is the year of its baseline; ``place`` a path or an address."""

    name: str
    edition: int
    number: int
    place: str
    is_update: bool
    has_md5: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source offers: files in the order in which they must be applied, the list of deleted PMIDs if any."""

    files: tuple[BulkFile, ...]
    deleted: str | None = None

    def edition(self, year: int) -> tuple[BulkFile, ...]:
        """The files of one edition."""
        return tuple(file for file in self.files if file.edition == year)


class BulkSource:
    """A folder or an address laid out like NLM's."""

    def __init__(self, source: str) -> None:
        if source == "nlm":
            source = NLM
        self.is_remote = source.startswith(("http://", "https://"))
        if "://" in source and not self.is_remote:
            raise UsageError(f"{source} is neither a folder nor an http(s) address")
        self.name = source.rstrip("/") + "/" if self.is_remote else str(Path(source).expanduser().resolve())

    def listing(self) -> Listing:
        """What is there now. Raises :class:`InputError` for a folder without files, :class:`DownloadError`."""
        found: dict[str, tuple[str, str]] = {}
        for folder in ("", *_FOLDERS):
            for name, place in self._names(folder).items():
                found.setdefault(name, (place, folder))
        files = []
        for name, (place, folder) in found.items():
            match = _NAME.fullmatch(name)
            if match:
                files.append(
                    BulkFile(
                        name,
                        2000 + int(match[1]),
                        int(match[2]),
                        place,
                        folder == "updatefiles",
                        f"{name}.md5" in found,
                    )
                )
        if not files:
            raise InputError(
                f"{self.name} holds no pubmedYYnNNNN.xml.gz files",
                remedy="give a folder or address laid out like NLM's (baseline/, updatefiles/), or 'nlm'",
            )
        deleted = found.get(_DELETED)
        ordered = sorted(files, key=lambda file: (file.edition, file.number))
        return Listing(tuple(ordered), deleted[0] if deleted else None)

    def fetch(self, file: BulkFile, downloads: Path, progress: Progress = SILENT) -> Path:
        """The file on this machine, its checksum compared. Downloads continue where they stopped.

        Raises :class:`DamagedFileError` for a local file that differs from its checksum, and
        :class:`DownloadError`.
        """
        expected = self._md5(file) if file.has_md5 else None
        if not self.is_remote:
            path = Path(file.place)
            if expected is not None and md5_of(path) != expected:
                raise DamagedFileError(f"{path} differs from its checksum in {path.name}.md5", remedy="copy it again")
            return path
        target = downloads / file.name
        if target.exists() and expected is not None and md5_of(target) == expected:
            return target
        checksum = Checksum("md5", expected) if expected is not None else None
        download(file.place, target, checksum=checksum, label=file.name, progress=progress)
        return target

    def fetch_deleted(self, listing: Listing, downloads: Path) -> Path | None:
        """The list of deleted PMIDs on this machine, if there is one."""
        if listing.deleted is None:
            return None
        if not self.is_remote:
            return Path(listing.deleted)
        target = downloads / _DELETED
        target.unlink(missing_ok=True)
        download(listing.deleted, target, checksum=None, label=_DELETED)
        return target

    def _names(self, folder: str) -> dict[str, str]:
        """Names in a folder of the source, with their places."""
        if not self.is_remote:
            directory = Path(self.name) / folder
            if not directory.is_dir():
                if folder:
                    return {}
                raise InputError(f"there is no folder {directory}")
            return {path.name: str(path) for path in directory.iterdir() if path.is_file()}
        address = urllib.parse.urljoin(self.name, f"{folder}/" if folder else "")
        try:
            page = _read(address).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            if error.code == 404 and folder:
                return {}
            raise DownloadError(f"{address} cannot be listed (HTTP status {error.code})") from error
        except (OSError, HTTPException) as error:
            raise DownloadError(f"{address} cannot be listed ({error})", remedy=_NETWORK) from error
        links = (urllib.parse.urljoin(address, urllib.parse.unquote(link)) for link in _LINK.findall(page))
        return {link.rsplit("/", 1)[-1]: link for link in links if link.startswith(address) and not link.endswith("/")}

    def _md5(self, file: BulkFile) -> str:
        place = f"{file.place}.md5"
        try:
            text = (_read(place) if self.is_remote else Path(place).read_bytes()).decode("ascii", "replace")
        except (OSError, HTTPException) as error:
            raise (DownloadError if self.is_remote else InputError)(f"{place} cannot be read ({error})") from error
        match = _MD5.search(text.rsplit("=", 1)[-1]) or _MD5.search(text)
        if match is None:
            raise (DownloadError if self.is_remote else DamagedFileError)(f"{place} holds no MD5 checksum")
        return match[1].lower()


def md5_of(path: Path) -> str:
    """Hex MD5 of a file: NLM's checksum, against accidents only."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _passing(error: BaseException) -> bool:
    """Whether the same request may well succeed later."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code == 429 or error.code >= 500
    return isinstance(error, (OSError, HTTPException))


@retry(
    retry=retry_if_exception(_passing),
    stop=stop_after_attempt(5),
    wait=wait_exponential_jitter(initial=0.5, max=20.0),
    reraise=True,
)
def _read(address: str) -> bytes:
    """A page or a checksum, asked for again where it does not come whole."""
    request = urllib.request.Request(address, headers={"User-Agent": "pubmed-rag"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
        content: bytes = response.read()
        return content
