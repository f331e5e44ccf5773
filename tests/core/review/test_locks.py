from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from core.dataset import Dataset
from core.errors import InputError
from core.review.locks import in_words, lock_event, locked_rows, locked_splits
from core.splits import splits_of
from tests.conftest import make_dataset


@pytest.fixture
def split() -> Dataset:
    dataset = make_dataset([0] * 5)
    names = pd.array(["train", "train", "test", "dev", None], dtype="str")
    table = dataset.table.assign(split=names)
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def test_locked_rows__every_held_out_row_until_somebody_says_otherwise(split: Dataset) -> None:
    splits = splits_of(split)
    assert splits is not None
    assert locked_splits([], splits) == {"test", "dev"}
    assert locked_rows(split, []).tolist() == [False, False, True, True, False]
    event = lock_event("pets", "eve", ["train"], splits)
    assert locked_rows(split, [event]).tolist() == [True, True, False, False, False]
    none = lock_event("pets", "eve", [], splits)
    assert not locked_rows(split, [event, none]).any()
    assert (in_words(event), in_words(none)) == ("locked splits: train", "no split is locked")


def test_locked_rows__without_splits_nothing_is(pets: Dataset) -> None:
    assert not locked_rows(pets, []).any()


def test_lock_event__refuses_what_is_no_split(split: Dataset) -> None:
    splits = splits_of(split)
    assert splits is not None
    with pytest.raises(InputError, match="there is no split 'valid'"):
        lock_event("pets", "eve", ["valid"], splits)
