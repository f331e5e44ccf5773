"""The charts of the Overview, each under the question that it answers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core import overview
from core.audit import checks
from core.dataset import Dataset
from core.issues import Result
from core.review.people import Role
from core.review.queue import default_find
from pages.parts import charts, picking, session
from pages.parts.numbers import rows


def confused_classes(dataset: Dataset, result: Result) -> None:
    """Which classes are mixed up: a matrix, or the top pairs as bars where it would not fit.

    Where a row can have several labels there is no such pair: which labels look missing or too many.
    """
    if dataset.sets is not None:
        _missing_and_extra(result.figures["per_label"])
        return
    st.subheader("Which classes are mixed up?")
    pairs = overview.confused_pairs(dataset, result.table)
    if pairs.empty:
        st.text("No flagged row has a suggested label.")
        return
    worst = pairs.iloc[0]
    look = "looks" if worst["rows"] == 1 else "look"
    pair = f"labelled {worst['given']} {look} like {worst['suggested']}"
    alt = f"Most mixed up: {rows(int(worst['rows']))} {pair}"
    if len(dataset.classes) <= overview.MATRIX_CLASSES * 4:
        confusion = overview.confusion(dataset, result.table)
        names = confusion.classes
        figure = charts.matrix(confusion, charts.colours())
        clicked = [(names[y], names[x]) for x, y in confusion.cells]
        if confusion.hidden:
            st.text(
                f"The {len(names)} worst of {len(dataset.classes):,} classes; "
                f"{rows(confusion.hidden)} not shown."
            )
    else:
        figure = charts.pairs(pairs, charts.colours())
        clicked = list(pairs[["given", "suggested"]].itertuples(index=False, name=None))
        st.text(f"The {len(pairs)} most frequent pairs of {len(dataset.classes):,} classes.")
    charts.show(figure, alt, key="matrix", on_select=lambda: _pick_pair(clicked), selection_mode="points")
    _picked(pairs)
    charts.with_table(pairs, "Pairs of classes with most flagged rows", "pairs")


def spread_of_numbers(dataset: Dataset, result: Result) -> None:
    """The given numbers, where labels are numbers, and which of them are flagged."""
    st.subheader("How are the numbers spread?")
    bins, beyond = overview.number_histogram(dataset, result.table)
    if bins.empty:
        st.text("No row has a number.")
        return
    flagged = int(bins["flagged"].sum())
    alt = f"Given numbers of {rows(int(bins[['flagged', 'other']].sum().sum()))}, {flagged:,} flagged"
    charts.show(charts.numbers(bins, charts.colours()), alt, key="numbers")
    if beyond:
        verb = "lies" if beyond == 1 else "lie"
        st.markdown(f":small[{rows(beyond)} far outside {verb} in the first and the last bar.]")
    charts.with_table(bins, "Rows by given number", "numbers")


def _missing_and_extra(per_label: pd.DataFrame) -> None:
    st.subheader("Which labels look missing, which too many?")
    doubted = per_label[per_label["missing"] + per_label["extra"] > 0]
    if doubted.empty:
        st.text("No label looks missing or one too many.")
        return
    shown = doubted.head(overview.WORST_CLASSES)
    first = shown.iloc[0]
    missing, extra = rows(first["missing"]), f"{first['extra']:,}"
    alt = f"Most in doubt: {first['class']}, missing in {missing}, too many in {extra}"
    charts.show(charts.missing_and_extra(shown, charts.colours()), alt, key="matrix")
    some = f"The {len(shown)} of {len(doubted):,} labels most in doubt. " if len(doubted) > len(shown) else ""
    st.markdown(f":small[{some}Rows have several labels, so that there is no matrix of given and suggested.]")
    charts.with_table(doubted, "Rows where each label looks missing or one too many", "per_label")


def _pick_pair(clicked: list[tuple[str, str]]) -> None:
    points = picking.selected_points("matrix")
    if points:
        given, suggested = clicked[points[0]]
        session.set_params({"given": given, "sug": suggested, "row": None, "page": None})


def _picked(pairs: pd.DataFrame) -> None:
    """What can be done with the pair in the address."""
    filters = session.filters()
    if not (filters.given and filters.sug):
        st.markdown(":small[Click a count to see its rows.]")
        return
    chosen = pairs[(pairs["given"] == filters.given) & (pairs["suggested"] == filters.sug)]
    count = int(chosen["rows"].iloc[0]) if len(chosen) else 0
    st.text(f"{rows(count)} labelled {filters.given}, looking like {filters.sug}")
    find = default_find(session.require_project().dataset)
    params = session.only(find=find, given=filters.given, sug=filters.sug)
    with st.container(horizontal=True):
        _review_these(count, "pair", params)
        st.page_link("issues.py", label="List them", query_params=params)
        st.button("Clear", type="tertiary", on_click=session.set_params, args=({"given": None, "sug": None},))


def _review_these(count: int, key: str, params: dict[str, str]) -> None:
    """The button that opens a queue, for those who may decide."""
    words = f"Review these {count:,}"
    if session.can(Role.ANNOTATOR) and st.button(
        words, icon=":material/rate_review:", key=key, disabled=not count
    ):
        st.switch_page("review.py", query_params=params)


def how_far_down(dataset: Dataset, result: Result) -> None:
    """Rows by score, and the cut that decides which of them the queue holds."""
    st.subheader("How far down should you read?")
    table = result.table
    natural = overview.natural_cut(table)
    flagged = int(result.summary["flagged"])
    figure_place = st.container()
    cut = session.bound(
        st.slider, "Cut", 0.0, 1.0, step=0.01, param="cut", read=lambda text: _cut(text, natural)
    )
    moved = "cut" in st.query_params
    count, among = overview.below_cut(table, cut) if moved else (flagged, flagged)
    bins = overview.score_histogram(dataset, table)
    alt = f"Label quality scores of {rows(int(bins[['flagged', 'other']].sum().sum()))}, {flagged:,} flagged"
    with figure_place:
        charts.show(charts.histogram(bins, cut, charts.colours()), alt, key="scores")
    if moved:
        st.text(f"Cut {cut:.2f}: {rows(count)}, {among:,} of them flagged. The queue holds all of them.")
    else:
        st.text(f"The queue holds the flagged rows: {count:,}. Move the cut to choose by score instead.")
    with st.container(horizontal=True):
        chosen = {"cut": f"{cut:.2f}"} if moved else {}
        _review_these(count, "cut", session.only(find=default_find(dataset), **chosen))
        if moved:
            st.button(
                f"Back to the {flagged:,} flagged",
                type="tertiary",
                on_click=session.set_params,
                args=({"cut": None},),
            )
    charts.with_table(bins, "Rows by label quality score", "scores")


def _cut(text: str | None, natural: float) -> float:
    try:
        cut = natural if text is None else float(text)
    except ValueError:
        return natural
    return round(cut, 2) if 0 <= cut <= 1 else natural


def worst_classes(result: Result) -> None:
    """The estimated error rate of each class, worst first."""
    st.subheader("Which classes are worst?")
    shown = overview.worst_classes(result.figures["per_class"])
    first = shown.iloc[0]
    alt = f"Estimated share of wrong labels by class, highest for {first['class']}: {first['error_rate']:.0%}"
    charts.show(charts.error_rates(shown, charts.colours()), alt, key="classes")
    total = int(result.figures["per_class"]["error_rate"].notna().sum())
    some = f"The worst {len(shown)} of {total:,} classes. " if total > len(shown) else ""
    st.markdown(
        f":small[{some}Model estimate from the confident joint, with 95% Wilson intervals over the "
        "confidently counted rows.]"
    )
    charts.with_table(shown.drop(columns="few_rows"), "Estimated error rate of each class", "classes")


def metrics(dataset: Dataset, results: dict[str, Result]) -> None:
    """One number for each check that flags rows, and how many of the flagged rows are decided."""
    tables, usual = {name: result.table for name, result in results.items()}, default_find(dataset)
    settled = session.store().settled_rows(dataset.name)
    decided, to_review = overview.reviewed(dataset, tables, usual, settled)
    cards: list[tuple[str, str, str, str]] = []
    most_first = sorted(results, key=lambda n: (n != usual, -int(results[n].summary["flagged"])))
    found = [name for name in most_first if results[name].summary["flagged"] or name == usual]
    for name in found:
        summary: dict[str, Any] = results[name].summary
        total = len(results[name].table)
        share = f"{summary['flagged'] / total:.1%} of rows"
        cards.append((checks()[name].title, f"{summary['flagged']:,}", share, str(summary["estimator"])))
    share = f"{decided / to_review:.0%} of flagged" if to_review else "none flagged"
    cards.append(("Reviewed", f"{decided:,} of {to_review:,}", share, "Flagged rows with a decision"))
    with st.grid(4, min_column_width=150):
        for title, value, note, how in cards:
            st.metric(
                title,
                value,
                note,
                delta_color="off",
                delta_arrow="off",
                border=True,
                help=session.escape(how),
            )
    if nothing := [checks()[n].title for n in most_first if n not in found and results[n].looked]:
        st.markdown(f":small[Looked for and not found: {', '.join(nothing)}.]")
