"""The pieces that the report is put together from. Every text that goes in is text in what comes out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from core.drawing import Drawing
from core.evidence.method import Method
from core.evidence.sections import Section
from core.plain_text import one_line
from core.review_words import full_stop

_STYLE = (Path(__file__).parent / "html_report.css").read_text(encoding="utf-8")


def page(title: str, body: Iterable[str]) -> str:
    """The whole file. Its policy forbids scripts and every address but those of pictures held in it."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(one_line(title))}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
    ]
    return "\n".join([*head, *body, "</body>", "</html>"]) + "\n"


def text(words: str, limit: int | None = 1_000) -> str:
    """Any text as HTML, apart from what stands round it where it is written from right to left."""
    return f"<bdi>{escape(one_line(words, limit))}</bdi>"


def quiet(words: str) -> str:
    """A paragraph that is read after the others."""
    return f'<p class="quiet">{text(words)}</p>'


def section(title: str, *parts: str) -> list[str]:
    """A section of the report under a heading of ours."""
    return [f"<section><h2>{escape(title)}</h2>", *parts, "</section>"]


def under(title: str, *parts: str) -> list[str]:
    """A part of a section under a heading of ours."""
    return [f"<h3>{escape(title)}</h3>", *parts]


def listed(lines: Sequence[str]) -> str:
    """One paragraph, or a list of several."""
    if len(lines) == 1:
        return f"<p>{text(full_stop(lines[0]))}</p>"
    return "<ul>" + "".join(f"<li>{text(full_stop(line))}</li>" for line in lines) + "</ul>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """(what, text) pairs; those without a text are left out."""
    rows = "".join(f"<dt>{text(fact)}</dt><dd>{text(words)}</dd>" for fact, words in pairs if words)
    return f'<dl class="facts">{rows}</dl>'


def answers(found: Iterable[tuple[str, str, str]]) -> str:
    """(question, answer, name of the estimator) each; "" where the answer has none."""
    rows = "".join(
        f"<dt>{text(question)}</dt><dd><p>{text(answer)}</p>{_by(by)}</dd>" for question, answer, by in found
    )
    return f'<dl class="short">{rows}</dl>'


def _by(estimator: str) -> str:
    return f'<p class="by">Estimator: {text(estimator)}</p>' if estimator else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str | int]], bars: bool = False) -> str:
    """A table whose int cells are numbers. bars: a bar for the last number of each row."""
    rows = [list(row) for row in rows]
    top = max((int(row[-1]) for row in rows), default=0) if bars else 0
    kinds = [isinstance(cell, int) for cell in rows[0]] if rows else [False] * len(heads)
    head = "".join(f'<th scope="col"{_number(n)}>{text(h)}</th>' for h, n in zip(heads, kinds, strict=True))
    head += '<th class="bar"></th>' if bars else ""
    lines = ["".join(map(_cell, row)) + (_bar(int(row[-1]), top) if bars else "") for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    kind = ' class="short"' if any(kinds) and not bars else ""
    return f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(number: bool) -> str:
    return ' class="n"' if number else ""


def _cell(value: str | int) -> str:
    return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{text(value)}</td>"


def _bar(value: int, top: int) -> str:
    width = round(100 * value / max(top, 1), 1)
    rect = f'<rect width="{width}" height="10"></rect>'
    return (
        '<td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f"{rect}</svg></td>"
    )


def figure(caption: str, drawing: Drawing) -> str:
    """A drawing and what it shows."""
    return f"<figure>{drawing.svg()}<figcaption>{text(caption)}</figcaption></figure>"


def how(method: Method) -> str:
    """The panel that says how a figure is made; open on paper."""
    title = text(f"How this is made: {method.title}")
    return f'<details class="how"><summary>{title}</summary>{facts(method.lines())}</details>'


def evidence(found: Section) -> list[str]:
    """A section of the evidence: sentences with the estimator under each, figures, tables, and methods."""
    parts = [f"<p>{text(full_stop(said.text))}</p>{_by(said.by)}" for said in found.said]
    parts += [figure(caption, drawing) for caption, drawing in found.figures]
    for one in found.tables:
        parts += [f"<h4>{text(one.title)}</h4>", table(one.heads, one.rows)]
        parts += [quiet(one.note)] if one.note else []
    parts += [how(method) for method in found.methods]
    return under(found.title, *parts)
