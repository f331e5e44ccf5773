"""Figures of the Explore page, as plain dicts; see pages.parts.charts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from core.overview import Confusion
from pages.parts import charts


def predicted_matrix(confusion: Confusion, theme: charts.Colours) -> dict[str, Any]:
    """Given labels down, predicted classes across. Each filled cell is a point that can be clicked."""
    figure = charts.matrix(confusion, theme)
    names, points = confusion.classes, figure["data"][1]
    points["hovertext"] = [
        f"labelled {charts.safe(names[y])}, predicted {charts.safe(names[x])}: "
        f"{int(confusion.counts[y][x]):,} rows"
        for x, y in confusion.cells
    ]
    figure["layout"]["xaxis"]["title"]["text"] = "predicted"
    return figure


def reliability(bins: pd.DataFrame, theme: charts.Colours) -> dict[str, Any]:
    """Share of labels that agree against the model's probability, with 95% intervals, and the line of equals.

    bins: as in core.class_report.Calibration.
    """
    agrees, low, high = (bins[c].to_numpy() for c in ("agrees", "agrees_low", "agrees_high"))
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "perfectly calibrated",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": theme.secondary, "width": 1, "dash": "dash"},
        "hoverinfo": "skip",
    }
    dots = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "this model",
        "x": bins["confidence"].tolist(),
        "y": agrees.tolist(),
        "line": {"color": theme.given, "width": 1},
        "marker": {"color": theme.given, "size": 9},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": (high - agrees).tolist(),
            "arrayminus": (agrees - low).tolist(),
            "color": theme.secondary,
            "thickness": 2,
            "width": 0,
        },
        "hovertext": [
            f"{rows:,} rows at {p:.1%} on average: {share:.1%} agree, interval {lo:.1%} to {hi:.1%}"
            for rows, p, share, lo, hi in bins[
                ["rows", "confidence", "agrees", "agrees_low", "agrees_high"]
            ].itertuples(index=False)
        ],
        "hoverinfo": "text",
    }
    layout = charts.base_layout(theme)
    first = max(0.0, min(float(bins["confidence"].min()), float(low.min())) - 0.05)
    layout["xaxis"] |= {"title": {"text": "probability of the predicted class"}, "tickformat": ".0%"}
    layout["yaxis"] |= {"title": {"text": "labels that agree"}, "tickformat": ".0%"}
    for axis in ("xaxis", "yaxis"):
        layout[axis]["range"] = [first, 1.02]
    return {"data": [line, dots], "layout": layout | {"showlegend": True}}
