"""The JSON that commands print: shapes that other programs rely on. Fields may be added, never renamed."""

from __future__ import annotations

from typing import Any

import msgspec

from pubmed_rag.core.records import Answer, BuildReport, Citation, Claim, Hit, IngestReport, SearchResult


def to_json(value: object) -> str:
    """``value`` as indented JSON; records become objects by field name."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def ingest_json(report: IngestReport) -> dict[str, Any]:
    return {
        "read": report.read,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "deleted": report.deleted,
        "rejected": [{"source": r.source, "pmid": r.pmid, "reason": r.reason} for r in report.rejected],
    }


def build_json(report: BuildReport) -> dict[str, Any]:
    return {
        "generation": report.generation,
        "articles": report.articles,
        "embedded": report.embedded,
        "reused": report.reused,
        "seconds": report.seconds,
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "pmid": hit.pmid,
        "rank": hit.rank,
        "score": hit.score,
        "title": hit.title,
        "year": hit.year,
        "journal": hit.journal,
        "retracted": hit.retracted,
        "components": {c.name: {"rank": c.rank, "score": c.score} for c in hit.components},
    }


def search_json(result: SearchResult) -> dict[str, Any]:
    return {
        "query": result.query,
        "mode": result.mode,
        "translation": result.translation,
        "warnings": list(result.warnings),
        "total": result.total,
        "took_ms": result.took_ms,
        "generation": result.generation,
        "hits": [hit_json(hit) for hit in result.hits],
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "status": answer.status,
        "answer": answer.answer,
        "claims": [_claim_json(claim) for claim in answer.claims],
        "verdict": answer.verdict,
        "unresolved": [{"text": item.text, "reason": item.reason} for item in answer.unresolved],
        "retracted": [hit_json(hit) for hit in answer.retracted],
        "hits": [hit_json(hit) for hit in answer.hits],
        "model": answer.model,
        "temperature": answer.temperature,
        "seed": answer.seed,
        "took_ms": answer.took_ms,
        "generation": answer.generation,
        "notes": list(answer.notes),
        "raw": answer.raw,
        "timings_ms": dict(answer.timings_ms),
    }


def _claim_json(claim: Claim) -> dict[str, Any]:
    check = claim.check
    return {
        "text": claim.text,
        "verdict": claim.verdict,
        "origin": claim.origin,
        "check": None if check is None else {"score": check.score, "reasons": list(check.reasons)},
        "citations": [_citation_json(citation) for citation in claim.citations],
    }


def _citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "id": citation.id,
        "pmid": citation.pmid,
        "evidence": [
            {"text": span.text, "start": span.start, "end": span.end, "section": span.section}
            for span in citation.evidence
        ],
    }
