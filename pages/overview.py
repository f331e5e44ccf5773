"""Overview: what is wrong, and what to do first."""

from __future__ import annotations

import streamlit as st

from core.audits import not_run
from core.issues import Result
from core.review.queue import DEFAULT_FIND
from core.workspace import Project
from pages.parts import examples, numbers, session, work

project = session.require_project()
audit = session.audit(project)
result = audit.results.get(DEFAULT_FIND)


def buttons(flagged: int) -> None:
    """What to do first."""
    with st.container(horizontal=True):
        if flagged and st.button(
            f"Review the {flagged:,}, worst first", type="primary", icon=":material/rate_review:"
        ):
            st.switch_page("review.py", query_params=session.only(find=DEFAULT_FIND))
        if st.button("Load your own data", icon=":material/upload_file:"):
            st.switch_page("load.py", query_params=session.only())
        with st.popover("How rows are flagged", icon=":material/tune:", type="tertiary"):
            work.settings(project.name)


def top(found: Project, labels: Result) -> None:
    """The headline, what it rests on, and the way on."""
    st.title(numbers.headline(found, labels), anchor=False)
    with st.container(gap="xxsmall"):
        numbers.estimator_line(labels.summary)
        numbers.source_line(found, labels)
    buttons(int(labels.summary["flagged"]))


def no_issues(labels: Result) -> None:
    """Where nothing is flagged: the nearest to it, and what can still be done."""
    scored = labels.table["score"].to_numpy()[project.dataset.labels >= 0]
    if len(scored) > 1:
        st.text(f"Lowest score: {scored.min():.2f}. Move the cut below to read further down.")


if session.job_started() is not None:
    st.title(f"Analysing {len(project.dataset):,} rows", anchor=False)
    work.show(project.name)
    st.stop()
if not audit.results and not_run(audit):
    st.title(f"{numbers.rows(len(project.dataset))}, not analysed yet", anchor=False)
    work.offer(project.name, len(project.dataset))
    st.stop()

if result is None:
    missing = " and ".join(audit.skipped.get(DEFAULT_FIND, ["an analysis"]))
    st.title(f"{numbers.rows(len(project.dataset))}, labels not checked", anchor=False)
    st.text(f"Finding label errors needs {missing}.")
    buttons(0)
else:
    top(project, result)
    if len(project.dataset) == 1:
        st.text("1 row is too few to estimate errors. You can still review it.")
    elif result.summary["flagged"]:
        examples.show(project, DEFAULT_FIND)
    else:
        no_issues(result)

from core.audit import checks  # noqa: E402 - after the first paint
from pages.parts import panels  # noqa: E402

if audit.results and len(project.dataset) > 1:
    decided = 0
    if result is not None:
        in_force = project.dataset.positions(session.store().in_force(project.name))
        decided = int(result.table["flagged"].to_numpy()[in_force[in_force >= 0]].sum())
    panels.metrics(
        audit.results,
        {name: check.title for name, check in checks().items()},
        decided,
        int(result.summary["flagged"]) if result is not None else 0,
    )
if not_run(audit):
    work.offer_missing(project.name, not_run(audit))
if result is not None and len(project.dataset) > 1:
    numbers.notes(result.summary)
    left, right = st.columns(2, gap="medium")
    with left:
        panels.confused_classes(project.dataset, result)
    with right:
        panels.how_far_down(project.dataset, result)
    if "per_class" in result.figures:
        panels.worst_classes(result)
