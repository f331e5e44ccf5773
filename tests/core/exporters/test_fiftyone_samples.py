"""FiftyOne's samples.json: predictions in fields with confidences, and fields of several labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.importers._tools import tool_of
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.multilabel import LIST
from tests.core.exporters.tool_files import export, made
from tests.core.importers.samples import listed, sample


def one(label: str, confidence: Any = None, number: int = 1) -> dict[str, Any]:
    found = {"_id": {"$oid": f"c{number}"}, "_cls": "Classification", "tags": [], "label": label}
    return found if confidence is None else {**found, "confidence": confidence}


def several(*labels: dict[str, Any]) -> dict[str, Any]:
    return {"_cls": "Classifications", "classifications": list(labels), "logits": None}


def samples(*fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Samples of labels cat, dog, cat, ... and no predictions but these fields."""
    bare = [sample(i, ("cat", "dog")[i % 2]) for i in range(len(fields))]
    return [{**one, "predictions": None, **more} for one, more in zip(bare, fields, strict=True)]


def load(tmp_path: Path, records: list[dict[str, Any]], predictions: Path | None = None) -> Prepared:
    raw = read_table(made(tmp_path, listed({"samples": records}, None), "samples.json"))
    return prepare(raw, Plan("x", guess_columns(raw), pred_probs=predictions))


def probs(prepared: Prepared) -> list[list[float]]:
    assert prepared.ok and prepared.predictions.pred_probs is not None, prepared.problems
    return [[round(float(v), 4) for v in row] for row in prepared.predictions.pred_probs]


TWO = samples(
    {"vit": one("cat", 0.75), "net": one("dog", 0.875)},
    {"vit": one("dog", 0.625), "net": one("dog", 1)},
    {"vit": one("dog", 0.5), "net": one("cat", 0.5)},
)


def test_predictions__each_field_with_confidences_is_a_model(tmp_path: Path) -> None:
    prepared = load(tmp_path, TWO)
    assert prepared.dataset is not None and prepared.dataset.classes == ("cat", "dog")
    assert prepared.predictions.model == "vit"
    assert probs(prepared) == [[0.75, 0.25], [0.375, 0.625], [0.5, 0.5]]
    ((other, _),) = prepared.others
    assert other.model == "net" and other.pred_probs is not None
    assert other.pred_probs.tolist() == [[0.125, 0.875], [0, 1], [0.5, 0.5]]


def test_predictions__beside_the_data_by_sample_id(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    path = made(tmp_path / "p", listed({"samples": list(reversed(TWO))}, None), "samples.json")
    prepared = load(tmp_path, samples({}, {}, {}), path)
    assert prepared.predictions.model == "vit" and prepared.by_order == ()
    assert probs(prepared) == [[0.75, 0.25], [0.375, 0.625], [0.5, 0.5]]


def test_predictions__a_bad_confidence_leaves_the_model_out(tmp_path: Path) -> None:
    records = samples({"vit": one("cat", float("nan"))}, {"vit": one("dog", 0.625)})
    prepared = load(tmp_path, records)
    assert prepared.ok and prepared.predictions.pred_probs is None
    said = [str(p) for p in prepared.problems if p.severity == "warning" and p.column != "filepath"]
    assert said == ["samples.json, model vit, row 1: left out, since: the score 'nan' is no number."]


SETS = [
    {**sample(1, None), "ground_truth": several(one("cat"), one("dog", number=2)), "predictions": None},
    {**sample(2, None), "ground_truth": several(one("dog", number=3)), "predictions": None},
    {**sample(3, None), "ground_truth": several(), "predictions": None},
    {**sample(4, None), "ground_truth": None, "predictions": None},
]


def test_several__labels_in_and_out_and_nothing_else(tmp_path: Path) -> None:
    source = listed({"samples": SETS}, None)
    path = made(tmp_path, source, "samples.json")
    raw = read_table(path)
    assert raw.frame["ground_truth"].fillna("").tolist() == ['["cat", "dog"]', '["dog"]', "[]", ""]
    assert guess_columns(raw).delimiter == LIST
    assert export(path, {}) == source
    got = export(path, {0: '["dog"]', 1: '["cat", "dog"]', 3: '["cat"]'})
    new = {"_cls": "Classification", "tags": [], "label": "cat"}
    expected = json.loads(source)["samples"]
    expected[0]["ground_truth"]["classifications"] = [one("dog", number=2)]
    expected[1]["ground_truth"]["classifications"] = [new, one("dog", number=3)]
    expected[3]["ground_truth"] = {"_cls": "Classifications", "classifications": [new]}
    assert json.loads(got)["samples"] == expected


def test_several__one_label_in_each_is_one_label_a_row(tmp_path: Path) -> None:
    records = [{**s, "ground_truth": several(one(name))} for s, name in zip(SETS, "abab", strict=True)]
    source = listed({"samples": records})
    path = made(tmp_path, source, "samples.json")
    assert read_table(path).frame["ground_truth"].tolist() == ["a", "b", "a", "b"]
    assert export(path, {}) == source
    got = json.loads(export(path, {0: "b"}))["samples"]
    assert got[0]["ground_truth"]["classifications"] == [{"_cls": "Classification", "tags": [], "label": "b"}]
    assert got[1:] == records[1:]


def test_several__predictions_are_independent_columns(tmp_path: Path) -> None:
    records = [{**s, "vit": several(one("cat", 0.75), one("dog", 0.5))} for s in SETS[:2]]
    prepared = load(tmp_path, [*records, {**SETS[2], "vit": several(one("cat", 0.25))}])
    assert prepared.dataset is not None and prepared.dataset.names == ("cat", "dog")
    assert probs(prepared) == [[0.75, 0.5], [0.75, 0.5], [0.25, 0]]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (several({"_cls": "Detection", "label": "cat"}), "row 1: a field of Classifications that holds some"),
        ({"_cls": "Classifications"}, "row 1: a field of Classifications that holds something else"),
        (several(one(3)), "row 1: a label in 'ground_truth' is no text"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_several__odd_fields_are_refused(tmp_path: Path, field: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, [{**sample(1, None), "ground_truth": field}])


FRAME = {"_id": {"$oid": "1"}, "_sample_id": {"$oid": "2"}, "frame_number": 1}


@pytest.mark.parametrize("frames", [[FRAME, FRAME], {"2": [FRAME, FRAME]}])
def test_frames__of_videos_are_refused_in_words(tmp_path: Path, frames: Any) -> None:
    path = made(tmp_path, listed({"frames": frames}, None), "frames.json")
    assert tool_of(path, path.read_bytes()) == "fiftyone_samples"
    with pytest.raises(InputError, match="frames of videos are not supported yet"):
        read_table(path)


def test_folder__beside_metadata_and_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    made(tmp_path, b'{"default_classes": ["cat", "dog"]}', "metadata.json")
    made(tmp_path, listed({"samples": TWO}), "samples.json")
    raw = read_table(tmp_path)
    assert raw.source.format == "fiftyone_samples" and len(raw.frame) == 3
    assert [model.name for model in raw.models] == ["vit", "net"]
