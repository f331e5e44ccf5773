"""JSON Lines and JSON lists are rewritten byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.exporters import json_array
from core.exporters.json_array import JSON
from core.exporters.json_lines import JSON_LINES
from core.progress import Progress
from core.review.decisions import Action

from .conftest import load, plan

FORMATS = {"jsonl": JSON_LINES, "json": JSON}


def export(path: Path, choices: dict[int, str | Action] | None = None, **options: object) -> bytes:
    format = path.suffix.removeprefix(".")
    out = path.parent / "out"
    FORMATS[format].write(plan(load(path, format), choices, **options), out, Progress())
    return out.read_bytes()


LINES = (
    b'\xef\xbb\xbf{"id":1,"label":"cat","text":"a \\"b\\", {c}"}\r\n'
    b"\r\n"
    b' { "label" : "d\\u00f6g" , "x": {"label": "no", "n": [1, {"label": "cat"}]}, "id": 2 }\t\r\n'
    b'{"id": 3, "text": "\xe7\x8c\xab"}\r\n'
    b'{"id": 4, "label": null}'
)
LIST = (
    b'\xef\xbb\xbf[\n  {"id": 1, "label": 3,\n   "x": {"label": 0}},\n'
    b'  {"label": 10 , "id": 2},\n\n  {"id": 3, "label": null}\n]\n'
)


@pytest.mark.parametrize(("name", "source"), [("t.jsonl", LINES), ("t.json", LIST)])
def test_write__no_decision_is_the_same_bytes(written, name: str, source: bytes) -> None:
    assert export(written(name, source)) == source


def test_write__lines_only_the_label_values_differ(written) -> None:
    got = export(written("t.jsonl", LINES), {0: "dög", 1: "cat"})
    assert got == LINES.replace(b'"label":"cat"', '"label":"dög"'.encode()).replace(
        b'"label" : "d\\u00f6g"', b'"label" : "cat"'
    )


def test_write__unlabelled_rows_get_the_type_of_the_other_labels(written) -> None:
    got = export(written("t.jsonl", LINES), {2: "cat", 3: "cat"})
    expected = LINES.replace(b'\xe7\x8c\xab"}', b'\xe7\x8c\xab", "label": "cat"}').replace(b"null", b'"cat"')
    assert got == expected
    assert export(written("t.json", LIST), {2: "10"}) == LIST.replace(b"null", b"10")


def test_write__numbers_stay_numbers(written) -> None:
    assert export(written("t.json", LIST), {0: "10"}) == LIST.replace(b'"label": 3', b'"label": 10')


def test_write__a_label_that_looks_like_a_number_stays_a_string(written) -> None:
    got = export(written("t.jsonl", b'{"label": "3"}\n{"label": "x\\"y"}\n'), {0: 'x"y', 1: "3"})
    assert got == b'{"label": "x\\"y"}\n{"label": "3"}\n'


def test_write__each_label_keeps_the_type_it_has(written) -> None:
    mixed = written("t.jsonl", b'{"label": 3}\n{"label": "x"}\n')
    assert export(mixed, {0: "x", 1: "3"}) == b'{"label": "x"}\n{"label": "3"}\n'
    strings = written("t.jsonl", b'{"label": "3"}\n{"label": null}\n{"label": "4"}\n{}\n')
    expected = b'{"label": "3"}\n{"label": "4"}\n{"label": "4"}\n{"label": "3"}\n'
    assert export(strings, {1: "4", 3: "3"}) == expected


def test_write__booleans_stay_booleans(written) -> None:
    loaded = load(written("t.jsonl", b'{"label": true}\n{"label": false}\n'), "jsonl")
    out = loaded[1].path.parent / "out"
    JSON_LINES.write(plan(loaded, {0: loaded[0].classes[0]}), out, Progress())
    assert out.read_bytes() == b'{"label": false}\n{"label": false}\n'


@pytest.mark.parametrize(
    ("gone", "lines", "array"),
    [
        ([0], b'{"label": "b"}\n\n{"label": "c"}', b'[ {"label": "b"} ,\n{"label": "c"}]\n'),
        ([1], b'{"label": "a"}\n\n{"label": "c"}', b'[ {"label": "a"} ,\n{"label": "c"}]\n'),
        ([2], b'{"label": "a"}\n{"label": "b"}', b'[ {"label": "a"},{"label": "b"}]\n'),
        ([0, 1], b'{"label": "c"}', b'[ {"label": "c"}]\n'),
        ([0, 1, 2], b"", b"[ ]\n"),
    ],
)
def test_write__excluded_rows_go_with_one_separator(written, gone, lines, array) -> None:
    choices = dict.fromkeys(gone, Action.EXCLUDE)
    source = b'{"label": "a"}\n{"label": "b"}\n\n{"label": "c"}'
    assert export(written("t.jsonl", source), choices) == lines
    source = b'[ {"label": "a"},{"label": "b"} ,\n{"label": "c"}]\n'
    assert export(written("t.json", source), choices) == array


def test_write__added_values_go_to_the_end_of_each_object(written) -> None:
    path = written("t.jsonl", b'{"label": 1}\n{"label": 2 }\n{}\n')
    out = path.parent / "out"
    quality = np.array([0.1, 0.5, np.nan], dtype=np.float32)
    corrections = plan(load(path, "jsonl"), {0: "2", 2: "1"}, quality, add=("given_label", "label_quality"))
    JSON_LINES.write(corrections, out, Progress())
    assert out.read_bytes() == (
        b'{"label": 2, "given_label": 1, "label_quality": 0.1}\n'
        b'{"label": 2, "given_label": 2, "label_quality": 0.5 }\n'
        b'{"label": 1, "given_label": null, "label_quality": null}\n'
    )


def test_write__list_inside_an_object(written) -> None:
    source = b'{"version": [], "n": {"data": [0]}, "data": [{"label": "a"}, {"label": "b"}], "end": 1}'
    source = source.replace(b'"version": [], ', b'"version": 2, ')
    got = export(written("t.json", source), {1: "a"})
    assert got == source.replace(b'"b"', b'"a"')


@pytest.mark.parametrize("window", [1, 7, 40, 1000])
def test_write__records_wider_than_the_window(written, monkeypatch, window: int) -> None:
    monkeypatch.setattr(json_array, "WINDOW", window)
    assert export(written("t.json", LIST), {0: "10"}) == LIST.replace(b'"label": 3', b'"label": 10')


def test_write__wrong_row_is_refused(written) -> None:
    loaded = load(written("t.jsonl", b'{"label": "a"}\n{"label": "b"}\n'), "jsonl")
    corrections = plan(loaded, {0: "b", 1: Action.EXCLUDE})
    loaded[1].path.write_bytes(b'{"label": "a"}\n{"label": "a"}\n')
    with pytest.raises(InputError, match="row 2, column label: the source has 'a'"):
        JSON_LINES.write(corrections, loaded[1].path.parent / "out", Progress())


@pytest.mark.parametrize("rows", [1, 3])
def test_write__other_number_of_records_is_refused(written, rows: int) -> None:
    loaded = load(written("t.jsonl", b'{"label": "a"}\n' * 2), "jsonl")
    loaded[1].path.write_bytes(b'{"label": "a"}\n' * rows)
    with pytest.raises(InputError, match=f"{rows} records"):
        JSON_LINES.write(plan(loaded), loaded[1].path.parent / "out", Progress())


@pytest.mark.parametrize("format", FORMATS)
def test_write__from_csv(written, format: str) -> None:
    path = written("t.csv", b'text,label\n"a ""b""",cat\n,dog\n')
    out = path.parent / "out"
    FORMATS[format].write(plan(load(path), {1: "cat"}), out, Progress())
    rows = [{"text": 'a "b"', "label": "cat"}, {"text": "", "label": "cat"}]
    text = out.read_text()
    assert (
        json.loads(text) if format == "json" else [json.loads(line) for line in text.splitlines()]
    ) == rows


def test_write__nested_values_survive_a_change_of_format(written) -> None:
    path = written("t.json", b'[{"x": {"y": [1, "\\u00e9"]}, "label": 1}, {"x": "[no", "label": 2}]')
    out = path.parent / "out"
    JSON_LINES.write(plan(load(path, "json"), {0: "2"}), out, Progress())
    assert out.read_text() == '{"x": {"y": [1, "é"]}, "label": 2}\n{"x": "[no", "label": 2}\n'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text('abl"\\', max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(VALUES, st.integers(0, 1), VALUES), min_size=1, max_size=8),
    st.sampled_from([{}, {"ensure_ascii": False}, {"separators": (",", ":")}]),
    st.sampled_from(["json", "jsonl"]),
    st.data(),
)
def test_write__only_decided_values_differ(tmp_path_factory, cells, style, format, data) -> None:
    names = data.draw(st.sampled_from([(1, 22), ("cat", 'd"\u00f6\U0001f600')]))
    rows = [{"a": a, "label": names[code], "z": z} for a, code, z in cells]
    indent = data.draw(st.sampled_from([None, 2])) if format == "json" else None

    def write(rows: list[dict]) -> bytes:
        if format == "json":
            return json.dumps(rows, indent=indent, **style).encode()
        return "\n".join(json.dumps(row, **style) for row in rows).encode()

    path = tmp_path_factory.mktemp("h") / f"t.{format}"
    path.write_bytes(write(rows))
    assert export(path) == path.read_bytes()
    dataset, _ = load(path, format)
    choice = st.sampled_from([*dataset.classes, Action.EXCLUDE])
    chosen = data.draw(st.dictionaries(st.integers(0, len(rows) - 1), choice))
    expected = [
        {**row, "label": type(names[0])(chosen.get(i, row["label"]))}
        for i, row in enumerate(rows)
        if chosen.get(i) is not Action.EXCLUDE
    ]
    got = export(path, chosen)
    if style.get("ensure_ascii", True) or not expected:
        # A new label is written as UTF-8, whatever the others do: compare what is read.
        text = got.decode()
        read = (
            json.loads(text) if format == "json" else [json.loads(line) for line in text.split("\n") if line]
        )
        assert read == expected
    else:
        assert got == write(expected)
