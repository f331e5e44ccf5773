"""Label Studio's files go in and come out with other choices and the same bytes elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.loading import guess_columns, read_table
from core.review.decisions import Action
from tests.core.exporters.tool_files import SEVERAL, export, load, made
from tests.core.importers.samples import (
    annotation,
    choice,
    listed,
    short,
    task,
)

STUDIO = [task(1, [annotation(["pos"])]), task(2, [annotation(["neg"])]), task(3, [annotation(["pos"])])]


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


@settings(max_examples=20, deadline=None)
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
