"""How time and memory of each check grow with the rows: kept as JSON, drawn as a picture."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
"""rows, size ("100000x384x20"), name, seconds, peak (MB); one that was not measured is left out."""
_KEPT = ("rows", "size", "name", "seconds", "peak")
_ALL = "all checks"
_COLOURS = (
    "#1f77b4",
    "#d62728",
    "#2ca02c",
    "#9467bd",
    "#ff7f0e",
    "#17becf",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
)
_SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
_PICTURE = (1280, 620)


def save(lines: Sequence[Line], file: Path) -> None:
    """Lay what was measured over what the file has of other sizes."""
    sizes = {line["size"] for line in lines}
    kept = [line for line in read(file) if line["size"] not in sizes] if file.exists() else []
    found = [*kept, *({key: line[key] for key in _KEPT if key in line} for line in lines)]
    found.sort(key=lambda line: line["rows"])
    text = ",\n".join(json.dumps(_rounded(line)) for line in found)
    file.write_text(f"[\n{text}\n]\n", encoding="utf-8")


def read(file: Path) -> list[Line]:
    """What `save` has kept."""
    found: list[Line] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _rounded(line: Line) -> Line:
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in line.items()}


def checks_of(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines of all checks together and of each check, by its title, the longest first; each by rows."""
    from core.audit import checks

    titles = {_ALL: "All checks together"}
    titles.update({name: check.title for name, check in checks().items()})
    found: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line["rows"]):
        if line["name"] in titles:
            found.setdefault(titles[line["name"]], []).append(line)
    return dict(sorted(found.items(), key=lambda pair: -pair[1][-1]["seconds"]))


def draw(lines: Sequence[Line], file: Path) -> None:
    """Time and peak memory by rows, one line a check, on logarithmic axes; .png or .html."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    page = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.1,
        subplot_titles=("Seconds", "Peak memory, MB"),
    )
    for number, (title, own) in enumerate(checks_of(lines).items()):
        whole = own[0]["name"] == _ALL
        style = {
            "color": "#111111" if whole else _COLOURS[number % len(_COLOURS)],
            "width": 4 if whole else 2,
        }
        for column, value in enumerate(("seconds", "peak"), start=1):
            there = [line for line in own if line.get(value)]
            page.add_trace(
                go.Scatter(
                    x=[line["rows"] for line in there],
                    y=[line[value] for line in there],
                    name=title,
                    legendgroup=title,
                    showlegend=column == 1,
                    mode="lines+markers",
                    line=style,
                    marker={"size": 9, "symbol": _SHAPES[number % len(_SHAPES)]},
                ),
                row=1,
                col=column,
            )
    sizes = dict(sorted({line["rows"]: line["size"].split("x") for line in lines}.items()))
    said = [f"{rows:,} rows<br>x {wide}, {k} classes" for rows, (_, wide, k) in sizes.items()]
    page.update_xaxes(type="log", tickvals=list(sizes), ticktext=said, showgrid=True, gridcolor="#dddddd")
    ticks = [digit * 10.0**power for power in range(-2, 5) for digit in (1, 2, 5)]
    shown = [f"{tick:,g}" if tick < 1 else f"{tick:,.0f}" for tick in ticks]
    page.update_yaxes(type="log", tickvals=ticks, ticktext=shown, gridcolor="#eeeeee")
    page.update_layout(
        template="plotly_white",
        width=_PICTURE[0],
        height=_PICTURE[1],
        margin={"l": 60, "r": 20, "t": 40, "b": 70},
        font={"size": 14},
        legend={"x": 1.02, "y": 1},
    )
    if file.suffix == ".html":
        page.write_html(file, include_plotlyjs=True)
    elif file.suffix == ".png":
        with tempfile.TemporaryDirectory() as folder:
            page.write_html(Path(folder) / "growth.html", include_plotlyjs=True, config={"staticPlot": True})
            _photograph(Path(folder) / "growth.html", file)
    else:
        raise SystemExit(f"--plot {file}: .png or .html")


def _photograph(html: Path, file: Path) -> None:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import chromium_path

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": _PICTURE[0], "height": _PICTURE[1]})
        shown.goto(html.as_uri())
        shown.locator(".js-plotly-plot .legend").wait_for()
        shown.locator(".js-plotly-plot").screenshot(path=file)
        browser.close()
