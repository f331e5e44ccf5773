from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.multilabel import LIST, LabelSets, cell_tokens

MOODS = LabelSets(("joy", "love", "sad"), ("joy", "love", "sad"), "|")
CODED = LabelSets(("joy", "love", "sad"), ("7", "3", "12"), ", ")
LISTED = LabelSets(("joy", "fear, or worry", "café"), ("1", "2", "30"), LIST, may_be_empty=True, bare=True)


@pytest.mark.parametrize(
    ("sets", "members", "text", "cell"),
    [
        (MOODS, ["sad", "joy"], "joy|sad", "joy|sad"),
        (MOODS, ["love"], "love", "love"),
        (CODED, ["sad", "joy"], "joy, sad", "7, 12"),
        (LISTED, ["café", "joy"], '["joy", "café"]', "[1, 30]"),
        (LISTED, ["fear, or worry"], '["fear, or worry"]', "[2]"),
        (LISTED, [], "[]", "[]"),
    ],
)
def test_text__is_in_class_order_and_written_as_the_file_does(
    sets: LabelSets, members: list[str], text: str, cell: str
) -> None:
    assert sets.text(members) == text
    assert sets.cell(text) == cell
    assert sets.holds(text) and set(sets.members(text)) == set(members)


@pytest.mark.parametrize("text", ["", "sad|joy", "joy|joy", "joy | sad", "joy|", "joy|hate", "JOY", None])
def test_holds__canonical_texts_of_known_classes_only(text: str | None) -> None:
    assert not MOODS.holds(text)


@pytest.mark.parametrize(
    "text", ["", "null", "[", '["café", "joy"]', '["joy","café"]', "[1]", '["hate"]', "{}"]
)
def test_holds__lists_as_json_writes_them_only(text: str) -> None:
    assert not LISTED.holds(text)


def test_indicator__has_a_column_a_class() -> None:
    found = MOODS.indicator(["joy|sad", "love"])
    assert found.dtype == bool
    assert found.tolist() == [[True, False, True], [False, True, False]]
    assert MOODS.indicator([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("cell", "delimiter", "tokens"),
    [
        ("a|b", "|", ["a", "b"]),
        (" a ;b; ", ";", ["a", "b"]),
        ("a, b c,d", ", ", ["a", "b c", "d"]),
        ("a  b\tc", " ", ["a", "b", "c"]),
        ("||", "|", []),
        ('["a", "b|c"]', LIST, ["a", "b|c"]),
        ("[3, 14]", LIST, ["3", "14"]),
        ("[]", LIST, []),
        ("a", LIST, None),
        ('["a", 1]', LIST, None),
        ("[true]", LIST, None),
        ('[["a"]]', LIST, None),
        ('[" "]', LIST, None),
        ("[" * 100_000, LIST, None),
    ],
)
def test_cell_tokens__of_what_files_hold(cell: str, delimiter: str, tokens: list[str] | None) -> None:
    assert cell_tokens(cell, delimiter) == tokens


names = st.lists(
    st.text(
        st.characters(blacklist_characters="|", blacklist_categories=("Cs",)), min_size=1, max_size=6
    ).filter(lambda name: name == name.strip()),
    min_size=1,
    max_size=6,
    unique=True,
)


@given(names, st.sampled_from(["|", LIST]), st.data())
def test_text__any_set_comes_back(found: list[str], delimiter: str, data: st.DataObject) -> None:
    sets = LabelSets(tuple(found), tuple(found), delimiter, may_be_empty=delimiter == LIST)
    chosen = data.draw(st.sets(st.sampled_from(found), min_size=0 if delimiter == LIST else 1))
    text = sets.text(chosen)
    assert sets.members(text) == tuple(name for name in found if name in chosen)
    assert sets.cell(text) == text
    expected = np.array([[name in chosen for name in found]])
    assert (sets.indicator([text]) == expected).all()
