from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.review.decisions import Action

from ..image_layouts import tarred
from .conftest import load, plan

SMALL: dict[str, str | bytes] = {
    "001.jpg": b"picture 1",
    "001.cls": "cat\n",
    "002.cls": "  dog  ",
    "002.jpg": b"p" * 600,
    "x" * 150 + ".jpg": b"long",
    "x" * 150 + ".cls": "cat",
    "004.jpg": b"picture 4",
}
FORMATS = [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def members(path: Path) -> list[tuple[str, bytes, int]]:
    with tarfile.open(path) as archive:
        return [(m.name, archive.extractfile(m).read(), m.mtime) for m in archive]  # type: ignore[union-attr]


def expected(changes: Mapping[str, str]) -> list[tuple[str, bytes, int]]:
    wanted = {**SMALL, **changes}
    return [(k, v if isinstance(v, bytes) else v.encode(), 1_700_000_000) for k, v in wanted.items()]


@pytest.mark.parametrize("format", FORMATS)
def test_write__no_decisions_is_the_identity(tmp_path: Path, format: int) -> None:
    path = tarred(tmp_path / "a.tar", SMALL, format)
    summary = write_export(plan(load(path, "webdataset", "cls")), tmp_path / "out.tar")
    assert summary.path.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_write__only_the_file_of_the_label(tmp_path: Path, format: int) -> None:
    path = tarred(tmp_path / "a.tar", SMALL, format)
    corrections = plan(load(path, "webdataset", "cls"), {1: "cat", 2: "dog", 0: "dog"})
    summary = write_export(corrections, tmp_path / "out.tar")
    assert members(summary.path) == expected(
        {"001.cls": "dog\n", "002.cls": "  cat  ", "x" * 150 + ".cls": "dog"}
    )
    assert summary.path.stat().st_size == path.stat().st_size
    before, after = path.read_bytes(), summary.path.read_bytes()
    differ = {i // 512 for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b}
    assert len(differ) == 3  # a label has the same length, so that its header stays too
    checked = verify_export(corrections, summary)
    assert (checked.changed, checked.unexpected) == (3, 0)


def test_write__longer_label(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", {**SMALL, "005.jpg": b"x", "005.cls": "c" * 700})
    corrections = plan(load(path, "webdataset", "cls"), {0: "c" * 700, 4: "dog"})
    summary = write_export(corrections, tmp_path / "out.tar")
    assert members(summary.path) == [
        *expected({"001.cls": "c" * 700 + "\n"}),
        ("005.jpg", b"x", 1_700_000_000),
        ("005.cls", b"dog", 1_700_000_000),
    ]
    assert verify_export(corrections, summary).ok


@pytest.mark.parametrize("format", FORMATS)
def test_write__excluded_samples_go_with_all_their_files(tmp_path: Path, format: int) -> None:
    path = tarred(tmp_path / "a.tar", SMALL, format)
    corrections = plan(load(path, "webdataset", "cls"), {0: Action.EXCLUDE, 2: Action.EXCLUDE})
    summary = write_export(corrections, tmp_path / "out.tar")
    assert members(summary.path) == [m for m in expected({}) if m[0][:3] in ("002", "004")]
    assert verify_export(corrections, summary).ok


def test_write__global_header_outlives_the_first_sample(tmp_path: Path) -> None:
    with tarfile.open(
        tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "ours"}
    ) as out:
        for name in ("1.cls", "2.cls"):
            out.addfile(tarfile.TarInfo(name))
    corrections = plan(load(tmp_path / "a.tar", "webdataset", "cls"), {0: Action.EXCLUDE})
    summary = write_export(corrections, tmp_path / "out.tar")
    with tarfile.open(summary.path) as archive:
        assert archive.getnames() == ["2.cls"] and archive.pax_headers["comment"] == "ours"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"n": 1.50, "label" : "cat"}\n', '{"n": 1.50, "label" : "dog"}\n'),
        (' {"n": 2}', ' {"n": 2, "label": "dog"}'),
        ('{"n": 2, "label": null }', '{"n": 2, "label": "dog" }'),
    ],
)
def test_write__label_in_json(tmp_path: Path, before: str, after: str) -> None:
    files = {"1.jpg": b"x", "1.json": before, "2.jpg": b"x", "2.json": '{"label": "dog"}'}
    path = tarred(tmp_path / "a.tar", files)
    corrections = plan(load(path, "webdataset"), {0: "dog"})
    summary = write_export(corrections, tmp_path / "out.tar")
    assert members(summary.path)[1][1] == after.encode()
    assert verify_export(corrections, summary).ok


def test_write__number_in_json_stays_a_number(tmp_path: Path) -> None:
    files = {"1.jpg": b"x", "1.json": '{"label": 3}', "2.jpg": b"x", "2.json": '{"label": 4}'}
    path = tarred(tmp_path / "a.tar", files)
    summary = write_export(plan(load(path, "webdataset"), {0: "4"}), tmp_path / "out.tar")
    assert members(summary.path)[1][1] == b'{"label": 4}'


def test_write__sample_without_a_label_file(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", SMALL)
    with pytest.raises(InputError, match=r"row 4: the sample has no file \.cls to write the label 'cat' to"):
        write_export(plan(load(path, "webdataset", "cls"), {3: "cat"}), tmp_path / "out.tar")
    assert not (tmp_path / "out.tar").exists()


def test_write__wrong_row_is_never_written(tmp_path: Path) -> None:
    dataset, source = load(tarred(tmp_path / "a.tar", SMALL), "webdataset", "cls")
    dataset.table["cls"] = ["dog", "cat", "cat", None]
    with pytest.raises(InputError, match="the source has 'cat' where the data set has 'dog'"):
        write_export(plan((dataset, source), {0: "dog"}), tmp_path / "out.tar")


def test_write__label_that_no_text_file_holds(tmp_path: Path) -> None:
    loaded = load(tarred(tmp_path / "a.tar", SMALL), "webdataset", "key")
    with pytest.raises(
        InputError, match=r"column key: .*is no text file of the samples.*Expected: one of cls"
    ):
        write_export(plan(loaded, {0: str(loaded[0].classes[1])}), tmp_path / "out.tar")
