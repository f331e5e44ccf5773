from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods import ngram_cover
from core.methods.ngram_cover import LENGTH, LONG, REPHRASED, cover, tokens
from core.progress import Cancelled, Progress


def words(first: int, stop: int) -> str:
    return " ".join(f"word{i}" for i in range(first, stop))


def oracle(asked: str, among: str, length: int) -> float:
    """The share of tokens in common runs, written as plainly as it can be."""
    a, b = tokens(asked), tokens(among)
    runs = {tuple(b[i : i + length]) for i in range(len(b) - length + 1)}
    places = [i for i in range(len(a) - length + 1) if tuple(a[i : i + length]) in runs]
    covered = {i + j for i in places for j in range(length)}
    return len(covered) / len(a) if a else 0.0


def texts_of_few_words(rng: np.random.Generator, count: int) -> list[str]:
    """Texts that copy stretches of each other, so that covers of all sizes are there."""
    stock = np.random.default_rng(99).integers(0, 6, 60)
    made = []
    for _ in range(count):
        pieces = [stock[s : s + rng.integers(1, 25)] for s in rng.integers(0, 50, rng.integers(0, 5))]
        noise = rng.integers(0, 6, rng.integers(0, 12))
        made.append(" ".join(f"w{i}" for piece in [*pieces, noise] for i in piece))
    return made


@pytest.mark.parametrize("length", [1, 3, LENGTH, LONG])
@pytest.mark.parametrize("turned", [False, True])
def test_cover__agrees_with_brute_force(length: int, turned: bool) -> None:
    rng = np.random.default_rng(length)
    asked, among = texts_of_few_words(rng, 20), texts_of_few_words(rng, 25)  # 500 pairs
    if turned:  # the index holds the other side
        asked = asked * 3
    found = cover(asked, among, length, least=0)
    expected = np.array([[oracle(a, b, length) for b in among] for a in asked])
    assert expected.max() > 0
    assert found.share.tolist() == expected.max(axis=1).tolist()
    first = np.where(expected.max(axis=1) > 0, expected.argmax(axis=1), -1)
    assert found.other.tolist() == first.tolist()
    pairs = {(int(a), int(b)): s for (a, b), s in zip(found.pairs, found.shares, strict=True)}
    assert pairs == {(a, b): expected[a, b] for a, b in zip(*np.nonzero(expected), strict=True)}
    assert found.left_out == 0


@given(st.lists(st.text(max_size=30), max_size=5), st.lists(st.text(max_size=30), max_size=5))
def test_cover__any_text(asked: list[str], among: list[str]) -> None:
    found = cover(asked, among, 2, least=0)
    expected = [max([oracle(a, b, 2) for b in among], default=0) for a in asked]
    assert found.share.tolist() == expected
    assert found.tokens.tolist() == [len(tokens(a)) for a in asked]


def test_cover__eleven_of_twenty_tokens_in_a_row() -> None:
    found = cover([words(0, 20)], ["before " + words(0, 11) + " after"])
    assert found.share.tolist() == [0.55]
    assert found.pairs.tolist() == [[0, 0]]


def test_cover__two_texts_of_six_tokens_each_cover_nothing() -> None:
    found = cover([words(0, 20)], [words(0, 6), words(6, 12)])
    assert (found.share.tolist(), found.other.tolist()) == ([0], [-1])


def test_cover__shares_of_two_texts_are_not_added() -> None:
    found = cover([words(0, 20)], [words(0, 9), words(9, 18)])
    assert (found.share.tolist(), found.other.tolist()) == ([0.45], [0])
    assert found.pairs.tolist() == []


def test_cover__a_text_that_repeats_itself_counts_each_token_once() -> None:
    assert cover([words(0, 9) + " x " + words(0, 9)], [words(0, 9)]).share.tolist() == [18 / 19]


def test_cover__verbatim_plants_are_all_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"word{i}" for i in range(2000)]
    among = [" ".join(rng.choice(vocabulary, 60)) for _ in range(2000)]
    asked = [" ".join(rng.choice(vocabulary, 40)) for _ in range(300)]
    planted = rng.choice(300, 30, replace=False)
    holders = rng.choice(2000, 30, replace=False)
    for row, holder in zip(planted.tolist(), holders.tolist(), strict=True):
        among[holder] = f"{among[holder]} {asked[row].upper()} {among[holder]}"
    found = cover(asked, among)
    assert sorted(np.flatnonzero(found.share > 0.5)) == sorted(planted)
    assert found.other[planted].tolist() == holders.tolist()


def test_cover__texts_of_the_same_code_are_apart() -> None:
    text = words(0, 10)
    found = cover([text, text], [text, text], apart=(np.array([1, 2]), np.array([1, 1])))
    assert found.other.tolist() == [-1, 0]
    assert found.pairs.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("asked", "among"),
    [([], []), (["a"], []), ([], ["a"]), ([""], [""]), (["a b"], ["a b"]), (["\ud800 " * 9], [""])],
)
def test_cover__nothing_to_cover(asked: list[str], among: list[str]) -> None:
    found = cover(asked, among)
    assert found.share.tolist() == [0] * len(asked)
    assert found.other.tolist() == [-1] * len(asked)


def test_cover__lone_surrogates_are_letters_like_others() -> None:
    assert cover(["\ud800 " * 9], ["\ud800 " * 9]).share.tolist() == [1]


def test_cover__runs_that_all_texts_share_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    same = words(0, 10)
    asked = [f"{same} {words(100 * i, 100 * i + 9)}" for i in range(1, 6)]
    among = asked + [same] * 200
    whole = cover(asked, among)
    assert whole.left_out == 0
    monkeypatch.setattr(ngram_cover, "_BUDGET", 200)
    less = cover(asked, among)
    assert less.left_out == 3  # the runs of `same`
    assert less.other.tolist() == whole.other.tolist() == [0, 1, 2, 3, 4]
    assert (less.share <= whole.share).all() and (less.share > 0).all()


def test_cover__blocks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    asked, among = texts_of_few_words(rng, 30), texts_of_few_words(rng, 30)
    whole = cover(asked, among, 3)
    monkeypatch.setattr(ngram_cover, "_BLOCK", 7)
    monkeypatch.setattr(ngram_cover, "_CHARACTERS", 50)
    parts = cover(asked, among, 3)
    assert whole.share.tolist() == parts.share.tolist()
    assert whole.pairs.tolist() == parts.pairs.tolist()


def test_cover__stops_when_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        cover(["a"], ["a"], progress=progress)


def test_tokens__operators_are_kept() -> None:
    assert tokens("If x>=2: Ｙ-1 ") == ["if", "x", ">", "=", "2", ":", "y", "-", "1"]


def test_cover__rephrased_code_is_its_blind_spot(shared_data: Path) -> None:
    """The sentence that the check shows says these numbers."""
    folder = shared_data / "contamination" / "rephrased"
    originals, rephrased = (
        [json.loads(line)["text"] for line in (folder / f"{name}.jsonl").open(encoding="utf-8")]
        for name in ("HumanEval", "humaneval_python")
    )
    own = np.arange(len(originals))
    paired = []
    for length in (LENGTH, LONG):
        found = cover(originals, rephrased, length, least=0)
        itself = found.pairs[:, 0] == found.pairs[:, 1]
        share = np.zeros(len(own))
        share[found.pairs[itself, 0]] = found.shares[itself]
        paired.append(int((share > (0.5 if length == LENGTH else 0)).sum()))
    assert (paired[0], paired[1], len(own)) == REPHRASED
    assert paired[0] == 0 and paired[1] < len(own) / 4
