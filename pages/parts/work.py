"""Long work: start an analysis, watch it, stop it, choose its settings."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from core.audit import checks
from core.audits import audit_now, choose_settings, chosen_settings
from core.baseline import can_retrain, train_and_audit, why_not
from core.clustering import find_clusters, stored_clusters
from core.costs import estimate
from core.data_map import draw_map, stored_map
from core.dataset import Dataset
from core.exporting import counted
from core.features import choices
from core.issues import Check
from core.jobs import Job
from core.progress import Progress
from core.review.clusters import USUAL
from core.review.people import Role
from core.workspace import Project
from pages.parts import session
from pages.parts.numbers import rows


def start(name: str) -> None:
    """Start the analysis of a data set, unless it runs already."""
    session.require_role(Role.OWNER, "analyse data")
    workspace = session.workspace()
    project = workspace.open(name)
    session.jobs().start(name, lambda progress: audit_now(workspace, project, progress))


def start_baseline(name: str, features: str | None = None) -> None:
    """Start to train a baseline and to analyse with its predictions, unless work on the data set runs."""
    session.require_role(Role.OWNER, "analyse data")
    workspace = session.workspace()
    session.jobs().start(name, lambda progress: train_and_audit(workspace, name, progress, features))


def choose_features(dataset: Dataset, key: str) -> str | None:
    """What a baseline is to learn from, where a pretrained model is installed; None: the default."""
    offers = choices(dataset)
    if not any(offer.cost for offer in offers):
        return None
    picked = st.selectbox(
        "The baseline learns from",
        range(len(offers)),
        format_func=lambda i: f"{offers[i].title}: {offers[i].cost or 'built in'}",
        key=key,
        width=480,
        help="A pretrained model often finds more label errors, and takes longer. It runs here, without the "
        "network; what it made of a data set is kept.",
    )
    return offers[picked].spec if picked else None


def offer_baseline(found: Project) -> None:
    """The button that trains a baseline, where a data set has labels and no predictions."""
    if found.predictions.output is not None or why_not(found.dataset) or not session.can(Role.OWNER):
        return
    features = choose_features(found.dataset, f"features_{found.name}")
    st.button(
        f"Train a baseline and analyse {rows(len(found.dataset))}",
        icon=":material/model_training:",
        help="Learns from your labels here, without the network; each row is scored by a model that did not "
        "see it. What it reached is shown with the data set.",
        on_click=start_baseline,
        args=(found.name, features),
        key=f"baseline_{found.name}",
    )


def start_retraining(name: str) -> None:
    """Start to train the baseline again with the corrected labels, unless work on the data set runs."""
    session.require_role(Role.OWNER, "analyse data")
    from core.retraining import retrain_and_audit

    workspace, store = session.workspace(), session.store()
    session.jobs().start(name, lambda progress: retrain_and_audit(workspace, store, name, progress))


def offer_retraining(found: Project) -> None:
    """The button that trains the baseline again, where it made the predictions and rows are decided."""
    decided = session.store().settled(found.name) if can_retrain(found) else 0
    if not decided or not session.can(Role.OWNER):
        return
    st.button(
        f"Train again with {rows(decided)} reviewed",
        icon=":material/model_training:",
        help="The baseline learns from the labels as review corrected them, and the rows are ordered anew. "
        "Each row is scored by a model that did not see it. Decisions stay.",
        on_click=start_retraining,
        args=(found.name,),
        key=f"retrain_{found.name}",
        disabled=session.job_started() is not None,
    )


def show(name: str) -> None:
    """How far a data set's analysis is, with Cancel; when it is over, the page is drawn again."""
    job = session.jobs().get(name)
    if job is not None:
        show_job(job)


@st.fragment(run_every="1s")
def show_job(job: Job, leave: str = "You can leave this page.") -> None:
    """How far a job is, with Cancel; when it is over, the page is drawn again."""
    if job.state != "running":
        st.rerun()
    message = job.message or "Starting"
    st.progress(job.fraction, session.escape(message[:1].upper() + message[1:]))
    with st.container(horizontal=True, vertical_alignment="center"):
        if job.cancelling:
            st.text("Stopping.")
        else:
            _offer_cancel(job, f"cancel_{job.name}")
            st.text(f"{_time_left(job)}{leave}")


def _offer_cancel(job: Job, key: str) -> None:
    if session.can(Role.OWNER):
        st.button("Cancel", on_click=_cancel, args=(job,), key=key, disabled=job.cancelling)


def _cancel(job: Job) -> None:
    session.require_role(Role.OWNER, "stop an analysis")
    job.cancel()


@st.fragment(run_every="1s")
def _watch(name: str) -> None:
    job = session.jobs().get(name)
    if job is None or job.state != "running":
        st.rerun()
    st.progress(job.fraction, f"Analysing {session.escape(name)}")
    _offer_cancel(job, f"cancel_side_{name}")


def show_elsewhere() -> None:
    """In the sidebar: the work on other data sets than the one on the page."""
    here = session.dataset_name()
    for job in session.jobs().running():
        if job.name != here and not job.name.endswith(f" of {here}"):  # no data set has a name with spaces
            _watch(job.name)


def offer(found: Project) -> None:
    """For a data set without an analysis: what is missing, how the last try ended, and the button."""
    if not _say_how_it_ended(found.name):
        labelled = bool((found.dataset.labels >= 0).any())
        st.text(f"This project has {'labels' if labelled else 'rows'} but no analysis.")
    if not session.can(Role.OWNER):
        st.text("A data lead can start it.")
        return
    st.button(
        f"Analyse {rows(len(found.dataset))}",
        type="primary",
        icon=":material/troubleshoot:",
        on_click=start,
        args=(found.name,),
    )
    _say_what_it_takes(found, list(checks()))
    offer_baseline(found)


def _say_what_it_takes(found: Project, names: list[str]) -> None:
    cost = estimate([checks()[name] for name in names], found.dataset, found.predictions)
    st.markdown(f":small[It takes {cost}.]")


def offer_missing(found: Project, checks_left: list[str]) -> None:
    """Where some checks have results and others have not run: which, how the last try ended, the button."""
    name = found.name
    _say_how_it_ended(name)
    titles = ", ".join(checks()[check].title for check in checks_left)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"Not run yet: {titles}.")
        if session.can(Role.OWNER):
            st.button(
                "Run it" if len(checks_left) == 1 else "Run them",
                on_click=start,
                args=(name,),
                key=f"missing_{name}",
            )
    _say_what_it_takes(found, checks_left)


def clusters(project: Project, method: str = USUAL) -> np.ndarray | None:
    """(N,) clusters of a data set. None while they are not there: finds them beside the page, and says so."""
    stored = stored_clusters(session.workspace(), project, method)
    if stored is not None:
        return stored
    if project.predictions.embeddings is None:
        st.text("Cluster by cluster needs embeddings, and this data set has none.")
        st.button("Show worst first", on_click=session.set_params, args=({"sort": None},))
        return None
    name = clusters_of(project.name, method)
    job = session.jobs().get(name)
    if job is None or job.state == "done":
        _find_clusters(project.name, method)
    if job is None or job.state in ("done", "running"):
        count = rows(len(project.dataset))
        st.text(f"Putting {count} into clusters. This is done once; then the order is there at once.")
        show(name)
        return None
    if job.state == "failed":
        st.error(f"No clusters were found: {session.escape(job.error)}", icon=":material/error:")
    else:
        st.text("Cancelled. Nothing changed.")
    st.button("Find the clusters", on_click=_find_clusters, args=(project.name, method))
    return None


def _find_clusters(name: str, method: str) -> None:
    workspace = session.workspace()
    project = workspace.open(name)
    session.jobs().start(
        clusters_of(name, method), lambda progress: find_clusters(workspace, project, progress, method)
    )


def drawn_map(project: Project) -> tuple[np.ndarray, str] | None:
    """((N, 2) places, how they were made): the map of neighbours, until it is there that of components.

    None without embeddings, and says so.
    """
    space, name = session.workspace(), project.name
    if project.predictions.embeddings is None:
        st.text("A map needs embeddings, and this data set has none. Load it again with an embeddings file.")
        if session.job_started() is None:
            offer_baseline(project)
        return None
    places = stored_map(space, project, "near")
    if places is not None:
        return places, "near"
    job = session.jobs().get(map_of(name))
    if job is None or job.state == "done":
        _draw_map(name)
    if job is not None and job.state == "failed":
        st.error(f"The map was not drawn: {session.escape(job.error)}", icon=":material/error:")
    if job is not None and job.state in ("failed", "cancelled"):
        st.button("Draw the map of neighbours", on_click=_draw_map, args=(name,))
    else:
        st.text("Principal components for now: the map that keeps near rows near is being drawn.")
        show(map_of(name))
    draw_map(space, project, "pca", Progress())
    places = stored_map(space, project, "pca")
    return None if places is None else (places, "pca")


def _draw_map(name: str) -> None:
    workspace = session.workspace()
    project = workspace.open(name)
    session.jobs().start(map_of(name), lambda progress: draw_map(workspace, project, "near", progress))


def map_of(name: str) -> str:
    """The name of the work that draws a data set's map; no data set has a name with spaces."""
    return f"map of {name}"


def clusters_of(name: str, method: str = USUAL) -> str:
    """The name of the work that finds a data set's clusters; no data set has a name with spaces."""
    return f"clusters of {name}" if method == USUAL else f"{method} clusters of {name}"


def _say_how_it_ended(name: str) -> bool:
    """One sentence on a job that was cancelled or failed; False where there is nothing to say."""
    job = session.jobs().get(name)
    if job is None or job.state not in ("cancelled", "failed"):
        return False
    if job.state == "cancelled":
        st.text("Cancelled. Nothing changed. Checks that were finished are kept.")
        return True
    decided = counted(session.store().settled(name), "decision")
    st.error(
        f"Analysis stopped: {session.escape(job.error)} Your data and {decided} are safe.",
        icon=":material/error:",
    )
    return True


def settings(name: str) -> None:
    """The settings of every check that has a choice, and the button that analyses again with them."""
    chosen = chosen_settings(session.workspace(), name)
    picked = {c.name: _pick(c, chosen.get(c.name, {})) for c in checks().values() if _choices(c)}
    full = {check: {**chosen.get(check, {}), **values} for check, values in picked.items()}
    st.button(
        "Analyse again",
        disabled=full == {check: {**_defaults(checks()[check]), **chosen.get(check, {})} for check in full},
        help="Results under settings that were used before are there at once.",
        on_click=_again,
        args=(name, {**chosen, **full}),
        key=f"again_{name}",
    )


def _again(name: str, chosen: dict) -> None:
    session.require_role(Role.OWNER, "analyse data")
    choose_settings(session.workspace(), name, chosen)
    start(name)


def _pick(check: Check, chosen: dict) -> dict:
    st.markdown(f"**{check.title}**")
    values = {}
    for setting in check.settings:
        if setting.choices:
            now = chosen.get(setting.name, setting.default)
            values[setting.name] = st.selectbox(
                setting.name.replace("_", " ").capitalize(),
                setting.choices,
                setting.choices.index(now) if now in setting.choices else 0,
                help=setting.help,
                key=f"set_{check.name}_{setting.name}_{now}",
            )
    return values


def _choices(check: Check) -> bool:
    return any(setting.choices for setting in check.settings)


def _defaults(check: Check) -> dict:
    return {s.name: s.default for s in check.settings if s.choices}


def _time_left(job: Job) -> str:
    seconds = job.seconds_left()
    if seconds is None:
        return ""
    if seconds < 60:
        return "Less than a minute left. "
    return f"About {math.ceil(seconds / 60):,} min left. "
