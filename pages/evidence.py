"""Evidence: what the review has shown so far, and how each number was made."""

from __future__ import annotations

import streamlit as st

from core.review.people import Role
from pages.parts import session

TABS = {
    "left": "Errors left",
    "batches": "Batches",
    "validation": "Validation",
    "models": "Models",
    "retraining": "Retraining",
    "numbers": "How numbers are made",
}

session.require_role(Role.VIEWER, "look")
project = session.require_project()
audit = session.audit(project)
st.title("Evidence", anchor=False)
tab = session.choice("Part of the page", TABS, "tab")
# Imported where they are shown: the first tab need not wait for the statistics of another.
if tab == "numbers":
    from pages.parts import evidence_numbers

    evidence_numbers.show(project, audit)
elif tab == "batches":
    from pages.parts import evidence_gate

    evidence_gate.show(project, audit)
elif tab == "validation":
    from pages.parts import evidence_validation

    evidence_validation.show(project, audit)
elif tab == "models":
    from pages.parts import evidence_models

    evidence_models.show(project, audit)
elif tab == "retraining":
    from pages.parts import evidence_retraining

    evidence_retraining.show(project, audit)
else:
    from pages.parts import evidence_review

    evidence_review.show(project, audit)
