"""Known collections: every entry says how it is got, and an archive arrives whole or not at all."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.download import Checksum
from pubmed_rag.core.errors import DamagedFileError, DownloadError, UsageError
from pubmed_rag.eval.datasets import DATASETS, Dataset, dataset, fetch, unpack


def archive(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return path


def known(source: Path, md5: str | None = None) -> Dataset:
    return replace(
        dataset("scifact"), url=source.as_uri(), checksum=Checksum("md5", md5 or Checksum("md5", "").of(source))
    )


def test_every_entry_can_be_acted_on() -> None:
    assert len({entry.name for entry in DATASETS}) == len(DATASETS)
    for entry in DATASETS:
        assert entry.licence
        assert entry.size
        assert entry.steps
        assert (entry.url is None) == (entry.checksum is None)


def test_fetched_verified_and_unpacked(tmp_path: Path) -> None:
    source = archive(tmp_path / "x.zip", **{"scifact/queries.jsonl": "q", "scifact/qrels/test.tsv": "r", "other": "o"})
    target = fetch(known(source), tmp_path / "data")
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()) == [
        "qrels/test.tsv",
        "queries.jsonl",
    ]
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["scifact"]
    source.unlink()
    assert fetch(known(target / "queries.jsonl"), tmp_path / "data") == target


def test_another_content_is_refused(tmp_path: Path) -> None:
    source = archive(tmp_path / "x.zip", **{"scifact/queries.jsonl": "q"})
    with pytest.raises(DownloadError):
        fetch(known(source, "0" * 32), tmp_path / "data")
    assert not (tmp_path / "data" / "scifact").exists()


def test_archives_that_cannot_be_used(tmp_path: Path) -> None:
    evil = archive(tmp_path / "evil.zip", **{"scifact/../../out.txt": "x"})
    with pytest.raises(DamagedFileError, match="outside of its folder"):
        unpack(evil, "scifact", tmp_path / "data" / "scifact")
    assert not (tmp_path / "out.txt").exists()
    with pytest.raises(DamagedFileError, match="has no folder"):
        unpack(archive(tmp_path / "none.zip", a="b"), "scifact", tmp_path / "scifact")
    (tmp_path / "bad.zip").write_text("no")
    with pytest.raises(DamagedFileError, match="not a ZIP"):
        unpack(tmp_path / "bad.zip", "scifact", tmp_path / "scifact")


def test_by_hand_where_there_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"by hand: registration at bioasq\.org"):
        fetch(dataset("bioasq"), tmp_path)
    with pytest.raises(UsageError, match="did you mean 'scifact'"):
        dataset("scifakt")
