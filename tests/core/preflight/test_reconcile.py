from __future__ import annotations

import pandas as pd
import pytest

from core.errors import InputError
from core.preflight.labels import ClassList, GivenLabels, read_given
from core.preflight.reconcile import Where, merge_spellings, reconcile

WHERE = Where("t.csv", "label", "p.npy")


def labels(*values: str) -> GivenLabels:
    return read_given(pd.Series(values, dtype="str", name="label"), "t.csv")[0]


def listed(*pairs: tuple[str, str], firm: bool = True) -> ClassList:
    tokens, names = zip(*pairs, strict=True)
    return ClassList(tokens, names, "classes.csv", firm)


def test_reconcile__names_in_sorted_order_is_said() -> None:
    found = reconcile(labels("dog", "cat", "", "Dog"), WHERE, width=3)
    assert found.names == found.tokens == ("Dog", "cat", "dog")
    assert found.labels.tolist() == [2, 1, -1, 0] and found.columns == (0, 1, 2)
    assert found.problems[0].severity == "notice" and "sorted order" in found.problems[0].found


@pytest.mark.parametrize("width", [1, 3])
def test_reconcile__names_and_another_number_of_columns(width: int) -> None:
    with pytest.raises(InputError, match=rf"p\.npy: {width} columns, but the data has 2 .*--classes"):
        reconcile(labels("dog", "cat"), WHERE, width=width)


def test_reconcile__spellings_are_offered_where_merging_fits() -> None:
    with pytest.raises(InputError, match="or merge the spellings"):
        reconcile(labels("dog", "cat", "Dog"), WHERE, width=2)


def test_reconcile__integers_are_column_numbers() -> None:
    found = reconcile(labels("2", "0", "2"), WHERE, width=4)
    assert found.names == found.tokens == ("0", "1", "2", "3")
    assert found.labels.tolist() == [2, 0, 2]
    assert [p.severity for p in found.problems] == ["notice"]


def test_reconcile__whole_floats_are_integers() -> None:
    found = reconcile(labels("2.0", "0.0", "1.0"), WHERE, width=4)
    assert found.names == ("0", "1", "2", "3")
    assert found.tokens == ("0.0", "1.0", "2.0", "3.0")
    assert found.labels.tolist() == [2, 0, 1]


def test_reconcile__integers_from_1_warn() -> None:
    found = reconcile(labels("1", "3", "2"), WHERE, width=3)
    assert found.names == ("1", "2", "3") and found.labels.tolist() == [0, 2, 1]
    (problem,) = found.problems
    assert problem.severity == "warning"
    assert "0 never occurs and 3 is out of range" in problem.found


def test_reconcile__integers_beyond_the_columns() -> None:
    with pytest.raises(InputError, match="2 integers from 0 to 7, but there are 3 columns"):
        reconcile(labels("0", "7"), WHERE, width=3)


def test_reconcile__integers_without_probabilities_sort_as_numbers() -> None:
    found = reconcile(labels("10", "9", "-1"), WHERE)
    assert found.names == ("-1", "9", "10") and found.labels.tolist() == [2, 1, 0]
    assert found.columns is None and found.problems == ()


def test_reconcile__numbers_and_names_mixed() -> None:
    with pytest.raises(InputError) as caught:
        reconcile(labels("cat", "1", "dog", "2", "cat"), WHERE)
    (problem,) = caught.value.problems
    assert (problem.row, problem.count) == (2, 2)


def test_reconcile__no_label_at_all() -> None:
    with pytest.raises(InputError, match="no row has a label"):
        reconcile(labels("", ""), WHERE, width=2)


@pytest.mark.parametrize(
    "columns",
    [("dog", "cat"), ("p_dog", "p_cat"), ("prob_dog", "prob_cat"), ("pred_prob_dog", "pred_prob_cat"),
     ("dog_prob", "cat_prob"), ("P(x).dog", "dog", "cat"), ("p_dog", "confidence", "p_cat")],
)  # fmt: skip
def test_reconcile__columns_by_name(columns: tuple[str, ...]) -> None:
    found = reconcile(
        labels("cat", "dog"), WHERE, listed(("cat", "cat"), ("dog", "dog")), columns, len(columns)
    )
    assert found.columns is not None
    assert ["cat" in columns[c] for c in found.columns] == [True, False]
    assert found.labels.tolist() == [0, 1]


def test_reconcile__columns_name_the_classes() -> None:
    found = reconcile(labels("cat", "dog"), WHERE, None, ("p_dog", "confidence", "p_eel", "p_cat"), 4)
    assert found.names == ("dog", "eel", "cat")
    assert found.columns == (0, 2, 3) and found.labels.tolist() == [2, 0]


def test_reconcile__known_extra_columns_are_no_classes() -> None:
    found = reconcile(labels("cat", "dog"), WHERE, None, ("dog", "cat", "confidence"), 3)
    assert found.names == ("dog", "cat") and found.columns == (0, 1)


def test_reconcile__numbered_columns() -> None:
    for columns in (("0", "1", "2"), ("p_0", "p_1", "p_2"), ("class_0", "class_1", "class_2")):
        found = reconcile(labels("2", "0"), WHERE, None, columns, 3)
        assert found.names == ("0", "1", "2") and found.labels.tolist() == [2, 0], columns


def test_reconcile__numbered_columns_and_names_fall_back_to_sorted_order() -> None:
    found = reconcile(labels("dog", "cat"), WHERE, None, ("p_0", "p_1"), 2)
    assert found.names == ("cat", "dog") and "sorted order" in found.problems[0].found


def test_reconcile__integers_and_named_columns() -> None:
    found = reconcile(labels("1", "0"), WHERE, None, ("p_cat", "p_dog"), 2)
    assert (found.names, found.tokens) == (("cat", "dog"), ("0", "1"))
    assert found.labels.tolist() == [1, 0]


def test_reconcile__column_missing() -> None:
    with pytest.raises(InputError, match="no column for the class 'dog'"):
        reconcile(labels("cat", "dog"), WHERE, None, ("cat", "cow"), 2)
    with pytest.raises(InputError, match="are not named as the classes"):
        reconcile(labels("cat"), WHERE, listed(("cat", "cat"), ("dog", "dog")), ("cat", "cow"), 2)


@pytest.mark.parametrize("written", [("1", "0"), ("1.0", "0.0"), ("dog", "cat")])
def test_reconcile__list_by_token_number_or_name(written: tuple[str, str]) -> None:
    found = reconcile(labels(*written), WHERE, listed(("0", "cat"), ("1", "dog"), ("2", "eel")), None, 3)
    assert found.names == ("cat", "dog", "eel") and found.labels.tolist() == [1, 0]
    assert found.tokens[:2] == (written[1], written[0]) and found.columns == (0, 1, 2)


def test_reconcile__list_of_names_and_positions_as_labels() -> None:
    found = reconcile(labels("1", "0"), WHERE, listed(("cat", "cat"), ("dog", "dog")))
    assert (found.names, found.tokens, found.labels.tolist()) == (("cat", "dog"), ("0", "1"), [1, 0])


def test_reconcile__list_of_another_length_than_the_columns() -> None:
    with pytest.raises(InputError, match="3 columns, but the class list has 2 classes"):
        reconcile(labels("cat"), WHERE, listed(("cat", "cat"), ("dog", "dog")), None, 3)


def test_reconcile__unknown_classes_are_named_with_rows() -> None:
    with pytest.raises(InputError) as caught:
        reconcile(labels("cat", "cow", "cow", "Cat"), WHERE, listed(("cat", "cat"), ("dog", "dog")))
    assert [(p.found, p.row, p.count) for p in caught.value.problems] == [
        ("the label 'cow' is not in the class list", 2, 2),
        ("the label 'Cat' is not in the class list", 4, 1),
    ]


def test_reconcile__many_unknown_classes_are_counted() -> None:
    with pytest.raises(InputError) as caught:
        reconcile(labels(*(f"x{i}" for i in range(15))), WHERE, listed(("cat", "cat")))
    assert len(caught.value.problems) == 11
    assert (caught.value.problems[-1].found, caught.value.problems[-1].count) == (
        "5 more labels are not in the class list",
        5,
    )


def test_reconcile__several_labels_in_a_cell() -> None:
    with pytest.raises(InputError, match=r"several labels in one cell, such as 'cat\|dog'") as caught:
        reconcile(labels("cat", "cat|dog", "dog|cat"), WHERE, listed(("cat", "cat"), ("dog", "dog")))
    assert caught.value.problems[0].count == 2


def test_reconcile__list_that_came_with_the_data_keeps_unused_classes() -> None:
    soft = listed(("b", "b"), ("never", "never"), ("a", "a"), firm=False)
    assert reconcile(labels("a", "b"), WHERE, soft, None, 3).names == ("b", "never", "a")
    assert reconcile(labels("a", "b"), WHERE, soft, None, 2).names == ("b", "a")
    found = reconcile(labels("a", "b"), WHERE, soft, ("p_a", "p_b"), 2)
    assert found.names == ("b", "a") and found.columns == (1, 0)


def test_merge_spellings__said_not_done() -> None:
    given = labels("cat", "Cat ", "dog", "cat")
    merged, (problem,) = merge_spellings(given, WHERE, merge=False)
    assert merged is given
    assert (problem.severity, problem.row, problem.count) == ("notice", 2, 1)
    assert "'cat' = 'Cat '" in problem.found and problem.mend


def test_merge_spellings__most_frequent_spelling_stands_for_all() -> None:
    merged, (problem,) = merge_spellings(labels("Cat ", "cat", "dog", "cat", ""), WHERE, merge=True)
    assert merged.values == ("cat", "dog")
    assert merged.codes.tolist() == [0, 0, 1, 0, -1]
    assert merged.counts.tolist() == [3, 1] and merged.first.tolist() == [0, 2]
    assert "read as one" in problem.found


def test_merge_spellings__nothing_to_say() -> None:
    given = labels("cat", "dog")
    assert merge_spellings(given, WHERE, merge=True) == (given, [])
