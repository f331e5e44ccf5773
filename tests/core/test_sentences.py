from __future__ import annotations

import numpy as np
import pandas as pd

from core.sentences import sentences_of

COLUMNS = ("sentence", "position", "token")
TABLE = pd.DataFrame(
    {"sentence": [2, 2, 5, 5, 5, 9], "position": [1, 2, 1, 2, 3, 1], "token": list("abcdef")}
)


def test_sentences_of__rows_in_order_stay_where_they_are() -> None:
    found = sentences_of(TABLE, COLUMNS)
    assert found.order.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.starts.tolist() == [0, 2, 5, 6] and len(found) == 3
    assert found.names.tolist() == [2, 5, 9] and found.codes.tolist() == [0, 0, 1, 1, 1, 2]
    assert [found.rows(row)[0].tolist() for row in range(6)] == [[0, 1]] * 2 + [[2, 3, 4]] * 3 + [[5]]
    assert [found.rows(row)[1] for row in range(6)] == [0, 1, 0, 1, 2, 0]


def test_sentences_of__rows_in_any_order_make_the_same_sentences() -> None:
    shuffled = TABLE.iloc[[4, 0, 5, 3, 1, 2]]
    found = sentences_of(shuffled, COLUMNS)
    tokens = shuffled["token"].to_numpy()
    said = ["".join(tokens[found.rows(row)[0]]) for row in range(6)]
    assert said == ["cde", "ab", "f", "cde", "ab", "cde"]
    assert [found.rows(row)[1] for row in range(6)] == [2, 0, 0, 1, 1, 0]


def test_sentences_of__no_row_and_positions_that_are_no_numbers() -> None:
    empty = sentences_of(TABLE.iloc[:0], COLUMNS)
    assert len(empty) == 0 and empty.whole(np.zeros(0, dtype=bool)).shape == (0,)
    odd = TABLE.assign(position=["x", "1", "2", "y", "1", "1"])
    assert sentences_of(odd, COLUMNS).order.tolist() == [1, 0, 4, 2, 3, 5]


def test_whole__every_row_of_a_touched_sentence() -> None:
    rows = np.zeros(6, dtype=bool)
    rows[3] = True
    assert sentences_of(TABLE, COLUMNS).whole(rows).tolist() == [False, False, True, True, True, False]
