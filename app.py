"""The ASGI entry of the app: Streamlit's pages and our own routes on one port."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from core.deep_links import DeepLinks
from core.server import routes
from core.workspace import shared_workspace

# The script lies inside pages/, so that Streamlit's old automatic discovery of a `pages` folder
# beside the script finds nothing and every address passes through the frame.
app = st.App(
    Path(__file__).parent / "pages" / "frame.py",
    routes=routes(shared_workspace()),
    middleware=[Middleware(DeepLinks)],
)
