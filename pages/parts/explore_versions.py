"""Two versions of a data set's labels beside each other: what differs, and what a model makes of either."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import streamlit as st

from core import version_report
from core.errors import InputError
from core.review.changes import Change, Version
from core.review.people import Role
from core.review.policy import DEFAULT_POLICY, POLICIES, WEIGH_CLASSES
from core.review.queue import Filters
from core.top_classes import top_classes
from core.trail import first_and_last
from core.versions import Comparison, compared, labels_of
from core.workspace import Project
from pages.parts import charts, explore_charts, picking, session
from pages.parts.how import how
from pages.parts.numbers import rows

_MATRIX = "version_matrix"
_TRUTH = (
    "The same predictions against either version, on the rows that have a label in both. 95% Wilson "
    "intervals. Labels whose rates moved most first."
)


@dataclass(frozen=True, eq=False)
class _Chosen:
    """What is compared: the comparison and the change that stands for all of it."""

    found: Comparison
    change: Change


def show(project: Project) -> None:
    """Choose two versions, and see how they differ."""
    if project.dataset.columns.label is None:
        return
    st.subheader("What differs between two versions of the labels?")
    if not session.team().sees_all(project.name, session.person()):
        st.text("What others decided is not shown in a blind review.")
        return
    chosen = _choose(project)
    if chosen is None:
        return
    found = chosen.found
    st.text(version_report.sentence(found))
    for labels, version in ((found.first, chosen.change.before), (found.second, chosen.change.after)):
        if labels.conflicts:
            st.text(f"{rows(labels.conflicts)} {version.words}: decided, but the data have changed since.")
    _alone(project, chosen)
    if not len(found.before):
        return
    if project.dataset.targets is not None:
        _numbers(project, chosen)
    else:
        _counted(project, chosen)
        _model(project, chosen)
    how(version_report.VERSIONS, "versions")


def _counted(project: Project, chosen: _Chosen) -> None:
    found = chosen.found
    if found.changed.any():
        left, right = st.columns(2, gap="medium")
        with left:
            _moved(project, chosen)
        with right:
            _labels(project, chosen)
    elif len(found.only_before) or len(found.only_after):
        _labels(project, chosen)


def _choose(project: Project) -> _Chosen | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        before = _version(project, "Before", "x_before", "given")
        after = _version(project, "After", "x_after", "now")
        policy = _policy(project)
    change = Change(before, after, policy=policy)
    try:
        session.team().require_all(session.person(), project.name, *change.others)
        with st.spinner("Comparing"):
            first, second = (
                labels_of(session.workspace(), session.store(), project.name, version, policy)
                for version in (before, after)
            )
            return _Chosen(compared(first, second, project.dataset), change)
    except InputError as error:
        st.text(str(error))
        return None


def _version(project: Project, label: str, param: str, usual: str) -> Version:
    """A version: of this data set, or of another one."""
    words = {"given": "As imported", "now": "As corrected now"}
    days = first_and_last(session.store(), project.name)
    if days is not None:
        words["until"] = "As corrected until a day"
    for name in session.workspace().names():
        if name != project.name:
            words |= {f"given@{name}": f"{name}, as imported", f"now@{name}": f"{name}, as corrected now"}
    picked = session.bound(
        st.selectbox,
        label,
        list(words),
        param=param,
        read=lambda text: text if text in words else usual,
        format_func=words.__getitem__,
        width=250,
        help="Other data sets are matched by row id, such as another version of a file.",
    )
    if picked != "until" or days is None:
        return Version.parse(picked or usual)
    first, last = (datetime.fromisoformat(day).date() for day in days)
    today = max(datetime.now(UTC).date(), last)

    def read(text: str | None) -> date:
        try:
            return min(max(date.fromisoformat(text or ""), first), today)
        except ValueError:
            return last

    day = session.bound(
        st.date_input,
        "Until the end of",
        param=f"{param}_day",
        read=read,
        min_value=first,
        max_value=today,
        format="YYYY-MM-DD",
        width=150,
        help="The day in UTC, itself included.",
    )
    return Version("until", day.isoformat())


def _policy(project: Project) -> str:
    """The export's policy; the choice of one where annotators differ."""
    store, probs = session.store(), project.predictions.pred_probs
    differ = store.decided(project.name) - store.settled(project.name)
    if not differ:
        return DEFAULT_POLICY
    names = [name for name, policy in POLICIES.items() if probs is not None or not policy.needs_model]
    if project.dataset.targets is not None:
        names = [name for name in names if name not in WEIGH_CLASSES]
    picked = session.bound(
        st.selectbox,
        f"{rows(differ)} on which annotators differ",
        names,
        param="policy",
        read=lambda text: text if text in names else DEFAULT_POLICY,
        format_func=lambda name: POLICIES[name].title,
        width=250,
    )
    return picked or DEFAULT_POLICY


def _alone(project: Project, chosen: _Chosen) -> None:
    """The ways to the rows that only one version has."""
    found = chosen.found
    if gone := len(found.only_before):
        change = replace(chosen.change, kind="only_before")
        _lead(project, found.first.dataset.name, change, f"List the {rows(gone)} not there any more")
    if new := len(found.only_after):
        change = replace(chosen.change, kind="only_after")
        _lead(project, found.second.dataset.name, change, f"List the {rows(new)} that came")


def _lead(project: Project, name: str, change: Change, label: str) -> None:
    """A way to the rows of a change, in the data set that they are in."""
    seen = change if name == project.name else change.seen_from(project.name, name)
    query = {"ds": name, **Filters(change=str(seen), sort="row").to_query()}
    st.page_link("issues.py", label=label, icon=":material/list:", query_params=query)


def _moved(project: Project, chosen: _Chosen) -> None:
    """Labels before against labels after. Each cell is a queue."""
    found = chosen.found
    if project.dataset.sets is None:
        moves = version_report.moves(found)
        names = moves.classes
        pairs = [(names[given], names[new]) for new, given in moves.cells]
        most = max(moves.cells, key=lambda cell: moves.counts[cell[1], cell[0]])
        alt = (
            f"Most often from {names[most[1]]} to {names[most[0]]}: "
            f"{rows(int(moves.counts[most[1], most[0]]))}"
        )
        charts.show(
            explore_charts.version_matrix(moves, charts.colours()),
            alt,
            key=_MATRIX,
            on_select=lambda: _pick(chosen.change, pairs),
            selection_mode="points",
        )
        if moves.hidden:
            st.markdown(f":small[The labels with most changes; {rows(moves.hidden)} not shown.]")
        frame = pd.DataFrame(pairs, columns=["before", "after"])
        frame["rows"] = [int(moves.counts[given, new]) for new, given in moves.cells]
        frame = frame.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
        _picked(project, chosen)
        charts.with_table(frame, "Rows by label before and after", _MATRIX)
    else:
        _picked(project, chosen)


def _pick(change: Change, pairs: list[tuple[str, str]]) -> None:
    points = picking.selected_points(_MATRIX)
    if points:
        source, target = ("" if n == version_report.NO_LABEL else n for n in pairs[points[0]])
        wanted = replace(change, source=source, target=target)
        session.set_params({"change": str(wanted), "row": None, "page": None})


def _picked(project: Project, chosen: _Chosen) -> None:
    """The queue of the cell in the address, else of every row whose label differs."""
    asked = session.filters().change
    wanted = Change.parse(asked) if asked else chosen.change
    plain = replace(wanted, kind="changed", source=None, target=None)
    if plain != chosen.change:
        wanted = chosen.change  # a cell of other versions
    change = Filters(change=str(wanted), sort="row")
    queue, _ = session.team().queue(project.name, session.person(), change)
    if wanted == chosen.change:
        words = "Click a count to see its rows."
        st.markdown(f":small[{words if project.dataset.sets is None else 'Click a label to see its rows.'}]")
    else:
        st.text(f"{rows(len(queue))}: {wanted.words}.")
    with st.container(horizontal=True, vertical_alignment="center"):
        params = session.only(**change.to_query())
        if session.can(Role.ANNOTATOR) and st.button(
            f"Review these {len(queue):,}",
            icon=":material/rate_review:",
            key="review_versions",
            disabled=not len(queue),
        ):
            st.switch_page("review.py", query_params=params)
        st.page_link("issues.py", label="List them", query_params=params)
        if wanted != chosen.change:
            st.button(
                "Clear",
                type="tertiary",
                key="clear_versions",
                on_click=session.set_params,
                args=({"change": None},),
            )


def _labels(project: Project, chosen: _Chosen) -> None:
    """How many rows have each label in either version."""
    frame = version_report.label_counts(chosen.found)
    frame = frame[frame[["before", "after"]].sum(axis=1) > 0].reset_index(drop=True)
    number = st.column_config.NumberColumn
    columns = {
        "label": st.column_config.TextColumn("Label", width=160),
        "before": number("Before", format="localized", help="Rows of it, those only in it included"),
        "after": number("After", format="localized", help="Rows of it, those only in it included"),
        "came": number("Came", format="localized", help="Rows in both that got this label"),
        "left": number("Left", format="localized", help="Rows in both that lost this label"),
    }
    alt = "Rows of each label in either version"
    height = min(35 * (len(frame) + 1) + 3, 400)
    if project.dataset.sets is None:
        st.dataframe(frame, hide_index=True, column_config=columns, height=height, alt=alt)
        return
    names = list(frame["label"])
    event = st.dataframe(
        frame,
        hide_index=True,
        column_config=columns,
        height=height,
        alt=alt,
        key="version_labels",
        on_select="rerun",
        selection_mode="single-row",
    )
    lines = event["selection"]["rows"]
    if lines:
        name = names[lines[0]]
        with st.container(horizontal=True):
            ways = (
                ("came", "got", replace(chosen.change, kind="gained", target=name)),
                ("left", "lost", replace(chosen.change, kind="lost", source=name)),
            )
            for column, words, change in ways:
                if count := int(frame[column][lines[0]]):
                    label = f"List the {rows(count)} that {words} {session.escape(name)}"
                    _lead(project, project.name, change, label)


def _model(project: Project, chosen: _Chosen) -> None:
    """Agreement, precision and recall, and estimated wrong labels, by either version."""
    found, dataset, predictions = chosen.found, project.dataset, project.predictions
    if predictions.pred_probs is None:
        st.text("There are no probabilities of a model to hold against either version.")
        return
    if not (found.at >= 0).any() or len(dataset.names) < 2:
        return
    place = st.empty()
    progress = session.progress_to(place)
    if dataset.sets is None:
        predicted, _ = top_classes(session.workspace().cache_dir, predictions, progress)
        both = version_report.paired(found, dataset, predicted)
        frame = version_report.rates(found, dataset, predicted)
        guesses = [
            version_report.wrong(session.workspace().cache_dir, predictions, found, dataset, after, progress)
            for after in (False, True)
        ]
        place.empty()
        if both is not None:
            st.text(both.sentence)
        if guesses[0] is not None and guesses[1] is not None:
            st.text(version_report.wrong_sentence(guesses[0], guesses[1]))
    else:
        frame = version_report.set_rates(found, dataset, predictions, progress)
        place.empty()
    if len(frame):
        _rates(frame)


def _rates(frame: pd.DataFrame) -> None:
    table = frame[["label"]].copy()
    for rate in ("precision", "recall"):
        for when in ("before", "after"):
            ends = zip(*(frame[f"{rate}{end}_{when}"] for end in ("", "_low", "_high")), strict=True)
            table[f"{rate}_{when}"] = [
                "" if np.isnan(v) else f"{v:.0%} ({a:.0%}-{b:.0%})" for v, a, b in ends
            ]
    text = st.column_config.TextColumn
    columns = {"label": text("Label", width=160)}
    for rate in ("precision", "recall"):
        for when in ("before", "after"):
            columns[f"{rate}_{when}"] = text(f"{rate.capitalize()} {when}")
    st.dataframe(
        table,
        hide_index=True,
        column_config=columns,
        height=min(35 * (len(table) + 1) + 3, 400),
        alt="Precision and recall of each label against either version",
    )
    st.markdown(f":small[{_TRUTH}]")


def _numbers(project: Project, chosen: _Chosen) -> None:
    said = version_report.number_report(chosen.found, project.dataset, project.predictions.predicted).sentence
    if said:
        st.text(said)
    if chosen.found.changed.any():
        _picked(project, chosen)
