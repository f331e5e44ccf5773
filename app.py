"""The ASGI entry of the app: Streamlit's pages and our own routes on one port."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import streamlit as st
from anyio.to_thread import current_default_thread_limiter
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from core.deep_links import DeepLinks
from core.door import Door, Uploads, check_address, check_options, check_sign_in, uploaders
from core.errors import InputError, StoreUnavailable
from core.heaps import share_heaps
from core.review.people import Role
from core.way_back import WayBack
from core.workspace import shared_workspace


class OwnRoutes:
    """The routes of core.server, loaded with their libraries when the first request comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._router: Router | None = None

    def router(self) -> Router:
        with self._lock:
            if self._router is None:
                from core.server import routes

                self._router = Router(routes(shared_workspace()))
            return self._router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        router = await run_in_threadpool(self.router)
        await router(scope, receive, send)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Load what every page needs as soon as the server answers: the browser is busy for a second anyway."""
    # The usual forty threads do no more in one interpreter; each keeps memory, and a connection to the store.
    current_default_thread_limiter().total_tokens = THREADS
    threading.Thread(target=import_module, args=("core.audits",), daemon=True).start()
    yield


def shut() -> bool:
    """Whether only this machine is let in."""
    settings = shared_workspace().settings
    return not (settings.signs_in or settings.open_to_network)


def signs_in() -> bool:
    """Whether people sign in here."""
    return shared_workspace().settings.signs_in


def may_upload(session_id: str) -> bool:
    """Whether the page of this Streamlit session is one of somebody who may load data."""
    if not signs_in():
        return True
    from core.team import shared_team  # pandas: not before the server answers

    try:
        return shared_team(shared_workspace()).role(uploaders.person(session_id)) >= Role.OWNER
    except StoreUnavailable:
        return False


def check_doors() -> None:
    """Raises InputError where the server would stand open, or nobody could sign in."""
    settings = shared_workspace().settings
    check_options(st.get_option)
    check_address(settings, st.get_option("server.address"))
    if settings.signs_in:
        try:
            auth = st.secrets.get("auth", {})
        except FileNotFoundError:
            auth = {}
        check_sign_in(settings, auth)


THREADS = 12
"""Requests that are worked on at once, the connections that core.review.database keeps; others wait."""
share_heaps()
PAGES = Path(__file__).parent / "pages"
# Streamlit puts the script's folder into sys.path for every run and takes it out again: a thread that looks
# for a module or a version at that moment passes over another entry and does not find it.
sys.path.append(str(PAGES))
# The script lies inside pages/, so that Streamlit's old automatic discovery of a `pages` folder
# beside the script finds nothing and every address passes through the frame.
app = st.App(
    PAGES / "frame.py",
    routes=[Route("/labelmend/{path:path}", OwnRoutes())],
    lifespan=lifespan,
    middleware=[
        Middleware(Door, shut=shut),
        Middleware(Uploads, may=may_upload),
        Middleware(WayBack, wanted=signs_in),
        Middleware(DeepLinks),
    ],
)
try:
    check_doors()
except InputError as error:
    sys.exit(f"labelmend: {error}")
