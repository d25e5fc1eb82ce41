"""Two systems topic by topic: where one wins and where it loses, both rankings side by side, and why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pubmed_rag.ui.highlight import LONGEST_TITLE, Html, clean, clip, literal, record_text, tag
from pubmed_rag.ui.messages import say
from pubmed_rag.ui.page_challenge_charts import PICKED, Bar, bars_chart
from pubmed_rag.ui.page_state import KEPT
from pubmed_rag.ui.page_words import show

if TYPE_CHECKING:
    from pubmed_rag.eval.failures import Shown
    from pubmed_rag.eval.finished import FinishedCollection, TopicDifference

_SYSTEM, _BASELINE, _TOPIC = f"{KEPT}topics.system", f"{KEPT}topics.baseline", f"{KEPT}topics.topic"
_MOST_BARS = 4000


def topics(collection: FinishedCollection) -> None:
    """Draw the bars of two systems that can be chosen, and the topic that is chosen among them."""
    names = [system.name for system in collection.systems]
    if len(names) < 2:
        return
    show(tag("h2", say("Topic by topic"), cls="prag-part"))
    pair = _pair(collection, names)
    if pair[0] == pair[1]:
        st.info(say("Choose two different systems."))
        return
    found = _differences(collection, pair)
    won = sum(topic.difference > 0 for topic in found)
    lost = sum(topic.difference < 0 for topic in found)
    counts = {"won": won, "lost": lost, "tied": len(found) - won - lost}
    words = say("{system} wins {won} topics, loses {lost}, and {tied} are tied.", system=pair[1], **counts)
    st.caption(literal(words))
    if not found:
        return
    _bars(collection, pair, found)
    chosen = _chosen(found)
    if chosen is not None:
        _topic(collection, pair, chosen)


def _pair(collection: FinishedCollection, names: list[str]) -> tuple[str, str]:
    usual = next((pair for pair in collection.headlines if set(pair) <= set(names)), (names[0], names[1]))
    for key, name in ((_BASELINE, usual[0]), (_SYSTEM, usual[1])):
        if st.session_state.get(key) not in names:
            st.session_state[key] = name
    left, right = st.columns(2)
    system = left.selectbox(say("System"), names, key=_SYSTEM)
    baseline = right.selectbox(say("Compared with"), names, key=_BASELINE)
    return str(baseline), str(system)


def _differences(collection: FinishedCollection, pair: tuple[str, str]) -> tuple[TopicDifference, ...]:
    path = collection.folder / "per_query.csv"
    return _read(collection, str(path), path.stat().st_mtime_ns if path.is_file() else 0, pair)


@st.cache_data(show_spinner=False, max_entries=16)
def _read(
    _collection: FinishedCollection,
    path: str,  # noqa: ARG001 - part of the key
    changed: int,  # noqa: ARG001 - part of the key
    pair: tuple[str, str],
) -> tuple[TopicDifference, ...]:
    from pubmed_rag.eval.finished import topic_differences

    return topic_differences(_collection, pair)


def _bars(collection: FinishedCollection, pair: tuple[str, str], found: tuple[TopicDifference, ...]) -> None:
    description = say(
        "{system} less {baseline} on each topic of {collection}, in {measure}",
        system=pair[1],
        baseline=pair[0],
        collection=collection.name,
        measure=collection.primary,
    )
    step = -(-len(found) // _MOST_BARS)  # more could not be told apart on any screen
    bars = [Bar(topic.topic_id, topic.text, topic.difference) for topic in found[::step]]
    chart = bars_chart(bars, say("difference in {measure}", measure=collection.primary), description)
    key = f"topics.chart.{collection.name}.{pair[0]}.{pair[1]}"
    st.altair_chart(chart, key=key, on_select=partial(_pointed, key), selection_mode=[PICKED], alt=description)


def _pointed(chart: str) -> None:
    points = st.session_state[chart]["selection"].get(PICKED) or []
    if points and "topic" in points[0]:
        st.session_state[_TOPIC] = str(points[0]["topic"])


def _chosen(found: tuple[TopicDifference, ...]) -> TopicDifference | None:
    by_id = {topic.topic_id: topic for topic in found}
    if st.session_state.get(_TOPIC) not in by_id:
        st.session_state[_TOPIC] = None
    chosen = st.selectbox(
        say("Topic"),
        list(by_id),
        key=_TOPIC,
        index=None,
        format_func=lambda topic: _name(by_id[topic]),
        placeholder=say("point at a bar, or choose here"),
    )
    return by_id[chosen] if chosen is not None else None


def _name(topic: TopicDifference) -> str:
    difference = f"{topic.difference:+.3f}".replace("-", "\N{MINUS SIGN}")
    return f"{difference} · {clip(clean(topic.text or topic.topic_id), 140)}"


def _topic(collection: FinishedCollection, pair: tuple[str, str], topic: TopicDifference) -> None:
    from pubmed_rag.eval.finished import explain_topic

    shown = explain_topic(collection, pair, topic)
    if shown is None:
        st.info(
            say(
                "This report was made by an earlier version, which kept no rankings to be shown here. The same command "
                "again adds them, and asks no system anew."
            )
        )
        return
    with st.container(border=True):
        show(tag("h3", record_text(shown.text, LONGEST_TITLE), cls="prag-question"))
        for column, name, value, ranking in zip(
            st.columns(2),
            (shown.system, shown.baseline),
            (shown.system_value, shown.baseline_value),
            (shown.system_top, shown.baseline_top),
            strict=True,
        ):
            with column:
                show(tag("h4", record_text(f"{name}: {collection.primary} {value:.3f}"), cls="prag-part"))
                show(_ranking(ranking))
        show(tag("h4", say("What explains it"), cls="prag-part"))
        show(tag("ul", *(tag("li", record_text(reason)) for reason in shown.reasons), cls="prag-reasons"))


def _ranking(ranking: tuple[Shown, ...]) -> Html:
    if not ranking:
        return tag("p", say("Nothing was returned."), cls="prag-about")
    return tag("ol", *(_document(document) for document in ranking), cls="prag-ranking")


def _document(document: Shown) -> Html:
    grade = (
        say("not judged") if document.grade is None else say("relevant") if document.grade > 0 else say("not relevant")
    )
    kind = "prag-relevant" if document.grade else None
    title = record_text(document.title or document.doc_id, LONGEST_TITLE)
    return tag("li", title, " ", tag("small", f"{clip(document.doc_id, 60)} · {grade}"), cls=kind)
