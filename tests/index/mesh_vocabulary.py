"""A small MeSH with everything term mapping can meet, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pubmed_rag.core.article import Journal
from pubmed_rag.core.mesh import DescriptorKind, MeshDescriptor, MeshRecord, Subheading, SupplementaryConcept
from pubmed_rag.core.mesh_store import MeshStore, build
from pubmed_rag.index.mesh import Mesh

_TYPE = DescriptorKind.PUBLICATION_TYPE
RECORDS: tuple[MeshRecord, ...] = (
    MeshDescriptor("D01", "Asthma", ("Asthmas", "Bronchial Asthma"), ("C08.127.108", "C20.1")),
    MeshDescriptor("D02", "Status Asthmaticus", ("Asthmatic Crisis",), ("C08.127.108.880",)),
    MeshDescriptor("D03", "Bronchial Diseases", ("Bronchial Disease",), ("C08.127",)),
    MeshDescriptor("D04", "Toothache", ("Toothaches", "Odontalgia", "Odontalgias"), ("C07.793",)),
    MeshDescriptor("D05", "Neural Networks, Computer", ("Neural Network (Computer)",), ("L01.1",)),
    MeshDescriptor("D06", "Child Rearing", (), ("F01.1",)),
    MeshDescriptor("D07", "Ascorbic Acid", ("Vitamin C",), ("D02.1",)),
    MeshDescriptor("D08", "Common Cold", ("Cold, Common",), ("C01.1",)),
    MeshDescriptor("D09", "Protein C", (), ("D12.1",)),
    MeshDescriptor("D10", "Neoplasms", ("Cancer", "Tumor", "Tumors"), ("C04",)),
    MeshDescriptor("D11", "Hypertension", (), ("C14.907.489",)),
    MeshDescriptor("D12", "Hypertension, Malignant", ("Malignant Hypertension",), ("C14.907.489.330",)),
    MeshDescriptor("D13", "Therapeutics", ("Treatment", "Therapy"), ("E02",)),
    MeshDescriptor("D14", "Clinical Trials as Topic", (), ("E05.1",)),
    MeshDescriptor("D15", "Randomized Controlled Trials as Topic", (), ("E05.1.1",)),
    MeshDescriptor("D16", "Review Literature as Topic", (), ("L01.2",)),
    MeshDescriptor("D17", "Clinical Trial", (), ("V03.1",), _TYPE),
    MeshDescriptor("D18", "Randomized Controlled Trial", (), ("V03.1.1",), _TYPE),
    MeshDescriptor("D19", "Review", (), ("V02.1",), _TYPE),
    MeshDescriptor("D20", "Systematic Review", (), ("V02.1.5",), _TYPE),
    MeshDescriptor("D21", "Case Reports", (), ("V03.2",), _TYPE),
    MeshDescriptor("D34", "Case Reports as Topic", (), ("L01.3",)),
    MeshDescriptor("D22", "Anti-Bacterial Agents", ("Antibiotics",), ("D27.1",)),
    MeshDescriptor("D23", "Penicillins", (), ("D02.2",), actions=("Anti-Bacterial Agents",)),
    MeshDescriptor("D24", "Hemorrhagic Fever with Renal Syndrome", ("Hantavirus Disease",), ("C01.2",)),
    MeshDescriptor("D25", "Psittaciformes", ("Psittacines",), ("B01.1",)),
    MeshDescriptor("D26", "Tick-Borne Diseases", ("Tick-Borne Disease",), ("C01.3",)),
    MeshDescriptor("D27", "Alzheimer Disease", ("Alzheimer's Disease",), ("C10.1",)),
    MeshDescriptor("D28", "Diabetes Mellitus, Type 2", ("Type 2 Diabetes",), ("C18.1",)),
    MeshDescriptor("D29", "Benzo(a)pyrene", ("3,4-Benzpyrene",), ("D02.3",)),
    MeshDescriptor("D30", "Animals", (), ("B01",)),
    MeshDescriptor("D31", "Humans", ("Man (Taxonomy)",), ("B01.2",)),
    MeshDescriptor("D32", "Zika Virus", ("Zika",), ("B04.1",)),
    MeshDescriptor("D33", "Zika Virus Infection", ("Zika",), ("C01.4",)),
    SupplementaryConcept("C01", "WWOX protein, human", ("WWOX",)),
    SupplementaryConcept("C02", "IL-22 protein", ("interleukin-22",)),
    Subheading("Q01", "etiology", "ET", ("pathogenesis",)),
)
JOURNALS = (
    Journal(title="Endocrine pathology", abbreviation="Endocr Pathol", issns=("1046-3976",)),
    Journal(
        title="Proceedings of the National Academy of Sciences of the United States of America",
        abbreviation="Proc Natl Acad Sci U S A",
    ),
)


def open_vocabulary(folder: Path, journals: Sequence[Journal] = JOURNALS) -> Mesh:
    """The small MeSH, made in ``folder``."""
    path = folder / "mesh.sqlite"
    build(path, RECORDS, source="a test")
    return Mesh(MeshStore(path), lambda: journals)
