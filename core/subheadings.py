"""MeSH's 76 subheadings, their two-letter codes and what each stands above.

For libraries without NLM's qualifier file. Codes: PubMed User Guide, April 2024, "MeSH Subheadings". Hierarchy: NLM's
page "Subheading hierarchy" and its MeSH tutorial; the tree numbers of ``qualYYYY.xml`` are authoritative and
replace it where that file was ingested.
"""

from __future__ import annotations

CODES = {
    code.strip(): name.strip()
    for code, _, name in (
        entry.strip().partition(" ")
        for entry in """
        AB abnormalities; AD administration & dosage; AE adverse effects; AG agonists; AA analogs & derivatives;
        AN analysis; AH anatomy & histology; AI antagonists & inhibitors; BI biosynthesis; BS blood supply; BL blood;
        CF cerebrospinal fluid; CS chemical synthesis; CI chemically induced; CH chemistry; CL classification;
        CO complications; CN congenital; CY cytology; DF deficiency; DI diagnosis; DH diet therapy;
        DG diagnostic imaging; DE drug effects; DT drug therapy; EC economics; ED education; EM embryology;
        EN enzymology; EP epidemiology; ES ethics; EH ethnology; ET etiology; GE genetics; GD growth & development;
        HI history; IM immunology; IN injuries; IR innervation; IS instrumentation; IP isolation & purification;
        LJ legislation & jurisprudence; ME metabolism; MT methods; MI microbiology; MO mortality; NU nursing;
        OG organization & administration; PS parasitology; PY pathogenicity; PA pathology; PK pharmacokinetics;
        PD pharmacology; PH physiology; PP physiopathology; PO poisoning; PC prevention & control; PX psychology;
        RE radiation effects; RT radiotherapy; RH rehabilitation; SC secondary; ST standards;
        SN statistics & numerical data; SD supply & distribution; SU surgery; TU therapeutic use; TH therapy;
        TO toxicity; TM transmission; TR transplantation; TD trends; UL ultrastructure; UR urine; VE veterinary;
        VI virology
        """.split(";")
    )
}
"""Name by code."""

BELOW: dict[str, tuple[str, ...]] = {
    "adverse effects": ("poisoning", "toxicity"),
    "analysis": ("blood", "cerebrospinal fluid", "isolation & purification", "urine"),
    "anatomy & histology": ("blood supply", "cytology", "embryology", "innervation", "pathology"),
    "chemistry": ("agonists", "analogs & derivatives", "antagonists & inhibitors", "chemical synthesis"),
    "complications": ("secondary",),
    "cytology": ("ultrastructure",),
    "diagnosis": ("pathology", "diagnostic imaging"),
    "embryology": ("abnormalities",),
    "epidemiology": ("ethnology", "mortality"),
    "etiology": (
        "chemically induced",
        "complications",
        "congenital",
        "embryology",
        "genetics",
        "immunology",
        "microbiology",
        "parasitology",
        "transmission",
    ),
    "metabolism": (
        "biosynthesis",
        "blood",
        "cerebrospinal fluid",
        "deficiency",
        "enzymology",
        "pharmacokinetics",
        "urine",
    ),
    "microbiology": ("virology",),
    "organization & administration": (
        "economics",
        "legislation & jurisprudence",
        "standards",
        "supply & distribution",
        "trends",
    ),
    "pharmacology": (
        "administration & dosage",
        "adverse effects",
        "agonists",
        "antagonists & inhibitors",
        "pharmacokinetics",
    ),
    "physiology": ("genetics", "growth & development", "immunology", "metabolism", "physiopathology"),
    "statistics & numerical data": ("epidemiology",),
    "surgery": ("transplantation",),
    "therapeutic use": ("administration & dosage", "adverse effects", "poisoning"),
    "therapy": (
        "diet therapy",
        "drug therapy",
        "nursing",
        "prevention & control",
        "radiotherapy",
        "rehabilitation",
        "surgery",
    ),
}
"""The subheadings directly below."""


def find(text: str) -> str | None:
    """The subheading that a name or a two-letter code means; ``and`` may stand for ``&``, capitals do not count."""
    plain = " ".join(text.lower().replace(" and ", " & ").split())
    if plain in _NAMES:
        return plain
    return CODES.get(plain.upper()) if len(plain) == 2 else None


def family(name: str) -> tuple[str, ...]:
    """``name`` (lower case) and all below it, each once, ``name`` first."""
    found: dict[str, None] = {}
    pending = [name]
    while pending:
        at = pending.pop()
        if at not in found:
            found[at] = None
            pending += reversed(BELOW.get(at, ()))
    return tuple(found)


_NAMES = frozenset(CODES.values())
