from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.methods import identity
from core.methods.identity import LEAST_ROWS, Levels, clean, cosines, nearest_class, split_means
from core.progress import Cancelled, Progress
from tests.core.methods.identities import planted

NO_ROWS = np.empty((0, 3), dtype=np.float32)


def near(at: list[int], size: int = 3) -> np.ndarray:
    """Rows that each are one of `size` orthogonal directions."""
    return np.eye(size, dtype=np.float32)[at]


def test_clean__finds_all_that_was_planted() -> None:
    """METHODS.md A2: 200 people of 20 rows, 25% wrong, 15 of them in two folders."""
    people = planted()
    found = clean(people.embeddings, people.labels, 215, Levels())
    assert (~found.kept)[people.wrong].mean() >= 0.95
    assert found.kept[~people.wrong].mean() >= 0.98
    assert (found.into[people.split[:, 0]] == found.into[people.split[:, 1]]).all()
    assert (found.into != np.arange(215)).sum() == 15
    assert found.settled and len(found.rounds) <= 5
    assert [line.classes for line in found.rounds] == [215, 200]
    assert found.rounds[-1].cosine == pytest.approx(0.61, abs=0.01)
    kept = found.kept
    assert (people.truth[kept] == people.truth[kept.argmax()]).sum() > 0
    assert all(len(set(people.truth[kept & (found.labels == c)])) == 1 for c in np.unique(found.labels))


def test_clean__the_cliff_is_where_the_sheet_has_it() -> None:
    """The share of good rows kept falls from all to less than half while their cosine falls by 0.1."""
    shares, middles = [], []
    for cosine in (0.61, 0.5, 0.41):
        people = planted(cosine)
        found = clean(people.embeddings, people.labels, 215, Levels())
        shares.append(float(found.kept[~people.wrong].mean()))
        middles.append(cosines(people.embeddings, people.labels).middle)
    assert shares[0] == 1 and shares[1] > 0.98 and shares[2] < 0.5
    assert middles[0] > 0.5 > middles[2]  # at the level of eps: what the check stops by


def test_clean__a_clean_set_is_a_fixed_point() -> None:
    people = planted(splits=0, wrong=0)
    found = clean(people.embeddings, people.labels, 200, Levels())
    assert found.kept.all() and (found.labels == people.labels).all() and not len(found.ambiguous)
    assert len(found.rounds) == 1 and found.settled
    dirty = planted()
    first = clean(dirty.embeddings, dirty.labels, 215, Levels())
    labels = np.where(first.kept, first.labels, -1)
    again = clean(dirty.embeddings, labels, 215, Levels())
    assert again.kept.all() and (again.labels == labels).all() and len(again.rounds) == 1


def test_clean__ambiguous_pairs_wait_for_a_person() -> None:
    """Two classes whose means have a cosine of 0.6."""
    one, two = np.array([1.0, 0, 0]), np.array([0.6, 0.8, 0])
    rows = np.stack([one] * 4 + [two] * 3 + [np.array([0, 0, 1.0])] * 3).astype(np.float32)
    labels = np.array([0] * 4 + [1] * 3 + [2] * 3)
    found = clean(rows, labels, 3, Levels())
    assert found.kept.all() and (found.labels == labels).all()
    assert found.ambiguous.tolist() == [[0, 1]] and found.likeness == pytest.approx([0.6])
    merged = clean(rows, labels, 3, Levels(merge=0.55))
    assert merged.labels.tolist() == [0] * 7 + [2] * 3 and not len(merged.ambiguous)
    assert merged.cosine[1] == pytest.approx(0.6) and np.isnan(merged.cosine[0])


def test_clean__classes_do_not_chain() -> None:
    """Each is like the next; the mean of the last two is unlike the first."""
    turn = np.deg2rad([0, 40, 75])
    rows = np.repeat(np.stack([np.cos(turn), np.sin(turn)], axis=1), 3, axis=0).astype(np.float32)
    found = clean(rows, np.repeat([0, 1, 2], 3), 3, Levels(merge=0.7))
    assert len(np.unique(found.labels)) == 2
    assert found.ambiguous.tolist() == [[0, 1]]
    assert found.likeness == pytest.approx([np.cos(np.deg2rad(57.5))])


@pytest.mark.parametrize(
    ("rows", "labels"), [(NO_ROWS, []), (near([0]), [0]), (near([0, 1]), [0, 0]), (near([0, 1]), [-1, -1])]
)
def test_clean__too_little_to_say_anything(rows: np.ndarray, labels: list[int]) -> None:
    found = clean(rows, np.array(labels, dtype=np.int64), 1, Levels())
    assert found.kept.all() and not len(found.ambiguous) and found.settled
    said = cosines(rows, np.array(labels, dtype=np.int64))
    assert said.cross.sum() == 0


def test_clean__of_a_class_without_two_alike_rows_none_is_kept() -> None:
    assert not clean(near([0, 1, 2]), np.zeros(3, dtype=np.int64), 1, Levels()).kept.any()


def test_clean__names_the_copies_that_it_keeps() -> None:
    found = clean(near([0, 0, 0, 1]), np.zeros(4, dtype=np.int64), 1, Levels())
    assert found.kept.tolist() == [True, True, True, False]
    assert found.copies.tolist() == [False, True, True, False]


def test_clean__a_large_class_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    people = planted(people=6, each=40, splits=1)
    whole = clean(people.embeddings, people.labels, 7, Levels())
    monkeypatch.setattr(identity, "_DENSE", 7)
    blocks = clean(people.embeddings, people.labels, 7, Levels())
    assert (whole.kept == blocks.kept).all() and (whole.copies == blocks.copies).all()
    assert (whole.labels == blocks.labels).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=25))
def test_clean__the_largest_group_as_counted_by_hand(rows: list[tuple[int, int]]) -> None:
    """Orthogonal directions hang together only with themselves."""
    labels = np.array([label for label, _ in rows])
    at = np.array([direction for _, direction in rows])
    found = clean(near(at.tolist(), 5), labels, 4, Levels(merge=1.0))
    for code in range(4):
        here = labels == code
        counts = np.bincount(at[here], minlength=5)
        if here.sum() < LEAST_ROWS:
            assert found.kept[here].all()
        elif counts.max() < 2:
            assert not found.kept[here].any()
        else:
            assert found.kept[here].sum() == counts.max()
            assert len(set(at[here & found.kept])) == 1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=5)
def test_clean__does_not_hang_on_the_order_of_rows(seed: int) -> None:
    people = planted(people=20, splits=3)
    order = np.random.default_rng(seed).permutation(len(people.labels))
    straight = clean(people.embeddings, people.labels, 23, Levels())
    moved = clean(people.embeddings[order], people.labels[order], 23, Levels())
    assert (moved.kept == straight.kept[order]).all() and (moved.labels == straight.labels[order]).all()


def test_cosines__of_one_class_and_of_two() -> None:
    people = planted(0.7, wrong=0, splits=0)
    found = cosines(people.embeddings, people.labels)
    assert found.middle == pytest.approx(0.7, abs=0.02) and 0 < found.far < 0.25
    assert found.same.sum() == found.pairs and 0.98 * found.pairs < found.cross.sum() <= found.pairs
    middles = (identity.BINS[:-1] + identity.BINS[1:]) / 2
    assert (middles * found.same).sum() / found.same.sum() == pytest.approx(0.7, abs=0.01)
    assert (middles * found.cross).sum() / found.cross.sum() == pytest.approx(0, abs=0.01)


def test_cosines__a_third_of_the_labels_wrong_does_not_move_the_median_much() -> None:
    people = planted(0.7, splits=0, wrong=0.33)
    assert cosines(people.embeddings, people.labels).middle > 0.6


def test_nearest_class__is_another_than_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_MEANS_AT_ONCE", 1)
    means = np.concatenate([near([0, 1]), np.zeros((1, 3), dtype=np.float32), near([2])])
    rows = np.array([[1, 0.5, 0], [0, 0.1, 1], [0, 1, 0]], dtype=np.float32)
    found, cosine = nearest_class(rows, np.arange(3), means, np.array([0, 0, 3]), Progress())
    assert found.tolist() == [1, 3, 1]
    np.testing.assert_allclose(cosine, [0.5 / 1.25**0.5, 1 / 1.01**0.5, 1], rtol=1e-6)
    none, _ = nearest_class(rows, np.arange(3), np.zeros_like(means), np.zeros(3, dtype=int), Progress())
    assert none.tolist() == [-1, -1, -1]


def test_split_means__of_each_class_in_each_split() -> None:
    rows = near([0, 0, 1, 1, 2, 0])
    code, group, means = split_means(
        rows, np.array([0, 0, 0, 0, 0, -1]), np.array([0, 0, 1, 1, 2, 0]), Progress()
    )
    assert (code.tolist(), group.tolist()) == ([0, 0], [0, 1])
    np.testing.assert_allclose(means, near([0, 1]))


def test_clean__stops_when_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    people = planted(people=5, splits=0)
    for work in (cosines, lambda e, y, p: clean(e, y, 5, Levels(), p)):
        with pytest.raises(Cancelled):
            work(people.embeddings, people.labels, progress)
