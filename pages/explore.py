"""Explore: the whole data set at once, as a map, as clusters, as classes, and by what faults share."""

from __future__ import annotations

import streamlit as st

from core.review.people import Role
from pages.parts import causes, data_map, explore_classes, explore_clusters, session

session.require_role(Role.VIEWER, "look")
project = session.require_project()
audit = session.audit(project)

VIEWS = {
    "map": ("Map", data_map.show),
    "clusters": ("Clusters", explore_clusters.show),
    "classes": ("Classes", explore_classes.show),
    "causes": ("Causes", causes.show),
}

st.title("Explore", anchor=False)
view = session.choice("View", {name: title for name, (title, _) in VIEWS.items()}, "view")
session.let_first_screen_paint()
VIEWS[view][1](project, audit)
