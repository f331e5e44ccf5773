from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evidence.gate import Word, checks_if_all_right, retry_alpha, spot_check


def check(batch: int, wrong: int, rng: np.random.Generator, promise: float = 0.05) -> Word:
    answers = np.zeros(batch, dtype=bool)
    answers[:wrong] = True
    return spot_check(batch, rng.permutation(answers).tolist(), promise).word


@pytest.mark.parametrize(("batch", "promise", "rows"), [(1000, 0.05, 68), (1000, 0.02, 158), (200, 0.05, 55)])
def test_spot_check__of_right_fixes_accepts_at_the_published_row(
    batch: int, promise: float, rows: int
) -> None:
    found = spot_check(batch, [False] * batch, promise)
    assert (found.word, found.rows, found.wrong) == (Word.ACCEPT, rows, 0)
    assert checks_if_all_right(batch, promise) == rows
    assert spot_check(batch, [False] * (rows - 1), promise).word is Word.OPEN


def test_spot_check__refuses_where_the_first_two_are_wrong() -> None:
    found = spot_check(1000, [True, True, False, False])
    assert (found.word, found.rows, found.wrong) == (Word.REFUSE, 2, 2)


@pytest.mark.parametrize("batch", [60, 200, 1000, 5000])
def test_spot_check__accepts_the_mildest_bad_batch_at_most_as_often_as_promised(batch: int) -> None:
    rng, runs, bad = np.random.default_rng(batch), 400, int(0.05 * batch) + 1
    accepted = sum(check(batch, bad, rng) is Word.ACCEPT for _ in range(runs))
    assert accepted / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_spot_check__accepts_nearly_every_good_batch_and_refuses_nearly_every_very_bad_one() -> None:
    rng = np.random.default_rng(0)
    assert sum(check(1000, 12, rng) is Word.ACCEPT for _ in range(100)) >= 97
    assert sum(check(1000, 300, rng) is Word.REFUSE for _ in range(100)) == 100


def test_spot_check__of_which_right_rows_leave_accepts_a_bad_rest_at_most_as_often_as_promised() -> None:
    rng, runs, accepted = np.random.default_rng(5), 400, 0
    for _ in range(runs):
        stream: list[bool | None] = [True] * 11 + [False] * 189 + [None] * 100  # 11 of 200 is over 5%
        stream = [stream[i] for i in rng.permutation(300)]
        accepted += spot_check(300, stream).word is Word.ACCEPT
    assert accepted / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_spot_check__of_rows_that_have_left_is_about_the_others() -> None:
    found = spot_check(1000, [*[None] * 800, *[False] * 200])
    assert (found.word, found.rows, found.batch) == (Word.ACCEPT, checks_if_all_right(200), 200)
    assert spot_check(3, [False, None, None]).word is Word.ACCEPT  # every row that is left is read
    assert spot_check(3, [True, None, None]).word is Word.REFUSE
    nothing = spot_check(2, [None, None])
    assert (nothing.word, nothing.rows, nothing.batch) == (Word.UNDECIDED, 0, 0)


@given(st.integers(1, 80), st.data())
def test_spot_check__of_a_whole_batch_never_accepts_a_broken_promise(batch: int, data: st.DataObject) -> None:
    answers = data.draw(st.lists(st.booleans(), min_size=batch, max_size=batch))
    found = spot_check(batch, answers, 0.1)
    assert 0 <= found.rows <= found.most <= batch and found.wrong == sum(answers[: found.rows])
    # What was checked is known: with every row read, too many wrong fixes are refused for certain.
    # And with too few unread to break the promise it is kept for certain.
    if found.rows == batch:
        broken = sum(answers) > int(0.1 * batch + 1e-9)
        assert found.word is (Word.REFUSE if broken else Word.ACCEPT)


def test_spot_check__of_a_small_batch_ends_where_the_rest_cannot_break_the_promise() -> None:
    found = spot_check(20, [True] + [False] * 19, 0.1)  # 3 would break it, 1 is wrong, 1 is unread
    assert (found.word, found.rows, found.wrong) == (Word.ACCEPT, 19, 1)
    assert spot_check(20, [True] + [False] * 17, 0.1).word is Word.OPEN


def test_spot_check__refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="0 rows"):
        spot_check(0, [])
    with pytest.raises(ValueError, match="promise"):
        spot_check(10, [], promise=1.0)


def test_spot_check__with_no_wrong_fix_allowed_reads_until_it_is_sure() -> None:
    assert spot_check(20, [False] * 20, promise=0.0).word is Word.ACCEPT
    assert spot_check(20, [False] * 5 + [True], promise=0.0).word is Word.REFUSE


def test_retry_alpha__halves_with_every_try() -> None:
    assert [retry_alpha(n) for n in range(3)] == [0.05, 0.025, 0.0125]
