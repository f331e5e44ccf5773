"""The README's table of formats says what is so: each line is made here from a small file."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from core import reading
from core.corrections import Corrections
from core.export_check import verify_export
from core.exporting import ExportSummary, default_format, formats, write_export
from tests.core.exporters.conftest import load, plan
from tests.core.exporters.test_annotation_tools import source
from tests.core.image_layouts import LAYOUTS
from tests.core.mask_sets import mask_folder, prepared
from tests.core.test_exporting import make_source

README = Path(__file__).parent.parent / "README.md"
LINE = re.compile(r"^\| `(\w+)` \| .+ \| (.+) \| (.+) \|$", re.MULTILINE)
CLAIMS = {name: (without, changed) for name, without, changed in LINE.findall(README.read_text("utf-8"))}
AROUND = 64
"""Bytes between the ends that two files share: one cell with what a format writes around it."""

SAME, CELLS, REWRITTEN = "the same bytes", "other bytes in the changed cells only", "rewritten: "
ZIPPED, ZIP_CHANGED = "a zip of the same files", "a zip; files without changes are the same"
NO_STATEMENT, UPDATES = "a SQL script without statements", "a SQL script: one `UPDATE` a changed label"
MANIFEST, AS_FOLDER = "a manifest", "as the folder"


def test_formats__every_one_has_a_line() -> None:
    assert sorted(CLAIMS) == sorted(reading.formats())
    assert set(formats()) - {"manifest", "label_form"} <= set(CLAIMS)


def test_formats__a_zip_is_read_as_the_folder_in_it(tmp_path: Path) -> None:
    assert CLAIMS["zip"] == (AS_FOLDER, AS_FOLDER)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", b"\x89PNG")
        archive.writestr("dog/2.png", b"\x89PNG")
    raw = reading.read_table(tmp_path / "a.zip", unpack_to=tmp_path / "u")
    assert raw.source.format == "image_folder"


def test_formats__pictures_with_masks_leave_as_a_manifest(tmp_path: Path) -> None:
    assert CLAIMS["mask_folder"] == (MANIFEST, MANIFEST)
    made = prepared(mask_folder(tmp_path / "set", 2))
    assert made.source is not None and made.source.format == "mask_folder"
    assert default_format(made.source).name == "manifest"


@pytest.mark.parametrize("name", sorted(set(CLAIMS) - {"zip", "mask_folder"}))
def test_formats__each_line_is_so(name: str, tmp_path: Path) -> None:
    if name == "label_errors":
        path, label = source(name, tmp_path)[0], "given_original_label_name"
    else:
        path, label = make_source(name, tmp_path), "label"
    loaded = load(path, name, label)
    dataset = loaded[0]
    format = default_format(loaded[1])
    other = dataset.classes[1 - dataset.labels[0]]
    untouched, changed = plan(loaded), plan(loaded, {0: other})
    same = written(untouched, tmp_path / "same", format.name)
    differs = written(changed, tmp_path / "differs", format.name)
    without, with_decisions = CLAIMS[name]
    assert without == what_is_kept(name, path, same)
    if with_decisions == CELLS:
        assert middle(name, same, differs) <= AROUND
    elif with_decisions == ZIP_CHANGED:
        assert sum(parts(same)[file] != data for file, data in parts(differs).items()) <= 3
    elif with_decisions == UPDATES:
        assert [line.split()[0] for line in differs.read_text().splitlines()].count("UPDATE") == 1
    else:
        assert with_decisions.startswith(REWRITTEN) or with_decisions == MANIFEST


def written(corrections: Corrections, out: Path, format: str) -> Path:
    """The exported file, every cell of which was verified."""
    summary: ExportSummary = write_export(corrections, out, format)
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    assert summary.cells_changed == len(corrections.changes)
    return summary.path


def what_is_kept(name: str, path: Path, out: Path) -> str:
    if name == "sql_table":
        lines = out.read_text().splitlines()
        return NO_STATEMENT if all(line.startswith("-- ") for line in lines) else "statements"
    if path.is_file():
        return SAME if out.read_bytes() == path.read_bytes() else "other bytes"
    if name == "image_folder":
        return MANIFEST
    assert name in LAYOUTS or name in ("hf_dataset", "split_files")
    return ZIPPED if all((path / f).read_bytes() == data for f, data in parts(out).items()) else "other files"


def middle(name: str, one: Path, other: Path) -> int:
    """How many bytes of a file lie between the ends that it shares with the other one, at most."""
    if name == "xlsx":
        before, after = parts(one), parts(other)
        (file,) = (f for f in before if before[f] != after[f])
        return middle_of(before[file], after[file])
    return middle_of(one.read_bytes(), other.read_bytes())


def middle_of(one: bytes, other: bytes) -> int:
    assert one != other
    shortest = min(len(one), len(other))
    head = next((i for i in range(shortest) if one[i] != other[i]), shortest)
    left = shortest - head
    tail = next((i for i in range(left) if one[-1 - i] != other[-1 - i]), left)
    return max(len(one), len(other)) - head - tail


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}
