"""Export: the corrected file, and every changed cell."""

from __future__ import annotations

import streamlit as st

from core import soft_labels
from core.corrections import ADDABLE, correct, preview
from core.errors import InputError
from core.exporting import default_format, formats
from core.review.people import Role
from pages.parts import export_steps, session
from pages.parts.problems import show_problems

session.require_role(Role.OWNER, "export")
st.title("Export")
project = session.require_project()
quality = session.label_quality()
decided = export_steps.decided(project)

with st.container(horizontal=True, vertical_alignment="bottom"):
    excluded = st.segmented_control(
        "Excluded rows",
        ["drop", "mark"],
        default="drop",
        required=True,
        format_func={"drop": "Leave out", "mark": "Keep, with a flag"}.__getitem__,
        key="x_excluded",
    )
    named = export_steps.split_names(project.dataset)
    splits = (
        st.multiselect("Splits", named, placeholder="All splits", key="x_splits")
        if project.dataset.columns.split is not None
        else []
    )
    own = default_format(project.source)
    source = project.source.format
    names = [own.name, *(n for n, f in formats().items() if n != own.name and f.writes(source))]
    format_name = st.selectbox(
        "Format", names, format_func=lambda n: formats()[n].title, key="x_format", width=260
    )
with st.container(horizontal=True, vertical_alignment="center"):
    added = st.pills(
        "Add columns",
        [c for c in ADDABLE if export_steps.can_add(project.dataset, c, quality is not None)],
        selection_mode="multi",
        key="x_add",
        help=f"soft_label: {soft_labels.HOW}",
    )
    safe = st.toggle(
        "Safe for spreadsheets",
        key="x_safe",
        help="Puts ' before cells that a spreadsheet would run as a formula. This changes those cells.",
    )

options = export_steps.options(excluded, added, safe, splits)
try:
    corrections = correct(project.dataset, project.source, decided, options, quality)
except InputError as error:
    show_problems(error.problems)
    st.stop()

cells = project.dataset.table.size
st.subheader(export_steps.headline(corrections, cells, formats()[format_name], own))
export_steps.show_open(decided)
if corrections.conflicts:
    show_problems(corrections.conflicts)
elif corrections.changes:
    shown = preview(corrections, 1000)
    st.dataframe(shown, hide_index=True, alt="Every cell that the export changes")
    if len(corrections.changes) > len(shown):
        st.text(f"The first {len(shown):,} of {len(corrections.changes):,} changes; the change log has all.")

# In containers: what one of them adds or takes away must not move the popover below, which would close.
with st.container():
    export_steps.write(session.workspace(), corrections, format_name)
with st.container():
    export_steps.write_patch(session.workspace(), project)
export_steps.for_the_record(session.workspace(), project, corrections, format_name)
