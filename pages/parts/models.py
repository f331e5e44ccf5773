"""The models of a data set: which one is in use, how far each agrees with the labels, and another one."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.audits import not_run
from core.baseline import train_and_store, why_not
from core.errors import InputError
from core.model_agreement import Agreement, Miss, agreement_of
from core.model_store import Model, add_mean, models, use_model
from core.predictions import BASELINE
from core.review.people import Role
from core.workspace import Project
from pages.parts import session, work

UNNAMED = "(no name)"
AGREEMENT = (
    "How many given labels are the model's first choice. The labels can be wrong, so that more is not always "
    "better: a model that learned their errors agrees with them too."
)
MISS = (
    "Half of the given numbers are farther from the model's than that, half are nearer. The given numbers "
    "can be wrong, so that less is not always better."
)


def offer(found: Project) -> None:
    """The way to another model, for owners; nothing while there is none. What is in it is drawn once open."""
    if not session.can(Role.OWNER) or not models(session.workspace(), found.name):
        return
    key = f"models_{found.name}"
    place = st.popover("Models", icon=":material/neurology:", key=key, on_change="rerun")
    if place.open:
        with place:
            choose(found)


def choose(found: Project) -> None:
    """The models side by side with the choice of the one in use, their mean, and a baseline beside."""
    tab = session.current()
    if tab.told:
        st.text(tab.told)
        tab.told = ""
    there = models(session.workspace(), found.name)
    fitting = [m for m in there if m.fits]
    st.markdown(f":small[{AGREEMENT if found.dataset.targets is None else MISS}]")
    if fitting:
        _use(found, fitting)
    for model in there:
        if not model.fits:
            st.text(f"{shown(model)}: made for other rows or classes, so that it cannot be used now.")
    if len(fitting) > 1:
        _mean(found, fitting)
    _baseline_beside(found, there)


def table(found: Project) -> None:
    """Every model with its agreement, as a table; a sentence where there is none."""
    there = models(session.workspace(), found.name)
    if not there:
        st.text("There are no predictions.")
        return
    st.table(
        pd.DataFrame(
            [[session.escape(shown(m)), *_cells(found, m)] for m in there],
            columns=["Model", "In use", *_COMPARED[found.dataset.targets is not None]],
        ),
        border="horizontal",
        hide_index=True,
    )
    st.markdown(f":small[{AGREEMENT if found.dataset.targets is None else MISS}]")


_COMPARED = {
    False: ["Agrees with", "95% interval", "Labels compared"],
    True: ["Typically off by", "95% interval", "Numbers compared"],
}
"""What the columns are called, by whether labels are numbers."""


def shown(model: Model) -> str:
    """The name to show."""
    return model.name or UNNAMED


def _cells(found: Project, model: Model) -> list[str]:
    use = "yes" if model.in_use else ""
    if not model.fits:
        return [use, "made for other rows or classes", "", ""]
    said = agreement_of(found.dataset, model.predictions)
    if not said.rows:
        return [use, "no labels", "", "0"]
    if isinstance(said, Miss):
        return [use, f"{said.typical:.3g}", said.interval, f"{said.rows:,}"]
    return [use, f"{said.share:.1%}", f"{said.low:.1%}-{said.high:.1%}", f"{said.rows:,}"]


def sentence(said: Agreement | Miss) -> str:
    """How far a model agrees, as Markdown."""
    return session.escape(f"{said.sentence[:1].upper()}{said.sentence[1:]}")


def _use(found: Project, fitting: list[Model]) -> None:
    """The choice of the model in use. Its results are there at once where it was analysed before."""
    names = [m.name for m in fitting]
    now = next((m.name for m in fitting if m.in_use), None)
    picked = st.radio(
        "Model in use",
        range(len(fitting)),
        index=None if now is None else names.index(now),
        format_func=lambda i: session.escape(shown(fitting[i])),
        captions=[sentence(agreement_of(found.dataset, m.predictions)) for m in fitting],
        key=f"use_{found.name}_{now}_{len(fitting)}",
    )
    wanted = None if picked is None else names[picked]
    st.button(
        "Use it",
        disabled=wanted in (None, now) or session.job_started() is not None,
        help="Rows are flagged and ordered by it from then on. Decisions stay, and so do the other models.",
        on_click=_do,
        args=(lambda: _start_using(found.name, str(wanted)),),
        key=f"use_it_{found.name}",
    )


def _mean(found: Project, fitting: list[Model]) -> None:
    own = [m.name for m in fitting]
    chosen = st.pills(
        "Mean of several",
        own,
        selection_mode="multi",
        format_func=lambda name: session.escape(name or UNNAMED),
        key=f"mean_{found.name}_{len(own)}",
        help="The mean of their probabilities is often better than each of them.",
    )
    st.button(
        "Add the mean",
        disabled=len(chosen) < 2,
        on_click=_do,
        args=(lambda: add_mean(session.workspace(), found.name, chosen),),
        key=f"add_mean_{found.name}",
    )


def _baseline_beside(found: Project, there: list[Model]) -> None:
    if any(m.name.startswith(BASELINE) for m in there) or why_not(found.dataset):
        return
    features = work.choose_features(found.dataset, f"features_beside_{found.name}")
    st.button(
        "Train a baseline beside it",
        icon=":material/model_training:",
        help="To compare with: it learns from your labels, without the network. Your model stays in use.",
        disabled=session.job_started() is not None,
        on_click=start_beside,
        args=(found.name, features),
        key=f"beside_{found.name}",
    )


def start_beside(name: str, features: str | None = None) -> None:
    """Start to train a baseline that is kept beside the model in use."""
    session.require_role(Role.OWNER, "analyse data")
    workspace = session.workspace()
    session.jobs().start(
        name, lambda progress: train_and_store(workspace, workspace.open(name), progress, embedder=features)
    )


def _start_using(name: str, model: str) -> None:
    workspace = session.workspace()
    use_model(workspace, name, model)
    if not_run(session.audit(workspace.open(name))):
        work.start(name)


def _do(act: Callable[[], object]) -> None:
    session.require_role(Role.OWNER, "choose the model")
    try:
        act()
    except InputError as error:
        session.current().told = f"Nothing changed. {error}"
