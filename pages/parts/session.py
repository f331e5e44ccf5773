"""Who is here, which data set they look at, and what the address bar says.

With picking.py the only user of st.session_state: one typed object with ids, never tables. What can be
shared lives in the address: a widget made by `bound` shows a query parameter and writes it back. Streamlit's
own bind="query-params" does not fit, since it refuses links to another page that set a bound parameter.
"""

from __future__ import annotations

import math
import re
import time
import uuid
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.audit import Audit
from core.audits import current_audit
from core.desk import Desk, shared_desk
from core.door import uploaders
from core.errors import InputError, StoreUnavailable
from core.identity import annotator_of, remembered_name, signed_in_until
from core.jobs import Jobs
from core.progress import Progress
from core.review import items
from core.review.people import Role
from core.review.queue import Filters, default_find
from core.session_token import UNNAMED, lifetime, mint_session
from core.session_token import Session as Caller
from core.team import Team, shared_team
from core.workspace import Project, Workspace, shared_workspace

if TYPE_CHECKING:
    from core.review.store import Store

T = TypeVar("T")
K = TypeVar("K", bound=str)
FILTERS = (
    "find",
    "given",
    "sug",
    "cut",
    "split",
    "state",
    "q",
    "where",
    "cluster",
    "area",
    "like",
    "about",
    "gate",
    "change",
    "sort",
)
SHARED = ("ds", *FILTERS)
"""The query parameters that go along when the page changes."""
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Bare addresses become links however they are escaped, unless an invisible character splits them.
_ADDRESS = re.compile(r"(?<=www)(?=\.)|(?=://)|(?=@)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
FIRST_SCREEN_S = 0.5


CAN = {
    Role.NOBODY: "sign in",
    Role.VIEWER: "look",
    Role.ANNOTATOR: "review",
    Role.ADJUDICATOR: "review and settle disagreements",
}


@dataclass(frozen=True)
class Made:
    """Files that a button wrote, and what was said of them. mark: all that they were made from."""

    mark: tuple[Hashable, ...]
    files: tuple[Path, ...]
    said: tuple[str, ...] = ()


@dataclass
class Session:
    """One browser tab.

    annotator: who is here, "" where that is not known. until: when their sign-in ends, in seconds since
    1970. dataset: the data set last chosen here, for addresses that name none. visits: up to which event
    the person had seen the Team page of a data set when this tab opened it. told: what became of the last
    step in a dialog, for the page under it to say. refused: why the last step was not done. made: by data
    set and button, what can be downloaded.
    uploads: where the files that came through this tab are kept, by their ids in the browser.
    """

    annotator: str
    session_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    until: float = math.inf
    dataset: str = ""
    charts_loaded: bool = False
    visits: dict[tuple[str, str], int] = field(default_factory=dict)
    told: str = ""
    refused: str = ""
    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    uploads: dict[tuple[str, ...], Path] = field(default_factory=dict)


def current() -> Session:
    """This tab's session, made on its first run, and anew where somebody else has signed in."""
    space = workspace()
    me: Session | None = st.session_state.get("labelmend")
    if space.settings.signs_in:
        claims = st.user.to_dict() if st.user.get("is_logged_in") else {}
        until = signed_in_until(claims)
        who = annotator_of(claims, space.settings.trusted_issuers) if until > time.time() else ""
        if me is None or me.annotator != who:
            me = Session(who)
        me.until = until
    elif me is None:
        me = Session(space.settings.annotator or remembered_name(space))
    st.session_state["labelmend"] = me
    return me


def person() -> str:
    """For whom links are made: who is here, named or not."""
    return current().annotator or UNNAMED


def role() -> Role:
    """What may be done in this tab. Without sign-in everything: whoever has the machine is an owner."""
    if not workspace().settings.signs_in:
        return Role.OWNER
    try:
        return team().role(current().annotator)
    except StoreUnavailable as error:
        st.error(escape(str(error)), icon=":material/cloud_off:")
        st.stop()


def can(least: Role) -> bool:
    """Whether this tab's role is this one or a higher one."""
    return role() >= least


def require_role(least: Role, do: str = "") -> None:
    """Say in words what the role lacks, and end the run. For the top of pages and of handlers.

    do: what it was asked for, as a verb: "export".
    """
    mine = role()
    if mine >= least:
        return
    st.text(f"Your role can {CAN[mine]} but not {do or 'do this'}. Ask a data lead.")
    if mine >= Role.VIEWER:
        st.page_link("overview.py", label="Back to the Overview", icon=":material/dashboard:")
    st.stop()


def may_upload() -> None:
    """Let this page send files as whoever is here; their role is asked for when one arrives."""
    run = get_script_run_ctx()
    if run is not None and workspace().settings.signs_in:
        uploaders.let(run.session_id, current().annotator)


def token() -> str:
    """A token for the routes, for as long as the sign-in lasts."""
    require_role(Role.VIEWER, "open this")
    me, space = current(), workspace()
    left = min(lifetime(space.settings).total_seconds(), me.until - time.time())
    return mint_session(space.secret(), Caller(me.annotator, me.session_id), timedelta(seconds=max(left, 0)))


def let_first_screen_paint() -> None:
    """Before a tab's first chart: Plotly's 4.7 MB would hold the buttons above it back for over a second."""
    if not current().charts_loaded:
        current().charts_loaded = True
        time.sleep(FIRST_SCREEN_S)


def workspace() -> Workspace:
    """The workspace of this process."""
    return shared_workspace()


def desk() -> Desk:
    """Queues and items, shared with the routes."""
    return shared_desk(workspace())


def board(name: str, filters: Filters) -> items.Board:
    """What rows are shown from, without what this tab's person is not shown."""
    if can(Role.ADJUDICATOR):  # sees all: no need to wait for the database's library at the first paint
        return desk().board(name, filters, person())
    return team().board(name, person(), filters)


def team() -> Team:
    """What several people share, and who may do what."""
    return shared_team(workspace())


def store() -> Store:
    """The decisions."""
    return desk().store


@st.cache_resource
def jobs() -> Jobs:
    """The long work of this process."""
    return Jobs()


def dataset_name() -> str:
    """The data set of the address, else the one chosen last, else the first; "" where there is none.

    A name in the address is returned even where no such data set exists, so that the page can say so.
    """
    asked = st.query_params.get("ds") or current().dataset
    if asked:
        return asked
    return next(iter(workspace().names()), "")


def project() -> Project | None:
    """The data set to show, or None where there is none of that name."""
    name = dataset_name()
    return workspace().open(name) if name in workspace().names() else None


def require_project() -> Project:
    """The data set to show. Where there is none, says so with the way out and ends the page."""
    found = project()
    if found is not None:
        return found
    name, names = dataset_name(), workspace().names()
    if name:
        st.text(f"There is no data set called {name!r} here.")
    else:
        st.text("No data yet.")
    with st.container(horizontal=True):
        st.page_link("load.py", label="Load data", icon=":material/upload_file:")
        if names:
            st.page_link("overview.py", label=f"Open {escape(names[0])}", query_params={"ds": names[0]})
    st.stop()


def select_project(name: str) -> None:
    """Look at this data set from now on; the filters of the one before do not fit it."""
    current().dataset = name
    for param in (*FILTERS, "row", "page"):
        st.query_params.pop(param, None)
    st.query_params["ds"] = name


def audit(found: Project) -> Audit:
    """What the checks found, as far as they have run, after what people say of pairs."""
    try:
        return current_audit(workspace(), found)
    except StoreUnavailable as error:
        st.error(escape(str(error)), icon=":material/cloud_off:")
        st.stop()


def label_quality() -> np.ndarray | None:
    """(N,) label quality scores of the data set to show, or None without an analysis of its labels."""
    found = project()
    result = None if found is None else audit(found).results.get(default_find(found.dataset))
    return None if result is None else result.table["score"].to_numpy()


def job_started() -> str | None:
    """The data set to show, where its analysis runs."""
    job = jobs().get(dataset_name())
    return job.name if job is not None and job.state == "running" else None


def progress_to(bar: Any) -> Progress:
    """A Progress that moves an st.progress bar of this run."""
    return Progress(lambda fraction, message: bar.progress(fraction, escape(message)))


def filters() -> Filters:
    """The filters of the address. One that means nothing is named, and all are left out."""
    try:
        return Filters.from_query(st.query_params.to_dict())
    except InputError as error:
        st.warning(escape(str(error)), icon=":material/filter_alt_off:")
        return Filters()


def carried(**changes: str | None) -> dict[str, str]:
    """The query parameters to take to another page; None leaves one out."""
    params: dict[str, str | None] = {p: st.query_params[p] for p in SHARED if p in st.query_params}
    if dataset_name():
        params["ds"] = dataset_name()
    return {name: value for name, value in (params | changes).items() if value is not None}


def only(**params: str) -> dict[str, str]:
    """The data set and these query parameters, no other filter."""
    return {"ds": dataset_name(), **params}


def bound(
    widget: Callable[..., T],
    *args: Any,
    param: str,
    read: Callable[[str | None], Any],
    **kwargs: Any,
) -> T:
    """A widget whose value is a query parameter.

    read: the widget's value for the parameter's text, None where the address lacks it; it must give a
    valid value for any text. The value of read(None) is not written to the address.
    """
    key = f"url_{param}"
    wanted = read(st.query_params.get(param))
    # Assigned only where it differs: assigning would overwrite what a visitor is typing.
    if key not in st.session_state or st.session_state[key] != wanted:
        st.session_state[key] = wanted
    return widget(*args, key=key, on_change=_write_back, args=(param, read(None)), **kwargs)


def choice(label: str, words: Mapping[K, str], param: str, usual: K | None = None, **kwargs: Any) -> K:
    """One of a few as buttons beside each other, kept in a query parameter. words: what is shown, by value.

    usual: the one without that parameter; None: the first.
    """
    default = next(iter(words)) if usual is None else usual
    picked: K = bound(
        st.segmented_control,
        label,
        list(words),
        param=param,
        read=lambda text: text if text in words else default,
        format_func=words.__getitem__,
        required=True,
        **{"label_visibility": "collapsed", **kwargs},
    )
    return picked


def _write_back(param: str, default: Any) -> None:
    value = st.session_state[f"url_{param}"]
    if param == "ds":
        select_project(value)
        return
    text = None if value in (None, "", default) else str(value)
    set_params({"row": None, "page": None, param: text})


def set_params(params: Mapping[str, str | None]) -> None:
    """Write query parameters of this page; None takes one out."""
    for name, value in params.items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value


def escape(text: str) -> str:
    """Text as a Markdown label that shows exactly it: no formatting, link, icon, formula or picture."""
    split = _ADDRESS.sub(_WORD_JOINER, " ".join(text.split()))
    return _PUNCTUATION.sub(r"\\\1", split)


def shorten(text: str, longest: int) -> str:
    """The beginning of a text, with … where some is left out."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
