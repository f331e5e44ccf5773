from __future__ import annotations

import pytest

from core.errors import InputError, Problem, refuse, some


def test_problem__names_file_row_column_and_mend() -> None:
    problem = Problem(
        "error",
        "1.7 is not a probability",
        file="probs.csv",
        row=1512,
        column="p_cat",
        expected="a number from 0 to 1",
        mend="export softmax values",
        count=3,
    )
    assert str(problem) == (
        "probs.csv, row 1,512, column p_cat: 1.7 is not a probability (3 rows). "
        "Expected: a number from 0 to 1. Mend: export softmax values."
    )


def test_problem__alone() -> None:
    assert str(Problem("notice", "the file is empty")) == "the file is empty."


def test_input_error__lists_every_problem() -> None:
    error = InputError(Problem("error", "a"), Problem("error", "b"))
    assert str(error) == "a.\nb."
    with pytest.raises(TypeError):
        InputError()


def test_refuse__is_an_error_to_raise() -> None:
    error = refuse("empty file", file="x.csv")
    assert error.problems == (Problem("error", "empty file", file="x.csv"),)


def test_some__says_how_many_more() -> None:
    assert some([]) == ""
    assert some(["a", "b"], 2) == "a, b"
    assert some([str(i) for i in range(1_503)], 3) == "0, 1, 2 and 1,500 more"
