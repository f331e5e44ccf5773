"""Team: who decides what, and where people differ."""

from __future__ import annotations

import streamlit as st

from core.review.people import Role
from pages.parts import session, team_progress

TABS = {
    "progress": "Progress",
    "disagreements": "Disagreements",
    "agreement": "Agreement",
    "people": "People and claims",
    "plan": "Plan",
    "classes": "Classes",
    "history": "History",
}

session.require_role(Role.ANNOTATOR, "open Team")
project = session.require_project()
st.title("Team", anchor=False)
team_progress.headline(project)
team_progress.since_last_visit(project.name)
names = [name for name in TABS if name != "plan" or session.can(Role.OWNER)]
tab = session.choice("Part of the page", {name: TABS[name] for name in names}, "tab")
# Imported where they are shown: the first tab need not wait for the statistics of another.
if tab == "disagreements":
    from pages.parts import team_disagreements

    team_disagreements.show(project)
elif tab == "agreement":
    from pages.parts import team_agreement

    team_agreement.show(project)
elif tab == "people":
    from pages.parts import team_people

    team_people.show(project)
elif tab == "plan":
    from pages.parts import team_plan

    team_plan.show(project)
elif tab == "classes":
    from pages.parts import classes

    classes.show_classes()
elif tab == "history":
    from pages.parts import team_history

    team_history.show(project)
else:
    team_progress.show(project)
