"""Figures of the Explore page, as plain dicts; see pages.parts.charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from core.label_words import rows
from core.overview import Confusion
from pages.parts import charts


def predicted_matrix(confusion: Confusion, theme: charts.Colours) -> dict[str, Any]:
    """Given labels down, predicted classes across. Each filled cell is a point that can be clicked."""
    figure = charts.matrix(confusion, theme)
    names, points = confusion.classes, figure["data"][1]
    points["hovertext"] = [
        f"labelled {charts.safe(names[y])}, predicted {charts.safe(names[x])}: "
        f"{rows(int(confusion.counts[y][x]))}"
        for x, y in confusion.cells
    ]
    figure["layout"]["xaxis"]["title"]["text"] = "predicted"
    return figure


def version_matrix(confusion: Confusion, theme: charts.Colours) -> dict[str, Any]:
    """Labels before down, after across. Each filled cell is a point that can be clicked."""
    figure = charts.matrix(confusion, theme)
    names, points = confusion.classes, figure["data"][1]
    points["hovertext"] = [
        f"{charts.safe(names[y])} before, {charts.safe(names[x])} after: {rows(int(confusion.counts[y][x]))}"
        for x, y in confusion.cells
    ]
    figure["layout"]["xaxis"]["title"]["text"] = "after"
    figure["layout"]["yaxis"]["title"]["text"] = "before"
    return figure


def reliability(bins: pd.DataFrame, theme: charts.Colours) -> dict[str, Any]:
    """Share of labels that agree against the model's probability.

    bins: as in core.class_report.Calibration.
    """
    first = max(0.0, min(float(bins["confidence"].min()), float(bins["agrees_low"].min())) - 0.05)
    return told_against_seen(
        bins[["confidence", "agrees", "agrees_low", "agrees_high"]],
        [
            f"{rows:,} rows at {p:.1%} on average: {share:.1%} agree, interval {lo:.1%} to {hi:.1%}"
            for rows, p, share, lo, hi in bins[
                ["rows", "confidence", "agrees", "agrees_low", "agrees_high"]
            ].itertuples(index=False)
        ],
        theme,
        names=("perfectly calibrated", "this model"),
        titles=("probability of the predicted class", "labels that agree"),
        limits=(first, 1.02),
    )


def told_against_seen(
    shares: pd.DataFrame,
    said: list[str],
    theme: charts.Colours,
    *,
    names: tuple[str, str],
    titles: tuple[str, str],
    limits: tuple[float, float],
) -> dict[str, Any]:
    """What was told of each bin against what was seen, with 95% intervals, and the line of equals.

    shares: columns told, seen, low, high, whatever they are called. said: of each bin, under the pointer.
    names: of the line and of the dots. titles, limits: of the axes; both have the same limits.
    """
    told, seen, low, high = shares.to_numpy(dtype=float).T
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": names[0],
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": theme.secondary, "width": 1, "dash": "dash"},
        "hoverinfo": "skip",
    }
    dots = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": names[1],
        "x": told.tolist(),
        "y": seen.tolist(),
        "line": {"color": theme.given, "width": 1},
        "marker": {"color": theme.given, "size": 9},
        "error_y": charts.error_bars(seen, low, high, theme.secondary),
        "hovertext": said,
        "hoverinfo": "text",
    }
    layout = charts.base_layout(theme)
    for axis, title in zip(("xaxis", "yaxis"), titles, strict=True):
        layout[axis] |= {"title": {"text": title}, "tickformat": ".0%", "range": list(limits)}
    return {"data": [line, dots], "layout": layout | {"showlegend": True}}


def class_shares(shares: pd.DataFrame, theme: charts.Colours) -> dict[str, Any]:
    """A dot a split with its 95% interval for each class; columns split, class, share, low, high, of."""
    names, splits = list(dict.fromkeys(shares["class"])), list(dict.fromkeys(shares["split"]))
    palette = (theme.given, theme.suggested, theme.text, theme.secondary)
    dots = []
    for i, split in enumerate(splits):
        some = shares[shares["split"] == split]
        share, low, high = (some[c].to_numpy() for c in ("share", "low", "high"))
        apart = 0.5 * ((i + 0.5) / len(splits) - 0.5)  # splits lie below each other within a line
        trace = {
            "type": "scatter",
            "mode": "markers",
            "name": charts.short(split),
            "x": some["share"].tolist(),
            "y": [names.index(name) + apart for name in some["class"]],
            "marker": {
                "color": palette[i % len(palette)],
                "size": 9,
                "symbol": ("circle", "diamond", "square", "triangle-up")[i % 4],
            },
            "error_x": charts.error_bars(share, low, high, palette[i % len(palette)]),
            "hovertext": [
                f"{charts.safe(name)} in {charts.safe(split)}: {s:.1%} of {of:,} rows, "
                f"interval {lo:.1%} to {hi:.1%}"
                for name, s, of, lo, hi in some[["class", "share", "of", "low", "high"]].itertuples(
                    index=False
                )
            ],
            "hoverinfo": "text",
        }
        dots.append(trace)
    layout = charts.base_layout(theme, height=max(charts.HEIGHT, 80 + (14 + 8 * len(splits)) * len(names)))
    layout["yaxis"] |= charts.names_axis(names) | {"autorange": "reversed", "showgrid": False}
    layout["xaxis"] |= {"title": {"text": "share of the split's labelled rows"}, "tickformat": ".0%"}
    layout["xaxis"] |= {"rangemode": "tozero", "showgrid": True, "gridcolor": theme.grid}
    return {"data": dots, "layout": layout | {"showlegend": True}}


def intervals(
    names: Sequence[str], frame: pd.DataFrame, title: str, theme: charts.Colours, usual: float | None = None
) -> dict[str, Any]:
    """A dot a line with its 95% interval; columns value, low, high. usual: where a dashed line is drawn."""
    value, low, high = (frame[c].to_numpy(float) for c in ("value", "low", "high"))
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": value.tolist(),
        "y": list(range(len(frame))),
        "marker": {"color": theme.suggested, "size": 9},
        "error_x": charts.error_bars(value, low, high, theme.secondary),
        "hovertext": [
            f"{charts.safe(name)}: {v:.2g}, interval {lo:.2g} to {hi:.2g}"
            for name, v, lo, hi in zip(names, value, low, high, strict=True)
        ],
        "hoverinfo": "text",
    }
    layout = charts.base_layout(theme, height=max(charts.HEIGHT // 2, 60 + 22 * len(frame)))
    layout["yaxis"] |= charts.names_axis([charts.short(name) for name in names])
    layout["yaxis"] |= {"autorange": "reversed", "showgrid": False}
    layout["xaxis"] |= {"title": {"text": title}, "rangemode": "tozero"}
    layout["xaxis"] |= {"showgrid": True, "gridcolor": theme.grid}
    if usual is not None:
        line = {"color": theme.text, "width": 2, "dash": "dash"}
        layout["shapes"] = [
            {"type": "line", "x0": usual, "x1": usual, "y0": 0, "y1": 1, "yref": "paper", "line": line}
        ]
    return {"data": [dots], "layout": layout}


def cosines(bins: pd.DataFrame, levels: dict[str, float], theme: charts.Colours) -> dict[str, Any]:
    """Shares of random pairs of one class and of two by their cosine, with the levels as lines.

    bins: low, high, same, cross, as the figure of the check of identities. levels: cosines, by what they say.
    """
    centre, width = (bins["low"] + bins["high"]) / 2, float(bins["high"].iloc[0] - bins["low"].iloc[0])
    some = (bins["same"] + bins["cross"] > 0).to_numpy()
    data, top = [], 0.0
    for name, title, colour in (
        ("same", "one class", theme.given),
        ("cross", "two classes", theme.suggested),
    ):
        share = bins[name] / max(1, int(bins[name].sum()))
        top = max(top, float(share.max()))
        data.append(
            {
                "type": "bar",
                "name": title,
                "x": centre[some].tolist(),
                "y": share[some].tolist(),
                "width": width,
                "opacity": 0.6,
                "marker": {"color": colour},
                "hovertemplate": f"{title}: %{{y:.1%}} of pairs near %{{x:.2f}}<extra></extra>",
            }
        )
    layout = charts.base_layout(theme)
    layout |= {
        "barmode": "overlay",
        "showlegend": True,
        "shapes": [
            {
                "type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper",
                "line": {"color": theme.text, "width": 1, "dash": "dash"},
            }
            for at in levels.values()
        ],
        "annotations": [
            {
                "x": at, "y": 0.99 - 0.1 * number, "yref": "paper", "text": charts.safe(name),
                "showarrow": False, "xanchor": "right", "xshift": -3,
                "font": {"color": theme.text, "size": 12},
                "bgcolor": theme.page,
            }
            for number, (name, at) in enumerate(levels.items())
        ],
    }  # fmt: skip
    layout["xaxis"] |= {"title": {"text": "cosine"}}
    room = top / (1 - 0.1 * len(levels) - 0.05)  # the levels are named above the bars
    layout["yaxis"] |= {"title": {"text": "share of pairs"}, "tickformat": ".0%", "range": [0, room]}
    return {"data": data, "layout": layout}
