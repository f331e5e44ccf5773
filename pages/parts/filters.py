"""The filter bar of the pages that list rows. Every choice is a query parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from core.audit import Audit, checks
from core.benchmark_review import comparable
from core.errors import InputError
from core.likeness import LIKE_ROWS
from core.review.about import MOST_CHARACTERS, About
from core.review.changes import Change
from core.review.clusters import Cluster
from core.review.counts import given_counts, split_counts, state_counts, suggested_counts
from core.review.fold import actions
from core.review.orders import SORTS
from core.review.queue import STATES, Filters, check_in_use, default_find
from core.review.where import conditions
from core.workspace import Project
from pages.parts import like_picture, session
from pages.parts.numbers import rows

_ANY = ""
_STATE_WORDS = {"needs_review": "needs review"}
ORDERS = {
    "worst": ("Worst first", "Lowest score first."),
    "yield": (
        "Most errors per minute",
        "The probability that a label is wrong by the seconds that its row will take, both learned from "
        "decisions: of the score, and of the row's length or file size and class. It learns anew every 50 "
        "events; a queue that you have open stays as it is. When you can stop is counted by the score, in "
        "whatever order you read.",
    ),
    "informative": (
        "Most informative",
        "Of these rows, those that the checks disagree about come first, then those whose score is nearest "
        "to the line between flagged and not.",
    ),
    "class": (
        "Class by class",
        "One given label after the other, those with most flagged rows first. Worst first inside.",
    ),
    "cluster": (
        "Cluster by cluster",
        "Alike rows stand together (k-means of the embeddings), clusters with the largest share of flagged "
        "rows first. Worst first inside.",
    ),
    "random": (
        "Random audit",
        "Every row that the filters leave, flagged or not, in an order drawn by lot. It stays the same, so "
        "that the rows decided from the top are a fair sample.",
    ),
    "benchmark": (
        "Benchmark",
        "Every labelled row that the filters leave, in an order drawn by lot in which those that any model "
        "doubts come sooner. Shown without suggestions: it tells which model is best on corrected labels.",
    ),
    "near": ("Nearest first", "The rows most like what was asked for first."),
    "best": ("Best first", "Highest score first."),
    "row": ("File order", "As the rows stand in the source file."),
}
"""Each order's name and what it does, in words."""
PLAIN_ORDERS = ("worst", "best", "row")
"""Those whose name says it all."""


def bar(project: Project, audit: Audit, filters: Filters) -> Filters:
    """Draw the filters of the address, and return them as the widgets show them."""
    dataset = project.dataset
    if len(audit.results) > 1:
        _find(audit, filters)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if dataset.targets is None:
            _choose("Given label", "given", dataset.names, counts=_counts(project, audit, filters, "given"))
            _choose("Suggested label", "sug", dataset.names, counts=_counts(project, audit, filters, "sug"))
        if dataset.splits is not None:
            splits = sorted(dataset.splits.dropna().unique())
            _choose("Split", "split", splits, counts=_counts(project, audit, filters, "split"))
        states = _counts(project, audit, filters, "state")
        _choose("Decision", "state", list(STATES), lambda s: _STATE_WORDS.get(s, s), counts=states)
        _order(project, audit, filters)
        session.bound(
            st.text_input,
            "Search",
            param="q",
            read=lambda text: text or "",
            type="search",
            live="300ms",
            placeholder="Id or content",
            help="Text that the id or content contains; /between slashes/ a regular expression.",
            width=190,
        )
        if dataset.columns.kind == "text":
            _like_a_text()
        like_picture.offer(project)
    _places(project, session.filters())
    return session.filters()


def _like_a_text() -> None:
    """Rows like a pasted text; the address carries it."""
    with st.popover("Like a text", icon=":material/content_paste_search:"):
        st.text_area(
            "Text",
            key="about_text",
            max_chars=MOST_CHARACTERS,
            height=120,
            help="The 100 rows whose words are most like it (BM25), nearest first, flagged or not. Not by "
            "embeddings: these came from a file, so that no model here can place another text among them.",
        )
        st.button("Find rows like it", key="about_find", on_click=_find_like)


def _find_like() -> None:
    text = st.session_state["about_text"].strip()
    if text:
        wanted = {"about": str(About(text=text)), "sort": "near", "like": None}
        session.set_params({**wanted, "row": None, "page": None})


def _counts(project: Project, audit: Audit, filters: Filters, param: str) -> dict[str, int]:
    """How many rows each choice would leave of those that the other filters leave."""
    name, person, dataset = project.name, session.person(), project.dataset
    if param == "given" and (filters.like or filters.about):
        return {}  # a label leaves the rows nearest among all that have it, not some of those shown now
    without: dict[str, Any] = {param: "", "sort": "row"}
    try:
        positions, _ = session.team().queue(name, person, replace(filters, **without))
    except InputError:
        return {}  # the page says what is wrong with the filters
    if param == "given":
        return given_counts(dataset, positions)
    if param == "split":
        return split_counts(dataset, positions)
    if param == "state":
        return state_counts(dataset, actions(session.team().visible(name, person)), positions)
    check = check_in_use(audit.results, filters)
    if not check:
        return {}
    shown = positions[~session.team().hidden(name, person)[positions]]
    return suggested_counts(dataset, audit.results[check].table["suggestion"], shown)


def place_words(filters: Filters) -> dict[str, str]:
    """In words what the filters without a widget leave, by filter."""
    words = {}
    if filters.where:
        pairs = conditions(filters.where)
        words["where"] = " and ".join(f"{column} is {wanted or 'missing'}" for column, wanted in pairs)
    if filters.cluster:
        words["cluster"] = Cluster.parse(filters.cluster).words
    if filters.area:
        words["area"] = "an area of the map"
    if filters.like:
        words["like"] = f"like row {filters.like}"
    if filters.about:
        words["about"] = About.parse(filters.about).words
    if filters.gate:
        words["gate"] = "rows in random order"
    if filters.change:
        words["change"] = Change.parse(filters.change).words
    return words


def queue_name(chosen: Filters, check: str) -> str:
    """The queue in a few words, as they stand beside the row. check: in use, "" for none."""
    if chosen.gate:
        return place_words(chosen)["gate"].capitalize()
    order = ORDERS[chosen.sort][0]
    if chosen.sort in ("random", "benchmark"):
        parts = [order]
    else:
        parts = [checks()[check].title if check else "All rows"]
        parts += [order.lower()] if chosen.sort != "worst" else []
    if chosen.given or chosen.sug:
        parts.append(f"{chosen.given or 'any'} → {chosen.sug or 'any'}")
    if chosen.cut is not None:
        parts.append(f"score up to {chosen.cut:.2f}")
    parts += [value.replace("_", " ") for value in (chosen.split, chosen.state) if value]
    parts += place_words(chosen).values()
    if chosen.q:
        parts.append(f"“{chosen.q}”")
    return " · ".join(parts)


def _places(project: Project, filters: Filters) -> None:
    """The filters without a widget, each with a way to take it off."""
    words = place_words(filters)
    if not words:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, text in words.items():
            st.button(
                session.escape(session.shorten(text[:1].upper() + text[1:], 60)),
                key=f"off_{name}",
                icon=":material/close:",
                help="Take this filter off",
                on_click=session.set_params,
                args=({name: None, "row": None, "page": None},),
            )
    if (filters.like or filters.about) and project.dataset.names:
        _by_class(filters)


def _by_class(filters: Filters) -> None:
    """How many rows there are at most, and that there is a choice of one class."""
    few = f"The {LIKE_ROWS} nearest"
    if filters.given:
        st.markdown(f":small[{few} of the rows labelled {session.escape(filters.given)}.]")
    else:
        st.markdown(f":small[{few} rows. Choose a given label to see the {LIKE_ROWS} nearest of that class.]")


def _find(audit: Audit, filters: Filters) -> None:
    """Which check's rows: the usual one, then those that flag any, most first; any that the address names."""
    count = {name: int(result.summary["flagged"]) for name, result in audit.results.items()}
    usual = check_in_use(audit.results, Filters())
    most_first = sorted(count, key=lambda name: (name != usual, -count[name]))
    names = [name for name in most_first if count[name] or name in (usual, filters.find)]
    if len(names) < 2:
        return
    session.choice(
        "Found by", {name: f"{checks()[name].title} {count[name]:,}" for name in names}, "find", usual
    )


def _order(project: Project, audit: Audit, filters: Filters) -> None:
    """The orders that this data set can have; the tooltip says what each does, or what is missing."""
    missing = _missing(project, audit)
    told = [s for s in ORDERS if missing.get(s, s not in PLAIN_ORDERS)]
    lines = [f"**{ORDERS[sort][0]}**: {missing.get(sort, ORDERS[sort][1])}" for sort in told]
    # An order that the address asks for is shown as asked, even where it cannot be had.
    there = [sort for sort in SORTS if sort not in missing or sort == filters.sort]
    _choose("Order", "sort", there, lambda s: ORDERS[s][0], clear=False, help="\n\n".join(lines), width=176)


def _missing(project: Project, audit: Audit) -> dict[str, str]:
    """The orders that this data set cannot have, and why."""
    missing = {}
    if not audit.results:
        missing = dict.fromkeys(("informative", "best"), "not for this data set: no check has results.")
    if default_find(project.dataset) not in audit.results:
        missing["yield"] = "not for this data set: its labels have not been checked."
    if not (project.dataset.labels >= 0).any():
        missing["class"] = "not for this data set: it has no labels."
    if not (session.filters().like or session.filters().about):
        missing["near"] = ""  # a row's card leads to it; elsewhere nobody looks for it
    if len(comparable(session.workspace(), project)) < 2:
        missing["benchmark"] = ""
    if project.predictions.embeddings is None:
        missing["cluster"] = "not for this data set: it has no embeddings."
    return missing


def say_order(filters: Filters) -> None:
    """One sentence on an order whose name does not say it all."""
    if filters.sort not in PLAIN_ORDERS:
        name, text = ORDERS[filters.sort]
        st.markdown(f":small[**{name}.** {text}]")


def _choose(
    label: str,
    param: str,
    options: Sequence[str],
    words: Callable[[str], str] = str,
    clear: bool = True,
    help: str | None = None,
    width: int = 144,
    counts: Mapping[str, int] | None = None,
) -> None:
    """A selectbox for one query parameter; the first option of a clearable one narrows nothing.

    counts: how many rows each option would leave; those that would leave none come last.
    """
    left = counts or {}
    if left:
        options = sorted(options, key=lambda option: not left.get(option, 0))
    shown = [_ANY, *options] if clear else list(options)
    known = set(shown)
    session.bound(
        st.selectbox,
        label,
        shown,
        param=param,
        read=lambda text: text if text in known else shown[0],
        format_func=lambda option: _option(words(option), left.get(option, 0) if left else None, option),
        help=help,
        width=width,
    )


def _option(words: str, count: int | None, option: str) -> str:
    if not option:
        return "any"
    return words if count is None else f"{words} · {count:,}"


def nothing_found(audit: Audit, check: str) -> None:
    """A check that flags no row: how near the nearest is, and the way to look further down."""
    if not check:
        st.text("No check has results for this data set.")
        return
    table = audit.results[check].table
    st.text(f"{checks()[check].title}: no rows found. Lowest score: {table['score'].min():.2f}.")
    with st.container(horizontal=True):
        st.button(
            f"Show all {rows(len(table))}, lowest score first",
            on_click=session.set_params,
            args=({"cut": "1.0"},),
        )
        st.button("Audit random rows", on_click=session.set_params, args=({"sort": "random"},))


def clear_all() -> None:
    """Take every filter out of the address, except which check is looked at and in which order."""
    kept = ("find", "sort")
    session.set_params(dict.fromkeys((*(f for f in session.FILTERS if f not in kept), "row", "page")))
