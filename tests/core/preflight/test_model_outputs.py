"""What models say row by row, whatever they say, as probabilities or refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import Columns
from core.errors import InputError
from core.preflight.labels import ClassList
from core.preflight.model_outputs import Asked, of_output
from core.preflight.predicted_labels import place_of_classes
from core.preflight.prediction_files import align
from core.source import ModelOutput, Named

IDS = pd.Index(["a", "b", "c"], dtype="str")
NAMES = ("cat", "dog")


def asked(several: bool = False, listed: bool = True) -> Asked:
    columns = Columns(label="label", delimiter="|" if several else None)
    classes = ClassList(NAMES, NAMES) if listed else None
    return Asked(columns, pd.DataFrame(index=IDS), IDS, lambda: (NAMES, classes))


def output(*rows: list[list[Named]]) -> ModelOutput:
    return ModelOutput("m", "label", list(rows))


def cat(score: Any = None, whole: Any = None) -> list[list[Named]]:
    return [[("cat", score, whole)]]


def test_of_output__a_score_of_all_is_that_of_the_only_class_where_there_can_be_one() -> None:
    rows = output(cat(None, 0.75), [[("dog", 0.5, 0.75)]], cat(1))
    assert of_output(rows, "f", IDS, asked()).values.tolist() == [[0.75, 0.25], [0.5, 0.5], [1, 0]]
    rows = output(cat(None, 0.75), [[("dog", None, 0.75), ("cat", None, 0.75)]], [[]])
    assert of_output(rows, "f", IDS, asked(several=True)).values.tolist() == [[1, 0], [1, 1], [0, 0]]


def test_of_output__the_same_said_twice_counts_once() -> None:
    found = of_output(output(cat(0.75) * 2, cat(0.5), cat(1)), "f", IDS, asked())
    assert found.values.tolist() == [[0.75, 0.25], [0.5, 0.5], [1, 0]]


def test_of_output__a_class_that_the_data_never_use() -> None:
    rows = output(cat(), [[("cow", None, None)]], cat())
    found = of_output(rows, "f", IDS, asked(listed=False))
    assert (found.names, found.values.tolist()) == (("cat", "cow", "dog"), [[1, 0, 0], [0, 1, 0], [1, 0, 0]])
    with pytest.raises(InputError, match="f, row 2, column label: the predicted label 'cow' is no class"):
        of_output(rows, "f", IDS, asked())


def test_of_output__rows_without_a_prediction_are_told_by_the_rows_of_the_data() -> None:
    rows = output(cat(0.5), [], cat(1))
    with pytest.raises(InputError, match="f, row 2: no prediction"):
        of_output(rows, "f", None, asked())
    found = of_output(rows, "f", IDS, asked())
    assert found.ids is not None and found.ids.tolist() == ["a", "c"]
    with pytest.raises(InputError, match="f, row 2: no row for the id 'b' of the data"):
        align(found, IDS)


def test_of_output__errors_name_the_record_also_behind_rows_without_a_prediction() -> None:
    with pytest.raises(InputError, match=r"f, row 3: a score of 0\.25 for the likeliest class"):
        of_output(output(cat(0.5), [], cat(0.25)), "f", IDS, asked())


def test_of_output__a_class_of_its_own_for_each_row_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.preflight.prediction_cells.MOST_VALUES", 14)
    assert of_output(output(cat(), cat(), cat()), "f", IDS, asked()).values.shape == (3, 2)
    rows = output(*([[(f"cat{i}", None, None), ("cat", None, None)]] for i in range(3)))
    with pytest.raises(InputError, match="f, column label: more than 14 numbers"):
        of_output(rows, "f", IDS, asked(several=True, listed=False))


def test_place_of_classes__names_before_tokens_before_positions() -> None:
    listed = ClassList(("c", "d"), ("cat", "dog"))
    assert place_of_classes(("dog", "c", "1", "cow"), ("c", "d"), listed) == (
        ("cat", "dog"),
        [1, 0, 1, -1],
        {"cow"},
    )
    assert place_of_classes(("x",), ("a",)) == (("a", "x"), [1], {"x"})


ODD = st.one_of(st.none(), st.booleans(), st.floats(), st.just(10**400), st.text(max_size=2), st.just([1]))
NAMED = st.tuples(
    st.one_of(st.sampled_from(["cat", "dog"]), ODD),
    st.one_of(st.floats(0, 1), ODD),
    st.one_of(st.floats(0, 1), ODD),
)
ROW = st.lists(st.lists(NAMED, max_size=3), max_size=2)


@given(st.tuples(ROW, ROW, ROW), st.booleans())
def test_of_output__whatever_is_said_is_read_or_refused_in_words(rows: tuple, several: bool) -> None:
    try:
        found = of_output(output(*rows), "f", IDS, asked(several))
    except InputError as error:
        assert all(
            p.row is not None and 1 <= p.row <= 3 and str(p).startswith("f, row") for p in error.problems
        )
        return
    assert found.names == NAMES and np.isfinite(found.values).all()


SAID = st.lists(st.tuples(st.sampled_from(["cat", "dog"]), st.floats(0.5, 1)), min_size=3, max_size=3)


@given(SAID, st.permutations([0, 1, 2]))
def test_of_output__by_id_the_order_of_records_does_not_matter(said: list, order: list[int]) -> None:
    def values(places: list[int]) -> list[list[float]]:
        rows = output(*([[(said[i][0], said[i][1], None)]] for i in places))
        return align(of_output(rows, "f", IDS[places], asked()), IDS)[0].tolist()

    assert values(order) == values([0, 1, 2])
