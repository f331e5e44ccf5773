from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import html_rows
from core.dataset import Columns, Dataset
from core.evidence.words import left_in_words
from core.html_report import html_report
from core.predictions import Predictions
from core.review.decisions import Action
from core.review_record import Record
from core.review_words import in_short
from tests.conftest import make_dataset
from tests.core.evidence import reviews
from tests.core.label_sets import PROBS, moods
from tests.core.reviewed import project_of, record_of, said

EVIL = (
    "</bdi></td><script>alert(1)</script>",
    '" onerror="alert(1)" x=\'<img src=x onerror=alert(2)>&lt;b&gt;\u202e\u2066\x00 javascript:alert(3)',
)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Read(HTMLParser):
    """Elements with their attributes in document order; all text by the element that holds it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.texts: list[tuple[str, str]] = []
        self.others: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1], data))

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def of(self, tag: str) -> list[str]:
        return [text for kind, text in self.texts if kind == tag]


def reviewed(folder: Path, classes: tuple[str, str], text: str, who: str, row: str, model: str) -> Record:
    """Ten rows with two changes, a disagreement and an exclusion; every text of it given."""
    folder.mkdir()
    data = make_dataset([0, 1] * 5, classes)
    ids = [f"{row}{i}" for i in range(10)]
    table = data.table.assign(id=ids, text=[f"{text}{i}" for i in range(10)])
    data = replace(data, table=table.set_axis(pd.Index(ids, dtype="str"), axis=0))
    probs = np.tile(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), (5, 1))
    probs[[0, 3]] = probs[[0, 3], ::-1]
    events = [
        said(data, 0, who, classes[1]),
        said(data, 3, who, classes[0]),
        said(data, 2, who, classes[1]),
        said(data, 2, who + "2"),
        said(data, 4, who, Action.EXCLUDE),
    ]
    events = [replace(event, op_id=f"op{i}") for i, event in enumerate(events)]
    return record_of(project_of(data, folder, Predictions(model, probs)), events, folder)


def test_html_report__shows_the_review(tmp_path: Path) -> None:
    record = reviewed(tmp_path / "a", ("cat", "dog"), "a text ", "ann@x.org", "r", "a model")
    text = html_report(record, tmp_path)
    read = Read(text)
    assert read.of("h2") == [
        "What was checked", "What was found", "What was changed", "What remains", "Who reviewed",
        "What this report does not say", "How the checks count",
    ]  # fmt: skip
    said_here = "".join(data for kind, data in read.texts if kind not in ("style", "title"))
    assert "3 rows of 10 decided by 2 annotators; 2 labels changed; 1 row left out as excluded." in said_here
    assert "2 of 2 changed labels, lowest label quality score first." in said_here
    assert "row 1, r0: 1 annotator" in said_here
    assert "a text 0" in said_here
    assert "1 of 1 row on which annotators differ." in said_here
    summary = record.audit.results["label_issues"].summary
    assert f"{summary['estimate']}, 95% interval {summary['low']}-{summary['high']}" in said_here
    assert "x.org" not in text
    assert "ann@x.org2" in html_report(record, tmp_path, names=True)
    assert text == html_report(replace(record), tmp_path)


def drawn(folder: Path, **more: object) -> Record:
    """400 rows, 200 of them read, half of these at random."""
    data = reviews.dataset()
    probs = np.full((len(data), 2), 0.1, np.float32)
    wrong = np.arange(len(data)) < reviews.WRONG
    probs[np.arange(len(data)), (data.labels + wrong) % 2] = 0.9
    return record_of(project_of(data, folder, Predictions("m", probs)), reviews.verdicts(data, 200), folder)


def test_html_report__what_remains_has_estimators_figures_tables_and_methods(tmp_path: Path) -> None:
    record = drawn(tmp_path)
    read = Read(html_report(record, tmp_path))
    seen = read.of("bdi")
    left, stop, ahead = record.sections
    for found in (left, stop, ahead):
        assert found.title in read.of("h3")
        for one in found.said:
            place = next(i for i, text in enumerate(seen) if text.rstrip(".") == one.text.rstrip("."))
            if one.by:
                assert seen[place + 1] == one.by  # under its number
        for method in found.methods:
            assert f"How this is made: {method.title}" in seen
            assert {text for _, text in method.lines()} <= set(seen)
    captions = [caption for found in record.sections for caption, _ in found.figures]
    assert captions and all(caption in seen for caption in captions)
    titles = [drawing.words for found in record.sections for _, drawing in found.figures]
    assert [text for kind, text in read.texts if kind == "title"][1:] == titles
    tags = Counter(tag for tag, _ in read.elements)
    assert tags["figure"] == len(captions) and tags["details"] == 3
    assert {"By class", "By split"} <= set(seen)
    assert "at random" in seen and "wrong, 95% interval" in seen
    assert not [text for text in seen if text.startswith("No share of wrong labels is claimed")]


def test_html_report__says_in_short_what_the_meeting_asks(tmp_path: Path) -> None:
    record = drawn(tmp_path)
    summary = record.audit.results["label_issues"].summary
    checks = len(record.audit.results)
    short = in_short(record)
    assert short == [
        ("Checked", f"400 rows by {checks} checks; read by people: 200 rows by 1 annotator.", ""),
        (
            "Found",
            f"40 of 400 labels look wrong; estimated wrong {summary['estimate']}, 95% interval "
            f"{summary['low']}-{summary['high']}.",
            f"{summary['estimator']}; {summary['estimate_method']}",
        ),
        ("Changed", f"{len(record.changed)} labels changed, 0 rows left out.", ""),
        ("Remains", left_in_words(record.left), "95% confidence sequence for draws without replacement"),
    ]
    assert record.left.found == len(record.changed) == sum(wrong < 40 for wrong in decided(record))
    seen = Read(html_report(record, tmp_path)).of("bdi")
    assert all(text in seen for line in short for text in line if text)


def decided(record: Record) -> list[int]:
    return [int(p) for p in record.dataset.positions(record.decided)]


def test_html_report__no_element_and_no_attribute_comes_from_data(tmp_path: Path) -> None:
    evil = reviewed(tmp_path / "a", EVIL, EVIL[1], EVIL[0], EVIL[1], EVIL[0])
    plain = reviewed(tmp_path / "b", ("cat", "dog"), re.sub("[^a-z ]", "x", EVIL[1]), "ann", "r", "model")
    text = html_report(evil, tmp_path, names=True)
    read, same = Read(text), Read(html_report(plain, tmp_path, names=True))
    assert read.elements == same.elements
    assert read.others == same.others == []
    assert len(read.texts) == len(same.texts)
    seen = "".join(read.of("bdi"))
    assert EVIL[0] in seen  # as text, to the letter
    assert "<img src=x onerror=alert(2)>&lt;b&gt;\ufffd\ufffd\ufffd javascript:alert(3)" in seen
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", text)
    assert "<script" not in text


def test_html_report__loads_and_runs_nothing(tmp_path: Path) -> None:
    text = html_report(reviewed(tmp_path / "a", ("cat", "dog"), "t", "ann", "r", "m"), tmp_path)
    read = Read(text)
    assert {tag for tag, _ in read.elements} & {
        "script",
        "link",
        "iframe",
        "object",
        "form",
        "a",
        "base",
    } == set()
    metas = [dict(attrs) for tag, attrs in read.elements if tag == "meta"]
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    style = read.of("style")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style and "@import" not in style
    names = {name for _, attrs in read.elements for name, _ in attrs}
    assert not names & {"style", "href", "srcset", "action"} and not any(n.startswith("on") for n in names)


def test_html_report__nothing_done_yet(pets: Dataset, tmp_path: Path) -> None:
    read = Read(html_report(record_of(project_of(pets, tmp_path), [], tmp_path), tmp_path))
    assert read.of("p").count("No label was changed.") == 2
    assert "Nobody has reviewed a row." in read.of("p")
    assert read.of("bdi").count("The labels have not been checked.") == 2
    assert not [tag for tag, _ in read.elements if tag in ("figure", "details")]


def pictures(folder: Path, sizes: list[int]) -> Dataset:
    """Pictures of noise; -1: a file that is none."""
    rng = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(len(sizes))]
    for name, size in zip(names, sizes, strict=True):
        if size < 0:
            (folder / name).write_bytes(b"no picture")
        else:
            Image.fromarray(rng.integers(0, 255, (size, size, 3), dtype=np.uint8)).save(folder / name)
    data = make_dataset([0] * len(sizes))
    table = data.table.assign(text=names)
    columns = Columns(id="id", label="label", content=("text",), kind="image")
    return replace(data, table=table, columns=columns, media_root=folder)


def sources(text: str) -> list[str]:
    return [str(dict(attrs)["src"]) for tag, attrs in Read(text).elements if tag == "img"]


def test_html_report__pictures_are_data_addresses_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pictures(tmp_path, [16, 16, -1, 120, 16])
    record = record_of(project_of(data, tmp_path), [said(data, i, "ann", "dog") for i in range(5)], tmp_path)
    text = html_report(record, tmp_path)
    found = sources(text)
    assert len(found) == 4
    assert all(re.fullmatch(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+", src) for src in found)
    assert "1 picture not shown: not readable, or larger than 60 kB each and 1.5 MB together allow." in text
    small = len(base64.b64decode(found[0].split(",")[1]))
    monkeypatch.setattr(html_rows, "THUMBNAIL_BYTES", 2 * small)
    assert len(sources(html_report(record, tmp_path))) == 3
    monkeypatch.setattr(html_rows, "ALL_THUMBNAILS_BYTES", int(2.5 * small))
    text = html_report(record, tmp_path)
    assert len(sources(text)) == 2
    assert "3 pictures not shown" in text


def test_html_report__only_so_many_examples_and_says_so(tmp_path: Path) -> None:
    data = make_dataset([0] * 40)
    record = record_of(project_of(data, tmp_path), [said(data, i, "ann", "dog") for i in range(40)], tmp_path)
    read = Read(html_report(record, tmp_path))
    assert sum(tag == "li" and not attrs for tag, attrs in read.elements if tag == "li") >= 24
    assert any("24 of 40 changed labels, in the order of the data set." in text for text in read.of("bdi"))
    shown = [text for text in read.of("bdi") if text.startswith("row ")]
    assert len(shown) == 24


def test_html_report__sets_of_labels_and_tables_of_features(tmp_path: Path) -> None:
    data = moods()
    project = project_of(data, tmp_path, Predictions("m", PROBS))
    read = Read(html_report(record_of(project, [said(data, 0, "ann", "love")], tmp_path), tmp_path))
    assert {"joy|love", "love", "text 0"} <= set(read.of("bdi"))
    data = make_dataset([0, 1], name="rows")
    columns = replace(data.columns, content=("text", "label"), kind="tabular")
    data = replace(data, columns=columns)
    record = record_of(project_of(data, tmp_path), [said(data, 0, "ann", "dog")], tmp_path)
    assert "text text 0, label cat" in Read(html_report(record, tmp_path)).of("bdi")
