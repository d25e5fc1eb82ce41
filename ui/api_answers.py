"""What :class:`~pubmed_rag.ui.api.Library` answers, and what it writes for others: the part about language models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.core.errors import UnknownArticleError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.models import registry
from pubmed_rag.core.records import Answer
from pubmed_rag.core.settings import Settings
from pubmed_rag.core.store import ArticleStore

if TYPE_CHECKING:
    from pubmed_rag.index.generation import Manifest
    from pubmed_rag.index.search import Searcher
    from pubmed_rag.rag.answer import Answerer, AnswerEvent, AskOptions
    from pubmed_rag.rag.check import Judge
    from pubmed_rag.rag.conversation import StandAlone
    from pubmed_rag.rag.endpoint import EndpointEngine
    from pubmed_rag.rag.engine import Engine
    from pubmed_rag.rag.export import Export, ExportFormat
    from pubmed_rag.rag.process_engine import ProcessEngine
    from pubmed_rag.rag.query_help import QueryHelp
    from pubmed_rag.rag.replay import Provenance, Recorded, Replay
    from pubmed_rag.rag.study_table import Study


class Answering:
    """Mixed into ``Library``, which has the rest."""

    settings: Settings
    store: ArticleStore
    paths: LibraryPaths
    _lock: threading.RLock
    _engines: dict[str, ProcessEngine | EndpointEngine]
    _judge: Judge | None = None

    @property
    def searcher(self) -> Searcher:
        """Search over the current index."""
        raise NotImplementedError

    def manifest(self) -> Manifest:
        """What the current index is made of."""
        raise NotImplementedError

    def ask(self, question: str, options: AskOptions | None = None, *, model: str | None = None) -> Answer:
        """A cited answer. ``model`` is a registered name or a GGUF file; default from the settings."""
        return self._answerer(model).ask(question, options or self.ask_options())

    def stream(
        self,
        question: str,
        options: AskOptions | None = None,
        *,
        model: str | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[AnswerEvent]:
        """Like :meth:`ask`, as it comes about: stages, claims, and at the end the complete answer."""
        return self._answerer(model).stream(question, options or self.ask_options(), stopped)

    def summarise(
        self,
        ids: Sequence[str],
        options: AskOptions | None = None,
        *,
        model: str | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[AnswerEvent]:
        """What the articles found, as a stream like that of :meth:`stream`. Raises :class:`UnknownArticleError`."""
        return self._answerer(model).summarise(ids, options or self.ask_options(), stopped)

    def studies(self, answer: Answer) -> tuple[Study, ...]:
        """The studies that an answer cites, in the order of their numbers: design, participants, effect as stated."""
        from pubmed_rag.rag.study_table import study_table

        cited = list(dict.fromkeys(citation.id for claim in answer.claims for citation in claim.citations))
        found = self.store.get_many(cited)
        return study_table((found[article_id] for article_id in cited), answer.question)

    def provenance(self, answer: Answer, options: AskOptions, *, summarised: Sequence[str] = ()) -> Provenance:
        """What ``answer``, just given with ``options``, was made of; ``summarised``: the articles it summarises."""
        from importlib.metadata import version

        from pubmed_rag.rag.replay import Provenance

        manifest = self.manifest()
        return Provenance(
            program=version("pubmed-rag"),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            library_changes=self.store.last_sequence(),
            generation=answer.generation,
            embedder=manifest.model,
            embedder_revision=manifest.model_revision,
            model=answer.model,
            model_checksum=self._checksum(answer.model),
            context_tokens=self.settings.ask.context_tokens,
            threads=self.settings.ask.threads,
            options=options,
            judge=self.settings.models.judge,
            ranking=" + ".join(part for part in (self.settings.search.fusion, self.settings.search.rerank) if part),
            summarised=tuple(summarised),
        )

    def replay(self, recorded: Recorded) -> Replay:
        """Ask the recorded question again, or summarise again, with its model and settings, and compare."""
        from pubmed_rag.rag.replay import compare

        before = recorded.provenance
        if before.summarised:
            *_, answer = self.summarise(before.summarised, before.options, model=before.model)
        else:
            answer = self.ask(recorded.question, before.options, model=before.model)
        if not isinstance(answer, Answer):
            raise AssertionError("a stream ends with its answer")
        return compare(recorded, answer, self.provenance(answer, before.options, summarised=before.summarised))

    def _checksum(self, model: str) -> str:
        from pubmed_rag.core.files import sha256_of
        from pubmed_rag.core.model_store import ModelStore
        from pubmed_rag.rag.endpoint import PREFIX

        if model.startswith(PREFIX):
            return ""
        return sha256_of(Path(ModelStore(self.settings.models.directory).locate(model, "llm")))

    def ask_options(self) -> AskOptions:
        """What :meth:`ask` uses when not told otherwise."""
        from pubmed_rag.rag.answer import AskOptions

        ask = self.settings.ask
        return AskOptions(top=ask.top, temperature=ask.temperature, top_p=ask.top_p, seed=ask.seed)

    def export(self, ids: Sequence[str], to: ExportFormat, *, style: str = "vancouver") -> Export:
        """Articles for another program, in the order of ``ids``. Raises :class:`UnknownArticleError`."""
        from pubmed_rag.rag.export import export_articles

        wanted = list(dict.fromkeys(ids))
        found = self.store.get_many(wanted)
        missing = [article_id for article_id in wanted if article_id not in found]
        if missing:
            shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
            raise UnknownArticleError(
                f"the library does not hold {shown}", remedy="ingest them first, or leave them out"
            )
        return export_articles([found[article_id] for article_id in wanted], to, style=style)

    def stand_alone(
        self, question: str, before: str, *, model: str | None = None, rewrite: bool | None = False
    ) -> StandAlone:
        """``question``, asked after ``before``, so that it can be asked alone; by the model with ``rewrite``.

        ``None``: by a model that can be expected to do it well.
        """
        from pubmed_rag.rag.conversation import stand_alone

        name = model or self.settings.models.llm
        if rewrite is None:
            spec = registry().get(name)
            rewrite = spec.repair if spec else True
        return stand_alone(question, before, (lambda: self._engine(name)) if rewrite else None)

    def query_help(self, question: str, *, model: str | None = None, synonyms: bool = False) -> QueryHelp:
        """A PubMed query for ``question``, of this library's MeSH, with what it finds here; wider if that is nothing.

        With ``synonyms`` the model proposes other names, of which those that MeSH knows come in.
        """
        from pubmed_rag.core.errors import LibraryError, UsageError
        from pubmed_rag.index.mesh import open_mesh
        from pubmed_rag.rag.query_help import help_with_query

        def count(query: str) -> int:
            return self.searcher.search(query, mode="pubmed", top=1).total

        if not question.strip():
            raise UsageError("the question is empty")
        try:
            countable = bool(self.manifest())
        except LibraryError:
            countable = False
        mesh = open_mesh(self.paths)
        try:
            name = model or self.settings.models.llm
            return help_with_query(
                question,
                mesh,
                count=count if countable else None,
                engine=(lambda: self._engine(name)) if synonyms else None,
            )
        finally:
            if mesh is not None:
                mesh.close()

    def hypothetical_abstract(self, question: str, *, model: str | None = None) -> str:
        """An invented abstract to search by meaning with. Nothing in it is true."""
        from pubmed_rag.rag.query_help import hypothetical_abstract

        return hypothetical_abstract(question, lambda: self._engine(model or self.settings.models.llm))

    def _answerer(self, model: str | None) -> Answerer:
        from pubmed_rag.rag.answer import Answerer

        name = model or self.settings.models.llm
        spec = registry().get(name)
        repairs = spec.repair if spec else True
        return Answerer(
            self.store, self.searcher, lambda: self._engine(name), judge=self.chosen_judge(), repairs=repairs
        )

    def chosen_judge(self) -> Judge | None:
        """The judge that the settings name; ``None``: words, figures and meaning."""
        name = self.settings.models.judge
        with self._lock:
            if name and self._judge is None:
                from pubmed_rag.rag.nli import NliJudge

                self._judge = NliJudge(name)
            return self._judge

    def _engine(self, name: str) -> Engine:
        with self._lock:
            if name not in self._engines:
                from pubmed_rag.ui.engines import load_engine

                self._engines[name] = load_engine(name, self.settings)
            return self._engines[name]
