from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import InputError
from core.importers import token_json
from core.loading import Plan, prepare
from core.preflight.columns import guess_columns
from core.progress import Progress
from core.reading import read_table
from tests.core.importers.samples import lines, listed

RECORDS = [
    {"id": "7", "tokens": ["Ann", "left"], "pos": ["N", "V"], "ner_tags": [1, 0], "split": "train"},
    {"id": "9", "tokens": [], "pos": [], "ner_tags": [], "split": "test"},
    {"id": "8", "tokens": ["Berlin"], "pos": ["N"], "ner_tags": [-100], "split": "test"},
]
NAMES = ["O", "B-PER"]


def made(folder: Path, content: bytes, name: str = "in.json") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_read__a_row_for_each_token(tmp_path: Path) -> None:
    raw = token_json.read(made(tmp_path, lines(RECORDS)), Progress())
    frame = raw.frame.astype("object").where(raw.frame.notna(), None)
    assert frame.to_dict("list") == {
        "id": ["1-1", "1-2", "3-1"],
        "sentence": [1, 1, 3],
        "position": [1, 2, 1],
        "token": ["Ann", "left", "Berlin"],
        "sentence_id": ["7", "7", "8"],
        "pos": ["N", "V", "N"],
        "split": ["train", "train", "test"],
        "label": [1, 0, None],
        "text": ["Ann left", "Ann left", "Berlin"],
    }
    assert any("numbers without names" in p.found for p in raw.problems)
    assert guess_columns(raw).split == "split"


@pytest.mark.parametrize("where", ["names", "features", "beside"])
def test_read__names_of_tags_that_are_numbers(tmp_path: Path, where: str) -> None:
    features = {"ner_tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}}
    head = {"names": {"names": NAMES}, "features": {"features": features}, "beside": {}}[where]
    if where == "beside":
        made(tmp_path, listed({"features": features}), "dataset_info.json")
    raw = read_table(made(tmp_path, listed({**head, "data": RECORDS})))
    dataset = prepare(raw, Plan("x", guess_columns(raw))).dataset
    assert dataset is not None and dataset.classes == ("O", "B-PER")
    assert dataset.labels.tolist() == [1, 0, -1]


def test_read__texts_as_tags_and_keys_that_are_taken(tmp_path: Path) -> None:
    records = [{"tokens": ["a", "b"], "tags": ["O", None], "text": "a b!", "token": 3, "more": {"x": 1}}]
    raw = token_json.read(made(tmp_path, lines(records), "in.jsonl"), Progress())
    assert raw.frame["label"].isna().tolist() == [False, True]
    assert raw.frame["text_"].tolist() == ["a b!"] * 2 and raw.frame["token_"].tolist() == [3, 3]
    assert any("nested values" in p.found and "more" in p.found for p in raw.problems)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (
            [{"tokens": ["a", "b"], "tags": ["O", "O"]}, {"tokens": ["a"], "tags": []}],
            "record 2 has 1 tokens and 0",
        ),
        ([{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["a"]}], "record 2 has 1 tokens and no list of tags"),
        ([{"tokens": ["a"], "tags": ["O"]}, {"tags": ["O"]}], "record 2 has no list of texts called tokens"),
        ([{"tokens": ["a"], "tags": ["O"]}, 3], "record 2 has no list of texts"),
        (
            [{"tokens": ["a", "b"], "tags": ["O", "O"]}, {"tokens": ["a"], "tags": [1]}],
            "row 3.*record 2 has the tag 1",
        ),
        ([{"tokens": ["a"], "tags": [1]}, {"tokens": ["a"], "tags": [True]}], "record 2 has the tag true"),
        ([{"tokens": [], "tags": []}], "no tokens in any record"),
    ],
)
def test_read__refuses_in_words(tmp_path: Path, records: list, said: str) -> None:
    with pytest.raises(InputError, match=said):
        token_json.read(made(tmp_path, listed(records)), Progress())


def test_read__half_a_character_is_refused(tmp_path: Path) -> None:
    for record in ({"tokens": ["\ud800"], "tags": ["O"]}, {"tokens": ["a"], "tags": ["\ud800"]}):
        with pytest.raises(InputError, match="surrogate"):
            token_json.read(made(tmp_path, json.dumps([record]).encode()), Progress())
