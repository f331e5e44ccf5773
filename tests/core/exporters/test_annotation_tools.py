"""Files of annotation tools go in and come out with other labels and the same bytes elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corrections import Corrections, ExportOptions, correct
from core.decision_files import apply_decisions, write_decisions
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import formats, write_export
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.review.classes import class_list
from core.review.decisions import Action
from core.review.policy import Outcomes
from tests.core.exporters.conftest import decide
from tests.core.importers.samples import (
    annotation,
    choice,
    lines,
    listed,
    old_record,
    record,
    sample,
    short,
    task,
    vote,
)


def load(path: Path, label: str | None = None) -> Prepared:
    raw = read_table(path)
    columns = guess_columns(raw)
    prepared = prepare(raw, Plan("set", replace(columns, label=label) if label else columns))
    assert prepared.ok, prepared.problems
    return prepared


def corrected(prepared: Prepared, choices: dict[int, Any], **options: Any) -> Corrections:
    dataset = prepared.dataset
    assert dataset is not None
    decisions = [decide(dataset, position, choice) for position, choice in choices.items()]
    decided = Outcomes({d.row_id: d for d in decisions}, class_list(dataset.classes))
    return correct(dataset, prepared.source, decided, ExportOptions(**options))


def export(path: Path, choices: dict[int, Any], **options: Any) -> bytes:
    """The bytes of an export in the file's own format, checked."""
    corrections = corrected(load(path), choices, **options)
    assert corrections.conflicts == ()
    out = path.parent / f"out{path.suffix}"
    summary = write_export(corrections, out)
    assert summary.format == corrections.source.format
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    return out.read_bytes()


def made(tmp_path: Path, content: bytes, name: str = "in.json") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


STUDIO = [task(1, [annotation(["pos"])]), task(2, [annotation(["neg"])]), task(3, [annotation(["pos"])])]
SEVERAL = [
    task(
        1,
        [annotation(["pos"], 1), annotation(["neg"], {"id": 2, "email": "b@x.org"}), annotation(["pos"], 3)],
    ),
    task(2, [annotation(["neg"], 1), annotation(["pos"], 3)]),
    task(3, [annotation(["neg"], 1, was_cancelled=True), annotation(["pos"], 3)]),
    task(4, [annotation(["neg"], 1), annotation(["neg"], 3), annotation(["pos"], 2, ground_truth=True)]),
    task(5, []),
]


def test_label_studio__columns_and_given_labels(tmp_path: Path) -> None:
    raw = read_table(made(tmp_path, listed(SEVERAL)))
    assert list(raw.frame.columns) == [
        "id", "text", "sentiment",
        "sentiment by 1", "sentiment by b@x.org", "sentiment by 3", "sentiment by 2",
    ]  # fmt: skip
    assert raw.frame["sentiment"].fillna("").tolist() == ["pos", "", "pos", "pos", ""]
    assert raw.frame["sentiment by b@x.org"].fillna("").tolist() == ["neg", "", "", "", ""]
    assert raw.frame["sentiment by 1"].fillna("").tolist() == ["pos", "neg", "", "neg", ""]
    found = [(p.found, p.row, p.count) for p in raw.problems]
    assert found == [
        ("several annotators: the given label is the final answer, or what most of them say", None, 3),
        ("annotators tie: read as unlabelled, so that nobody is preferred", 2, 1),
    ]
    columns = guess_columns(raw)
    assert (columns.id, columns.label, columns.content, columns.kind) == (
        "id",
        "sentiment",
        ("text",),
        "text",
    )


def test_label_studio__only_the_choices_of_corrected_tasks_differ(tmp_path: Path) -> None:
    source = listed(STUDIO)
    path = made(tmp_path, source)
    assert export(path, {}) == source
    expected = json.loads(source)
    expected[1]["annotations"][0]["result"][0]["value"]["choices"] = ["pos"]
    got = export(path, {1: "pos"})
    assert json.loads(got) == expected
    assert got == source.replace(b'"neg"', b'"pos"')


def test_label_studio__bytes_outside_the_choice_are_copied(tmp_path: Path) -> None:
    source = (
        b'\xef\xbb\xbf[ {"id":1 ,"data":{"text":"caf\\u00e9 \xe7\x8c\xab [{"},\r\n'
        b'"annotations":[{"result":[{"type":"choices","from_name":"s","to_name":"t","value":{"choices":["a"]}}],"x":1.50e1}]},\n\n'
        b'\t{"annotations":[{"result":[{"value":{"choices":[ "b" ]},"from_name":"s"}]}],'
        b'"data":{"text":"n"},"id":2} ]\n'
    )
    path = made(tmp_path, source)
    assert export(path, {}) == source
    assert export(path, {0: "b"}) == source.replace(b'["a"]', b'["b"]')
    assert export(path, {1: "a"}) == source.replace(b'[ "b" ]', b'[ "a" ]')
    assert export(path, {0: Action.EXCLUDE}).startswith(b"\xef\xbb\xbf[ {")


def test_label_studio__answers_that_gave_the_label_give_the_new_one(tmp_path: Path) -> None:
    path = made(tmp_path, listed(SEVERAL))
    got = json.loads(export(path, {0: "neg", 1: "pos", 2: "neg", 3: "neg", 4: "neg"}))
    answers = [[a["result"][0]["value"]["choices"] for a in one["annotations"]] for one in got]
    assert answers == [
        [["neg"], ["neg"], ["neg"]],
        [["pos"], ["pos"]],
        [["neg"], ["neg"]],
        [["neg"], ["neg"], ["neg"]],
        [["neg"]],
    ]
    assert got[4]["annotations"] == [
        {
            "result": [
                {
                    "from_name": "sentiment",
                    "to_name": "text",
                    "type": "choices",
                    "value": {"choices": ["neg"]},
                }
            ]
        }
    ]


def test_label_studio__another_opinion_stays(tmp_path: Path) -> None:
    tasks = [task(1, [annotation([name], by) for by, name in enumerate(["pos", "neg", "pos"])])]
    path = made(tmp_path, listed([*tasks, task(2, [annotation(["mix"])])]))
    got = json.loads(export(path, {0: "mix"}))
    assert [a["result"][0]["value"]["choices"] for a in got[0]["annotations"]] == [["mix"], ["neg"], ["mix"]]


def test_label_studio__several_labels_a_task(tmp_path: Path) -> None:
    tasks = [
        task(1, [annotation(["a", "b"])]),
        task(2, [annotation(["a"])]),
        task(3, [annotation([])]),
        task(4, []),
    ]
    path = made(tmp_path, listed(tasks))
    prepared = load(path)
    assert prepared.dataset is not None and prepared.dataset.sets is not None
    assert prepared.dataset.sets.names == ("a", "b")
    got = json.loads(export(path, {0: '["b"]', 1: '["a", "b"]', 2: '["b"]', 3: "[]"}))
    found = [one["annotations"][0]["result"][0]["value"]["choices"] for one in got]
    assert found == [["b"], ["a", "b"], ["b"], []]


def test_label_studio__the_same_set_in_another_order_is_agreement(tmp_path: Path) -> None:
    tasks = [task(1, [annotation(["a", "b"], 1), annotation(["b", "a"], 2)]), task(2, [annotation(["b"], 1)])]
    path = made(tmp_path, listed(tasks))
    raw = read_table(path)
    assert raw.frame["sentiment"].tolist() == ['["a", "b"]', '["b"]']
    got = json.loads(export(path, {0: '["a"]'}))
    assert [a["result"][0]["value"]["choices"] for a in got[0]["annotations"]] == [["a"], ["a"]]


def test_label_studio__predictions_are_columns_and_no_content(tmp_path: Path) -> None:
    guess = {"model_version": "m1", "score": 0.25, "result": [choice(["neg"])]}
    path = made(tmp_path, listed([{**one, "predictions": [guess]} for one in STUDIO]))
    raw = read_table(path)
    assert raw.frame["sentiment predicted by m1"].tolist() == ["neg"] * 3
    assert raw.frame["score of m1"].tolist() == [0.25] * 3
    assert guess_columns(raw).content == ("text",)
    assert json.loads(export(path, {0: "neg"}))[0]["predictions"] == [guess]


def test_label_studio__labels_in_the_data_are_corrected_there(tmp_path: Path) -> None:
    tasks = [{"data": {"text": "one two", "label": name}, "predictions": []} for name in ("x", "y", "x")]
    path = made(tmp_path, listed(tasks, None))
    assert export(path, {0: "y"}) == path.read_bytes().replace(b'"x"', b'"y"', 1)


def test_label_studio__two_questions(tmp_path: Path) -> None:
    both = {**annotation(["pos"]), "result": [choice(["pos"]), choice(["short"], "size")]}
    path = made(tmp_path, listed([task(1, [both]), task(2, [annotation(["neg"])])]))
    prepared = load(path, "size")
    assert prepared.dataset is not None and prepared.dataset.classes == ("short",)
    assert guess_columns(read_table(path)).label == "sentiment"
    got = json.loads(export(path, {0: "neg"}))
    assert [r["value"]["choices"] for r in got[0]["annotations"][0]["result"]] == [["neg"], ["short"]]


def test_label_studio__a_data_key_called_as_the_question(tmp_path: Path) -> None:
    tasks = [task(i, [annotation([name])], sentiment="old", id="d") for i, name in enumerate(["pos", "neg"])]
    raw = read_table(made(tmp_path, listed(tasks)))
    assert list(raw.frame.columns) == ["id", "text", "data.sentiment", "data.id", "sentiment"]


def test_label_studio__choice_of_a_region_is_no_label(tmp_path: Path) -> None:
    region = choice(["x"])
    region["value"] = {"start": 0, "end": 3, "choices": ["x"]}
    both = {**annotation(["pos"]), "result": [region, choice(["pos"])]}
    raw = read_table(made(tmp_path, listed([task(1, [both])])))
    assert raw.frame["sentiment"].tolist() == ["pos"]


def test_label_studio__boxes_and_spans_are_refused_in_words(tmp_path: Path) -> None:
    for kind, said in (("rectanglelabels", "boxes"), ("labels", "labels of parts of a text")):
        one = {"type": kind, "from_name": "l", "to_name": "t", "value": {kind: ["A"], "start": 0, "end": 1}}
        path = made(tmp_path, listed([task(1, []), task(2, [{**annotation([]), "result": [one]}])]))
        with pytest.raises(InputError, match=f"row 2: {said} are not supported yet"):
            read_table(path)


def test_label_studio_min__each_annotation_is_a_row(tmp_path: Path) -> None:
    source = listed([short(1, "pos"), short(1, "neg") | {"annotation_id": 5}, short(2, "neg")])
    path = made(tmp_path, source)
    prepared = load(path)
    assert prepared.dataset is not None
    assert prepared.dataset.row_ids.tolist() == ["101", "5", "102"]
    assert prepared.dataset.columns.content == ("text",)
    assert export(path, {}) == source
    assert export(path, {0: "neg"}) == source.replace(b'"pos"', b'"neg"')


def test_label_studio_min__several_choices(tmp_path: Path) -> None:
    path = made(tmp_path, listed([short(1, "a"), short(2, {"choices": ["a", "b"]}), short(3, "b")]))
    got = json.loads(export(path, {0: '["a", "b"]', 1: '["b"]', 2: '["a"]'}))
    assert [one["sentiment"] for one in got] == [{"choices": ["a", "b"]}, {"choices": ["b"]}, "a"]


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


def test_fiftyone_labels__has_no_room_for_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no room for added columns"):
        export(made(tmp_path, LABELS, "labels.json"), {0: "owl"}, add=("decision",))


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


def files() -> dict[str, tuple[str, bytes, dict[int, Any]]]:
    """A file of each tool, and decisions on it."""
    return {
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
    }


TOOLS = sorted(name for name, format in formats().items() if format.only_own)


@pytest.mark.parametrize("tool", TOOLS)
def test_tools__apply_a_decisions_file(tmp_path: Path, tool: str) -> None:
    name, content, choices = files()[tool]
    path = made(tmp_path, content, name)
    direct = export(path, choices)
    dataset = load(path).dataset
    assert dataset is not None
    write_decisions([decide(dataset, p, choice) for p, choice in choices.items()], tmp_path / "d.jsonl")
    out = tmp_path / f"applied{path.suffix}"
    apply_decisions(tmp_path / "d.jsonl", path, out)
    assert out.read_bytes() == direct != content


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "fiftyone_labels"])
def test_tools__added_columns_and_marks_are_read_again(tmp_path: Path, tool: str) -> None:
    name, content, choices = files()[tool]
    path = made(tmp_path, content, name)
    export(path, choices, add=("given_label", "decision"), excluded="mark")
    again = read_table(tmp_path / f"out{path.suffix}").frame
    assert "relabel" in again["decision"].tolist()
    assert again["excluded"].astype("str").tolist()[0] == "False"


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet"])
def test_tools__exported_in_another_format(tmp_path: Path, tool: str, format: str) -> None:
    name, content, choices = files()[tool]
    corrections = corrected(load(made(tmp_path, content, name)), choices)
    summary = write_export(corrections, tmp_path / f"out.{format}", format)
    checked = verify_export(corrections, summary)
    assert checked.ok and checked.changed == sum(c is not Action.EXCLUDE for c in choices.values())


@pytest.mark.parametrize("tool", TOOLS)
def test_tools__written_from_their_own_files_only(tmp_path: Path, tool: str) -> None:
    path = made(tmp_path, b"text,label\na,x\nb,y\n", "in.csv")
    with pytest.raises(InputError, match="can only be written from such a file"):
        write_export(corrected(load(path), {}), tmp_path / "out.json", tool)


@pytest.mark.parametrize("tool", TOOLS)
def test_tools__the_wrong_record_is_refused(tmp_path: Path, tool: str) -> None:
    name, content, choices = files()[tool]
    prepared = load(made(tmp_path, content, name))
    position = next(p for p, choice in choices.items() if choice is not Action.EXCLUDE)
    corrections = corrected(prepared, {position: choices[position]})
    label = prepared.dataset.columns.label  # type: ignore[union-attr]
    table = corrections.dataset.table.copy()
    table.loc[table.index[position], label] = "something else"
    forged = replace(corrections, dataset=replace(corrections.dataset, table=table))
    with pytest.raises(InputError, match="where the data set has 'something else'"):
        write_export(forged, tmp_path / f"out{Path(name).suffix}")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text('ab"\\', max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
STYLE = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 1]),
        "separators": st.sampled_from([(",", ":"), (", ", ": ")]),
    }
)
NAMES = ["a", 'd"\u00f6', "\U0001f600"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(VALUES, st.lists(st.integers(0, 3), max_size=3)), min_size=1, max_size=6),
    STYLE,
    st.data(),
)
def test_label_studio__only_decided_choices_differ(tmp_path_factory, drawn, style, data) -> None:
    """answers: 0 to 2 a class, 3 an annotation that was cancelled."""
    tasks = [
        task(
            number,
            [annotation([NAMES[a % 3]], by, was_cancelled=a == 3) for by, a in enumerate(answers)],
            more={"value": value},
        )
        for number, (value, answers) in enumerate(drawn)
    ]
    tasks.append(task(99, [annotation([NAMES[0]])]))
    path = tmp_path_factory.mktemp("h") / "in.json"
    path.write_text(json.dumps(tasks, **style), encoding="utf-8")
    assert export(path, {}) == path.read_bytes()
    dataset = load(path).dataset
    assert dataset is not None
    chosen = data.draw(
        st.dictionaries(st.integers(0, len(tasks) - 1), st.sampled_from([*dataset.classes, Action.EXCLUDE]))
    )
    got = json.loads(export(path, chosen))
    kept = [number for number in range(len(tasks)) if chosen.get(number) is not Action.EXCLUDE]
    assert [one["id"] for one in got] == [tasks[number]["id"] for number in kept]
    for number, one in zip(kept, got, strict=True):
        before = tasks[number]
        wanted = chosen.get(number)
        code = int(dataset.labels[number])
        if wanted is None or (code >= 0 and dataset.classes[code] == wanted):
            assert one == before
            continue
        assert {**one, "annotations": 0} == {**before, "annotations": 0}
        says = [
            a["result"][0]["value"]["choices"][0] for a in before["annotations"] if not a["was_cancelled"]
        ]
        now = [
            a["result"][0]["value"]["choices"][0] for a in one["annotations"] if not a.get("was_cancelled")
        ]
        label = dataset.classes[code] if code >= 0 else None
        assert now == ([wanted if label in (None, s) else s for s in says] or [wanted])
        off = [a for a in one["annotations"] if a.get("was_cancelled")]
        assert off == [a for a in before["annotations"] if a["was_cancelled"]]


@settings(max_examples=40, deadline=None)
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
