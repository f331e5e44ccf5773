"""Figures as plain dicts: no Plotly import before the first chart is on its way, and none in the tests.

Class names are data: they are escaped, since Plotly reads tags in its texts, and they stand beside
numeric positions, since Plotly takes names such as "2" or "2020-01-01" for numbers and dates.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.label_words import rows
from core.overview import Confusion

HEIGHT = 300
_LONGEST = 18
_DAYS_NAMED = 12


@dataclass(frozen=True)
class Colours:
    """text, secondary text, grid lines; the page; given and suggested as everywhere; a sequential scale;
    groups that stand beside each other, told apart also by those who see colours differently."""

    text: str
    secondary: str
    grid: str
    page: str
    given: str
    suggested: str
    scale: tuple[str, ...]
    groups: tuple[str, ...]


_LIGHT = Colours(
    text="#17212B",
    secondary="#566370",
    grid="#C9D2DB",
    page="#FFFFFF",
    given="#0B5CAD",
    suggested="#B8471C",
    scale=("#F1F6FC", "#9DC1E6", "#185B9F"),
    groups=("#0B5CAD", "#DC531D", "#069C70", "#8D3769", "#A88400", "#3E8FB0", "#7A4B2A", "#566370"),
)
_DARK = Colours(
    text="#E7ECF1",
    secondary="#9FACB9",
    grid="#38434E",
    page="#11161C",
    given="#7ABBFF",
    suggested="#E0A010",
    scale=("#16222F", "#2566A1", "#71ABE4"),
    groups=("#5AA9F5", "#E8853A", "#3DDC97", "#D58AC8", "#E6D74A", "#8FD6EA", "#C99A74", "#9FACB9"),
)


def colours() -> Colours:
    """The colours of the theme that the visitor sees."""
    return _DARK if st.context.theme.type == "dark" else _LIGHT


def show(figure: dict[str, Any], alt: str, **kwargs: Any) -> Any:
    """Draw a figure. alt: what it says, with its number."""
    return st.plotly_chart(figure, theme="streamlit", alt=alt, config={"displayModeBar": False}, **kwargs)


def with_table(table: pd.DataFrame, alt: str, key: str) -> None:
    """The switch under a chart that shows its numbers."""
    if st.toggle("Show as table", key=f"table_{key}"):
        st.dataframe(table, hide_index=True, alt=alt, height=min(36 * (len(table) + 1), 360))


def matrix(confusion: Confusion, theme: Colours) -> dict[str, Any]:
    """Given labels down, suggested across. Each filled cell is a point that can be clicked."""
    names, counts = confusion.classes, confusion.counts
    n = len(names)
    shown = [[int(v) if v else None for v in row] for row in counts]
    cells = confusion.cells
    top = max(int(counts.max()), 1)
    heat = {
        "type": "heatmap",
        "z": shown,
        "colorscale": [[i / (len(theme.scale) - 1), c] for i, c in enumerate(theme.scale)],
        "showscale": False,
        "hoverinfo": "skip",
        "xgap": 1,
        "ygap": 1,
        "zmin": 0,
        "zmax": top,
    }
    # A heat map reports no clicks. These points do; they show the counts and are otherwise unseen.
    points = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x for x, _ in cells],
        "y": [y for _, y in cells],
        "text": [f"{int(counts[y][x]):,}" for x, y in cells],
        "textfont": {"color": [_on_scale(int(counts[y][x]) / top, theme) for x, y in cells], "size": 12},
        "marker": {"symbol": "square", "size": 26, "opacity": 0},
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
        "hovertext": [
            f"labelled {safe(names[y])}, looks like {safe(names[x])}: {rows(int(counts[y][x]))}"
            for x, y in cells
        ],
        "hoverinfo": "text",
    }
    layout = base_layout(theme, height=max(HEIGHT, 60 + 26 * n), margin_left=4)
    layout["xaxis"] |= names_axis(names) | {"title": {"text": "looks like"}, "side": "bottom"}
    layout["yaxis"] |= names_axis(names) | {"title": {"text": "labelled"}, "autorange": "reversed"}
    layout["yaxis"]["showgrid"] = False
    return {"data": [heat, points], "layout": layout | {"clickmode": "event+select", "dragmode": False}}


def pairs(frame: pd.DataFrame, theme: Colours) -> dict[str, Any]:
    """The most confused pairs as bars, for more classes than a matrix can show. Bars can be clicked."""
    names = [f"{short(g)} → {short(s)}" for g, s in zip(frame["given"], frame["suggested"], strict=True)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": frame["rows"].tolist(),
        "y": list(range(len(frame))),
        "marker": {"color": theme.suggested},
        "hovertext": [
            f"labelled {safe(g)}, looks like {safe(s)}: {rows(count)}"
            for g, s, count in frame[["given", "suggested", "rows"]].itertuples(index=False)
        ],
        "hoverinfo": "text",
    }
    layout = base_layout(theme, height=max(HEIGHT, 60 + 18 * len(frame)))
    layout["yaxis"] |= names_axis(names) | {"autorange": "reversed", "showgrid": False}
    layout["xaxis"] |= {"title": {"text": "flagged rows"}, "rangemode": "tozero"}
    if frame["rows"].max() <= 5:
        layout["xaxis"]["dtick"] = 1  # no ticks between whole rows
    return {"data": [bars], "layout": layout | {"clickmode": "event+select", "dragmode": False}}


def missing_and_extra(frame: pd.DataFrame, theme: Colours) -> dict[str, Any]:
    """Two bars a class: rows where its label looks missing, and rows where it looks one too many.

    frame: columns class, missing, extra.
    """
    sides = (("missing", theme.suggested, "looks missing"), ("extra", theme.given, "looks one too many"))
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": words,
            "x": frame[column].tolist(),
            "y": list(range(len(frame))),
            "marker": {"color": colour},
            "hovertext": [
                f"{safe(name)} {words} in {rows(count)}"
                for name, count in frame[["class", column]].itertuples(index=False)
            ],
            "hoverinfo": "text",
        }
        for column, colour, words in sides
    ]
    layout = base_layout(theme, height=max(HEIGHT, 60 + 22 * len(frame)))
    layout["yaxis"] |= names_axis([short(name) for name in frame["class"]])
    layout["yaxis"] |= {"autorange": "reversed", "showgrid": False}
    layout["xaxis"] |= {"title": {"text": "flagged rows"}, "rangemode": "tozero"}
    return {"data": bars, "layout": layout | {"barmode": "stack", "showlegend": True}}


def histogram(bins: pd.DataFrame, cut: float, theme: Colours) -> dict[str, Any]:
    """Rows by label quality score, flagged ones stacked in the colour of a change; a line at the cut."""
    figure = _stacked(bins, "score", ".3f", theme)
    figure["layout"]["xaxis"] |= {
        "title": {"text": "label quality score (0 worst, 1 clean)"},
        "range": [0, 1],
    }
    figure["layout"]["shapes"] = [
        {
            "type": "line",
            "x0": cut,
            "x1": cut,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": theme.text, "width": 2, "dash": "dash"},
        }
    ]
    return figure


def numbers(bins: pd.DataFrame, theme: Colours) -> dict[str, Any]:
    """Rows by given number, flagged ones stacked in the colour of a change."""
    figure = _stacked(bins, "number", ",.6g", theme)
    figure["layout"]["xaxis"] |= {"title": {"text": "given number"}}
    return figure


def _stacked(bins: pd.DataFrame, what: str, format: str, theme: Colours) -> dict[str, Any]:
    """Flagged and other rows by something; columns low, high, flagged, other."""
    middle = ((bins["low"] + bins["high"]) / 2).tolist()
    edges = zip(bins["low"], bins["high"], strict=True)
    hover = [f"{what} {low:{format}} to {high:{format}}" for low, high in edges]

    def bars(column: str, name: str, colour: str) -> dict[str, Any]:
        return {
            "type": "bar",
            "name": name,
            "x": middle,
            "y": bins[column].tolist(),
            "marker": {"color": colour},
            "hovertext": hover,
            "hovertemplate": "%{hovertext}: %{y:,} " + name + "<extra></extra>",
        }

    layout = base_layout(theme)
    layout["yaxis"] |= {"title": {"text": "rows"}}
    data = [bars("flagged", "flagged", theme.suggested), bars("other", "not flagged", theme.given)]
    return {"data": data, "layout": layout | {"barmode": "stack", "showlegend": True}}


def error_rates(classes: pd.DataFrame, theme: Colours) -> dict[str, Any]:
    """A dot a class with its 95% interval; columns class, rows, error_rate, low, high, few_rows."""
    rate, low, high = (classes[c].to_numpy() for c in ("error_rate", "low", "high"))
    names = [
        short(name) + (" (few rows)" if few else "")
        for name, few in zip(classes["class"], classes["few_rows"], strict=True)
    ]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": rate.tolist(),
        "y": list(range(len(classes))),
        "marker": {"color": theme.given, "size": 9},
        "error_x": error_bars(rate, low, high, theme.secondary),
        "hovertext": [
            f"{safe(name)}: {r:.1%} of {rows:,} rows look wrong, interval {lo:.1%} to {hi:.1%}"
            for name, rows, r, lo, hi in classes[["class", "rows", "error_rate", "low", "high"]].itertuples(
                index=False
            )
        ],
        "hoverinfo": "text",
    }
    layout = base_layout(theme, height=max(HEIGHT, 60 + 22 * len(classes)))
    layout["yaxis"] |= names_axis(names) | {"autorange": "reversed", "showgrid": False}
    layout["xaxis"] |= {"title": {"text": "estimated share of wrong labels"}, "tickformat": ".0%"}
    layout["xaxis"] |= {"rangemode": "tozero", "showgrid": True, "gridcolor": theme.grid}
    return {"data": [dots], "layout": layout}


def burn_down(days: pd.DataFrame, theme: Colours) -> dict[str, Any]:
    """Rows done a day as bars, rows left as a line; columns day, done, left."""
    names = [f"{day.day} {day:%b}" for day in days["day"]]
    places = list(range(len(days)))
    shared = {
        "x": places,
        "hovertext": [f"{day:%A}, {name}" for day, name in zip(days["day"], names, strict=True)],
    }
    bars = {
        "type": "bar",
        "name": "done that day",
        "y": days["done"].tolist(),
        "marker": {"color": theme.given},
        "hovertemplate": "%{hovertext}: %{y:,} done<extra></extra>",
        **shared,
    }
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "left",
        "y": days["left"].tolist(),
        "line": {"color": theme.suggested, "width": 2},
        "hovertemplate": "%{hovertext}: %{y:,} left<extra></extra>",
        **shared,
    }
    layout = base_layout(theme)
    step = max(1, math.ceil(len(names) / _DAYS_NAMED))
    layout["xaxis"] |= {
        "tickmode": "array",
        "tickvals": places[::step],
        "ticktext": names[::step],
        "range": [-0.6, max(len(names), 4) - 0.4],
    }
    layout["yaxis"] |= {"title": {"text": "rows"}, "rangemode": "tozero"}
    return {"data": [bars, line], "layout": layout | {"bargap": 0.3, "showlegend": True}}


def base_layout(theme: Colours, height: int = HEIGHT, margin_left: int = 8) -> dict[str, Any]:
    """What all charts share: size, margins, fonts, quiet axes, no zooming."""
    axis = {
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
        "tickfont": {"color": theme.secondary, "size": 12},
        "title": {"font": {"color": theme.secondary, "size": 12}},
    }
    return {
        "height": height,
        "margin": {"l": margin_left, "r": 8, "t": 8, "b": 24},
        "bargap": 0.05,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": theme.text},
        "showlegend": False,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": dict(axis),
        "yaxis": dict(axis) | {"showgrid": True, "gridcolor": theme.grid},
    }


def error_bars(value: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> dict[str, Any]:
    """The intervals of dots, as error_x or error_y."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (high - value).clip(min=0).tolist(),
        "arrayminus": (value - low).clip(min=0).tolist(),
        "color": colour,
        "thickness": 2,
        "width": 0,
    }


def names_axis(names: Sequence[str]) -> dict[str, Any]:
    """An axis with a name at each whole number."""
    return {
        "type": "linear",
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [n if "→" in n or n.endswith("(few rows)") else short(n) for n in names],
        "range": [-0.5, len(names) - 0.5],
    }


def short(name: object) -> str:
    """A name as `safe` makes it, and not too long for an axis."""
    text = str(name)
    return safe(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def safe(name: object) -> str:
    """A name as Plotly shows it letter by letter: its texts are markup."""
    return html.escape(str(name), quote=False)


def _on_scale(share: float, theme: Colours) -> str:
    """The one of two text colours that has more contrast with the scale's colour at that share."""
    steps = len(theme.scale) - 1
    at = min(int(share * steps), steps - 1)
    low, high = _rgb(theme.scale[at]), _rgb(theme.scale[at + 1])
    part = share * steps - at
    ground = _luminance([a + (b - a) * part for a, b in zip(low, high, strict=True)])
    # 0.18 is the luminance at which black and white have the same contrast.
    return "#11161C" if ground > 0.18 else "#FFFFFF"


def _rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _luminance(rgb: Sequence[float]) -> float:
    """Relative luminance, 0 to 1. Source: WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
