"""The clusters of a data set: which hold most label errors, what is in each, what each is worth keeping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import cluster_report
from core.audit import Audit
from core.cluster_facts import ClusterFacts, find_facts, stored_facts
from core.clustering import grouped, sizes_tried
from core.errors import InputError
from core.methods import keep_budget
from core.methods.hdbscan import AS_GOOD, SAMPLES
from core.review.clusters import METHODS, NO_CLUSTER, USUAL, Cluster
from core.review.people import Role
from core.review.queue import Filters, default_find
from core.workspace import Project
from pages.parts import charts, examples, picking, session, work
from pages.parts.numbers import rows

EXAMPLES = 12
_AT_ONCE_S = 0.5  # what is there within this time is not shown as work in the background
_UNUSUAL = 0.05
_K_MEANS = "{many} by k-means of the embeddings' directions: the square root of half the rows, at most 1,000."
_NO_CLUSTER = "in no cluster"
_KEPT = 50  # per cent
_WHICH: dict[keep_budget.Which, str] = {
    "hard": "farthest from the centre",
    "random": "at random",
    "easy": "nearest to the centre",
}


def show(project: Project, audit: Audit) -> None:
    """The clusters worst first, one of them in full, and how few rows each could keep."""
    if project.predictions.embeddings is None:
        st.text("Clusters are found in embeddings, and this data set has none.")
        if session.can(Role.OWNER):
            st.page_link("load.py", label="Load it with embeddings", query_params=session.only())
        return
    asked = _asked()
    method = session.choice("Clusters by", METHODS, "x_by", USUAL if asked is None else asked.method)
    found = work.clusters(project, method)
    facts = None if found is None else _facts(project, method)
    if found is None or facts is None:
        return
    if not len(found):
        st.text("No rows, no clusters.")
        return
    clusters, count = grouped(found)
    labels = audit.results.get(default_find(project.dataset))
    table = None if labels is None else labels.table
    frame = cluster_report.cluster_frame(project.dataset, clusters, table, facts.words)
    frame.loc[frame["cluster"] > count, "name"] = _NO_CLUSTER
    st.subheader("Which groups of alike rows are worst?")
    if method == USUAL:
        _say_how(project, frame, table is not None, _K_MEANS)
    else:
        _say_how(project, frame, table is not None, _by_density(found, count))
        _sizes(project)
    chosen = _pick(project, frame, method, count, asked)
    line = frame.iloc[chosen]
    _one(project, audit, line, _cluster(method, int(line["cluster"]), count), clusters, facts)
    if method == USUAL:
        _keep_fewer(project, audit, frame, clusters, facts)


def _asked() -> Cluster | None:
    """The cluster in the address; None where it has none, or none that can be read."""
    text = st.query_params.get("cluster", "")
    try:
        return Cluster.parse(text) if text else None
    except InputError as error:
        st.warning(session.escape(str(error)))
        return None


def _cluster(method: str, number: int, count: int) -> Cluster:
    """What a line of the table stands for. number: from 1; the one after the last cluster: rows in none."""
    return Cluster(method, number - 1 if number <= count else NO_CLUSTER)


def _facts(project: Project, method: str) -> ClusterFacts | None:
    """What is said of the clusters; None while it is not there: computes it beside the page, and says so."""
    found = stored_facts(session.workspace(), project, method)
    if found is not None:
        return found
    name = work.clusters_of(project.name, method)
    job = session.jobs().get(name)
    if job is None or job.state == "done":
        _find_facts(project.name, method)
        job = session.jobs().get(name)
        if job is not None and job.wait(_AT_ONCE_S) and job.state == "done":
            return stored_facts(session.workspace(), project, method)
    if job is None or job.state in ("done", "running"):
        st.text(f"Measuring and naming the clusters of {rows(len(project.dataset))}. This is done once.")
        work.show(name)
        return None
    if job.state == "failed":
        st.error(f"The clusters were not measured: {session.escape(job.error)}", icon=":material/error:")
    else:
        st.text("Cancelled. Nothing changed.")
    st.button("Measure the clusters", on_click=_find_facts, args=(project.name, method))
    return None


def _find_facts(name: str, method: str) -> None:
    workspace = session.workspace()
    project = workspace.open(name)
    session.jobs().start(
        work.clusters_of(name, method), lambda progress: find_facts(workspace, project, progress, method)
    )


def _by_density(found: np.ndarray, count: int) -> str:
    none = int((found < 0).sum())
    if not count:
        return (
            "No clusters by HDBSCAN: nowhere do rows lie closer than around them. k-means parts them anyway."
        )
    lie = "lies" if none == 1 else "lie"
    return (
        f"{_many(count)} by HDBSCAN of the embeddings' directions, on the graph of nearest rows ({SAMPLES} "
        f"samples); {rows(none)} {lie} in none."
    )


def _sizes(project: Project) -> None:
    """How many rows a cluster has at least, and why so."""
    tried = sizes_tried(session.workspace(), project)
    if tried.empty:
        return
    chosen = tried[tried["chosen"]].iloc[0]
    best = tried.iloc[int(tried["validity"].to_numpy().argmax())]
    sizes = ", ".join(f"{size:,}" for size in tried["size"])
    said = (
        f"At least {int(chosen['size']):,} rows a cluster: of the sizes {sizes} the largest whose validity "
        f"({chosen['validity']:.2f}) is {AS_GOOD:.0%} of the best ({best['validity']:.2f} with "
        f"{int(best['size']):,}) or more. Validity: how much nearer a row lies to its own cluster than that "
        "lies to the next, 0 to 1, 0 for rows in none."
    )
    st.markdown(f":small[{said}]")
    charts.with_table(tried, "Least sizes of clusters that were tried", "sizes")


def _many(count: int) -> str:
    return f"{count:,} {'cluster' if count == 1 else 'clusters'}"


def _say_how(project: Project, frame: pd.DataFrame, checked: bool, how: str) -> None:
    """How the clusters were made, ordered and named."""
    said = [how.format(many=_many(len(frame)))]
    if checked:
        said.append("Worst first: by the lower end of the 95% Wilson interval of the flagged share.")
    else:
        said.append("Label errors has not run, so that the largest come first.")
    if project.dataset.columns.kind == "text" and len(frame) > 1:
        said.append(
            f"Named by the words that tell them apart (class-based TF-IDF of up to "
            f"{cluster_report.SAMPLED} random rows each, seed {cluster_report.SEED})."
        )
    st.markdown(f":small[{' '.join(said)}]")


def _pick(project: Project, frame: pd.DataFrame, method: str, count: int, asked: Cluster | None) -> int:
    """Draw the table; the line of the cluster in the address, else the first. A click writes the address."""
    numbers = [str(_cluster(method, int(n), count)) for n in frame["cluster"]]
    wanted = str(asked) if asked is not None and asked.method == method else ""
    if wanted and wanted not in numbers:
        st.warning(f"There is no cluster {session.escape(st.query_params['cluster'])} in this data set.")
    chosen = numbers.index(wanted) if wanted in numbers else 0
    shown = _shown(frame)
    shown["cluster"] = shown["cluster"].astype("Int64").mask(shown["cluster"] > count)
    picking.pick_line(
        shown,
        f"{method}_{project.name}",
        chosen,
        {name: config for name, config in _columns().items() if name in shown},
        "cluster",
        numbers,
        min(35 * (len(frame) + 1) + 3, 330),
        "Clusters with their most frequent labels and flagged shares",
    )
    return chosen


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that this data set has numbers for, intervals and splits in words."""
    shown = frame[["cluster", "name", "rows"]].copy()
    if frame["labelled"].any():
        shown = shown.assign(label=frame["label"], purity=frame["purity"].round(2))
        shown["purity_interval"] = _intervals(frame, "purity")
    if frame["flagged_share"].notna().any():
        shown = shown.assign(flagged=frame["flagged"], flagged_share=frame["flagged_share"].round(2))
        shown["flagged_interval"] = _intervals(frame, "flagged")
    if frame["drift"].notna().any():
        unusual = frame["drift_p"] < _UNUSUAL
        shown["splits"] = frame["drift_words"].where(unusual, "")
    return shown


def _intervals(frame: pd.DataFrame, name: str) -> list[str]:
    ends = zip(frame[f"{name}_low"], frame[f"{name}_high"], strict=True)
    return [_interval(low, high) for low, high in ends]


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{low:.0%}-{high:.0%}"


def _columns() -> dict[str, Any]:
    config = st.column_config
    share: dict[str, Any] = {"min_value": 0, "max_value": 1, "format": "percent", "width": 110}
    return {
        "cluster": config.NumberColumn("Cluster", format="localized", width=70, help="1 is the largest"),
        "name": config.TextColumn("Name", width=240),
        "rows": config.NumberColumn("Rows", format="localized", width=70),
        "label": config.TextColumn("Most frequent label", width=140),
        "purity": config.ProgressColumn("Its share", help="Of the rows with a label", **share),
        "purity_interval": config.TextColumn("95% interval", width=95),
        "flagged": config.NumberColumn("Flagged", format="localized", width=70),
        "flagged_share": config.ProgressColumn("Flagged share", help="Of the rows with a label", **share),
        "flagged_interval": config.TextColumn("95% interval", width=95),
        "splits": config.TextColumn(
            "Unusual splits",
            width=190,
            help="Where its rows are spread over the splits unlike the others: chi-square test, "
            "false discovery rate 5% over the clusters.",
        ),
        "complexity": config.NumberColumn("Complexity", format="%.3f", width=95),
        "kept": config.NumberColumn("Kept", format="localized", width=70),
        "kept_share": config.ProgressColumn("Kept share", **share),
        "at_random": config.NumberColumn(
            "At random", format="%.0f", width=95, help="Rows that as many rows drawn from all would keep"
        ),
    }


def _one(
    project: Project,
    audit: Audit,
    line: pd.Series,
    cluster: Cluster,
    clusters: np.ndarray,
    facts: ClusterFacts,
) -> None:
    """One cluster: its figures in a sentence, what can be done with it, and rows of it."""
    usual = default_find(project.dataset)
    labels = audit.results.get(usual)
    number, count, flagged = int(line["cluster"]), int(line["rows"]), int(line["flagged"])
    st.text(_sentence(line))
    # A cut at 1 takes in every row that a check has scored; without one only flagged rows are in a queue.
    find = "" if labels is None else usual
    cut = {"cut": "1.0"} if audit.results else {}
    every = session.only(**({"find": find} if find else {}), **cut, cluster=str(cluster))
    reviews = session.can(Role.ANNOTATOR)
    with st.container(horizontal=True, vertical_alignment="center"):
        if reviews and st.button(
            f"Review these {count:,}", icon=":material/rate_review:", key="review_cluster"
        ):
            st.switch_page("review.py", query_params=every)
        only_flagged = f"Review its {flagged:,} flagged"
        if reviews and flagged and st.button(only_flagged, key="review_flagged", type="primary"):
            params = session.only(find=usual, cluster=str(cluster))
            st.switch_page("review.py", query_params=params)
        st.page_link("issues.py", label="List them", query_params=every)
    table = None if labels is None else labels.table
    medoid = int(facts.medoid[number - 1])
    chosen = cluster_report.example_rows(clusters, number - 1, table, medoid, EXAMPLES)
    if len(chosen) > 1:
        then = "those with the lowest scores" if table is not None else "rows in file order"
        st.markdown(f":small[{len(chosen)} of {rows(count)}: the most typical one, then {then}.]")
    examples.cards(project, session.board(project.name, Filters(find=find)), chosen.tolist())


def _sentence(line: pd.Series) -> str:
    """ "Cluster 3 (card, stolen), 181 rows: 50% of 181 labels are lost card (95% interval 43%-58%)." """
    name = str(line["name"])
    said = "In no cluster" if name == _NO_CLUSTER else f"Cluster {line['cluster']:,}"
    said += "" if name == _NO_CLUSTER or name.endswith(f"cluster {line['cluster']}") else f" ({name})"
    said += f", {rows(int(line['rows']))}"
    facts = []
    if line["labelled"]:
        facts.append(
            f"{line['purity']:.0%} of {int(line['labelled']):,} "
            f"{'label is' if line['labelled'] == 1 else 'labels are'} {line['label']} "
            f"(95% interval {_interval(line['purity_low'], line['purity_high'])})"
        )
    if not np.isnan(line["flagged_share"]):
        facts.append(
            f"{int(line['flagged']):,} flagged, {line['flagged_share']:.0%} "
            f"({_interval(line['flagged_low'], line['flagged_high'])})"
        )
    if line["drift_p"] < _UNUSUAL:
        facts.append(f"{line['drift_words']} (p {_p(line['drift_p'])}, adjusted over the clusters)")
    return f"{said}: {'; '.join(facts)}." if facts else f"{said}."


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def _keep_fewer(
    project: Project, audit: Audit, frame: pd.DataFrame, clusters: np.ndarray, facts: ClusterFacts
) -> None:
    """Which rows to keep where only a share of them can be: a budget a cluster."""
    place = st.expander("If you had to keep fewer rows", on_change="rerun", key=f"keep_{project.name}")
    if not place.open or len(clusters) < 2:
        return
    with place:
        part = session.bound(
            st.slider, "Share to keep", 5, 95, step=5, format="%d%%", param="x_keep", read=_per_cent
        )
        which = session.choice(
            "Rows kept of each cluster", _WHICH, "x_rows", "random", label_visibility="visible"
        )
        labels = audit.results.get(default_find(project.dataset))
        flagged = None if labels is None else labels.table["flagged"].to_numpy()
        if which == "hard" and (warning := keep_budget.hard_warning(_wrong(project, flagged))):
            st.warning(warning, icon=":material/warning:")
        complexity = keep_budget.complexity(facts.distance, clusters, facts.between)
        keep = round(len(clusters) * part / 100)
        kept = keep_budget.budget(keep_budget.shares(complexity), np.bincount(clusters), keep)
        mask = keep_budget.keep_mask(clusters, facts.distance, kept, which)
        st.text(_what_is_left(project, mask, flagged))
        st.markdown(f":small[{_budget_words(audit)}]")
        shown = cluster_report.keep_frame(frame, complexity, kept)
        st.dataframe(
            shown,
            hide_index=True,
            column_config={name: config for name, config in _columns().items() if name in shown},
            height=min(35 * (len(shown) + 1) + 3, 330),
            alt="How many rows each cluster would keep",
        )


def _per_cent(text: str | None) -> int:
    known = text is not None and text.isascii() and text.isdigit() and len(text) < 3
    return min(95, max(5, 5 * round(int(text or 0) / 5))) if known else _KEPT


def _wrong(project: Project, flagged: np.ndarray | None) -> float | None:
    """The share of labels that look wrong and are not decided; None where the labels were not checked."""
    labelled = project.dataset.labels >= 0
    if flagged is None or not labelled.any():
        return None
    open_ = flagged & labelled
    at = project.dataset.positions(session.store().settled_rows(project.name))
    open_[at[at >= 0]] = False
    return float(open_.sum() / labelled.sum())


def _what_is_left(project: Project, mask: np.ndarray, flagged: np.ndarray | None) -> str:
    """ "4,750 of 9,500 rows kept. Flagged: 6% of them, 5% of all. 2 classes keep no row." """
    labels = project.dataset.labels
    said = [f"{mask.sum():,} of {rows(len(mask))} kept."]
    labelled = labels >= 0
    if flagged is not None and (mask & labelled).any():
        said.append(
            f"Flagged: {flagged[mask & labelled].mean():.1%} of them, {flagged[labelled].mean():.1%} of all."
        )
    lost = len(np.unique(labels[labelled])) - len(np.unique(labels[mask & labelled]))
    if lost:
        said.append(f"{lost:,} {'class keeps' if lost == 1 else 'classes keep'} no row.")
    return " ".join(said)


def _budget_words(audit: Audit) -> str:
    copies = audit.results.get("near_duplicates")
    spare = 0 if copies is None else int(copies.summary["flagged"])
    said = (
        "Complexity: mean distance of a cluster's rows to its centre, times the mean distance of the centre "
        "to the nearest others. Rows are shared out by softmax of complexity over "
        f"{keep_budget.TEMPERATURE}, as near to that as the sizes allow (Abbas et al., 2024). Nothing is "
        "said of how much a model learns from them."
    )
    if spare:
        said += f" {rows(spare)} are near-duplicates: without them clusters look less tight."
    return said
