"""What the Splits page says of the splits: leaks, scores, label errors, classes, groups."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core import leakage
from core import splits as core_splits
from core.audit import Audit
from core.exporting import counted
from core.issues import Result
from core.review.people import Role
from core.review.queue import Filters, default_find
from core.splits import Splits
from core.workspace import Project
from pages.parts import apply_all, charts, explore_charts, session
from pages.parts.numbers import rows

CHECK = "split_leakage"


@dataclass(frozen=True, eq=False)
class _Facts:
    """What is counted from a data set once, whatever its analysis says."""

    splits: Splits | None
    shares: pd.DataFrame | None
    groups: pd.DataFrame | None


@st.cache_resource(max_entries=4, show_spinner=False)
def _facts(fingerprint: str, name: str, _project: Project) -> _Facts:
    """fingerprint: of all values; the project itself is not part of the key."""
    dataset = _project.dataset
    found = core_splits.splits_of(dataset)
    if found is None:
        return _Facts(None, None, None)
    return _Facts(found, core_splits.class_shares(dataset, found), core_splits.straddling(dataset, found))


@st.cache_resource(max_entries=4, show_spinner=False)
def _effects(key: tuple[str, ...], _project: Project, _result: Result) -> list[leakage.Effect]:
    """key: the digests of the data set and of its probabilities, when and how the check ran."""
    found = splits(_project)
    if found is None:
        return []
    return leakage.effects(found, _project.dataset, _project.predictions, _result.table)


def splits(project: Project) -> Splits | None:
    """The splits of the data set; None where it has none."""
    return _of(project).splits


def _of(project: Project) -> _Facts:
    return _facts(project.dataset.fingerprint, project.name, project)


def say_one_split(project: Project, found: Splits | None) -> None:
    """Why there is nothing to compare, with the way out."""
    count = rows(len(project.dataset))
    if project.dataset.columns.split is None:
        st.text(f"These {count} have no split column, so nothing says which of them are for testing.")
    elif found is None:
        st.text(f"The split column is empty in all {count}.")
    else:
        names = ", ".join(found.names)
        st.text(f"All rows are for training ({names}): there is no other split for them to leak into.")
    if session.can(Role.OWNER):
        st.text("Load the data again, with the column that names the splits or with one file a split.")
        st.page_link("load.py", label="Load data", icon=":material/upload_file:")


def buttons(project: Project, found: Splits, result: Result, locked: Collection[str]) -> None:
    """What to do about the rows that leak. locked: splits of which no row is suggested to be dropped."""
    flagged = int(result.summary["flagged"])
    repair = leakage.repair(found, project.dataset, result.table, locked=locked)
    with st.container(horizontal=True):
        words = "Review this 1" if flagged == 1 else f"Review these {flagged:,}"
        icon = ":material/rate_review:"
        if flagged and session.can(Role.ANNOTATOR) and st.button(words, type="primary", icon=icon):
            st.switch_page("review.py", query_params=session.only(find=CHECK))
        if flagged:
            st.page_link("issues.py", label="List them", query_params=session.only(find=CHECK))
        if len(repair.rows):
            ids = tuple(project.dataset.row_ids[repair.rows])
            exclude = f"Exclude {rows(len(ids))} from training"
            apply_all.offer_exclusion(project, Filters(find=CHECK), ids, exclude)
    apply_all.offer_undo(project.name)
    if len(repair.rows):
        st.text(
            f"Suggested: drop {rows(len(repair.rows))} from training. The held-out rows stay, so that "
            "scores on them stay comparable with earlier ones."
        )
    if repair.locked:
        lie = "is" if repair.locked == 1 else "are"
        st.text(f"{rows(repair.locked)} of training would be dropped too, but {lie} in a locked split.")
    if repair.left:
        lie = "row lies" if repair.left == 1 else "rows lie"
        st.text(f"{repair.left:,} flagged {lie} in two held-out splits; nothing is dropped for them.")


def score(project: Project, found: Splits, result: Result) -> None:
    """What the leaks do to the test score, where there are predictions."""
    probs = project.predictions.part("pred_probs")
    if not probs:
        st.text("Without predicted probabilities the effect on the test score is not known.")
        return
    ran = [str(result.summary.get(fact, "")) for fact in ("computed_at", "settings")]
    key = (project.dataset.fingerprint, probs, *ran)
    effects = _effects(key, project, result)
    if not effects:
        return
    with st.container(gap="xxsmall"):
        for effect in effects:
            st.text(leakage.in_words(effect))
        st.markdown(
            ":small[Score: the share of labelled rows whose likeliest class is the given label, with 95% "
            "Wilson intervals. Predictions that were trained without the copies show less of the leak.]"
        )


def table(project: Project, found: Splits, audit: Audit) -> None:
    """One line a split."""
    labels, leaks = audit.results.get(default_find(project.dataset)), audit.results.get(CHECK)
    frame = core_splits.split_table(project.dataset, found, None if labels is None else labels.table)
    shown = pd.DataFrame({"Split": frame["split"], "Side": frame["training"].map(_SIDES)})
    shown["Rows"] = frame["rows"]
    shown["Label errors"] = _intervals(frame, "errors")
    if leaks is not None:
        counts = leaks.figures["splits"]
        shown["Leaked rows"] = counts["leaked"]
        shown["Leaked share"] = _intervals(counts, "share")
    if project.dataset.targets is None:
        shown["Class drift"] = [f"{d:.2f}" if pd.notna(d) else "" for d in frame["drift"]]
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "Rows": st.column_config.NumberColumn(format="localized"),
            "Label errors": st.column_config.TextColumn(
                help="Flagged labels among the labelled rows, with the 95% Wilson interval"
            ),
            "Leaked rows": st.column_config.NumberColumn(
                format="localized", help="Held out: flagged rows. Training: rows that these were matched with"
            ),
            "Leaked share": st.column_config.TextColumn(help="Of the split, with the 95% Wilson interval"),
            "Class drift": st.column_config.TextColumn(
                help="Half the sum of the differences of class shares from training, 0 to 1: 0 is the same",
            ),
        },
        alt="The splits with their rows, label errors and leaked rows",
        height="content" if len(shown) <= 12 else 460,
    )
    if found.by_name:
        return
    st.markdown(f":small[{session.escape(found.said.capitalize())}.]")


_SIDES = {True: "training", False: "held out"}


def _intervals(frame: pd.DataFrame, name: str) -> list[str]:
    """ "5.1% (4.0% to 6.4%)"; "" where there is none."""
    cells = zip(frame[name], frame["low"], frame["high"], strict=True)
    return [f"{s:.1%} ({lo:.1%} to {hi:.1%})" if pd.notna(s) else "" for s, lo, hi in cells]


def blind_spots(result: Result) -> None:
    """What none of the methods that ran can see."""
    said = result.summary["blind_spots"]
    if said:
        lines = "\n".join(f"- :small[{session.escape(sentence)}]" for sentence in said)
        st.markdown(f":small[**What this cannot see**]\n{lines}")


def methods(result: Result) -> None:
    """How many rows each method finds, and how many it alone."""
    st.subheader("Which method finds them?", anchor=False)
    figure = result.figures["methods"]
    shown = pd.DataFrame(
        {
            "Method": figure["title"],
            "Held-out rows": figure["rows"],
            "Share": _intervals(figure, "share"),
            "Found by it alone": figure["only"],
        }
    )
    if figure[["judged_same", "judged_different"]].to_numpy().any():
        shown["Judged the same"] = figure["judged_same"]
        shown["Not a duplicate"] = figure["judged_different"]
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "Share": st.column_config.TextColumn(help="Of all held-out rows, with the 95% Wilson interval"),
            "Judged the same": st.column_config.NumberColumn(
                help="Of the rows it finds: a pair of theirs was judged the same"
            ),
            "Not a duplicate": st.column_config.NumberColumn(
                help="Of the rows it finds: pairs of theirs were judged, and none the same"
            ),
        },
        alt="Held-out rows found by each method",
        height="content",
    )


def class_shares(project: Project, found: Splits) -> None:
    """The share of each class in each split."""
    if project.dataset.targets is not None:
        return
    st.subheader("Is a class missing or over-represented?", anchor=False)
    shares = _of(project).shares
    if shares is None or shares.empty:
        st.text("No row has a label.")
        return
    first = shares[shares["class"] == shares["class"].iloc[0]]
    low, high = first["share"].min(), first["share"].max()
    alt = f"Class shares by split, most different for {first['class'].iloc[0]}: {low:.0%} to {high:.0%}"
    kept = sorted(dict.fromkeys(shares["split"]), key=lambda name: name in found.held_out)[:_SPLITS_SHOWN]
    charts.show(
        explore_charts.class_shares(shares[shares["split"].isin(kept)], charts.colours()), alt, key="shares"
    )
    total, several = len(project.dataset.names), shares["class"].nunique()
    some = f"The {several} of {total:,} classes that differ most. " if several < total else ""
    more = shares["split"].nunique() - len(kept)
    stand = "is" if more == 1 else "are"
    left = f"{counted(more, 'more split')} {stand} in the table only. " if more else ""
    st.markdown(f":small[{some}{left}95% Wilson intervals over the labelled rows of each split.]")
    charts.with_table(shares, "Share of each class in each split", "shares")


_SPLITS_SHOWN = 4


def groups(project: Project, found: Splits) -> None:
    """Whether people, sources or the like have rows on both sides."""
    st.subheader("Do groups lie on both sides?", anchor=False)
    figure = _of(project).groups
    if figure is None or figure.empty:
        st.text("No column looks like the id of a group, person or source with several rows.")
        return
    for line in figure.head(_COLUMNS_SHOWN).itertuples(index=False):
        lie = "lies" if line.straddling == 1 else "lie"
        st.text(
            f"{line.column}: {line.straddling:,} of {line.values:,} values {lie} in more than one split, "
            f"with {line.rows:,} of {line.of:,} held-out rows."
        )
    if len(figure) > _COLUMNS_SHOWN:
        st.text(f"And {counted(len(figure) - _COLUMNS_SHOWN, 'more column')}.")
    st.markdown(
        ":small[Rows of one patient or author are alike. Where they lie on both sides, the score says how "
        "well known groups are recognised, not new ones. Split by group instead.]"
    )


_COLUMNS_SHOWN = 8


def cosine_bins(result: Result) -> None:
    """How alike held-out rows are to training, in embeddings."""
    if "cosine_bins" not in result.figures:
        return
    st.subheader("How near to training are held-out rows?", anchor=False)
    figure = result.figures["cosine_bins"]
    shown = pd.DataFrame(
        {
            "Cosine": [f"{lo:g} to {hi:g}" for lo, hi in zip(figure["low"], figure["high"], strict=True)],
            "Held-out rows": figure["rows"],
            "Flagged": figure["flagged"],
        }
    )
    st.dataframe(
        shown, hide_index=True, alt="Held-out rows by cosine to the nearest training row", height="content"
    )
    st.markdown(":small[Cosine of embeddings to the nearest training row: 1 is the same direction.]")
