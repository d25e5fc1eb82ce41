"""The JSON that commands print: shapes that other programs rely on. Fields may be added, never renamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pubmed_rag.core.records import Answer, BuildReport, Citation, Claim, Hit, IngestReport, Passage, SearchResult
from pubmed_rag.core.store import ChangeKind, SavedQuery, UpdateRecord

if TYPE_CHECKING:
    from pubmed_rag.ingest.bulk import BulkReport
    from pubmed_rag.ingest.entrez_preview import EntrezPreview
    from pubmed_rag.ingest.update import ChangedArticle, SourceUpdate, UpdateReport
    from pubmed_rag.rag.query_help import QueryHelp
    from pubmed_rag.rag.study_table import Fact, Study


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


def bulk_json(report: BulkReport) -> dict[str, Any]:
    return {
        **ingest_json(report),
        "files": report.files,
        "edition": report.edition,
        "filtered": report.filtered,
        "complete": report.complete,
    }


def preview_json(preview: EntrezPreview) -> dict[str, Any]:
    return {
        "query": preview.query,
        "count": preview.count,
        "translation": preview.query_translation,
        "warnings": list(preview.warnings),
        "problems": [
            {
                "start": problem.start,
                "end": problem.end,
                "text": problem.text,
                "message": problem.message,
                "suggestion": problem.suggestion,
            }
            for problem in preview.problems
        ],
        "parts": preview.parts,
        "requests": preview.requests,
        "seconds": preview.seconds,
    }


def update_json(report: UpdateReport) -> dict[str, Any]:
    """``new``, ``revised``, ``deleted_articles`` and ``newly_retracted`` say how the library differs from before."""
    return {
        "update": report.number,
        **ingest_json(report),
        "new": report.changes.new,
        "revised": report.changes.revised,
        "deleted_articles": report.changes.deleted,
        "newly_retracted": changed_json(report.newly_retracted),
        "queries": [_source_json("query", step) for step in report.queries],
        "sources": [_source_json("source", step) for step in report.sources],
    }


def _source_json(kind: str, step: SourceUpdate) -> dict[str, Any]:
    counts = ingest_json(step.report)
    del counts["rejected"]
    return {kind: step.name, **counts, "error": None if step.error is None else str(step.error)}


def changes_json(record: UpdateRecord, changes: Mapping[ChangeKind, Sequence[ChangedArticle]]) -> dict[str, Any]:
    return {
        "update": record.number,
        "started": record.started,
        "finished": record.finished,
        **{kind: changed_json(articles) for kind, articles in changes.items()},
    }


def changed_json(articles: Iterable[ChangedArticle]) -> list[dict[str, Any]]:
    return [{"id": article.id, "pmid": article.pmid, "title": article.title} for article in articles]


def saved_json(queries: Iterable[SavedQuery], sources: Iterable[str]) -> dict[str, Any]:
    return {
        "queries": [
            {
                "query": saved.query,
                "since": saved.since,
                "until": saved.until,
                "max": saved.maximum,
                "asked": saved.asked,
            }
            for saved in queries
        ],
        "sources": list(sources),
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
        "suggestion": result.suggestion,
        "mixture": result.mixture,
        "clauses": [{"text": clause.text, "count": clause.count, "depth": clause.depth} for clause in result.clauses],
        "hits": [hit_json(hit) for hit in result.hits],
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "status": answer.status,
        "answer": answer.answer,
        "claims": [_claim_json(claim) for claim in answer.claims],
        "verdict": answer.verdict,
        "verdict_probabilities": dict(answer.verdict_probabilities),
        "stances": [
            {
                "id": stance.id,
                "pmid": stance.pmid,
                "stance": stance.stance,
                "probability": stance.probability,
                "evidence": [_span_json(span) for span in stance.evidence],
            }
            for stance in answer.stances
        ],
        "unresolved": [{"text": item.text, "reason": item.reason} for item in answer.unresolved],
        "retracted": [hit_json(hit) for hit in answer.retracted],
        "concerns": [hit_json(hit) for hit in answer.concerns],
        "hits": [hit_json(hit) for hit in answer.hits],
        "model": answer.model,
        "temperature": answer.temperature,
        "seed": answer.seed,
        "took_ms": answer.took_ms,
        "generation": answer.generation,
        "notes": list(answer.notes),
        "language": answer.language,
        "searched": answer.searched,
        "explain": answer.explain,
        "explanations": [
            {
                "kind": item.kind,
                "term": item.term,
                "text": item.text,
                "source": item.source,
                "number": item.number,
                "evidence": [_span_json(span) for span in item.evidence],
            }
            for item in answer.explanations
        ],
        "raw": answer.raw,
        "timings_ms": dict(answer.timings_ms),
    }


def query_help_json(found: QueryHelp) -> dict[str, Any]:
    """``hits`` is ``null`` where there was no index to count in; ``strict`` the query before it was made wider."""
    return {
        "question": found.question,
        "query": found.query,
        "hits": found.hits,
        "strict": found.strict,
        "left_out": [{"words": words, "hits": hits} for words, hits in found.left_out],
        "concepts": [
            {
                "words": concept.words,
                "headings": list(concept.headings),
                "added": list(concept.added),
                "query": concept.query,
            }
            for concept in found.concepts
        ],
        "mesh": found.has_mesh,
    }


def studies_json(studies: Iterable[Study]) -> list[dict[str, Any]]:
    """Each fact with the sentence that states it; ``null`` where nothing is plainly stated."""
    return [
        {
            "id": study.id,
            "pmid": study.pmid,
            "year": study.year,
            "title": study.title,
            "design": _fact_json(study.design),
            "participants": _fact_json(study.participants),
            "population": _fact_json(study.population),
            "effect": _fact_json(study.effect),
        }
        for study in studies
    ]


def _fact_json(fact: Fact | None) -> dict[str, Any] | None:
    if fact is None:
        return None
    span = fact.span
    evidence = None if span is None else {"text": span.text, "start": span.start, "end": span.end}
    return {"value": fact.value, "evidence": evidence}


def _claim_json(claim: Claim) -> dict[str, Any]:
    check = claim.check
    return {
        "text": claim.text,
        "verdict": claim.verdict,
        "origin": claim.origin,
        "translated": claim.translated,
        "check": None if check is None else {"score": check.score, "reasons": list(check.reasons)},
        "citations": [_citation_json(citation) for citation in claim.citations],
    }


def _citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "id": citation.id,
        "pmid": citation.pmid,
        "evidence": [_span_json(span) for span in citation.evidence],
    }


def _span_json(span: Passage) -> dict[str, Any]:
    return {"text": span.text, "start": span.start, "end": span.end, "section": span.section}
