"""What is said of masks when a data set is loaded, and that it opens again as it was stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.dataset import UNLABELLED
from core.loading import guess_columns, read_table
from core.masks import VOID
from core.settings import Settings
from core.workspace import Workspace

from ..mask_sets import NAMES, SIDE, loaded, mask_folder, prepared, scene, write_png


def table(tmp_path: Path, header: str, *lines: str) -> Path:
    mask_folder(tmp_path, 4)
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([header, *lines]))
    return path


PATHS = [f"images/{i:03}.png,masks/{i:03}.png" for i in range(4)]


def test_prepare__a_folder_has_masks_and_no_label(tmp_path: Path) -> None:
    dataset = loaded(mask_folder(tmp_path / "set", 3))
    assert dataset.masks is not None and dataset.masks.names == NAMES and dataset.masks.predicted
    assert dataset.classes == () and (dataset.labels == UNLABELLED).all()
    assert dataset.columns.label is None and dataset.columns.mask == "mask"
    assert dataset.masks.rows["classes"].tolist() == ["0 1 2"] * 3
    assert (dataset.masks.rows["given_hash"].str.len() == 64).all()


def test_prepare__a_table_beside_its_pictures(tmp_path: Path) -> None:
    path = table(tmp_path, "picture,mask,camera", *(f"{p},front" for p in PATHS))
    raw = read_table(path)
    columns = guess_columns(raw)
    assert (columns.mask, columns.content, columns.kind, columns.label) == (
        "mask",
        ("picture",),
        "image",
        None,
    )
    dataset = loaded(path)
    assert dataset.masks is not None and not dataset.masks.predicted
    assert dataset.masks.names == NAMES


def test_prepare__a_table_with_labels_and_masks(tmp_path: Path) -> None:
    path = table(
        tmp_path, "picture,mask,label", *(f"{p},{'day' if i % 2 else 'night'}" for i, p in enumerate(PATHS))
    )
    dataset = loaded(path)
    assert dataset.classes == ("day", "night") and dataset.masks is not None


def test_guess__a_column_called_mask_that_holds_no_pictures_is_none(tmp_path: Path) -> None:
    path = table(tmp_path, "picture,mask,label", *(f"images/{i:03}.png,yes,a" for i in range(4)))
    assert guess_columns(read_table(path)).mask is None


def test_prepare__problems_name_file_row_and_column(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 7)
    (root / "masks" / "001.png").unlink()
    write_png(root / "masks" / "002.png", np.zeros((8, 9), np.uint8))
    write_png(root / "masks" / "003.png", scene(3) + np.uint8(5))
    (root / "masks" / "004.png").write_bytes(b"x")
    Image.new("RGB", (SIDE, SIDE)).save(root / "masks" / "005.png")
    found = {p.row: p for p in prepared(root).problems}
    assert found[2].found == "no mask: ''"
    assert found[3].found == "the mask has 9 x 8 pixels, its picture 40 x 40: 'masks/002.png'"
    assert found[4].found == "pixels of value 5, but there are 3 classes: 'masks/003.png'"
    assert found[5].found == "the file is not a picture of a known format: 'masks/004.png'"
    assert found[6].found == "the mask has colours (RGB), not one number for each pixel: 'masks/005.png'"
    assert all(p.file == "set" and p.column == "mask" and p.mend for p in found.values())


def test_prepare__classes_by_number_where_no_list_is_there(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 2)
    (root / "classes.txt").unlink()
    made = prepared(root)
    assert made.dataset is not None and made.dataset.masks is not None
    assert made.dataset.masks.names == ("class 0", "class 1", "class 2")
    assert "no list of the masks' classes: they are called by their numbers" in [
        p.found for p in made.problems
    ]
    (root / "classes.json").write_text('{"0": "road", "2": "car", "255": "void"}')
    masks = loaded(root).masks
    assert masks is not None and masks.names == ("road", "class 1", "car")


def test_prepare__masks_of_0_and_255_are_told(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 2)
    for i in range(2):
        for kind in ("masks", "predictions"):
            write_png(root / kind / f"{i:03}.png", np.where(scene(i) == 2, VOID, 0).astype(np.uint8))
    said = [p for p in prepared(root).problems if "0 and 255" in p.found]
    assert [p.mend for p in said] == ["write the object as 1"]


def test_prepare__palette_and_16_bit_masks_are_numbers(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 2)
    coloured = Image.fromarray(scene(0), "L").convert("P")
    coloured.putdata(scene(0).ravel().tolist())
    coloured.putpalette([200, 10, 10, 10, 200, 10, 10, 10, 200])
    coloured.save(root / "masks" / "000.png")
    Image.fromarray(scene(1).astype(np.uint16)).save(root / "masks" / "001.png")
    made = loaded(root)
    assert made.masks is not None and made.masks.rows["classes"].tolist() == ["0 1 2"] * 2


@pytest.mark.parametrize("path", ["/etc/hostname", "../outside.png", "file:///etc/hostname"])
def test_prepare__no_mask_outside_the_folder_is_opened(tmp_path: Path, path: str) -> None:
    write_png(tmp_path / "outside.png", scene(0))
    source = table(tmp_path / "set", "picture,mask", *PATHS[:3], f"images/003.png,{path}")
    made = prepared(source)
    assert made.dataset is not None and made.dataset.masks is not None
    assert made.dataset.masks.rows["given_hash"].tolist()[3] == ""
    assert [p.row for p in made.problems if "no such mask" in p.found] == [4]


def test_prepare__predictions_in_another_folder_or_an_array(tmp_path: Path) -> None:
    source = table(tmp_path / "set", "picture,mask", *PATHS)
    for i in range(4):
        write_png(tmp_path / "model" / f"{i:03}.png", scene(i))
    masks = loaded(source, pred_probs=tmp_path / "model").masks
    assert masks is not None and masks.rows["predicted"].tolist() == [f"{i:03}.png" for i in range(4)]
    np.save(tmp_path / "p.npy", np.full((3, 3, SIDE, SIDE), 0.3, np.float32))
    said = prepared(source, pred_probs=tmp_path / "p.npy").problems
    assert [p.found for p in said if p.severity == "error"] == ["3 rows, but the data has 4"]
    (tmp_path / "none").mkdir()
    said = prepared(source, pred_probs=tmp_path / "none").problems
    assert [p.found for p in said if p.severity == "error"] == ["no predicted mask is named as a given one"]


def test_save_and_open__masks_stay(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path / "workspace", (tmp_path,), "", "ann"))
    made = prepared(mask_folder(tmp_path / "set", 3))
    assert made.dataset is not None and made.dataset.masks is not None
    opened = workspace.open(workspace.save(made)).dataset
    assert opened.masks is not None and opened.part("masks") == made.dataset.masks.digest
    assert opened.masks.digest == made.dataset.masks.digest
    assert opened.columns == made.dataset.columns
    write_png(tmp_path / "set" / "masks" / "001.png", scene(9))
    assert loaded(tmp_path / "set").part("masks") != opened.part("masks")
