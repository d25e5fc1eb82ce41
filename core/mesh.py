"""MeSH, NLM's controlled vocabulary: its records as we keep them, and how its terms compare.

Sources: NLM's descriptor, supplementary, qualifier and pharmacological action files, in XML or in ASCII form.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class DescriptorKind(StrEnum):
    """MeSH's classes of descriptors (DescriptorClass 1 to 4)."""

    TOPIC = "topic"
    PUBLICATION_TYPE = "publication type"
    CHECK_TAG = "check tag"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class MeshDescriptor:
    """A heading or publication type. ``terms`` are its entry terms, its own name not among them.

    ``actions`` are the names of its pharmacological actions. ``tree_numbers`` say where it stands: what begins with
    one of them and a dot is below it. ``note`` is its scope note: what it means.
    """

    ui: str
    name: str
    terms: tuple[str, ...] = ()
    tree_numbers: tuple[str, ...] = ()
    kind: DescriptorKind = DescriptorKind.TOPIC
    actions: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Subheading:
    """A qualifier. ``code`` has two letters; ``tree_numbers`` are known from the XML form only."""

    ui: str
    name: str
    code: str
    terms: tuple[str, ...] = ()
    tree_numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SupplementaryConcept:
    """A substance, disease or protocol outside the headings; ``headings`` are the names or UIs it is mapped to."""

    ui: str
    name: str
    terms: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PharmacologicalAction:
    """A heading for what substances do, and the names of the substances (file ``paYYYY.xml``)."""

    ui: str
    name: str
    substances: tuple[str, ...]


MeshRecord: TypeAlias = MeshDescriptor | Subheading | SupplementaryConcept | PharmacologicalAction

_OTHER = re.compile(r"[\W_]+")


def term_key(text: str) -> str:
    """What two spellings of a term have in common: case, accents and punctuation do not count.

    ``Tick-Borne Diseases`` and ``tick borne diseases`` are one; a hyphen, comma or apostrophe is a blank, as PubMed
    has it (User Guide, "Stopwords" and "Special characters").
    """
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _OTHER.sub(" ", text.lower()).strip()


def natural_order(name: str) -> str:
    """``neural networks, computer`` as one would say it: ``computer neural networks``.

    Only a comma followed by a blank inverts; those inside the names of chemicals do not.
    """
    parts = name.split(", ")
    return " ".join(reversed(parts))
