"""Hugging Face datasets on disk: read, and written so that only what was decided differs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from core.corrections import ExportOptions, correct
from core.dataset import Columns
from core.errors import InputError
from core.export_check import verify_export
from core.exporters.hf_dataset import HF_DATASET
from core.exporting import write_export
from core.importers.hf_dataset import FORMAT
from core.loading import Plan, prepare
from core.progress import Progress
from core.reading import read_table
from core.review.classes import class_list
from core.review.decisions import Action, Decision
from core.review.policy import Outcomes

NAMES = ["neg", "pos"]
PNG = b"\x89PNG one", b"\x89PNG two", b"\xff\xd8\xff three"


_REST = {
    "_format_columns": None,
    "_format_kwargs": {},
    "_format_type": None,
    "_output_all_columns": False,
    "_split": None,
}


def features(**more: Any) -> dict[str, Any]:
    return {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": NAMES, "_type": "ClassLabel"},
        **more,
    }


def save(
    folder: Path, *shards: dict[str, list], said: dict[str, Any] | None = None, **kinds: pa.DataType
) -> Path:
    """As `save_to_disk` does: a stream a shard, the features in the schema and in dataset_info.json."""
    said = said or features()
    folder.mkdir(parents=True)
    metadata = {"huggingface": json.dumps({"info": {"features": said}, "fingerprint": "f0"})}
    files = [f"data-{i:05d}-of-{len(shards):05d}.arrow" for i in range(len(shards))]
    for file, columns in zip(files, shards, strict=True):
        table = pa.table({name: pa.array(values, kinds.get(name)) for name, values in columns.items()})
        with (
            pa.OSFile(str(folder / file), "wb") as out,
            pa.ipc.new_stream(out, table.schema.with_metadata(metadata)) as writer,
        ):
            writer.write_table(table, max_chunksize=2)
    info = {"features": said, "license": "", "splits": {"train": {"num_examples": 5, "name": "train"}}}
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))
    state = {"_data_files": [{"filename": file} for file in files], "_fingerprint": "f0", **_REST}
    (folder / "state.json").write_text(json.dumps(state, indent=2))
    return folder


def saved_splits(folder: Path) -> Path:
    """train: five rows in two files; test: two rows, the second without a label."""
    save(
        folder / "train",
        {"text": ["a", "b", "c"], "label": [0, 1, 0]},
        {"text": ["d", "e"], "label": [1, 0]},
    )
    save(folder / "test", {"text": ["f", None], "label": [1, -1]})
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return folder


def export(
    path: Path, choices: dict[int, str | Action], add: tuple[Decision, ...] = (), **options: Any
) -> dict[str, bytes]:
    """The files of an export, every cell of which was verified."""
    raw = read_table(path, unpack_to=path.parent / "unpacked")
    prepared = prepare(
        raw, Plan("hf", Columns(None, "label", raw.source.layout.get("split"), ("text",), "text"))
    )
    assert prepared.dataset is not None, prepared.problems
    dataset = prepared.dataset
    decisions = {}
    for position, choice in choices.items():
        row, code = str(dataset.row_ids[position]), dataset.labels[position]
        given = dataset.classes[code] if code >= 0 else ""
        action, label = (choice, None) if isinstance(choice, Action) else (Action.RELABEL, choice)
        decisions[row] = Decision("hf", row, action, "ann", given, f"op{row}", label, seq=9)
    found = Outcomes(decisions, class_list(dataset.classes, add))
    corrections = correct(dataset, raw.source, found, ExportOptions(**options))
    summary = write_export(corrections, path.parent / "out.zip")
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    with zipfile.ZipFile(summary.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def there(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def rows(data: bytes) -> list[list[Any]]:
    return [list(row.values()) for row in pa.ipc.open_stream(data).read_all().to_pylist()]


def test_read__splits_and_class_numbers(tmp_path: Path) -> None:
    raw = read_table(saved_splits(tmp_path / "d"))
    assert raw.source.format == "hf_dataset"
    assert raw.frame["label"].tolist()[:6] == [0, 1, 0, 1, 0, 1] and raw.frame["label"].isna().tolist()[6]
    assert raw.frame["split"].tolist() == ["train"] * 5 + ["test"] * 2
    prepared = prepare(raw, Plan("hf", Columns(None, "label", "split", ("text",), "text")))
    assert prepared.ok and prepared.dataset is not None
    assert prepared.dataset.classes == ("neg", "pos")
    assert prepared.dataset.labels.tolist() == [0, 1, 0, 1, 0, 1, -1]


def test_write__no_decision_is_the_same_files(tmp_path: Path) -> None:
    path = saved_splits(tmp_path / "d")
    assert export(path, {}) == there(path)


def test_write__only_what_was_decided_differs(tmp_path: Path) -> None:
    path = saved_splits(tmp_path / "d")
    before, after = there(path), export(path, {3: "neg", 1: Action.EXCLUDE})
    differ = {name for name in before if before[name] != after[name]}
    assert {name.split("/")[0] for name in differ} == {"train"}
    assert rows(after["train/data-00000-of-00002.arrow"]) == [["a", 0], ["c", 0]]
    assert rows(after["train/data-00001-of-00002.arrow"]) == [["d", 0], ["e", 0]]
    schemas = [pa.ipc.open_stream(f["train/data-00000-of-00002.arrow"]).schema for f in (before, after)]
    assert schemas[0].equals(schemas[1])
    info, state = (json.loads(after[f"train/{name}"]) for name in ("dataset_info.json", "state.json"))
    assert info["features"] == features() and info["splits"]["train"]["num_examples"] == 4
    assert state["_fingerprint"] != "f0" and len(state["_data_files"]) == 2


def test_write__a_first_label_and_missing_ones_stay(tmp_path: Path) -> None:
    path = save(tmp_path / "d", {"text": ["a", "b", "c"], "label": [0, -1, -1]})
    assert rows(export(path, {1: "pos"})["data-00000-of-00001.arrow"]) == [["a", 0], ["b", 1], ["c", -1]]


def test_write__new_and_renamed_classes_are_among_the_features(tmp_path: Path) -> None:
    path = saved_splits(tmp_path / "d")
    changes = tuple(
        Decision("hf", "", Action.CLASS, "ann", "", op, detail=detail, seq=i)
        for i, (op, detail) in enumerate(
            (("x", '{"add": "mixed"}'), ("y", '{"rename": "pos", "to": "good"}')), 1
        )
    )
    after = export(path, {0: "mixed"}, changes)
    assert rows(after["train/data-00000-of-00002.arrow"])[0] == ["a", 2]
    for split in ("train", "test"):
        said = json.loads(after[f"{split}/dataset_info.json"])["features"]["label"]["names"]
        schema = pa.ipc.open_stream(next(d for n, d in after.items() if n.startswith(f"{split}/data"))).schema
        also = json.loads(schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"]
        assert said == also == ["neg", "good", "mixed"]


def test_write__added_columns_are_features(tmp_path: Path) -> None:
    path = save(tmp_path / "d", {"text": ["a", "b"], "label": [0, 1]})
    after = export(path, {0: "pos", 1: Action.EXCLUDE}, excluded="mark")
    assert rows(after["data-00000-of-00001.arrow"]) == [["a", 1, False], ["b", 1, True]]
    said = json.loads(after["dataset_info.json"])["features"]
    assert said["excluded"] == {"dtype": "bool", "_type": "Value"}


def test_unpack__pictures_become_files_named_after_their_bytes(tmp_path: Path) -> None:
    image = {"image": {"_type": "Image"}}
    cells = [{"bytes": data, "path": None} for data in PNG] + [{"bytes": None, "path": "x/y.png"}, None]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    path = save(
        tmp_path / "d", {"image": cells, "label": [0, 1, 0, 1, 0]}, said=features(**image), image=kind
    )
    raw = read_table(path, unpack_to=tmp_path / "u")
    assert raw.media_root is not None and raw.media_root.parent == tmp_path / "u"
    names = raw.frame["image"].tolist()
    assert [(raw.media_root / name).read_bytes() for name in names[:3]] == list(PNG)
    assert [name[-4:] for name in names[:3]] == [".png", ".png", ".jpg"] and names[3] == "x/y.png"
    assert FORMAT.read(path, Progress()).frame.equals(raw.frame)
    assert read_table(path, unpack_to=tmp_path / "u").media_root == raw.media_root


@pytest.mark.parametrize(
    ("file", "content", "found"),
    [
        ("dataset_dict.json", "{", "no JSON"),
        ("dataset_dict.json", '{"splits": []}', "no list of splits"),
        ("dataset_dict.json", '{"splits": ["train", "train"]}', "a split twice"),
        ("dataset_dict.json", '{"splits": ["../d"]}', "no such file"),
        ("train/state.json", "[]", "no JSON object"),
        ("train/state.json", "[" * 100_000, "no JSON"),
        ("train/state.json", '{"_data_files": [{"filename": 3}]}', "no list of data files"),
        ("train/state.json", '{"_data_files": [{"filename": "../../secret.arrow"}]}', "no such file"),
        ("train/state.json", '{"_data_files": [{"filename": "/dev/zero"}]}', "no such file"),
        ("train/data-00000-of-00002.arrow", "no arrow", "not readable as Arrow"),
        (
            "test/dataset_info.json",
            '{"features": {"label": {"_type": "ClassLabel", "names": ["x"]}}}',
            "other classes",
        ),
    ],
)
def test_read__damaged_folders(tmp_path: Path, file: str, content: str, found: str) -> None:
    path = saved_splits(tmp_path / "d")
    (tmp_path / "secret.arrow").write_bytes(b"")
    (path / file).write_text(content)
    with pytest.raises(InputError, match=found):
        read_table(path)


def test_write__a_row_that_is_not_the_one_expected_is_refused(tmp_path: Path) -> None:
    path = saved_splits(tmp_path / "d")
    raw = read_table(path)
    raw.frame.loc[1, "label"] = 0
    prepared = prepare(raw, Plan("hf", Columns(None, "label", "split", ("text",), "text")))
    assert prepared.dataset is not None
    decision = Decision("hf", str(prepared.dataset.row_ids[1]), Action.RELABEL, "ann", "neg", "op", "pos")
    found = Outcomes({decision.row_id: decision}, class_list(prepared.dataset.classes))
    with pytest.raises(InputError, match="the source has '1' where the data set has '0'"):
        write_export(correct(prepared.dataset, raw.source, found), tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_write__the_same_decisions_give_the_same_bytes(tmp_path: Path) -> None:
    path = saved_splits(tmp_path / "d")
    made = []
    for _ in range(2):
        export(path, {3: "neg"})
        made.append((tmp_path / "out.zip").read_bytes())
    assert made[0] == made[1]


def test_write__the_library_reads_it(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    export(saved_splits(tmp_path / "d"), {3: "neg", 1: Action.EXCLUDE})
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "again")
    found = datasets.load_from_disk(str(tmp_path / "again"))
    assert found["train"]["label"][:] == [0, 0, 0, 0] and found["test"]["label"][:] == [1, -1]
    assert found["train"].features["label"].names == NAMES


def test_format__is_written_to_a_zip_only() -> None:
    assert HF_DATASET.suffix == ".zip" and not HF_DATASET.writes("csv")
