"""Every sample is claimed by its own format and by no other, whatever its file is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.reading import HEAD, formats, read_table
from tests.core.importers.samples import SAMPLES, coco, listed, sample, task, write_sample

BINARY = {
    "arrow": ".arrow",
    "npy": ".npy",
    "parquet": ".parquet",
    "sql_table": ".table",
    "webdataset": ".tar",
    "zip": ".zip",
    "xlsx": ".xlsx",
}


def claimed(path: Path) -> list[str]:
    head = b"" if path.is_dir() else path.read_bytes()[:HEAD]
    return [name for name, format in formats().items() if format.sniff(path, head)]


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".data", ""])
@pytest.mark.parametrize("name", SAMPLES)
def test_sniff__claimed_by_one_format_only(tmp_path: Path, name: str, suffix: str) -> None:
    if SAMPLES[name][0] == "json" and suffix == ".jsonl":
        pytest.skip("JSON called .jsonl is read as lines, and refused with the line that is none")
    assert claimed(write_sample(name, tmp_path, suffix)) == [SAMPLES[name][0]]


@pytest.mark.parametrize("name", SAMPLES)
def test_sniff__byte_order_mark_changes_nothing(tmp_path: Path, name: str) -> None:
    if SAMPLES[name][0] in BINARY or name.startswith("csv"):
        pytest.skip("no JSON")
    path = tmp_path / "sample.json"
    path.write_bytes(b"\xef\xbb\xbf" + SAMPLES[name][1])
    assert claimed(path) == [SAMPLES[name][0]]


@pytest.mark.parametrize(
    "text",
    ["{[1]: 2}", '{{"a": 1}: 2}', '{"images": [{[1]: 2}]}', '{"classes"', '{"samples": [{', "{:}", "{1:1}"],
)
def test_sniff__broken_objects_are_claimed_by_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sample.json"
    path.write_text(text)
    assert claimed(path) == ["json"]


def test_sniff__every_format_has_a_sample() -> None:
    folders = {"image_folder", "mask_folder", "yolo", "hf_dataset", "split_files"}
    assert {format for format, _ in SAMPLES.values()} == set(formats()) - folders


def test_sniff__folders_beside_data_and_a_file(tmp_path: Path) -> None:
    for name, content, expected in (
        ("plain", None, "image_folder"),
        ("dataset_dict.json", {"splits": ["train"]}, "hf_dataset"),
        ("labels.json", {"classes": ["cat"], "labels": {"1": 0}}, "fiftyone_labels"),
        ("samples.json", {"samples": [sample(1, "cat")]}, "fiftyone_samples"),
        ("labels.json", {"cat": 1}, "image_folder"),
        ("labels.json", [task(1, [])], "image_folder"),
        ("labels.json", coco(), "coco"),
        ("images.json", coco(), "coco"),
    ):
        folder = tmp_path / f"{name} {expected} {len(str(content))}"
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "1.png").write_bytes(b"\x89PNG")
        if content is not None:
            (folder / name).write_bytes(listed(content))
        assert claimed(folder) == [expected]


def test_sniff__folder_of_yolo(tmp_path: Path) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    assert claimed(tmp_path) == ["yolo"]
    (tmp_path / "instances.json").write_bytes(listed(coco()))
    assert claimed(tmp_path) == ["coco"]


def test_sniff__a_json_file_for_each_picture_is_no_coco(tmp_path: Path) -> None:
    for i in range(120):
        (tmp_path / f"{i}.json").write_bytes(listed(coco()))
    assert claimed(tmp_path) == ["image_folder"]


def test_sniff__a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    (tmp_path / "labels.json").write_text(json.dumps({"classes": ["cat"], "labels": {"1": 0}}))
    (folder / "labels.json").symlink_to(tmp_path / "labels.json")
    assert claimed(folder) == ["image_folder"]


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "doccano spans"])
def test_read_table__reads_what_it_claims(tmp_path: Path, name: str) -> None:
    if name == "csv that begins like a task":
        pytest.skip("no table")
    suffix = {**BINARY, "csv": ".csv"}.get(SAMPLES[name][0], ".json")
    raw = read_table(write_sample(name, tmp_path, suffix), unpack_to=tmp_path)
    assert raw.source.format == ("image_folder" if name == "zip" else SAMPLES[name][0])
    assert len(raw.frame) > 0


@pytest.mark.parametrize("cut", [1, 2, 10, 50, 90])
@pytest.mark.parametrize("name", [n for n, (f, _) in SAMPLES.items() if f != "csv" and f not in BINARY])
def test_sniff__cut_off_files_are_claimed_once_at_most(tmp_path: Path, name: str, cut: int) -> None:
    data = SAMPLES[name][1]
    path = tmp_path / "sample.json"
    path.write_bytes(data[: max(1, len(data) * cut // 100)])
    assert len(claimed(path)) == 1
