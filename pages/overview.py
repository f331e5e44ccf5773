"""Overview: what is wrong, and what to do first."""

from __future__ import annotations

import streamlit as st

from core.audits import not_run
from core.review.people import Role
from core.review.queue import MASK_FIND, default_find
from pages.parts import examples, models, numbers, session, work

session.require_role(Role.VIEWER, "look")
project = session.require_project()
audit = session.audit(project)
find = default_find(project.dataset)
result = audit.results.get(find)
count = len(project.dataset)


def buttons(flagged: int, load: str = "Load your own data") -> None:
    """What to do first."""
    reviews, leads = session.can(Role.ANNOTATOR), session.can(Role.OWNER)
    with st.container(horizontal=True):
        review_them = f"Review the {flagged:,}, worst first"
        if flagged and reviews and st.button(review_them, type="primary", icon=":material/rate_review:"):
            st.switch_page("review.py", query_params=session.only(find=find))
        one = count == 1 and reviews
        if one and st.button("Review 1 row", type="primary", icon=":material/rate_review:"):
            st.switch_page("review.py", query_params=session.only(row=str(project.dataset.row_ids[0])))
        if not leads:
            return
        if st.button(load, icon=":material/upload_file:"):
            st.switch_page("load.py", query_params=session.only())
        work.offer_retraining(project)
        models.offer(project)
        with st.popover("How rows are flagged", icon=":material/tune:"):
            work.settings(project.name)


if session.job_started() is not None:
    if not audit.results:
        st.title(f"Analysing {numbers.rows(count)}", anchor=False)
    work.show(project.name)
    if not audit.results:
        st.stop()
elif not audit.results and not_run(audit):
    st.title(f"{numbers.rows(count)}, not analysed yet", anchor=False)
    work.offer(project)
    st.stop()

if result is None:
    st.title(f"{numbers.rows(count)}, labels not checked", anchor=False)
    st.text(f"Finding label errors needs {' and '.join(audit.skipped.get(find, ['an analysis']))}.")
    if session.job_started() is None:
        work.offer_baseline(project)
    buttons(0, "Load data with predictions")
else:
    st.title(numbers.headline(result.summary), anchor=False)
    with st.container(gap="xxsmall"):
        numbers.estimator_line(result.summary)
        numbers.source_line(project, result)
    buttons(int(result.summary["flagged"]))
    if count == 1:
        st.text("1 row is too few to estimate errors. You can still review it.")
    elif result.summary["flagged"]:
        examples.show(project, find)
    else:
        numbers.lowest_score(project.dataset, result)

# Imported once the headline is on its way to the browser.
from pages.parts import panels  # noqa: E402

if audit.results and count > 1:
    panels.metrics(project.dataset, audit.results)
if "mask_errors" in audit.results:
    from pages.parts import masks

    masks.show(audit.results["mask_errors"])
if not_run(audit) and session.job_started() is None:
    work.offer_missing(project, not_run(audit))
if result is not None and count > 1:
    numbers.notes(result.summary)
if result is not None and count > 1 and find != MASK_FIND:
    session.let_first_screen_paint()
    left, right = st.columns(2, gap="medium")
    with left:
        if project.dataset.targets is None:
            panels.confused_classes(project.dataset, result)
        else:
            panels.spread_of_numbers(project.dataset, result)
    with right:
        panels.how_far_down(project.dataset, result)
    if "per_class" in result.figures:
        panels.worst_classes(result)
