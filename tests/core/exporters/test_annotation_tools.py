"""Files of annotation tools go in and come out with other labels and the same bytes elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.decision_files import apply_decisions, write_decisions
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import formats, write_export
from core.loading import guess_columns, read_table
from core.review.decisions import Action
from tests.core.exporters.conftest import decide
from tests.core.exporters.tool_files import SEVERAL, corrected, export, load, made
from tests.core.image_layouts import LAYOUTS
from tests.core.importers.samples import (
    CONLL,
    TAGGED,
    lines,
    listed,
    old_record,
    record,
    sample,
    short,
    vote,
)
from tests.core.sql_databases import database, snapshot

DOCCANO = lines(
    [
        {"id": i, "text": f"text {i}", "label": label, "Comments": []}
        for i, label in enumerate([["a"], ["b"], []])
    ]
)


def test_doccano__a_list_of_one_label_is_a_label(tmp_path: Path) -> None:
    path = made(tmp_path, DOCCANO, "in.jsonl")
    assert load(path).dataset.classes == ("a", "b")  # type: ignore[union-attr]
    assert export(path, {}) == DOCCANO
    got = export(path, {0: "b", 2: "a"})
    assert got == DOCCANO.replace(b'["a"]', b'["b"]').replace(b'"label": []', b'"label": ["a"]')


def test_doccano__several_labels(tmp_path: Path) -> None:
    path = made(tmp_path, DOCCANO.replace(b'["b"]', b'["b", "a"]'), "in.jsonl")
    got = export(path, {0: "[]", 1: '["b"]', 2: '["a", "b"]'})
    assert [json.loads(line)["label"] for line in got.splitlines()] == [[], ["b"], ["a", "b"]]


def test_doccano__bare_labels_and_missing_ones(tmp_path: Path) -> None:
    source = lines(
        [
            {"id": 1, "text": "one", "label": "a", "Comments": []},
            {"id": 2, "text": "two", "Comments": []},
            {"id": 3, "text": "three", "label": "b", "Comments": []},
        ]
    )
    source = source.replace(b'{"id": 2, "text": "two"', b'{"id": 2, "label": null, "text": "two"')
    got = export(made(tmp_path, source, "in.jsonl"), {0: "b", 1: "a"})
    assert got == source.replace(b'"a"', b'"b"').replace(b"null", b'"a"')


def test_doccano__spans_are_refused_in_words(tmp_path: Path) -> None:
    source = lines(
        [{"id": 1, "text": "a b", "label": []}, {"id": 2, "text": "a b", "label": [[0, 1, "LOC"]]}]
    )
    with pytest.raises(
        InputError, match=r"in\.jsonl, row 2: labels of parts of the text .* not supported yet"
    ):
        read_table(made(tmp_path, source, "in.jsonl"))


@pytest.mark.parametrize("make", [record, old_record])
def test_argilla__responses(tmp_path: Path, make: Any) -> None:
    source = listed([make(1, "pos"), make(2, "neg", "neg", "pos"), make(3, "pos", "neg"), make(4)])
    path = made(tmp_path, source)
    raw = read_table(path)
    assert raw.frame["label"].fillna("").tolist() == ["pos", "neg", "", ""]
    assert raw.frame["label by u2"].fillna("").tolist() == ["", "pos", "", ""]
    assert export(path, {}) == source
    got = json.loads(export(path, {0: "neg", 1: "pos", 2: "neg"}))
    expected = [make(1, "neg"), make(2, "pos", "pos", "pos"), make(3, "neg", "neg"), make(4)]
    assert got == expected


def test_argilla__suggestions_are_columns(tmp_path: Path) -> None:
    raw = read_table(made(tmp_path, listed([record(1, "pos", suggestion="neg"), record(2, "neg")])))
    assert raw.frame["label suggested"].fillna("").tolist() == ["neg", ""]
    assert raw.frame["score of label suggested"].fillna(0).tolist() == [0.25, 0]
    assert guess_columns(raw).content == ("text",)


def test_argilla__drafts_do_not_count(tmp_path: Path) -> None:
    one = old_record(1, "pos", "neg", "neg")
    one["responses"][1]["status"] = "draft"
    one["responses"][2]["status"] = "discarded"
    raw = read_table(made(tmp_path, listed([one])))
    assert raw.frame["label"].tolist() == ["pos"]


def test_argilla__lines_and_several_labels(tmp_path: Path) -> None:
    path = made(tmp_path, lines([record(1, ["a", "b"]), record(2, ["a"])]), "in.jsonl")
    got = export(path, {0: '["a"]', 1: '["b"]'})
    assert got == lines([record(1, ["a"]), record(2, ["b"])])


def test_argilla__ratings_stay_numbers(tmp_path: Path) -> None:
    path = made(tmp_path, listed([record(1, 3), record(2, 5), record(3, 3)]))
    assert json.loads(export(path, {0: "5"})) == [record(1, 5), record(2, 5), record(3, 3)]


def test_argilla__a_record_without_response_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path, listed([record(1, "pos"), record(2, "neg"), record(3)]))
    with pytest.raises(InputError, match="row 3, column label: nobody has chosen a label here"):
        export(path, {2: "pos"})
    assert [p.name for p in tmp_path.iterdir()] == ["in.json"]


def test_argilla__spans_are_refused_in_words(tmp_path: Path) -> None:
    path = made(tmp_path, listed([record(1, [{"start": 0, "end": 1, "label": "LOC"}])]))
    with pytest.raises(InputError, match="row 1: answers to 'label' are parts of a text"):
        read_table(path)


def test_fiftyone_samples__classifications(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    source = listed({"samples": [sample(1, "cat"), sample(2, "dog"), sample(3, None)]}, None)
    path = made(tmp_path, source, "samples.json")
    prepared = load(tmp_path)
    assert prepared.source.path == path
    assert prepared.dataset is not None
    assert prepared.dataset.columns.label == "ground_truth"
    assert (prepared.dataset.columns.kind, prepared.dataset.columns.content) == ("image", ("filepath",))
    assert prepared.dataset.table["predictions predicted"].tolist() == ["cat"] * 3
    assert export(path, {}) == source
    got = json.loads(export(path, {1: "cat", 2: "dog"}))["samples"]
    assert got[0] == sample(1, "cat")
    assert got[1] == sample(2, "cat")
    assert got[2] == {
        **sample(3, None),
        "ground_truth": {"_cls": "Classification", "tags": [], "label": "dog"},
    }


def test_fiftyone_samples__without_classification(tmp_path: Path) -> None:
    boxes = {**sample(1, None), "ground_truth": {"_cls": "Detections", "detections": []}}
    with pytest.raises(InputError, match="no sample has a classification"):
        read_table(made(tmp_path, listed({"samples": [boxes]}, None)))


LABELS = (
    b'{"classes": ["cat", "dog", "owl"],\n "labels": {"a": 0, "sub/b" : 1,\n'
    b' "c": {"label": 1, "confidence": 0.5}, "d": null, "e": "dog"}, "more": [1]}\n'
)


def test_fiftyone_labels__targets_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "data" / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.JPG", "c.txt"):
        (tmp_path / "data" / name).write_bytes(b"\x89PNG")
    path = made(tmp_path, LABELS, "labels.json")
    prepared = load(tmp_path)
    assert prepared.source.path == path
    assert prepared.dataset is not None
    assert prepared.dataset.classes == ("cat", "dog", "owl")
    assert prepared.dataset.table["path"].fillna("").tolist() == ["data/a.png", "data/sub/b.JPG", "", "", ""]
    assert prepared.dataset.row_ids.tolist() == ["a", "sub/b", "c", "d", "e"]
    assert export(path, {}) == LABELS
    got = export(path, {0: "owl", 1: "cat", 2: "cat", 3: "dog", 4: "cat"})
    expected = LABELS.replace(b'"a": 0', b'"a": 2').replace(b'"sub/b" : 1', b'"sub/b" : 0')
    expected = expected.replace(b'{"label": 1', b'{"label": 0').replace(b"null", b"1")
    assert got == expected.replace(b'"e": "dog"', b'"e": "cat"')
    assert export(path, {1: Action.EXCLUDE}) == LABELS.replace(b', "sub/b" : 1', b"")


def test_fiftyone_labels__a_class_that_the_file_does_not_list(tmp_path: Path) -> None:
    path = made(tmp_path, LABELS, "labels.json")
    prepared = load(path)
    assert prepared.dataset is not None
    more = (*prepared.dataset.classes, "fox")
    known = replace(prepared, dataset=replace(prepared.dataset, classes=more, tokens=more))
    with pytest.raises(InputError, match="row 1, column label: the class 'fox' is not in the file's list"):
        write_export(corrected(known, {0: "fox"}), tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("target", [7, -1, True, ["cat"], {"label": 3}, 1.5])
def test_fiftyone_labels__odd_targets_are_refused(tmp_path: Path, target: Any) -> None:
    path = made(tmp_path, listed({"classes": ["cat", "dog"], "labels": {"a": 0, "b": target}}))
    with pytest.raises(InputError, match="row 2, column label: the label is"):
        read_table(path)


def test_label_errors__name_and_code_change_together(tmp_path: Path) -> None:
    source = listed(
        [vote(38, "sale", 6, "mac", 4), vote(139, "mac", 4, "sale", 6), vote(140, "sale", 6, "x", 9)]
    )
    path = made(tmp_path, source)
    raw = read_table(path)
    assert raw.frame["votes guessed"].tolist() == [2, 2, 2]
    assert guess_columns(raw).label == "given_original_label_name"
    assert export(path, {}) == source
    got = json.loads(export(path, {0: "mac"}))
    assert got[0] == vote(38, "mac", 4, "mac", 4)
    assert got[1:] == json.loads(source)[1:]


def source(format: str, folder: Path) -> tuple[Path, dict[int, Any]]:
    """A small source in a format that is written from its own sources only, and decisions on it."""
    if format in LAYOUTS:
        suffix = "" if format == "yolo" else formats()[format].suffix
        return LAYOUTS[format](folder / f"in{suffix}", ["a", "b", "a"]), {0: "b", 2: Action.EXCLUDE}
    if format == "sql_table":
        pets = [("a", "cat"), ("b", "dog"), ("c", "cat")]
        return snapshot(database(folder / "in.db", pets), "pets", folder), {0: "dog", 2: Action.EXCLUDE}
    name, content, choices = {
        "conll": ("in.conll", CONLL, {0: "O", 2: Action.EXCLUDE}),
        "token_json": ("in.json", listed(TAGGED), {1: "B-PER", 2: Action.EXCLUDE}),
        "label_studio": ("in.json", listed(SEVERAL), {0: "neg", 1: "pos", 3: Action.EXCLUDE}),
        "label_studio_min": ("in.json", listed([short(1, "pos"), short(2, "neg")]), {0: "neg"}),
        "doccano": ("in.jsonl", DOCCANO, {0: "b", 1: Action.EXCLUDE}),
        "argilla": ("in.json", listed([record(1, "pos", "neg", "pos"), record(2, "neg")]), {0: "neg"}),
        "fiftyone_samples": (
            "in.json",
            listed({"samples": [sample(1, "cat"), sample(2, "dog")]}),
            {1: "cat"},
        ),
        "fiftyone_labels": ("in.json", LABELS, {0: "dog"}),
        "label_errors": ("in.json", listed([vote(1, "a", 0, "b", 1), vote(2, "b", 1, "a", 0)]), {0: "b"}),
    }[format]
    return made(folder, content, name), choices


# Folders go to a zip, which is no source, and a form is no format of a file: see test_hf_dataset.py,
# test_split_files.py and label_forms/test_forms.py.
ELSEWHERE = {"hf_dataset", "split_files", "label_form"}
OWN = sorted(name for name, format in formats().items() if format.only_own and name not in ELSEWHERE)
WITHOUT_COLUMNS = {"conll", "fiftyone_labels", "token_json", "sql_table", "webdataset", "yolo"}


@pytest.mark.parametrize("format", OWN)
def test_own__apply_a_decisions_file(tmp_path: Path, format: str) -> None:
    path, choices = source(format, tmp_path)
    untouched, direct = export(path, {}), export(path, choices)
    dataset = load(path).dataset
    assert dataset is not None
    write_decisions([decide(dataset, p, choice) for p, choice in choices.items()], tmp_path / "d.jsonl")
    out = tmp_path / f"applied{path.suffix}"
    apply_decisions(tmp_path / "d.jsonl", path, out)
    assert out.read_bytes() == direct != untouched


@pytest.mark.parametrize("format", [format for format in OWN if format not in WITHOUT_COLUMNS])
def test_own__added_columns_and_marks_are_read_again(tmp_path: Path, format: str) -> None:
    path, choices = source(format, tmp_path)
    export(path, choices, add=("given_label", "decision"), excluded="mark")
    again = read_table(tmp_path / f"out{path.suffix}").frame
    assert "relabel" in again["decision"].tolist()
    assert again["excluded"].astype("str").tolist()[0] == "False"


@pytest.mark.parametrize("format", sorted(WITHOUT_COLUMNS))
def test_own__no_room_for_columns(tmp_path: Path, format: str) -> None:
    path, choices = source(format, tmp_path)
    with pytest.raises(InputError, match=r"has no room for added columns.*leave excluded rows out"):
        export(path, choices, add=("decision",))


@pytest.mark.parametrize("format", OWN)
@pytest.mark.parametrize("other", ["csv", "json", "jsonl", "parquet", "arrow"])
def test_own__exported_in_another_format(tmp_path: Path, format: str, other: str) -> None:
    path, choices = source(format, tmp_path)
    corrections = corrected(load(path), choices)
    summary = write_export(corrections, tmp_path / f"other.{other}", other)
    checked = verify_export(corrections, summary)
    assert checked.ok and checked.changed == sum(c is not Action.EXCLUDE for c in choices.values())


@pytest.mark.parametrize("format", OWN)
def test_own__written_from_their_own_files_only(tmp_path: Path, format: str) -> None:
    path = made(tmp_path, b"text,label\na,x\nb,y\n", "in.csv")
    with pytest.raises(InputError, match="can only be written from such a file"):
        write_export(corrected(load(path), {}), tmp_path / "out.json", format)


@pytest.mark.parametrize("format", OWN)
def test_own__the_wrong_record_is_refused(tmp_path: Path, format: str) -> None:
    path, choices = source(format, tmp_path)
    prepared = load(path)
    position = next(p for p, choice in choices.items() if choice is not Action.EXCLUDE)
    corrections = corrected(prepared, {position: choices[position]})
    label = prepared.dataset.columns.label  # type: ignore[union-attr]
    table = corrections.dataset.table.copy()
    table.loc[table.index[position], label] = "something else"
    forged = replace(corrections, dataset=replace(corrections.dataset, table=table))
    with pytest.raises(InputError, match="where the data set has 'something else'"):
        write_export(forged, tmp_path / f"out{path.suffix}")


STYLE = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 1]),
        "separators": st.sampled_from([(",", ":"), (", ", ": ")]),
    }
)
NAMES = ["a", 'd"\u00f6', "\U0001f600"]


@settings(max_examples=24, deadline=None)
@given(
    st.sampled_from(["doccano", "argilla", "fiftyone_samples", "fiftyone_labels"]),
    st.lists(st.integers(0, 2), min_size=1, max_size=6),
    STYLE,
    st.data(),
)
def test_tools__only_decided_labels_differ(tmp_path_factory, tool, codes, style, data) -> None:
    def content(labels: dict[int, str]) -> str:
        if tool == "doccano":
            records = [{"id": i, "text": f"t {i}", "label": [n], "Comments": []} for i, n in labels.items()]
            return "\n".join(json.dumps(one, **{**style, "indent": None}) for one in records)
        if tool == "argilla":
            return json.dumps([record(i, name) for i, name in labels.items()], **style)
        if tool == "fiftyone_samples":
            return json.dumps({"samples": [sample(i, name) for i, name in labels.items()]}, **style)
        return json.dumps(
            {"classes": NAMES, "labels": {str(i): NAMES.index(n) for i, n in labels.items()}}, **style
        )

    def parsed(text: str) -> Any:
        return (
            [json.loads(line) for line in text.split("\n") if line] if tool == "doccano" else json.loads(text)
        )

    labels = {i: NAMES[code] for i, code in enumerate(codes)}
    path = tmp_path_factory.mktemp("h") / "in.json"
    path.write_text(content(labels), encoding="utf-8")
    assert export(path, {}) == path.read_bytes()
    dataset = load(path).dataset
    assert dataset is not None
    chosen = data.draw(
        st.dictionaries(st.integers(0, len(codes) - 1), st.sampled_from([*dataset.classes, Action.EXCLUDE]))
    )
    kept = {i: chosen.get(i, name) for i, name in labels.items() if chosen.get(i) is not Action.EXCLUDE}
    assert parsed(export(path, chosen).decode()) == parsed(content(kept))
