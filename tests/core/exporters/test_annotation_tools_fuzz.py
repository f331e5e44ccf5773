"""Damaged files of annotation tools are refused in words, or go through with nothing else changed."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import core.importers
from core.corrections import correct
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.importers._base import ImportFormat
from core.loading import Plan, guess_columns, prepare, read_table
from core.progress import Progress
from core.registry import collect
from core.review.classes import class_list
from core.review.policy import Outcomes
from tests.core.exporters.conftest import decide
from tests.core.exporters.tool_files import SEVERAL
from tests.core.importers.samples import DOCCANO, coco, old_record, record, sample, short, vote

FILES: list[Any] = [
    SEVERAL,
    [short(1, "pos"), short(2, {"choices": ["a", "b"]})],
    DOCCANO,
    [record(1, "pos", "neg", suggestion="pos"), record(2, ["neg"])],
    [old_record(1, "pos", "neg"), old_record(2, "neg")],
    {"samples": [sample(1, "cat"), sample(2, None)]},
    {"classes": ["cat", "dog"], "labels": {"a": 0, "b": "dog", "c": {"label": 1}}},
    [vote(1, "a", 0, "b", 1), vote(2, "b", 1, "a", 0)],
    coco(),
]
READERS = {
    "label_studio": FILES[0:1],
    "label_studio_min": FILES[1:2],
    "doccano": FILES[2:3],
    "argilla": FILES[3:5],
    "fiftyone_samples": FILES[5:6],
    "fiftyone_labels": FILES[6:7],
    "label_errors": FILES[7:8],
    "coco": FILES[8:9],
}
TEXT = st.text(st.characters(codec="utf-8"), max_size=4)
DAMAGE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from(["\ud800", 10**40, 10**400, ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value within."""
    found: list[tuple[Any, Any]] = []
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        found += [(value, key), *places(value[key])]
    return found


def damaged(file: Any, data: st.DataObject) -> Any:
    file = copy.deepcopy(file)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(file) or [([None], 0)]))
        if isinstance(container, dict) and data.draw(st.booleans()):
            del container[key]
        else:
            container[key] = data.draw(DAMAGE)
    return file


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(READERS)), st.data())
def test_damaged__its_own_reader_refuses_in_words(tmp_path_factory, name: str, data: Any) -> None:
    """Also where the beginning of the file, by which it is told, is whole."""
    path: Path = tmp_path_factory.mktemp("f") / "in.json"
    path.write_text(json.dumps(damaged(data.draw(st.sampled_from(READERS[name])), data)))
    with contextlib.suppress(InputError):
        raw = collect(core.importers, ImportFormat)[name].read(path, Progress())
        prepare(raw, Plan("set", guess_columns(raw)), Progress())


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_damaged__refused_in_words_or_exported_whole(tmp_path_factory, file: Any, data: Any) -> None:
    path: Path = tmp_path_factory.mktemp("f") / "in.json"
    path.write_text(json.dumps(damaged(file, data)))
    try:
        raw = read_table(path)
        prepared = prepare(raw, Plan("set", guess_columns(raw)), Progress())
        dataset = prepared.dataset
        if dataset is None or not prepared.ok:
            return
        chosen = data.draw(
            st.dictionaries(st.integers(0, len(dataset) - 1), st.sampled_from(dataset.classes))
        )
        decisions = [decide(dataset, position, label) for position, label in chosen.items()]
        decided = Outcomes({d.row_id: d for d in decisions}, class_list(dataset.classes))
        corrections = correct(dataset, prepared.source, decided)
        summary = write_export(corrections, path.parent / "out.json")
    except InputError:
        return
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    if not corrections.changes:
        assert (path.parent / "out.json").read_bytes() == path.read_bytes()
