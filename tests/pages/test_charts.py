from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.overview import Confusion
from pages.parts import charts, explore_charts
from pages.parts.session import escape

THEMES = (charts._LIGHT, charts._DARK)
BAD = '<b>x</b><a href="javascript:1">'


def figures(theme: charts.Colours) -> list[dict]:
    confusion = Confusion((BAD, "2020-01-01"), np.array([[0, 3], [1, 0]]), 0)
    pairs = pd.DataFrame({"given": [BAD], "suggested": ["7"], "rows": [3]})
    bins = pd.DataFrame({"low": [0.0, 0.5], "high": [0.5, 1.0], "flagged": [3, 0], "other": [0, 9]})
    classes = pd.DataFrame(
        {"class": [BAD], "rows": [9], "error_rate": [0.2], "low": [0.1], "high": [0.5], "few_rows": [True]}
    )
    days = pd.DataFrame({"day": [date(2025, 3, 3), date(2025, 3, 4)], "done": [3, 0], "left": [7, 7]})
    shares = pd.DataFrame(
        {"split": [BAD], "class": [BAD], "of": [9], "share": [0.2], "low": [0.1], "high": [0.5]}
    )
    return [
        explore_charts.class_shares(shares, theme),
        charts.burn_down(days, theme),
        charts.matrix(confusion, theme),
        charts.pairs(pairs, theme),
        charts.histogram(bins, 0.4, theme),
        charts.error_rates(classes, theme),
        explore_charts.intervals([BAD], classes.assign(value=0.2), "share", theme, usual=1),
    ]


@pytest.mark.parametrize("theme", THEMES)
def test_figures__are_json_valid_plotly_and_free_of_tags(theme: charts.Colours) -> None:
    import plotly.graph_objects as go

    for figure in figures(theme):
        go.Figure(figure)
        text = json.dumps(figure)
        assert "<b>" not in text
        assert "<a" not in text


def test_matrix__a_clicked_point_is_the_cell_of_its_number() -> None:
    confusion = Confusion(("cat", "dog"), np.array([[0, 3], [1, 0]]), 0)
    points = charts.matrix(confusion, charts._LIGHT)["data"][1]
    assert list(zip(points["x"], points["y"], strict=True)) == confusion.cells
    assert points["text"] == ["3", "1"]
    assert points["hovertext"][0] == "labelled cat, looks like dog: 3 rows"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0])
def test_on_scale__text_has_contrast_on_every_colour(theme: charts.Colours, share: float) -> None:
    steps = len(theme.scale) - 1
    at = min(int(share * steps), steps - 1)
    low, high = charts._rgb(theme.scale[at]), charts._rgb(theme.scale[at + 1])
    ground = charts._luminance([a + (b - a) * (share * steps - at) for a, b in zip(low, high, strict=True)])
    text = charts._luminance(charts._rgb(charts._on_scale(share, theme)))
    light, dark = max(ground, text), min(ground, text)
    assert (light + 0.05) / (dark + 0.05) >= 4


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_escape__every_mark_is_escaped_and_no_line_break_is_left(text: str) -> None:
    escaped = escape(text)
    assert "\n" not in escaped
    assert escaped.replace("\u2060", "").replace("\\", "") == " ".join(text.split()).replace(
        "\u2060", ""
    ).replace("\\", "")
    for i, char in enumerate(escaped):
        if char in "*_`[]<>$:!#~|&":
            assert escaped[i - 1] == "\\"


def test_burn_down__names_a_dozen_days_at_most() -> None:
    days = [date(2025, 3, 3) + timedelta(days=n) for n in range(100)]
    frame = pd.DataFrame({"day": days, "done": [1] * 100, "left": list(range(99, -1, -1))})
    figure = charts.burn_down(frame, charts._LIGHT)
    axis = figure["layout"]["xaxis"]
    assert axis["ticktext"][:2] == ["3 Mar", "12 Mar"]
    assert len(axis["ticktext"]) == 12
    assert figure["data"][0]["y"] == [1] * 100
    assert figure["data"][1]["y"][-1] == 0


def test_class_shares__a_trace_a_split_with_intervals_and_safe_names() -> None:
    frame = pd.DataFrame(
        [("train", "<b>a", 30, 40, 0.75, 0.6, 0.86), ("test", "<b>a", 1, 2, 0.5, 0.1, 0.9)],
        columns=["split", "class", "rows", "of", "share", "low", "high"],
    )
    figure = explore_charts.class_shares(frame, charts._LIGHT)
    train, test = figure["data"]
    assert (train["name"], test["name"]) == ("train", "test")
    assert train["y"][0] < 0 < test["y"][0]
    assert train["error_x"]["arrayminus"] == pytest.approx([0.15])
    assert train["marker"]["symbol"] != test["marker"]["symbol"]  # told apart without colours
    assert train["hovertext"] == ["&lt;b&gt;a in train: 75.0% of 40 rows, interval 60.0% to 86.0%"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["&lt;b&gt;a"]
