"""A finished challenge: what it shows, first in sentences, then as pictures and tables, and its files to take away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, clean, clip, join, literal, record_text, tag
from pubmed_rag.ui.messages import number, say, say_count, word
from pubmed_rag.ui.page_challenge_charts import Dot, dots_chart
from pubmed_rag.ui.page_challenge_topics import topics
from pubmed_rag.ui.page_state import KEPT, Desk
from pubmed_rag.ui.page_tables import table
from pubmed_rag.ui.page_words import explain, sentence, show

if TYPE_CHECKING:
    from pubmed_rag.eval.compare import Difference
    from pubmed_rag.eval.finished import FinishedChallenge, FinishedCollection, Listed
    from pubmed_rag.eval.statistics import Comparison, Interval

_REPORT, _COLLECTION = f"{KEPT}challenge.report", f"{KEPT}challenge.collection"
_SINCE = f"{KEPT}challenge.since"
_WHOLE = "challenge.whole"
_LOCKED = (
    '<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'\">"
)
"""Before a report shown in a frame: whatever stands in the file, no script of it runs and nothing is fetched."""

_LARGEST_SHOWN = 20_000_000
_VERDICTS = {
    "better": word("better"),
    "worse": word("worse"),
    "no difference shown": word("no difference shown"),
}
_FILES = (
    ("report.html", word("The whole report (HTML)"), "text/html"),
    ("metrics.csv", word("Means (CSV)"), "text/csv"),
    ("per_query.csv", word("Topic by topic (CSV)"), "text/csv"),
    ("comparisons.csv", word("Comparisons (CSV)"), "text/csv"),
)


def has_any(library: Library) -> bool:
    """Whether there is anything to show."""
    return bool(_listed(library))


def render(desk: Desk) -> None:
    """Draw the part."""
    listed = _listed(desk.library)
    for item in listed:
        _unfinished(item)
    finished = {str(item.folder): item for item in listed if item.state == "finished"}
    if not finished:
        if not any(item.state == "running" for item in listed):
            _nothing()
        return
    if st.session_state.get(_REPORT) not in finished:
        st.session_state[_REPORT] = next(iter(finished))
    chosen = st.selectbox(say("Report"), list(finished), key=_REPORT, format_func=lambda name: _title(finished[name]))
    try:
        report = read(finished[chosen].folder)
    except Exception as error:  # the edge: a report that is broken leaves the others to be chosen
        explain(error)
        return
    _report(report)
    _since(report, [name for name in finished if name != chosen], finished)


def _nothing() -> None:
    st.info(
        sentence(
            say(
                "There is no report yet. 'pubmed-rag eval datasets' says which collections there are, and "
                "'pubmed-rag eval challenge --data DIR' makes a report of them, which then stands here"
            )
        )
    )


def _listed(library: Library) -> tuple[Listed, ...]:
    from pubmed_rag.eval.finished import list_challenges

    return list_challenges(library.paths.runs)


def _unfinished(item: Listed) -> None:
    name, when = item.folder.name, _moment(item.date)
    if item.state == "running":
        st.info(literal(say("A challenge is at work in runs/{name}; its report will stand here.", name=name)))
    elif item.state == "stopped":
        words = say(
            "A challenge in runs/{name} was broken off (last written {when}). The same command goes on where it "
            "stopped.",
            name=name,
            when=when,
        )
        st.warning(literal(words))
    elif item.state == "damaged":
        words = say("A report cannot be read. The command that made it makes it again from what is there.")
        st.error(f"{literal(words)}\n\n{literal(clip(item.why, 600))}")


def _title(item: Listed) -> str:
    return f"{_moment(item.date)} · {clip(clean(item.title), 90)} ({clean(item.folder.name)})"


def _moment(date: str) -> str:
    return date[:16].replace("T", " ")


def read(folder: Path) -> FinishedChallenge:
    """The report in ``folder``, kept while its files stay the same. Raises :class:`DamagedFileError`."""
    from pubmed_rag.eval.finished import MANIFEST

    return _read(str(folder), (folder / MANIFEST).stat().st_mtime_ns)


@st.cache_resource(show_spinner=False, max_entries=8)
def _read(folder: str, changed: int) -> FinishedChallenge:  # noqa: ARG001 - the moment is part of the key
    from pubmed_rag.eval.finished import read_challenge_folder

    return read_challenge_folder(Path(folder))


def _report(report: FinishedChallenge) -> None:
    show(tag("h2", record_text(report.title), cls="prag-question"))
    made = say("Made {when} UTC", when=_moment(report.date))
    st.caption(literal(f"{made} · {say('program')} {report.commit[:10]}" if report.commit else made))
    if report.about:
        with st.expander(say("What was asked")):
            show(join([tag("p", record_text(part)) for part in report.about.split("\n\n")]))
    verdicts(report)
    _headline_pictures(report)
    _files(report)
    names = [collection.name for collection in report.collections]
    if st.session_state.get(_COLLECTION) not in names:
        st.session_state[_COLLECTION] = names[0]
    show(tag("h2", say("Collection by collection"), cls="prag-part"))
    chosen = st.selectbox(say("Collection"), names, key=_COLLECTION)
    collection = next(found for found in report.collections if found.name == chosen)
    _collection(report, collection)
    topics(collection)


def verdicts(report: FinishedChallenge) -> None:
    """The answer, and how sure it is: no more than the statistics carry."""
    from pubmed_rag.eval.challenge_report import answer_of
    from pubmed_rag.eval.report import verdict_sentence

    headlines = report.headlines()
    show(tag("h3", say("Answer"), cls="prag-part"))
    sentences = answer_of((collection.name, comparison) for collection, comparison in headlines)
    show(tag("ul", *(tag("li", record_text(text), cls="prag-verdict") for text in sentences), cls="prag-reasons"))
    if not headlines:
        return
    with st.expander(say("How sure is that?")):
        show(
            tag(
                "ul",
                *(
                    tag(
                        "li",
                        record_text(f"{collection.name}: {verdict_sentence(comparison)}"),
                        tag("ul", *(tag("li", record_text(reason)) for reason in _reasons(collection, comparison))),
                    )
                    for collection, comparison in headlines
                ),
                cls="prag-reasons",
            )
        )


def _reasons(collection: FinishedCollection, comparison: Comparison) -> Sequence[str]:
    return collection.reasons.get((comparison.baseline, comparison.system), ())


def _headline_pictures(report: FinishedChallenge) -> None:
    """One picture a measure: differences in different measures have no common scale."""
    headlines = report.headlines()
    for place, measure in enumerate(dict.fromkeys(comparison.measure for _, comparison in headlines)):
        dots = [
            _difference(comparison, f"{collection.name}: ")
            for collection, comparison in headlines
            if comparison.measure == measure
        ]
        description = say("Difference in {measure} with its 95 % interval", measure=measure)
        chart = dots_chart(dots, say("difference in {measure}", measure=measure), description, zero=True)
        st.altair_chart(chart, key=f"challenge.headline.{place}", alt=description)
    if headlines:
        st.caption(say("Filled: a difference is shown. Hollow: none is. The dashed line is no difference."))


def _difference(comparison: Comparison, before: str = "") -> Dot:
    low, high = _bounds(comparison.interval)
    firm = comparison.verdict != "no difference shown"
    return Dot(f"{before}{comparison.system} vs {comparison.baseline}", comparison.difference, low, high, firm)


def _bounds(interval: Interval | None) -> tuple[float | None, float | None]:
    return (interval.low, interval.high) if interval else (None, None)


def _files(report: FinishedChallenge) -> None:
    with st.expander(say("The report and its files")):
        with st.container(horizontal=True):
            for name, label, kind in _FILES:
                path = report.folder / name
                if path.is_file():
                    st.download_button(
                        say(label), path.read_bytes, name, kind, key=f"challenge.save.{name}", on_click="ignore"
                    )
            st.download_button(
                say("Run files (TREC, zip)"),
                _runs_of(report),
                "runs.zip",
                "application/zip",
                key="challenge.save.runs",
                on_click="ignore",
            )
        page = report.folder / "report.html"
        small = page.is_file() and page.stat().st_size <= _LARGEST_SHOWN
        if small and st.toggle(say("Read the whole report here"), key=_WHOLE):
            st.iframe(_LOCKED + page.read_text(encoding="utf-8", errors="replace"), height=700, alt=report.title)
        show(tag("p", tag("small", say("They lie in {folder}", folder=str(report.folder))), cls="prag-about"))


def _since(report: FinishedChallenge, others: Sequence[str], listed: Mapping[str, Listed]) -> None:
    """The same systems in another report: what changed from there to here, topic by topic."""
    if not others:
        return
    show(tag("h2", say("Against another report"), cls="prag-part"))
    if st.session_state.get(_SINCE) not in others:
        st.session_state[_SINCE] = None
    other = st.selectbox(
        say("Compared with the report"),
        others,
        key=_SINCE,
        index=None,
        format_func=lambda name: _title(listed[name]),
        placeholder=say("choose one"),
    )
    if other is None:
        return
    try:
        found = _compared(other, str(report.folder), listed[other].date, report.date)
    except Exception as error:  # the edge: two reports that have nothing in common are no failure of the page
        explain(error)
        return
    header = (say("System"), say("Collection"), say("there"), say("here"), say("Difference"), say("95 % interval"), "p")
    rows = [_changed(difference) for difference in found]
    show(table(say("What changed from that report to this one"), header, rows, numbers=range(2, len(header))))


@st.cache_data(show_spinner=False, max_entries=8)
def _compared(there: str, here: str, *dates: str) -> tuple[Difference, ...]:  # noqa: ARG001 - part of the key
    from pubmed_rag.eval.compare import compare_folders

    return compare_folders(Path(there), Path(here))


def _changed(difference: Difference) -> tuple[str, ...]:
    made = difference.comparison
    return (
        record_text(difference.system),
        record_text(f"{difference.collection}, {difference.measure}"),
        f"{difference.before:.3f}",
        f"{difference.after:.3f}",
        _signed(difference.after - difference.before),
        _interval(made.interval if made else None),
        "" if made is None else "< 0.001" if made.p_holm < 0.001 else f"{made.p_holm:.3f}",
    )


def _runs_of(report: FinishedChallenge) -> Callable[[], bytes]:
    """The run files of all collections in one archive, made when it is asked for."""

    def made() -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for collection in report.collections:
                for path in sorted((collection.folder / "runs").glob("*.trec")):
                    archive.write(path, f"{collection.name}/{path.name}")
        return packed.getvalue()

    return made


# -- one collection --------------------------------------------------------------------------------


def _collection(report: FinishedChallenge, collection: FinishedCollection) -> None:
    facts = [
        say_count("{count} document", "{count} documents", collection.documents) if collection.documents else "",
        say_count("{count} topic", "{count} topics", collection.topics),
        ""
        if collection.judgements is None
        else say_count("{count} judgement", "{count} judgements", collection.judgements),
        say("measured as {task} by {measure}", task=collection.task, measure=collection.primary),
    ]
    st.caption(literal(" · ".join(fact for fact in facts if fact)))
    systems(collection)
    if collection.comparisons:
        show(tag("h3", say("Differences"), cls="prag-part"))
        description = say("Difference in {measure} with its 95 % interval", measure=collection.primary)
        dots = [_difference(comparison) for comparison in collection.comparisons]
        st.altair_chart(
            dots_chart(dots, say("difference in {measure}", measure=collection.primary), description, zero=True),
            key="challenge.differences",
            alt=description,
        )
        show(_comparisons(collection))
        st.caption(say("p is corrected for all comparisons of the report together (Holm)."))
    _care(report, collection)


def systems(collection: FinishedCollection) -> None:
    """Each system's mean with its interval, as a picture and as a table of all measures."""
    dots = [
        Dot(system.name, system.measures[collection.primary], *_bounds(system.interval))
        for system in sorted(collection.systems, key=lambda system: -system.measures[collection.primary])
    ]
    description = say(
        "{measure} of each system on {collection}", measure=collection.primary, collection=collection.name
    )
    chart = dots_chart(dots, collection.primary, description)
    st.altair_chart(chart, key=f"challenge.systems.{collection.folder}", alt=description)
    show(_systems_table(collection))


def _systems_table(collection: FinishedCollection) -> Html:
    others = [name for name in collection.systems[0].measures if name != collection.primary]
    header = (say("System"), collection.primary, say("95 % interval"), *others, say("No result"), "ms")
    rows = [
        (
            record_text(system.name),
            f"{system.measures[collection.primary]:.3f}",
            _interval(system.interval),
            *(f"{system.measures[name]:.3f}" for name in others),
            number(system.without_results),
            f"{system.median_ms:.0f}",
        )
        for system in collection.systems
    ]
    return table(
        say("Systems on {collection}", collection=collection.name), header, rows, numbers=range(1, len(header))
    )


def _comparisons(collection: FinishedCollection) -> Html:
    header = (
        say("Systems"), say("Verdict"), say("Difference"), say("95 % interval"), "p",
        say("won"), say("tied"), say("lost"),
    )  # fmt: skip
    rows = [
        (
            record_text(f"{c.system} vs {c.baseline}"),
            say(_VERDICTS[c.verdict]) if c.verdict in _VERDICTS else c.verdict,
            _signed(c.difference),
            _interval(c.interval),
            "< 0.001" if c.p_holm < 0.001 else f"{c.p_holm:.3f}",
            number(c.wins),
            number(c.ties),
            number(c.losses),
        )
        for c in collection.comparisons
    ]
    return table(say("Comparisons on {collection}", collection=collection.name), header, rows, numbers=range(2, 8))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return say("too few topics")
    return f"{interval.low:.3f} … {interval.high:.3f}".replace("-", "\N{MINUS SIGN}")


def _care(report: FinishedChallenge, collection: FinishedCollection) -> None:
    notes = [collection.caution, *collection.left_out, *report.not_run]
    if not any(notes):
        return
    with st.expander(say("Read with care")):
        show(tag("ul", *(tag("li", record_text(note)) for note in notes if note), cls="prag-reasons"))
