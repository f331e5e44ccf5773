"""Explore: the whole data set at once, as a map, as clusters, as classes, and by what faults share."""

from __future__ import annotations

import streamlit as st

from core.audit import Audit
from core.review.people import Role
from core.workspace import Project
from pages.parts import causes, data_map, explore_classes, explore_clusters, identities, session

session.require_role(Role.VIEWER, "look")
project = session.require_project()
audit = session.audit(project)


def _classes(of: Project, found: Audit) -> None:
    identities.show(of, found)
    explore_classes.show(of, found)


VIEWS = {
    "map": ("Map", data_map.show),
    "clusters": ("Clusters", explore_clusters.show),
    "classes": ("Classes", _classes),
    "causes": ("Causes", causes.show),
}

st.title("Explore", anchor=False)
view = session.choice("View", {name: title for name, (title, _) in VIEWS.items()}, "view")
session.let_first_screen_paint()
VIEWS[view][1](project, audit)
