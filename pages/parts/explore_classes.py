"""The classes of a data set: where a model and the given labels differ, and how far to trust its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import class_report, overview
from core.audit import Audit
from core.issues import Result
from core.model_store import models
from core.predictions import Predictions
from core.review.people import Role
from core.review.queue import DEFAULT_FIND, Filters
from core.top_classes import label_counts, top_classes
from core.workspace import Project
from pages.parts import charts, explore_charts, explore_versions, picking, session, work
from pages.parts.models import AGREEMENT, UNNAMED, shown
from pages.parts.numbers import rows

_TRUTH = "Measured against the given labels, which can be wrong: agreement is not truth."


def show(project: Project, audit: Audit) -> None:
    """Confusion, rates of each class, calibration, models, splits and versions compared."""
    _classes(project, audit)
    explore_versions.show(project)


def _classes(project: Project, audit: Audit) -> None:
    dataset = project.dataset
    if not (dataset.labels >= 0).any():
        st.text("This data set has no labels to compare predictions with.")
        return
    if dataset.targets is not None:
        st.text("The labels of this data set are numbers: there are no classes. Overview shows their spread.")
        return
    if project.predictions.pred_probs is None:
        st.text("Classes are compared with a model's predictions, and this data set has none.")
        work.offer_baseline(project)
        if session.can(Role.OWNER):
            st.page_link("load.py", label="Load it with predictions", query_params=session.only())
        return
    if len(dataset.names) < 2:
        st.text("There is one class: nothing can be mixed up.")
        return
    if dataset.sets is not None:
        _labels(project)
        return
    predicted, confidence = _read(project.predictions)
    labelled = dataset.labels >= 0
    agrees = predicted == dataset.labels
    left, right = st.columns(2, gap="medium")
    with left:
        _mixed_up(project, audit.results.get(DEFAULT_FIND), predicted)
    with right:
        _reliability(confidence[labelled], agrees[labelled])
    _rates(dataset.names, class_report.class_counts(dataset, predicted))
    _splits(project, np.where(labelled, agrees, np.nan))
    _models(project, agrees[labelled])


def _read(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    place = st.empty()
    found = top_classes(session.workspace().cache_dir, predictions, session.progress_to(place))
    place.empty()
    return found


def _mixed_up(project: Project, labels: Result | None, predicted: np.ndarray) -> None:
    """The matrix, and the queue behind the cell that is in the address."""
    dataset = project.dataset
    st.subheader("Which class is predicted as which?")
    confusion = class_report.confusion(dataset, predicted)
    if not confusion.cells:
        count = int((dataset.labels >= 0).sum())
        st.text(f"The predicted class is the given label in {'the' if count == 1 else 'all'} {rows(count)}.")
        return
    names, clicked = confusion.classes, [(y, x) for x, y in confusion.cells]
    given, told = max(clicked, key=lambda cell: confusion.counts[cell])
    alt = (
        f"Most often apart: {rows(int(confusion.counts[given, told]))} labelled {names[given]}, "
        f"predicted {names[told]}"
    )
    pairs = [(names[g], names[p]) for g, p in clicked]
    charts.show(
        explore_charts.predicted_matrix(confusion, charts.colours()),
        alt,
        key="predicted_matrix",
        on_select=lambda: _pick_pair(pairs),
        selection_mode="points",
    )
    st.markdown(f":small[{_matrix_words(len(dataset.names), confusion)}]")
    _picked(project, labels, predicted)
    frame = pd.DataFrame(pairs, columns=["given", "predicted"])
    frame["rows"] = [int(confusion.counts[cell]) for cell in clicked]
    frame = frame.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
    charts.with_table(frame, "Rows by given label and predicted class", "predicted_matrix")


def _matrix_words(classes: int, confusion: overview.Confusion) -> str:
    said = "Rows where the out-of-sample prediction is not the given label; those that agree are left out."
    if confusion.hidden:
        said += (
            f" The {len(confusion.classes)} worst of {classes:,} classes; {rows(confusion.hidden)} not shown."
        )
    return said


def _pick_pair(pairs: list[tuple[str, str]]) -> None:
    points = picking.selected_points("predicted_matrix")
    if points:
        given, predicted = pairs[points[0]]
        session.set_params({"given": given, "sug": predicted, "row": None, "page": None})


def _picked(project: Project, labels: Result | None, predicted: np.ndarray) -> None:
    """What can be done with the pair in the address.

    The queue goes by the suggested label. Where a row is flagged or its label is not predicted, that is the
    likeliest other class, by the ranking in use: often the predicted class, not always.
    """
    dataset, chosen = project.dataset, session.filters()
    known = chosen.given in dataset.classes and chosen.sug in dataset.classes
    if not known or chosen.given == chosen.sug:
        st.markdown(":small[Click a count to see its rows.]")
        return
    given, told = dataset.classes.index(chosen.given), dataset.classes.index(chosen.sug)
    count = int(((dataset.labels == given) & (predicted == told)).sum())
    st.text(f"{rows(count)} labelled {chosen.given}, predicted {chosen.sug}.")
    if labels is None:
        st.text("Label errors has not run on this data set, so that they cannot be listed yet.")
        return
    wanted = Filters(find=DEFAULT_FIND, given=chosen.given, sug=chosen.sug, cut=1.0)
    queue, _ = session.team().queue(project.name, session.person(), wanted)
    flagged = int(labels.table["flagged"].to_numpy()[queue].sum())
    has = "has" if len(queue) == 1 else "have"
    st.text(f"{rows(len(queue))} labelled {chosen.given} {has} {chosen.sug} suggested, {flagged:,} flagged.")
    if len(queue) != count:
        st.markdown(":small[Suggested is what the ranking of label errors prefers, nearest rows included.]")
    params = session.only(**wanted.to_query())
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.can(Role.ANNOTATOR) and st.button(
            f"Review these {len(queue):,}",
            icon=":material/rate_review:",
            key="review_predicted",
            disabled=not len(queue),
        ):
            st.switch_page("review.py", query_params=params)
        st.page_link("issues.py", label="List them", query_params=params)
        st.button("Clear", type="tertiary", on_click=session.set_params, args=({"given": None, "sug": None},))


def _reliability(confidence: np.ndarray, agrees: np.ndarray) -> None:
    st.subheader("Does 70% mean 70%?")
    found = class_report.calibration(confidence, agrees)
    if found is None:
        return
    surest = found.bins.iloc[-1]
    alt = (
        f"Where the model gives {surest['confidence']:.0%}, {surest['agrees']:.0%} of the labels agree; "
        f"expected calibration error {found.error:.3f}"
    )
    charts.show(explore_charts.reliability(found.bins, charts.colours()), alt, key="reliability")
    st.markdown(
        f":small[Expected calibration error {found.error:.3f}, 95% interval {found.low:.3f}-{found.high:.3f} "
        f"(bootstrap, {class_report.DRAWS:,} draws, seed {class_report.SEED}); by chance alone up to "
        f"{found.by_chance:.3f}. Bins of about equally many rows, 95% Wilson intervals. {_TRUTH}]"
    )
    charts.with_table(found.bins, "Labels that agree by probability", "reliability")


def _labels(project: Project) -> None:
    """Where a row can have several labels: rates of each label, and no matrix."""
    place = st.empty()
    cache_dir = session.workspace().cache_dir
    counts = label_counts(cache_dir, project.dataset, project.predictions, session.progress_to(place))
    place.empty()
    _rates(project.dataset.names, counts)
    st.markdown(
        ":small[A label is predicted where its probability is at least a half. Rows have several labels, so "
        "that there is no matrix of given and predicted.]"
    )


def _rates(names: tuple[str, ...], counts: pd.DataFrame) -> None:
    st.subheader("Which classes does the model know?")
    frame = class_report.class_frame(names, counts)
    table = frame[["class", "rows", "predicted"]].copy()
    for rate in ("precision", "recall", "f1"):
        table[rate] = frame[rate]
        ends = zip(frame[f"{rate}_low"], frame[f"{rate}_high"], strict=True)
        table[f"{rate}_interval"] = ["" if np.isnan(a) else f"{a:.0%}-{b:.0%}" for a, b in ends]
    st.dataframe(
        table,
        hide_index=True,
        column_config=_columns(),
        height=min(35 * (len(table) + 1) + 3, 400),
        alt="Precision, recall and F1 of each class against the given labels",
    )
    st.markdown(
        ":small[Lowest first, by the upper end of the interval of F1. 95% Wilson intervals; that of F1 comes "
        f"from the share of agreeing rows among all given or predicted it. {_TRUTH}]"
    )


def _columns() -> dict[str, Any]:
    config = st.column_config
    share: dict[str, Any] = {"min_value": 0, "max_value": 1, "format": "percent", "width": 110}
    rates = {
        "precision": ("Precision", "Of the rows predicted as it, those that are given it"),
        "recall": ("Recall", "Of the rows given it, those that are predicted as it"),
        "f1": ("F1", "The harmonic mean of the two"),
    }
    out: dict[str, Any] = {
        "class": config.TextColumn("Class", width=160),
        "rows": config.NumberColumn("Given", format="localized", width=70),
        "predicted": config.NumberColumn("Predicted", format="localized", width=80),
    }
    for rate, (title, help_) in rates.items():
        out[rate] = config.ProgressColumn(title, help=help_, **share)
        out[f"{rate}_interval"] = config.TextColumn("95% interval", width=95)
    return out


def _splits(project: Project, agrees: np.ndarray) -> None:
    """agrees: (N,), NaN for a row without a label."""
    splits = project.dataset.splits
    if splits is None:
        return
    frame = class_report.by_split(agrees, splits)
    if len(frame) < 2:
        return
    st.subheader("Does it do as well on every split?")
    cells = [
        [session.escape(split), f"{count:,}", f"{share:.1%}", f"{low:.1%}-{high:.1%}"]
        for split, count, share, low, high in frame.itertuples(index=False)
    ]
    _table(cells, ["Split", "Labels compared", "Agrees with", "95% interval"])


def _models(project: Project, agrees: np.ndarray) -> None:
    """The other models against the one in use. agrees: (n,) bool of the labelled rows."""
    others = [m for m in models(session.workspace(), project.name) if m.fits and not m.in_use]
    if not others:
        return
    st.subheader("Which model agrees with more labels?")
    labelled = project.dataset.labels >= 0
    cells = [[session.escape(project.predictions.model or UNNAMED), *_agreement(agrees), "in use", "", ""]]
    for model in others:
        predicted, _ = _read(model.predictions)
        theirs = (predicted == project.dataset.labels)[labelled]
        apart = class_report.difference(theirs, agrees)
        p = "below 0.001" if apart.p < 0.001 else f"{apart.p:.3f}"
        agreement = _agreement(theirs)
        alone = [f"{apart.only_first:,}", f"{apart.only_second:,}", p]
        cells.append([session.escape(shown(model)), *agreement, *alone])
    _table(
        cells,
        ["Model", "Agrees with", "95% interval", "Only it agrees", "Only the one in use", "p (McNemar)"],
    )
    st.markdown(
        f":small[{AGREEMENT} p: McNemar's exact test on the rows where only one of the two agrees"
        f"{', not adjusted for the number of models' if len(others) > 1 else ''}.]"
    )


def _agreement(agrees: np.ndarray) -> list[str]:
    (line,) = class_report.by_split(agrees.astype(float), pd.Series(["all"] * len(agrees))).to_dict("records")
    return [f"{line['agrees']:.1%}", f"{line['low']:.1%}-{line['high']:.1%}"]


def _table(cells: list[list[str]], columns: list[str]) -> None:
    st.table(pd.DataFrame(cells, columns=columns), border="horizontal", hide_index=True)
