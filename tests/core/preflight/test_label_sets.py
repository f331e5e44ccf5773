from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.dataset import Columns, Dataset
from core.errors import InputError
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.multilabel import LIST, LabelSets
from core.preflight.columns import fill_columns
from core.preflight.label_sets import guess_delimiter, read_sets
from core.preflight.labels import ClassList, read_given
from core.preflight.reconcile import Classes, Where

WHERE = Where("t.csv", "label", "p.npy")
MOODS = ["joy|love", "sad", "love|joy", "joy", "", "anger|sad|joy", "love", "sad|love"]


def read(cells: list[str], delimiter: str, **more: object) -> Classes:
    given, _ = read_given(pd.Series(cells, dtype="str", name="label"), "t.csv")
    return read_sets(given, WHERE, delimiter, **more)  # type: ignore[arg-type]


def test_read_sets__one_set_whatever_its_order() -> None:
    found = read(MOODS, "|")
    assert found.sets == LabelSets(("anger", "joy", "love", "sad"), ("anger", "joy", "love", "sad"), "|")
    assert found.names == ("joy", "love", "sad", "joy|love", "love|sad", "anger|joy|sad")
    assert found.tokens == found.names
    assert [found.names[code] if code >= 0 else None for code in found.labels] == [
        "joy|love", "sad", "joy|love", "joy", None, "anger|joy|sad", "love", "love|sad",
    ]  # fmt: skip
    assert found.labels.dtype == np.int32


def test_read_sets__codes_of_a_class_list_and_the_files_own_style() -> None:
    listed = ClassList(("0", "1", "2"), ("joy", "love", "sad"), "c.csv")
    found = read(["0, 2", "1", "2,0", "1, 2"], ",", listed=listed, width=3)
    assert found.sets == LabelSets(("joy", "love", "sad"), ("0", "1", "2"), ", ")
    assert found.names == ("love", "joy, sad", "love, sad")
    assert found.tokens == ("1", "0, 2", "1, 2")
    assert found.columns == (0, 1, 2)


def test_read_sets__lists_may_be_empty() -> None:
    found = read(["[2, 1]", "[]", "[1]"], LIST)
    assert found.sets is not None and found.sets.may_be_empty and found.sets.bare
    assert found.names == ("[]", '["1"]', '["1", "2"]')
    assert found.tokens == ("[]", "[1]", "[1, 2]")


def test_read_sets__columns_of_probabilities_are_matched_by_name() -> None:
    found = read(["b|a", "a", "b"], "|", columns=("b", "a"), width=2)
    assert found.sets is not None and found.sets.names == ("b", "a") and found.columns == (0, 1)


@pytest.mark.parametrize(
    ("cells", "delimiter", "message"),
    [
        (["a|b", "|"], "|", r"row 2.*'\|' is a separator without a label"),
        (['["a"]', "a"], LIST, "row 2.*'a' is no list of labels"),
        (['["a"]', "[1]"], LIST, "some lists hold texts, some numbers"),
        (["", ""], "|", "no row has a label"),
    ],
)
def test_read_sets__refused(cells: list[str], delimiter: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(cells, delimiter)


def test_read_sets__a_name_with_the_separator_in_it_is_refused() -> None:
    with pytest.raises(InputError, match="the class 'fear,worry' has the separator"):
        read(["0,1", "1"], ",", listed=ClassList(("0", "1"), ("fear,worry", "joy"), "c.csv"))


def many(kinds: list[str]) -> pd.Series:
    return pd.Series(kinds * 10, dtype="str")


@pytest.mark.parametrize(
    ("cells", "delimiter"),
    [
        (["a|b", "b|c", "a", "b", "c", "a|c", "a|b|c"], "|"),
        (["a, b", "b, c", "a", "b", "c", "a, c", "a, b, c"], ","),
        (["1;2", "2;3", "1", "2", "3", "1;3"], ";"),
        (['["a"]', '["a", "b"]', "[]"], LIST),
        (["cat", "dog", "cow"], ""),
        (["Salmon, smoked", "Salmon, fresh", "Cod, smoked", "Cod, fresh"], ""),
        (["Toys|Cars", "Toys|Dolls", "Books|Novels", "Books|Poems", "Toys", "Books"], ""),
        (["1,5", "2,5", "3", "4,0", "5,5"], ""),
        # Each of these fails one condition only: rows that differ in how many labels they have, twice as
        # many sets as labels, no label twice in a cell, labels that occur in several sets.
        ([f"{fish}, {way}" for fish in "abcde" for way in "vwxyz"], ""),
        (["Cod", "Cod, smoked", "Hake", "Hake, smoked"], ""),
        (["1,1", "2,2", "3,3", "1,2", "1,3", "2,3"], ""),
        ([", ".join(some) for n in (1, 2, 3, 4) for some in combinations("abcd", n)] + ["x, y"], ""),
        (["yes, of course", "no, not at all", "perhaps"], ""),
        (['["a"]', "plain"], ""),
        (["", " "], ""),
    ],
)
def test_guess_delimiter__only_where_it_is_clear(cells: list[str], delimiter: str) -> None:
    assert guess_delimiter(many(cells)) == delimiter


def load(tmp_path: Path, columns: Columns | None = None, **plan: object) -> Prepared:
    path = tmp_path / "t.csv"
    rows = [f"{i},a text of some length {i},{MOODS[i % 8]}" for i in range(32)]
    path.write_text("\n".join(["id,text,label", *rows]) + "\n")
    raw = read_table(path)
    return prepare(raw, Plan("set", fill_columns(columns or Columns(), raw), **plan))  # type: ignore[arg-type]


def probs(member: np.ndarray) -> np.ndarray:
    return np.where(member, 0.9, 0.2).astype(np.float32)


def loaded(prepared: Prepared) -> Dataset:
    assert prepared.dataset is not None, prepared.problems
    return prepared.dataset


def test_prepare__sets_with_probabilities_that_need_not_sum_to_1(tmp_path: Path) -> None:
    said = Columns(delimiter="|")
    dataset = loaded(load(tmp_path, said))
    assert dataset.sets is not None
    member = np.vstack([dataset.sets.indicator(dataset.classes), np.zeros((1, 4), bool)])[dataset.labels]
    np.save(tmp_path / "p.npy", probs(member))
    found = load(tmp_path, said, pred_probs=tmp_path / "p.npy")
    assert found.ok and found.predictions.pred_probs is not None
    assert found.predictions.pred_probs.tolist() == probs(member).tolist()
    assert any(
        "surer of a label on the rows that have it for 4 of 4 classes" in str(p) for p in found.problems
    )
    np.save(tmp_path / "p.npy", probs(member)[:, [1, 2, 3, 0]])
    warned = load(tmp_path, said, pred_probs=tmp_path / "p.npy").problems[0]
    assert warned.severity == "warning" and "classes (half would be chance)" in warned.found


def test_prepare__logits_of_sets_go_through_the_sigmoid(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.full((32, 4), -np.log(3), dtype=np.float32))
    said = Columns(delimiter="|")
    refused = load(tmp_path, said, pred_probs=tmp_path / "p.npy")
    assert not refused.ok and "is not a probability" in str(refused.problems[0])
    found = load(tmp_path, said, pred_probs=tmp_path / "p.npy", softmax=True)
    assert found.predictions.pred_probs is not None
    assert found.predictions.pred_probs == pytest.approx(np.full((32, 4), 0.25))


def test_prepare__the_digest_knows_the_classes_of_a_set(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("anger\njoy\nlove\nsad\n")
    (tmp_path / "d.txt").write_text("anger\njoy\nlove\nsad\nfear\n")
    one, other = (
        loaded(load(tmp_path, Columns(delimiter="|"), classes=tmp_path / f)) for f in ("c.txt", "d.txt")
    )
    assert one.classes == other.classes and one.part("labels") != other.part("labels")
    assert (len(one.names), len(other.names)) == (4, 5)
    assert one.knows("anger|love") and not one.knows("fear") and other.knows("fear")


def test_prepare__one_label_where_that_is_said(tmp_path: Path) -> None:
    dataset = loaded(load(tmp_path, Columns(delimiter="")))
    assert dataset.sets is None and "love|joy" in dataset.classes and dataset.names == dataset.classes


def test_guess_columns__lists_of_labels_in_json(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"id": 1, "text": "a text", "labels": ["a", "b"]}\n{"id": 2, "text": "b", "labels": []}\n'
    )
    raw = read_table(path)
    assert guess_columns(raw).delimiter == LIST
    found = prepare(raw, Plan("t", guess_columns(raw)))
    assert loaded(found).classes == ("[]", '["a", "b"]')
