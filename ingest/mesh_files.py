"""Files of MeSH as records: NLM's XML and ASCII forms, and two plain tables, told apart by content.

NLM's forms are ``descYYYY``, ``suppYYYY``, ``qualYYYY`` and ``paYYYY`` in XML, and ``dYYYY.bin``, ``cYYYY.bin`` and
``qYYYY.bin`` in ASCII ("MeSH record types", "ASCII MeSH data elements", www.nlm.nih.gov/mesh). The tables are JSON
lines of descriptors (``ui``, ``name``, ``entry_terms``, ``tree_numbers``) and tab-separated lines of supplementary
concepts (UI, name, synonyms and headings, each joined by ``|`` or ``,``). All may be gzipped.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from lxml import etree

from pubmed_rag.core.errors import DamagedFileError, UnrecognisedFormatError
from pubmed_rag.core.mesh import (
    DescriptorKind,
    MeshDescriptor,
    MeshRecord,
    PharmacologicalAction,
    Subheading,
    SupplementaryConcept,
)

_KINDS = {
    "1": DescriptorKind.TOPIC,
    "2": DescriptorKind.PUBLICATION_TYPE,
    "3": DescriptorKind.CHECK_TAG,
    "4": DescriptorKind.PLACE,
}
_RECORDS = ("DescriptorRecord", "SupplementalRecord", "QualifierRecord", "PharmacologicalAction")
_SETS = ("DescriptorRecordSet", "SupplementalRecordSet", "QualifierRecordSet", "PharmacologicalActionSet")
_ACTIONS = "PharmacologicalActionList/PharmacologicalAction/DescriptorReferredTo/DescriptorName/String"
_SUPPLEMENTARY_ROW = re.compile(r"C\d+\t")
_ABOUT = (
    "NLM's desc, supp, qual or pa files (XML or ASCII), a table of descriptors (JSON lines) or of supplementary "
    "concepts (tab-separated)"
)


def read_mesh(path: Path) -> Iterator[MeshRecord]:
    """The records of one file.

    Raises :class:`UnrecognisedFormatError` for what is none of the forms, and :class:`DamagedFileError` for what is
    cut off or broken.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield from _records(path, io.BufferedReader(cast(io.RawIOBase, unpacked)))
            else:
                yield from _records(path, raw)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedFileError(f"{path} is damaged or incomplete ({error})", remedy="fetch it again") from error


def _records(path: Path, content: io.BufferedReader) -> Iterator[MeshRecord]:
    begin = content.peek(4096)[:4096].decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if begin.startswith("<") and any(f"<{name}" in begin for name in _SETS):
        yield from _xml(path, content)
    elif begin.startswith("*NEWRECORD"):
        yield from _ascii(_lines(path, content))
    elif begin.startswith("{") and '"tree_numbers"' in begin:
        yield from _descriptor_table(path, _lines(path, content))
    elif _SUPPLEMENTARY_ROW.match(begin):
        yield from _supplementary_table(path, _lines(path, content))
    else:
        raise UnrecognisedFormatError(f"{path} is no MeSH file that can be read", remedy=f"it takes {_ABOUT}")


def _lines(path: Path, content: io.BufferedReader) -> Iterator[str]:
    try:
        for line in io.TextIOWrapper(content, encoding="utf-8-sig", newline=None):
            yield line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{path} is not in UTF-8", remedy="fetch it again") from error


# -- XML -------------------------------------------------------------------------------------------


def _xml(path: Path, content: io.BufferedReader) -> Iterator[MeshRecord]:
    """``paYYYY.xml`` has its records directly below the root, the others use the same name deep inside."""
    try:
        root: etree._Element | None = None
        events = etree.iterparse(
            content, events=("start", "end"), tag=(*_RECORDS, *_SETS), resolve_entities=False, no_network=True,
            load_dtd=False, huge_tree=True,
        )  # fmt: skip
        for event, element in events:
            if event == "start":
                root = element if root is None else root
                continue
            if element.getparent() is not root:
                continue
            record = _xml_record(element)
            if record is not None:
                yield record
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise DamagedFileError(f"{path} is not well-formed ({error})", remedy="fetch it again") from error


def _xml_record(element: etree._Element) -> MeshRecord | None:
    match element.tag:
        case "DescriptorRecord":
            name = _text(element, "DescriptorName/String")
            return MeshDescriptor(
                _text(element, "DescriptorUI"),
                name,
                _other_terms(element, name),
                _texts(element, "TreeNumberList/TreeNumber"),
                _KINDS.get(element.get("DescriptorClass", "1"), DescriptorKind.TOPIC),
                _texts(
                    element,
                    _ACTIONS,
                ),
                _text(element, "ConceptList/Concept[@PreferredConceptYN='Y']/ScopeNote"),
            )
        case "SupplementalRecord":
            name = _text(element, "SupplementalRecordName/String")
            mapped = _texts(element, "HeadingMappedToList/HeadingMappedTo/DescriptorReferredTo/DescriptorUI")
            return SupplementaryConcept(
                _text(element, "SupplementalRecordUI"),
                name,
                _other_terms(element, name),
                tuple(ui.lstrip("*") for ui in mapped),
                _texts(
                    element,
                    _ACTIONS,
                ),
            )
        case "QualifierRecord":
            name = _text(element, "QualifierName/String")
            codes = _texts(element, "ConceptList/Concept/TermList/Term/Abbreviation")
            return Subheading(
                _text(element, "QualifierUI"),
                name,
                codes[0] if codes else "",
                _other_terms(element, name),
                _texts(element, "TreeNumberList/TreeNumber"),
            )
        case "PharmacologicalAction":
            return PharmacologicalAction(
                _text(element, "DescriptorReferredTo/DescriptorUI"),
                _text(element, "DescriptorReferredTo/DescriptorName/String"),
                _texts(element, "PharmacologicalActionSubstanceList/Substance/RecordName/String"),
            )
    return None


def _text(element: etree._Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())


def _texts(element: etree._Element, path: str) -> tuple[str, ...]:
    found = (" ".join((part.text or "").split()) for part in element.iterfind(path))
    return tuple(text for text in found if text)


def _other_terms(element: etree._Element, name: str) -> tuple[str, ...]:
    found = dict.fromkeys(_texts(element, "ConceptList/Concept/TermList/Term/String"))
    found.pop(name, None)
    return tuple(found)


# -- ASCII -----------------------------------------------------------------------------------------


def _ascii(lines: Iterable[str]) -> Iterator[MeshRecord]:
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("*NEWRECORD"):
            record = _ascii_record(fields)
            if record is not None:
                yield record
            fields = {}
            continue
        name, equals, value = line.partition(" = ")
        if equals:
            fields.setdefault(name.strip(), []).append(value.strip())
    record = _ascii_record(fields)
    if record is not None:
        yield record


def _ascii_record(fields: dict[str, list[str]]) -> MeshRecord | None:
    """A term's line is ``Avian Sarcoma|T050|T191|NON|EQV|NLM (1994)|…``; only its beginning is the term."""

    def values(*names: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value.partition("|")[0] for name in names for value in fields.get(name, ())))

    def one(name: str) -> str:
        return fields.get(name, [""])[0]

    if not one("UI"):
        return None
    match one("RECTYPE"):
        case "D":
            kind = _KINDS.get(one("DC"), DescriptorKind.TOPIC)
            terms = values("PRINT ENTRY", "ENTRY")
            return MeshDescriptor(
                one("UI"), one("MH"), terms, tuple(fields.get("MN", ())), kind, values("PA"), one("MS")
            )
        case "C":
            headings = tuple(heading.lstrip("*").partition("/")[0] for heading in values("HM"))
            return SupplementaryConcept(one("UI"), one("NM"), values("SY"), headings, values("PA"))
        case "Q":
            return Subheading(one("UI"), one("SH"), one("QA"), values("QX"))
    return None


# -- tables ----------------------------------------------------------------------------------------


def _descriptor_table(path: Path, lines: Iterable[str]) -> Iterator[MeshDescriptor]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            trees = tuple(row.get("tree_numbers") or ())
            terms = tuple(row.get("entry_terms") or ())
            ui, name = row["ui"], row["name"]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise DamagedFileError(f"{path}, line {number}: not a descriptor ({error})") from error
        # The table does not say what is a publication type; in MeSH's trees they are under V.
        kind = DescriptorKind.TOPIC
        if any(tree.startswith("V") for tree in trees):
            kind = DescriptorKind.PUBLICATION_TYPE
        elif trees and all(tree.startswith("Z") for tree in trees):
            kind = DescriptorKind.PLACE
        yield MeshDescriptor(ui, name, terms, trees, kind)


def _supplementary_table(path: Path, lines: Iterable[str]) -> Iterator[SupplementaryConcept]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        ui, *rest = line.split("\t")
        if not rest or not rest[0]:
            raise DamagedFileError(f"{path}, line {number}: not a supplementary concept")
        name, synonyms, headings = [*rest, "", ""][:3]
        yield SupplementaryConcept(
            ui,
            name,
            tuple(term for term in synonyms.split("|") if term),
            tuple(heading for heading in headings.split(",") if heading),
        )
