from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dataset import Columns, Dataset
from core.methods import duplicates
from core.methods.duplicates import (
    Matches,
    alike_texts,
    close_neighbours,
    close_within,
    first_copies,
    group,
    normalised,
)
from core.methods.neighbours import nearest
from core.progress import Progress
from tests.conftest import make_dataset


def texts(*cells: str | None) -> Dataset:
    dataset = make_dataset([0] * len(cells))
    return replace(dataset, table=dataset.table.assign(text=pd.array(cells, dtype="str")))


def copies(dataset: Dataset) -> list[int]:
    return first_copies(dataset, Progress()).tolist()


def test_first_copies__text_but_for_case_width_and_space() -> None:
    assert copies(texts("Hi  there", "hi there ", "Hi, there", "ｈｉ there", "Straße", "STRASSE")) == [
        0,
        0,
        2,
        0,
        4,
        4,
    ]


def test_first_copies__empty_text_copies_nothing() -> None:
    assert copies(texts("", " ", "a", "", None)) == [0, 1, 2, 3, 4]


def test_first_copies__images_by_their_bytes() -> None:
    dataset = make_dataset([0] * 5)
    columns = Columns(content=("text",), kind="image")
    hashes = np.array(["x", "", "y", "x", ""])
    assert copies(replace(dataset, columns=columns, media_hash=hashes)) == [0, 1, 2, 0, 4]


def test_first_copies__images_without_digests_by_their_path() -> None:
    dataset = replace(texts("A.png", "a.png", "A.png"), columns=Columns(content=("text",), kind="image"))
    assert copies(dataset) == [0, 1, 0]


def test_first_copies__tabular_by_all_values() -> None:
    dataset = make_dataset([0] * 5)
    table = dataset.table.assign(a=[1.5, 1.5, None, None, None], b=["x", "y", "x", "x", None])
    columns = Columns(content=("a", "b"), kind="tabular")
    assert copies(replace(dataset, table=table, columns=columns)) == [0, 1, 2, 2, 4]


def alike(cells: list[str], threshold: float = 0.8) -> dict[tuple[int, int], float]:
    found = alike_texts(cells, np.arange(len(cells)), threshold, Progress())
    return {(o, r): d for o, r, d in zip(found.others, found.rows, found.distance, strict=True)}


def test_alike_texts__distance_is_one_minus_jaccard() -> None:
    # "abcdefghij" has 6 pieces of 5 letters; the other text has these and one more: 6 of 7 shared.
    assert alike(["abcdefghij", "abcdefghijk", "zyxwvutsrq"]) == {(0, 1): pytest.approx(1 / 7)}


def test_alike_texts__punctuation_does_not_count_and_short_texts_are_left_out() -> None:
    assert alike(["Top-up failed!", "top up failed", "yes", "yes."]) == {(0, 1): 0}


def test_alike_texts__nothing_to_compare() -> None:
    assert alike([]) == alike(["one"]) == alike(["only one text"]) == {}


@pytest.mark.parametrize("letters", [60, 200])
def test_alike_texts__finds_what_brute_force_finds(letters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(letters)
    alphabet = np.array(list("abcdefghijklmnopqrstuvwxyz é漢"))
    cells = ["".join(rng.choice(alphabet, letters)) for _ in range(80)]
    for i in range(80):  # a few letters changed
        cell = list(cells[i])
        for at in rng.integers(0, letters, 1 + i % (letters // 60)):
            cell[at] = "q"
        cells.append("".join(cell))
    monkeypatch.setattr(duplicates, "_CHARACTERS", 1000)
    words = [duplicates._words(cell) for cell in cells]
    similarity = {(i, j): duplicates._jaccard(words[i], words[j]) for i, j in combinations(range(160), 2)}
    expected = {pair: pytest.approx(1 - s) for pair, s in similarity.items() if s >= 0.8}
    assert len(expected) > 40
    assert alike(cells) == expected


def test_alike_texts__long_run_of_alike_texts_is_found_whole() -> None:
    cells = [
        "the quick brown fox jumps over the lazy dog number " + chr(97 + i % 26) * (1 + i // 26)
        for i in range(60)
    ]
    found = alike(cells)
    rows = group(np.arange(60), [as_matches(found)])
    assert len(np.unique(rows.group[rows.group >= 0])) == 1 and (rows.group >= 0).all()


def as_matches(pairs: dict[tuple[int, int], float]) -> Matches:
    others, rows = np.array(list(pairs)).reshape(-1, 2).T
    return Matches(rows, others, np.array(list(pairs.values()), dtype=float))


def pairs_of(found: Matches) -> set[tuple[int, int]]:
    assert (found.others < found.rows).all()
    return set(zip(found.others.tolist(), found.rows.tolist(), strict=True))


def close(embeddings: np.ndarray, k: int = 30, rows: np.ndarray | None = None) -> Matches:
    everyone = np.arange(len(embeddings))
    near, distances = nearest(embeddings, everyone, max(1, min(k, len(embeddings) - 1)))
    chosen = everyone if rows is None else rows
    return close_neighbours(near, distances, embeddings, chosen, 0.13, Progress())


def planted(n: int, seed: int, noise: float = 0.01) -> np.ndarray:
    """n rows of which the last 20 are nearly the first 20."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(n, 16)).astype(np.float32)
    embeddings[-20:] = embeddings[:20] * 3 + rng.normal(0, noise, (20, 16))
    return embeddings


def test_close_neighbours__planted_pairs_and_nothing_else() -> None:
    assert pairs_of(close(planted(500, 0))) == {(i, 480 + i) for i in range(20)}


def test_close_neighbours__distance_is_that_of_the_pair() -> None:
    embeddings = planted(500, 0, 0.1)
    found = close(embeddings)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    expected = 1 - (unit[found.rows] * unit[found.others]).sum(axis=1)
    assert len(found) >= 20
    np.testing.assert_allclose(found.distance, expected, atol=1e-6)


def test_close_neighbours__more_alike_rows_than_nearest_rows() -> None:
    embeddings = planted(500, 2)
    embeddings[100:180] = embeddings[100] + np.random.default_rng(0).normal(0, 0.001, (80, 16))
    rows = group(np.arange(500), [close(embeddings)])
    assert (rows.group[100:180] == 100).all()  # one group, though no list holds more than 30


def test_close_neighbours__rows_left_out_match_nothing() -> None:
    embeddings = planted(500, 0)
    kept = np.arange(10, 490)
    assert pairs_of(close(embeddings, rows=kept)) == {(i, 480 + i) for i in range(10)} - {
        pair for pair in {(i, 480 + i) for i in range(10)} if not set(pair) <= set(kept.tolist())
    }


def test_close_neighbours__too_few_rows() -> None:
    assert pairs_of(close(np.ones((1, 3)))) == set()
    assert pairs_of(close(np.ones((3, 3)), rows=np.array([1]))) == set()


def test_close_neighbours__all_equal() -> None:
    assert {(0, i) for i in range(1, 9)} <= pairs_of(close(np.ones((9, 3))))


def test_close_within__near_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(3000, 16)).astype(np.float32)
    embeddings[2900:] = embeddings[:100] + rng.normal(0, 0.01, (100, 16))
    monkeypatch.setattr(duplicates, "EXACT_ROWS", 1000)
    found = pairs_of(close_within(embeddings, np.arange(3000), 0.01, Progress()))
    expected = {(i, 2900 + i) for i in range(100)}
    assert found <= expected and len(found) >= 98


def test_close_within__very_many_alike_rows_are_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "EXACT_ROWS", 1000)
    monkeypatch.setattr(duplicates, "_LARGEST_CELL", 500)
    found = close_within(np.ones((4000, 2)), np.arange(4000), 1e-6, Progress())
    rows = group(np.arange(4000), [found])
    assert (rows.group >= 0).all() and len(np.unique(rows.group)) == 8
    assert len(found) < 4 * 4000


def test_group__does_not_chain() -> None:
    # 0-1, 1-2, 2-3 are alike: 1 joins 0; 2 matches no leader and leads 3.
    found = group(np.arange(5), [as_matches({(0, 1): 0.1, (1, 2): 0.05, (2, 3): 0.2})])
    assert found.group.tolist() == [0, 0, 2, 2, -1]
    assert found.other.tolist() == [1, 2, 1, 2, -1]
    np.testing.assert_allclose(found.distance, [0.1, 0.05, 0.05, 0.2, np.inf])


def test_group__a_row_that_matches_only_a_follower_is_not_left_alone() -> None:
    found = group(np.arange(3), [as_matches({(0, 1): 0.1, (1, 2): 0.1})])
    assert found.group.tolist() == [0, 0, 0]


def test_group__copies_follow_their_first_row() -> None:
    # 3 is a copy of 1, which is alike to 0.
    found = group(np.array([0, 1, 2, 1]), [as_matches({(0, 1): 0.1})])
    assert found.group.tolist() == [0, 0, -1, 0]
    assert found.other.tolist() == [1, 3, -1, 1]
    assert found.distance.tolist() == [0.1, 0, np.inf, 0]
    assert found.source.tolist() == [0, 1, -1, 1]


@given(
    st.integers(2, 40),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39), st.floats(0, 1)), max_size=80),
)
@settings(max_examples=100, deadline=None)
def test_group__every_match_is_grouped_and_reaches_its_first_row_in_two_steps(
    n: int, edges: list[tuple[int, int, float]]
) -> None:
    pairs = {(min(a, b), max(a, b)): d for a, b, d in edges if a != b and max(a, b) < n}
    found = group(np.arange(n), [as_matches(pairs)])
    touched = {row for pair in pairs for row in pair}
    assert set(np.flatnonzero(found.group >= 0)) == touched
    assert set(np.flatnonzero(found.other >= 0)) == touched
    sizes = np.bincount(found.group[found.group >= 0], minlength=n)
    alike_to = {row: {b if a == row else a for a, b in pairs if row in (a, b)} for row in touched}
    for row in touched:
        first = int(found.group[row])
        assert sizes[first] >= 2 and found.group[first] == first
        assert int(found.other[row]) in alike_to[row]
        assert row == first or first in alike_to[row] or any(first in alike_to[m] for m in alike_to[row])


@pytest.mark.parametrize(("text", "expected"), [(" A\tb\n", "a b"), ("ＡＢ", "ab"), ("", ""), ("É", "é")])
def test_normalised(text: str, expected: str) -> None:
    assert normalised(text) == expected
