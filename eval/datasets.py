"""Judged collections we know of: where they come from, under which terms, and how to get them."""

from __future__ import annotations

import difflib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pubmed_rag.core.download import Checksum, download
from pubmed_rag.core.errors import DamagedFileError, UsageError
from pubmed_rag.core.progress import SILENT, Progress

Use = Literal["ranking", "screening", "boolean", "answers"]

_BEIR = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/{}.zip"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A known collection. ``folder`` is what it is called on disk; ``caution`` what a reader of figures must know.

    ``url`` with ``checksum`` is an official archive that can be fetched; otherwise ``steps`` say in words
    how to get it. ``licence`` is as its owners state it, "not stated" where they do not.
    """

    name: str
    title: str
    use: Use
    splits: tuple[str, ...]
    size: str
    licence: str
    steps: str
    caution: str = ""
    url: str | None = None
    checksum: Checksum | None = None

    @property
    def folder(self) -> str:
        return self.name


DATASETS: tuple[Dataset, ...] = (
    Dataset(
        "scifact",
        "SciFact: scientific claims and the abstracts that support or refute them (Wadden et al., EMNLP 2020)",
        "ranking",
        ("train", "test"),
        "5,183 abstracts, 1,109 claims, 2.8 MB",
        "claims CC BY-NC 2.0, abstracts ODC-By 1.0",
        "BEIR's archive",
        "ids are not PMIDs; only cited abstracts are judged, so an unjudged one may be relevant; part of the training "
        "data of many public embedding models",
        _BEIR.format("scifact"),
        Checksum("md5", "5f7d1de60b170fc8027bb7898e2efca1"),
    ),
    Dataset(
        "nfcorpus",
        "NFCorpus: health questions in plain words (Boteva et al., ECIR 2016)",
        "ranking",
        ("train", "dev", "test"),
        "3,633 abstracts, 3,237 queries, 2.4 MB",
        "for academic use",
        "BEIR's archive",
        "judgements come from hyperlinks of a web site, not from assessors",
        _BEIR.format("nfcorpus"),
        Checksum("md5", "a89dba18a62ef92f7d323ec890a0d38d"),
    ),
    Dataset(
        "trec-covid",
        "TREC-COVID (Voorhees et al., SIGIR Forum 2020)",
        "ranking",
        ("test",),
        "171,332 articles, 50 topics, 74 MB",
        "CORD-19 licence; topics and judgements by NIST, public domain",
        "BEIR's archive",
        "pools of many systems, keyword and neural, judged in five rounds",
        _BEIR.format("trec-covid"),
        Checksum("md5", "ce62140cb23feb9becf6270d0d1fe6d1"),
    ),
    Dataset(
        "cohen2006",
        "Fifteen drug-class reviews with their screening decisions (Cohen et al., JAMIA 2006)",
        "screening",
        ("train",),
        "about 15,000 screened records, ids only",
        "not stated; abstracts are MEDLINE's",
        "decisions: github.com/asreview/systematic-review-datasets; abstracts: 'pubmed-rag ingest files' on the list "
        "of PMIDs; bring both into a BEIR folder with grades 2 included, 1 abstract passed, 0 screened out",
        "candidates were found by Boolean searches of MEDLINE: what those missed is not there for any system to find",
    ),
    Dataset(
        "pubmedqa",
        "PubMedQA PQA-L: questions from titles, yes/no/maybe (Jin et al., EMNLP 2019)",
        "answers",
        ("dev", "test"),
        "1,000 questions and abstracts, 1 MB",
        "MIT",
        "github.com/pubmedqa/pubmedqa (ori_pqal.json); a BEIR folder with qa.jsonl beside",
        "known-item search: the question is the article's own title, so words alone nearly always find it",
    ),
    Dataset(
        "bioasq",
        "BioASQ task b golden files (Krithara et al., Scientific Data 2023)",
        "answers",
        ("7B", "8B", "9B", "10B", "11B", "all"),
        "about 500 questions a year, JSON",
        "CC BY 2.5",
        "registration at bioasq.org; a file or a folder of files works as it is",
        "experts searched with PubMed's own engine, and systems' results were pooled later: lists are incomplete "
        "and lean to keyword search; no abstracts, so name a corpus",
    ),
    Dataset(
        "clef_tar",
        "CLEF eHealth technology-assisted reviews 2017-2019 (Kanoulas et al.)",
        "boolean",
        ("test",),
        "128 Cochrane topics, PMIDs only",
        "MIT",
        "github.com/CLEF-TAR/tar, as a BEIR folder without corpus",
        "most Boolean queries are in Ovid's syntax, which PubMed does not read: only the rest is used",
    ),
    Dataset(
        "sysrev_seed",
        "Seed-studies collection: real PubMed Boolean queries of 40 reviews (Wang et al., SIGIR 2022)",
        "boolean",
        ("train",),
        "20 to 40 topics, PMIDs only",
        "MIT",
        "github.com/ielab/sysrev-seed-collection, as a BEIR folder without corpus",
        "included studies were found by these very queries among other ways",
    ),
)


def dataset(name: str) -> Dataset:
    """The known collection of that name. Raises :class:`UsageError` with the nearest one."""
    for known in DATASETS:
        if known.name == name:
            return known
    names = [known.name for known in DATASETS]
    near = difflib.get_close_matches(name, names, n=1)
    raise UsageError(
        f"unknown collection '{name}'", remedy=f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
    )


def fetch(known: Dataset, folder: Path, progress: Progress = SILENT) -> Path:
    """Download ``known`` into ``folder/<name>`` and verify it. What is there already is left as it is.

    Raises :class:`UsageError` with the steps by hand where it has no public address, and
    :class:`DownloadError` where it does not arrive or its checksum differs.
    """
    target = folder / known.folder
    if target.exists():
        return target
    if known.url is None:
        raise UsageError(f"'{known.name}' cannot be fetched automatically", remedy=f"by hand: {known.steps}")
    archive = folder / f".{known.name}.zip"
    download(known.url, archive, checksum=known.checksum, label=f"the archive of {known.name}", progress=progress)
    unpack(archive, known.folder, target)
    archive.unlink()
    return target


def unpack(archive: Path, inside: str, target: Path) -> None:
    """The files under ``inside/`` of a ZIP archive as ``target``, which appears whole or not at all.

    Raises :class:`DamagedFileError` for an archive that cannot be read or points outside of its folder.
    """
    aside = target.with_name(f".{target.name}.unpacking")
    try:
        with zipfile.ZipFile(archive) as packed:
            for item in packed.infolist():
                if not item.filename.startswith(f"{inside}/") or item.is_dir():
                    continue
                path = (aside / item.filename.removeprefix(f"{inside}/")).resolve()
                if not path.is_relative_to(aside.resolve()):
                    raise DamagedFileError(f"{archive} has a file outside of its folder: {item.filename}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(packed.read(item))
    except zipfile.BadZipFile as error:
        raise DamagedFileError(f"{archive} is not a ZIP archive ({error})", remedy="fetch it again") from error
    if not aside.is_dir():
        raise DamagedFileError(f"{archive} has no folder '{inside}'")
    aside.replace(target)
