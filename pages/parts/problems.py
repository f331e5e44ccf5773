"""Problems of the pre-flight check or of an export, as a list that wraps on any screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.errors import Problem
from pages.parts.session import escape

SHOWN = 50
_ORDER = {"error": 0, "warning": 1, "notice": 2}
_ICON = {
    "error": ":red[:material/error:] **Mend**",
    "warning": ":orange[:material/warning:] **Look**",
    "notice": ":blue[:material/info:] **Know**",
}


def show_problems(problems: Sequence[Problem]) -> None:
    """Every problem with its place, what was found, what was expected and how to mend it; errors first."""
    ordered = sorted(problems, key=lambda p: _ORDER[p.severity])
    with st.container(border=True, key="problems"):
        for problem in ordered[:SHOWN]:
            way_out = _way_out(problem)
            more = f"  \n:small[{escape(way_out)}]" if way_out else ""
            st.markdown(f"{_ICON[problem.severity]} · {escape(_found(problem))}{more}")
        if len(ordered) > SHOWN:
            st.text(f"and {len(ordered) - SHOWN:,} more; mend these first.")


def _found(problem: Problem) -> str:
    """The place and the finding, for example "fruit.csv, row 12, column label: no label (3 rows)"."""
    return str(Problem("error", problem.found, file=Path(problem.file).name, row=problem.row,
                       column=problem.column, count=problem.count))  # fmt: skip


def _way_out(problem: Problem) -> str:
    parts = [
        problem.expected and f"Expected: {problem.expected}.",
        problem.mend and f"To mend: {problem.mend}.",
    ]
    return " ".join(p for p in parts if p)
