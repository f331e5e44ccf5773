"""Classes that each name one person, product or speaker: which are one, and how sure the embeddings are."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.audit import Audit
from core.errors import InputError
from core.issues import Result
from core.review.classes import ClassList, change_event
from core.review.judgements import DIFFERENT, Judgements
from core.review.people import Role
from core.workspace import Project
from pages.parts import charts, explore_charts, judging, numbers, picking, session, team_acts
from pages.parts.numbers import rows

CHECK = "identity_cleaning"
AT_ONCE = 10
_PARAM = "x_identities"
_KINDS = {"ambiguous": "To be decided", "merge": "Look like one", "judged": "Kept apart"}


def show(project: Project, audit: Audit) -> None:
    """The cosines with the levels, and the pairs of classes to merge or keep apart; nothing where the check
    does not fit the classes."""
    result = audit.results.get(CHECK)
    if result is None or "cosines" not in result.figures:
        return
    st.subheader("Are classes one thing each?", anchor=False)
    numbers.estimator_line(result.summary)
    if result.summary["stopped"]:
        st.warning(session.escape(str(result.summary["note"])), icon=":material/pan_tool:")
    else:
        numbers.notes(result.summary)
        _what_to_do(result)
    session.let_first_screen_paint()
    _cosines(result)
    if not result.summary["stopped"]:
        _merges(project, result)
        _details(result)


def _what_to_do(result: Result) -> None:
    apart, renamed = int(result.summary["apart"]), int(result.summary["to_be_renamed"])
    st.text(f"{rows(apart)} unlike their class; {rows(renamed)} of classes that look like a larger one.")
    flagged = int(result.summary["flagged"])
    with st.container(horizontal=True, vertical_alignment="center"):
        reviews = session.can(Role.ANNOTATOR)
        words = f"Review these {flagged:,}"
        if flagged and reviews and st.button(words, key="review_identities", icon=":material/rate_review:"):
            st.switch_page("review.py", query_params=session.only(find=CHECK))
        if flagged:
            st.page_link("issues.py", label="List them", query_params=session.only(find=CHECK))


def _cosines(result: Result) -> None:
    chosen = result.summary["settings"]
    levels = {
        "rows hang together": 1 - chosen["eps"],
        "ask a person": chosen["ambiguous"],
        "classes are one": chosen["merge"],
        "nearly the same row": chosen["near_duplicate"],
    }
    levels = {name: round(at, 3) for name, at in levels.items()}
    summary = result.summary
    alt = (
        f"Two rows of one class usually have a cosine of {summary['same_class_median']}; 95% of pairs of "
        f"rows of two classes have one below {summary['cross_class_95']}"
    )
    charts.show(
        explore_charts.cosines(result.figures["cosines"], levels, charts.colours()), alt, key="cosines"
    )
    st.markdown(
        f":small[{summary['random_pairs']:,} random pairs of rows of one class and as many of all rows, seed "
        f"{summary['seed']}. The right levels belong to one embedder: they are settings of the check.]"
    )
    charts.with_table(result.figures["cosines"], "Pairs by their cosine", "cosines")


def _merges(project: Project, result: Result) -> None:
    """The pairs of classes that are not settled yet, a few at a time."""
    figure = result.figures["merges"]
    if not len(figure):
        st.text("No two classes look like one.")
        return
    st.subheader("Which classes are one?", anchor=False)
    judging.offer_undo(project.name)
    found, current = judging.judgements(project), session.desk().classes(project.name)
    kinds = _kinds(figure, found, current)
    options = {name: f"{title} {len(kinds[name]):,}" for name, title in _KINDS.items() if len(kinds[name])}
    total = int(result.summary["ambiguous_pairs"])
    if total > (figure["verdict"] == "ambiguous").sum():
        st.text(f"Of {total:,} pairs to be decided the most alike are shown.")
    if not options:
        st.text("All of them are settled.")
        return
    chosen = session.choice("Which pairs of classes", options, _PARAM)
    lines = kinds[chosen]
    pages = -(-len(lines) // AT_ONCE)
    page = picking.asked_page(pages)
    for line in lines.iloc[(page - 1) * AT_ONCE : page * AT_ONCE].itertuples():
        _one(project, line, found, current)
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            picking.pagination(pages, page, f"identities_{project.name}_{chosen}_{len(lines)}")
            st.text(f"{len(lines):,} pairs")


def _kinds(figure: pd.DataFrame, found: Judgements, current: ClassList) -> dict[str, pd.DataFrame]:
    """The pairs that are still two classes, by _KINDS."""
    pairs = list(zip(figure["class"], figure["other"], strict=True))
    still = pd.Series(
        [current.resolve(a) != current.resolve(b) for a, b in pairs], index=figure.index, dtype=bool
    )
    said = [found.of_classes(a, b) for a, b in pairs]
    apart = pd.Series(
        [s is not None and s.verdict == DIFFERENT for s in said], index=figure.index, dtype=bool
    )
    kinds = {name: figure[still & ~apart & (figure["verdict"] == name)] for name in ("ambiguous", "merge")}
    return {**kinds, "judged": figure[still & apart]}


def _one(project: Project, line: tuple, found: Judgements, current: ClassList) -> None:  # type: ignore[type-arg]
    """Two classes: how alike, their rows, and what to do."""
    number, one, other, cosine, count, others, *_ = line
    with st.container(border=True, gap="small"):
        names = [session.escape(current.resolve(name)) for name in (one, other)]
        st.markdown(
            f"**{names[0]}** ({rows(count)}) and **{names[1]}** ({rows(others)}): "
            f"cosine {cosine:.2f} of their means"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if session.can(Role.ADJUDICATOR):
                st.button(
                    "Merge classes",
                    key=f"merge_{number}",
                    icon=":material/merge:",
                    on_click=_merge,
                    args=(project.name, current.resolve(one), current.resolve(other), count),
                )
            said = found.of_classes(one, other)
            if said is None or said.verdict != DIFFERENT:
                judging.buttons(project, "classes", one, other, f"class_{number}", {DIFFERENT: "Keep apart"})
            page = "review.py" if session.can(Role.ANNOTATOR) else "issues.py"
            for name, shown in zip((one, other), names, strict=True):
                st.page_link(
                    page,
                    label=f"Rows of {shown}",
                    query_params=session.only(find=CHECK, given=name, cut="1.0"),
                )
        if said is not None:
            st.text(judging.said(said).replace("not a duplicate", "two classes"))


def _merge(name: str, one: str, other: str, given: int) -> None:
    """Make one class of two; the larger gives the name."""
    me = session.current().annotator
    if not me:
        session.current().refused = "Give your name first: a change is stored with it."
        return
    current = session.desk().classes(name)
    try:
        event = change_event(name, me, current, {"merge": [one, other], "to": other}, given)
    except InputError as error:
        st.warning(session.escape(str(error)), icon=":material/error:")
        return
    if team_acts.record(event):
        st.toast(session.escape(f"{one} is {other} now. Undo on Team, Classes."), icon=":material/merge:")


def _details(result: Result) -> None:
    """The rounds, and classes that lie in two splits under two names."""
    across = result.figures["across_splits"]
    if len(across):
        st.subheader("Which classes lie in two splits under two names?", anchor=False)
        st.text("A test on new people, products or speakers would know these already.")
        shown = across.rename(
            columns={"class": "Class", "split": "in", "other": "Is like", "other_split": "in the split"}
        )
        st.dataframe(
            shown.rename(columns={"cosine": "Cosine"}),
            hide_index=True,
            column_config={"Cosine": st.column_config.NumberColumn(format="%.2f")},
            alt="Pairs of classes of two splits that look like one",
            height=min(36 * (len(across) + 1), 360),
        )
    place = st.expander("Rounds of cleaning", on_change="rerun", key="identity_rounds")
    if place.open:
        with place:
            st.dataframe(
                result.figures["rounds"].rename(
                    columns={
                        "round": "Round",
                        "classes": "Classes",
                        "rows": "Rows kept",
                        "of": "Of rows",
                        "cosine": "Mean cosine in a class",
                        "share": "Kept share",
                    }
                ),
                hide_index=True,
                alt="Classes and rows kept by round",
            )
