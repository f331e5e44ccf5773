from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.evidence import figures, method, sections, words
from core.evidence.state import LEAST_OF_GROUP
from core.review.store import Store
from tests.core.evidence.reviews import ROWS, reading


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path / 'decisions.db'}")
    yield made
    made.close()


def test_sections__after_a_review_have_sentences_tables_figures_and_methods(store: Store) -> None:
    found = reading(store, 200)
    left, stop, ahead = sections.sections(found)
    assert [s.key for s in (left, stop, ahead)] == ["left", "stop", "ahead"]
    assert left.said[0].text == words.left_in_words(found.state.left)
    assert left.said[0].by == "95% confidence sequence for draws without replacement"
    assert stop.said == (
        sections.Said(words.stop_in_words(found.state.stop, found.state.rest), method.STOP.by),
    )  # type: ignore[arg-type]
    assert ahead.said[0].text == words.ahead_in_words(found.state)
    assert [caption for caption, _ in left.figures] == ["Wrong labels found and left, by rows read"]
    assert len(ahead.figures) == 1
    assert all(s.methods and all(m.by for m in s.methods) for s in (left, stop, ahead))
    assert [t.title for t in left.tables] == ["By class", "By split"]


def test_left__has_a_line_for_each_class_and_split_that_holds_the_truth(store: Store) -> None:
    found = reading(store, 200)
    by_class, by_split = sections.left(found).tables
    assert by_class.heads == ("class", "rows", "read", "at random", "found", "wrong, 95% interval")
    assert {row[0]: row[1] for row in by_class.rows} == {"cat": 200, "dog": 200}
    assert {row[0]: row[1] for row in by_split.rows} == {"train": 300, "test": 100}
    assert sum(int(row[2]) for row in by_class.rows) == len(found.log) == 200
    for name, *_, interval in by_class.rows:
        low, high = (float(end.rstrip("%")) for end in str(interval).split(" to "))
        assert low <= 10 <= high, name  # 20 of 200 labels of each class are wrong
    assert by_class.note == words.groups_in_words("class", 2)
    assert "The 2 classes with 10 random rows or more." in by_class.note and LEAST_OF_GROUP == 10


def test_sections__before_anybody_decided(store: Store) -> None:
    left, stop, ahead = sections.sections(reading(store))
    assert [said.text for said in left.said] == [
        f"Nothing is known of the {ROWS} rows nobody has read: no random row has been read yet."
    ]
    assert (left.said[0].by, left.tables, left.figures, left.methods) == ("", (), (), ())
    assert "random rows have met 0 of the 46" in stop.said[0].text
    assert ahead.figures == () and "in the next 50 rows of the ranking." in ahead.said[0].text


def test_sections__without_a_ranking_and_of_all_that_was_read(store: Store) -> None:
    assert [s.key for s in sections.sections(reading(store, checked=False))] == ["left"]
    done = reading(store, ROWS)
    assert [s.key for s in sections.sections(done)] == ["left"]
    assert "Every row has been read: 40 labels are found wrong" in sections.left(done).said[0].text


def test_burn_down__draws_what_the_last_point_says(store: Store) -> None:
    found = reading(store, 200)
    drawing = figures.burn_down(found.state.line)
    assert drawing is not None
    low, high = found.state.left.left
    assert (
        drawing.words == f"After 200 rows: {found.state.left.found} wrong labels found, {low} to {high} left."
    )
    assert [s.words for s in drawing.shapes if "name" in s.kind] == [
        "rows read", "wrong labels", "left (95%)", "found",
    ]  # fmt: skip
    [line] = [s for s in drawing.shapes if s.kind == "found"]
    assert str(line.at[0]).count("L") + 1 == len(figures.drawn_from(found.state.line))
    for shape in drawing.shapes:
        if shape.tag == "text":
            assert 0 <= float(shape.at[0]) <= drawing.width and 0 < float(shape.at[1]) <= drawing.height


def test_burn_down__of_few_random_rows_is_none(store: Store) -> None:
    assert figures.burn_down(reading(store, 12).state.line) is None
    assert figures.burn_down([]) is None


def test_reliability__has_a_point_and_an_interval_for_each_group(store: Store) -> None:
    frame = reading(store, 200).state.reliability
    drawing = figures.reliability(frame)
    assert drawing is not None and drawing.words == words.reliability_in_words(frame)
    kinds = [s.kind for s in drawing.shapes]
    assert kinds.count("point") == kinds.count("interval") == len(frame)
    assert figures.reliability(frame.iloc[:0]) is None
