"""The map of a data set as a Plotly figure: points, and shade where there are too many to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.map_view import CELLS, Colouring, Drawn
from pages.parts import charts

HEIGHT = 520
_SVG_POINTS = 3000  # drawn without WebGL, which not every browser has
_PLAIN = ("not flagged", "undecided", "others")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "triangle-down")
"""Beside the colours, so that nobody has to tell groups apart by colour alone."""


def figure(
    layout: np.ndarray,
    drawn: Drawn,
    colouring: Colouring,
    flagged: np.ndarray,
    hover: Sequence[str],
    theme: charts.Colours,
    shade: np.ndarray | None,
    inside: np.ndarray | None,
    draws: bool,
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """(figure, for each of its traces the positions of the rows that are its points).

    layout: (N, 2). flagged: (N,) bool, rows with a ring. hover: a text for each drawn row. shade: density's
    counts, drawn under the points. inside: (N,) bool, the chosen area; rows outside it fade. draws: whether
    the mouse draws around points; else a click picks one.
    """
    traces: list[dict[str, Any]] = []
    rows: list[np.ndarray] = []
    if shade is not None:
        traces.append(_shade(shade, theme))
        rows.append(np.empty(0, dtype=np.int64))
    text = np.asarray(hover, dtype=object)
    size = 4 if len(drawn.positions) > 5000 else 6 if len(drawn.positions) > 500 else 8
    for name, marker, at in _groups(colouring, drawn, theme):
        positions = drawn.positions[at]
        marker |= {"size": size, "opacity": _opacity(positions, inside, 0.45 if name in _PLAIN else 0.85)}
        ringed = flagged[positions]
        if ringed.any():
            marker["line"] = {"color": theme.text, "width": np.where(ringed, 1.5, 0).tolist()}
        traces.append(
            {
                "type": "scatter" if len(drawn.positions) <= _SVG_POINTS else "scattergl",
                "mode": "markers",
                "name": charts.short(name),
                "x": _rounded(layout[positions, 0]),
                "y": _rounded(layout[positions, 1]),
                "marker": marker,
                "text": text[at].tolist(),
                "hoverinfo": "text",
                "selected": {"marker": {"opacity": 1}},
                "unselected": {"marker": {"opacity": 0.25}},
            }
        )
        rows.append(positions)
    return {"data": traces, "layout": _layout(colouring, theme, draws)}, rows


def _groups(
    colouring: Colouring, drawn: Drawn, theme: charts.Colours
) -> list[tuple[str, dict[str, Any], np.ndarray]]:
    """(name, marker, which of the drawn rows) of each trace; rows of no group first, under the others."""
    everything = np.arange(len(drawn.positions))
    if colouring.values is not None:
        values = colouring.values[drawn.positions]
        there = np.isfinite(values)
        scale = [[i / (len(theme.scale) - 1), c] for i, c in enumerate(theme.scale)]
        marker = {
            "color": values[there].tolist(),
            "colorscale": scale,
            "colorbar": {
                "thickness": 10,
                "len": 0.6,
                "outlinewidth": 0,
                "tickfont": {"color": theme.secondary},
            },
        }
        groups = [(colouring.title, marker, everything[there])]
        return [_none(theme, everything[~there]), *groups] if not there.all() else groups
    assert colouring.codes is not None
    codes = colouring.codes[drawn.positions]
    groups = []
    if (codes < 0).any():
        groups.append(_none(theme, everything[codes < 0]))
    for code, name in enumerate(colouring.names):
        at = everything[codes == code]
        if not len(at):
            continue
        colour = theme.secondary if name in _PLAIN else theme.groups[code % len(theme.groups)]
        groups.append((name, {"color": colour, "symbol": _SYMBOLS[code % len(_SYMBOLS)]}, at))
    return groups


def _none(theme: charts.Colours, at: np.ndarray) -> tuple[str, dict[str, Any], np.ndarray]:
    return "none", {"color": theme.grid, "symbol": "circle"}, at


def _opacity(positions: np.ndarray, inside: np.ndarray | None, usual: float) -> float | list[float]:
    return usual if inside is None else np.where(inside[positions], 0.95, 0.15).tolist()


def _shade(counts: np.ndarray, theme: charts.Colours) -> dict[str, Any]:
    shown = np.log1p(counts)
    places = (np.arange(CELLS) + 0.5) / CELLS * 2 - 1
    return {
        "type": "heatmap",
        "x": places.tolist(),
        "y": places.tolist(),
        "z": np.where(counts > 0, np.round(shown, 2), np.nan).tolist(),
        "colorscale": [[0, theme.page], [1, theme.grid]],
        "zmin": 0,
        "zmax": float(shown.max()) or 1,
        "showscale": False,
        "hoverinfo": "skip",
        "hoverongaps": False,
    }


def _layout(colouring: Colouring, theme: charts.Colours, draws: bool) -> dict[str, Any]:
    layout = charts.base_layout(theme, height=HEIGHT)
    axis = {"visible": False, "fixedrange": True, "range": [-1.05, 1.05], "showgrid": False}
    layout["xaxis"] = axis
    layout["yaxis"] = axis | {"scaleanchor": "x"}
    groups = colouring.values is None and len(colouring.names) > 1
    layout |= {"showlegend": groups, "hovermode": "closest"}
    layout |= {"dragmode": "lasso"} if draws else {"dragmode": False, "clickmode": "event+select"}
    layout["legend"] |= {"itemsizing": "constant"}
    layout["newselection"] = {"line": {"color": theme.text, "width": 1}}
    # The same for every colouring, so that a choice of colours keeps what was drawn.
    layout["selectionrevision"] = layout["uirevision"] = "map"
    return layout


def _rounded(values: np.ndarray) -> list[float]:
    return np.round(values.astype(np.float64), 4).tolist()
