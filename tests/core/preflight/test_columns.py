from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from core.dataset import Columns
from core.preflight.columns import fill_columns, guess_columns
from core.source import RawTable, Source

SOURCE = Source(Path("t"), "csv", "", 0, {})


def guess(columns: dict[str, list[Any]], format: str = "csv", **layout: Any) -> Columns:
    return guess_columns(RawTable(pd.DataFrame(columns), Source(Path("t"), format, "", 0, layout)))


LONG = [f"a sentence of some length, number {i}" for i in range(20)]
TWO = ["cat", "dog"] * 10
IDS = [f"{i:03d}" for i in range(20)]


def test_guess__by_name() -> None:
    found = guess({"label": TWO, "text": LONG, "id": IDS, "split": ["train"] * 20})
    assert found == Columns("id", "label", "split", ("text",), "text")


def test_guess__names_in_any_case() -> None:
    found = guess({"Row ID": IDS, "Sentence": LONG, "Class": TWO})
    assert found == Columns("Row ID", "Class", None, ("Sentence",), "text")


def test_guess__repeats_in_id_are_left_to_be_reported() -> None:
    assert guess({"id": ["1"] * 20, "text": LONG, "label": TWO}).id == "id"


def test_guess__repeating_other_ids_are_no_id() -> None:
    assert guess({"user_id": TWO, "text": LONG, "label": TWO}).id is None
    assert guess({"image_id": IDS, "text": LONG, "label": TWO}).id == "image_id"


def test_guess__split_by_values() -> None:
    assert guess({"part": ["Train", "test"] * 10, "text": LONG, "label": TWO}).split == "part"


def test_guess__classes_called_train_and_test_are_no_split() -> None:
    found = guess({"label": ["train", "test"] * 10, "text": LONG})
    assert (found.label, found.split) == ("label", None)


def test_guess__label_by_few_values() -> None:
    assert guess({"text": LONG, "animal": TWO}) == Columns(None, "animal", None, ("text",), "text")
    assert guess({"text": LONG, "weight": ["1.5", "2.25"] * 10}).label is None


def test_guess__no_header() -> None:
    columns = {"column 1": [str(i) for i in range(20)], "column 2": LONG, "column 3": TWO}
    expected = Columns("column 1", "column 3", None, ("column 2",), "text")
    assert guess(columns, header=False) == expected


def test_guess__image_paths() -> None:
    paths = [f"images/{i}.JPG" for i in range(20)]
    assert guess({"where": paths, "label": TWO}) == Columns(None, "label", None, ("where",), "image")
    mostly_broken = paths[:6] + ["nothing"] * 14
    assert guess({"path": mostly_broken, "label": TWO}).kind == "image"
    assert guess({"where": mostly_broken, "label": TWO}).kind != "image"


def test_guess__tabular() -> None:
    numbers = [i / 7 for i in range(20)]
    found = guess({"a": numbers, "b": [str(n) for n in numbers], "colour": TWO, "target": [0, 1] * 10})
    assert found == Columns(None, "target", None, ("a", "b", "colour"), "tabular")


def test_guess__long_text_beside_a_short_title() -> None:
    found = guess({"title": ["short"] * 20, "article": LONG, "label": TWO})
    assert found.content == ("article",)


def test_guess__stored_index_plays_no_role() -> None:
    found = guess({"label": TWO, "__index_level_0__": list(range(20))}, "parquet")
    assert found == Columns(None, "label", None, (), "none")


def test_guess__image_folder() -> None:
    found = guess({"path": ["a/1.png"], "label": ["a"], "split": ["train"]}, "image_folder")
    assert found == Columns("path", "label", "split", ("path",), "image")


def test_guess__data_sorted_by_class() -> None:
    found = guess(
        {"text": [f"some longer text {i}" for i in range(6_000)], "animal": ["cat"] * 3_000 + ["dog"] * 3_000}
    )
    assert found.label == "animal"


def test_guess__second_name_of_the_class_is_no_text() -> None:
    names = ["a long name of the class of cats", "a long name of the class of dogs"] * 30
    found = guess({"label": ["0", "1"] * 30, "label_name": names, "n": [f"{i}.5" for i in range(60)]})
    assert found.kind == "tabular"


def test_guess__file_names_are_no_text() -> None:
    files = [f"newsgroup/folder/{i:06d}" for i in range(20)]
    assert guess({"label": TWO, "file": files}).kind == "tabular"
    assert guess({"label": TWO, "file": files, "text": LONG}).content == ("text",)


def test_fill__a_said_label_and_id_are_no_features() -> None:
    numbers = [i / 7 for i in range(20)]
    table = {"code": list(range(20)), "a": numbers, "colour": TWO, "price": numbers[::-1]}
    raw = RawTable(pd.DataFrame(table), SOURCE)
    assert guess_columns(raw).content == ("code", "a", "price")
    found = fill_columns(Columns(id="code", label="price"), raw)
    assert (found.id, found.label, found.content) == ("code", "price", ("a", "colour"))


def test_fill__a_said_split_is_no_feature_and_a_path_can_be_id_and_picture() -> None:
    raw = RawTable(pd.DataFrame({"fold": [1, 2] * 10, "a": [i / 7 for i in range(20)], "label": TWO}), SOURCE)
    assert fill_columns(Columns(split="fold"), raw).content == ("a",)
    bare = RawTable(pd.DataFrame({"code": [i / 7 for i in range(20)], "label": TWO}), SOURCE)
    assert fill_columns(Columns(id="code"), bare).kind == "none"
    paths = RawTable(pd.DataFrame({"path": [f"{i}.png" for i in range(20)], "label": TWO}), SOURCE)
    found = fill_columns(Columns(id="path"), paths)
    assert (found.id, found.content, found.kind) == ("path", ("path",), "image")


def test_fill__a_said_column_that_is_not_there_is_left_to_the_check() -> None:
    raw = RawTable(pd.DataFrame({"text": LONG, "label": TWO}), SOURCE)
    assert fill_columns(Columns(label="absent"), raw).label == "absent"
