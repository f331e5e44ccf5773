"""Rows like an uploaded picture: the upload, the work behind it, and what it was found by."""

from __future__ import annotations

import streamlit as st

from core.asked_pictures import MOST_BYTES, asked_picture, keep_picture
from core.errors import InputError
from core.likeness import LIKE_ROWS
from core.picture_likeness import place, placed, why_not
from core.review.about import About
from core.review.people import Role
from core.review.queue import Filters
from core.workspace import Project
from pages.parts import session, work

TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]


def offer(project: Project) -> None:
    """The upload; only those who may load data can send files."""
    if why_not(project.dataset) or not session.can(Role.OWNER):
        return
    # Named by what is shown, so that it is closed once the rows are there.
    key = f"like_picture_{session.filters().about}"
    with st.popover("Like a picture", icon=":material/image_search:", key=key):
        upload = st.file_uploader(
            "Picture",
            type=TYPES,
            key="about_picture",
            max_upload_size=MOST_BYTES >> 20,
            help=f"The {LIKE_ROWS} rows whose pictures are most like it, nearest first, flagged or not. The "
            "address that you get works for everybody here.",
        )
        if st.button("Find rows like it", key="picture_find", disabled=upload is None) and upload is not None:
            session.require_role(Role.OWNER, "upload a picture")
            try:
                name = keep_picture(session.workspace().cache_dir, upload.name, upload)
            except InputError as error:
                st.error(session.escape(str(error)), icon=":material/error:")
                return
            wanted = {"about": str(About(picture=name)), "sort": "near", "like": None}
            session.set_params({**wanted, "row": None, "page": None})
            st.rerun()


def ready(project: Project, filters: Filters) -> bool:
    """Whether the rows like the picture of the address can be listed; else works them out beside the page and
    says so. True where the address asks for no picture."""
    picture = _asked(filters)
    if not picture:
        return True
    try:
        if placed(session.workspace(), project, picture) is not None:
            return True
    except InputError as error:
        st.warning(session.escape(_sentence(error)), icon=":material/hide_image:")
        _take_off()
        return False
    name = f"likeness {picture} of {project.name}"  # no data set has a name with spaces
    job = session.jobs().get(name)
    if job is None or job.state == "done":
        _start(project, picture, name)
        job = session.jobs().get(name)
    if job is not None and job.state in ("running", "done"):
        st.text("Comparing all pictures with the uploaded one. The slow part is done once for each data set.")
        work.show(name)
        return False
    if job is not None and job.state == "failed":
        st.error(f"Nothing was compared: {session.escape(job.error)}", icon=":material/error:")
    else:
        st.text("Cancelled. Nothing changed.")
    with st.container(horizontal=True):
        st.button("Compare the pictures", on_click=_start, args=(project, picture, name))
        _take_off()
    return False


def show(project: Project, filters: Filters) -> None:
    """The uploaded picture, and by what the rows were found."""
    picture = _asked(filters)
    shown = asked_picture(session.workspace().cache_dir, picture) if picture else None
    at = placed(session.workspace(), project, picture) if shown is not None else None
    if shown is None or at is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(shown.address, width=64, alt="The uploaded picture")
        st.markdown(f":small[{session.escape(_by(project, at.space, at.model))}]", width=640)


def _by(project: Project, space: str, model: str) -> str:
    """By which features, and why so."""
    if space == "embeddings":
        return f"Found by the embeddings of this data set, which {model} made: it was tried on a few rows."
    built_in = f"Found by built-in features ({model})"
    if project.predictions.embeddings is None:
        return f"{built_in}: this data set has no embeddings."
    return (
        f"{built_in}, not by the embeddings of this data set: no model here made them, so that none can "
        "place another picture among them."
    )


def _start(project: Project, picture: str, name: str) -> None:
    workspace = session.workspace()
    session.jobs().start(name, lambda progress: place(workspace, project, picture, progress))


def _take_off() -> None:
    off = {"about": None, "sort": None, "row": None, "page": None}
    st.button("Take this filter off", key="picture_off", on_click=session.set_params, args=(off,))


def _asked(filters: Filters) -> str:
    return About.parse(filters.about).picture if filters.about else ""


def _sentence(error: InputError) -> str:
    said = str(error)
    return said[:1].upper() + said[1:]
