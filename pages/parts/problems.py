"""Problems of the pre-flight check or of an export, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from core.errors import Problem


def show_problems(problems: Sequence[Problem]) -> None:
    """Problems as a table: data must not be rendered as Markdown."""
    order = {"error": 0, "warning": 1, "notice": 2}
    words = {"error": "mend", "warning": "look", "notice": "know"}
    rows = [
        {
            "To": words[p.severity],
            "File": Path(p.file).name,
            "Row": p.row,
            "Column": p.column,
            "Problem": p.found + (f" ({p.count:,} rows)" if p.count > 1 else ""),
            "Mend": "; ".join(t for t in (p.mend, p.expected and f"expected {p.expected}") if t),
        }
        for p in sorted(problems, key=lambda p: order[p.severity])
    ]
    frame = pd.DataFrame(rows).astype({"Row": "Int64"})
    shown = [c for c in frame.columns if frame[c].astype("str").replace("<NA>", "").str.len().any()]
    st.dataframe(frame[shown], hide_index=True, alt="Problems, each with its place and its mend")
