"""Terms of medicine with what MeSH says they mean."""

from __future__ import annotations

from pathlib import Path

from pubmed_rag.core.mesh import MeshDescriptor
from pubmed_rag.core.mesh_store import MeshStore, build
from pubmed_rag.index.mesh import Mesh
from pubmed_rag.rag.glossary import scope_notes


def test_headings_with_notes_the_longest_first_short_words_and_long_notes_cut(tmp_path: Path) -> None:
    long = "The walls of arteries thicken. " + "They harden and lose their spring. " * 20
    records = [
        MeshDescriptor("D1", "Thrombophlebitis", note="Inflammation of a vein with a clot in it."),
        MeshDescriptor("D2", "Arteriosclerosis Obliterans", note=long),
        MeshDescriptor("D3", "Heart", note="The organ that pumps blood."),
        MeshDescriptor("D4", "Hypertension"),
    ]
    build(tmp_path / "mesh.sqlite", records, source="test")
    with MeshStore(tmp_path / "mesh.sqlite") as store:
        found = scope_notes(
            ["Arteriosclerosis obliterans and hypertension of the heart.", "Thrombophlebitis fell."], Mesh(store)
        )
    assert [heading for heading, _ in found] == ["Arteriosclerosis Obliterans", "Thrombophlebitis"]
    assert found[1][1] == "Inflammation of a vein with a clot in it."
    assert len(found[0][1]) <= 320
    assert found[0][1].endswith("spring.")
