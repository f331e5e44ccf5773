"""The class list, changed in the course of work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.review.classes import (
    ClassList,
    ClassLog,
    Use,
    change_event,
    class_list,
    class_names,
    in_words,
    usage,
)
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.review.store import Store
from tests.conftest import make_dataset

CLASSES = ("cat", "dog", "bird")
CATS = ["cat", "dog"]


def change(op: str = "", **detail: object) -> Decision:
    return Decision("pets", "", Action.CLASS, "eve", "", op or json.dumps(detail), detail=json.dumps(detail))


def undo(of: str, op: str = "") -> Decision:
    return Decision("pets", "", Action.UNDO, "eve", "", op or f"undo-{of}", undoes=of)


def log(*events: Decision) -> list[Decision]:
    """The events as a store numbers them: 10, 20, ..."""
    return [replace(event, seq=10 * number) for number, event in enumerate(events, 1)]


def after(*events: Decision, classes: Sequence[str] = CLASSES) -> ClassList:
    return class_list(classes, log(*events))


def resolved(found: ClassList, *names: str, seq: int = 0) -> list[str]:
    return [found.resolve(name, seq) for name in names]


def test_class_list__without_changes_is_the_data_s() -> None:
    found = after()
    assert found.names == CLASSES
    assert resolved(found, "cat", "anything") == ["cat", "anything"]
    assert found.changed_by("cat") is None


def test_class_list__added_classes_come_last() -> None:
    found = after(change(add="fish"), change(add="ant"))
    assert found.names == ("cat", "dog", "bird", "fish", "ant")
    assert resolved(found, "fish") == ["fish"]


def test_class_list__a_renamed_class_keeps_its_place() -> None:
    found = after(change("one", rename="dog", to="hound"))
    assert found.names == ("cat", "hound", "bird")
    assert resolved(found, "dog", "hound", "cat") == ["hound", "hound", "cat"]
    changed = found.changed_by("dog")
    assert changed is not None
    assert changed.op_id == "one"
    assert (found.origin("hound"), found.origin("cat")) == ("dog", "cat")


def test_class_list__chains_and_a_way_back() -> None:
    assert resolved(after(change(rename="cat", to="b"), change(rename="b", to="c")), "cat", "b") == ["c", "c"]
    found = after(change(rename="cat", to="b"), change(rename="b", to="cat"))
    assert (found.names, resolved(found, "cat", "b")) == (CLASSES, ["cat", "cat"])


def test_class_list__a_swap_is_understood_by_the_names_of_its_day() -> None:
    swap = (change(rename="cat", to="x"), change(rename="dog", to="cat"), change(rename="x", to="dog"))
    found = after(*swap)
    assert found.names == ("dog", "cat", "bird")
    assert resolved(found, "cat", "dog") == ["dog", "cat"]
    assert resolved(found, "x", seq=15) == ["dog"]
    assert resolved(found, "cat", seq=25) == ["cat"]  # dog's new name by then
    assert resolved(found, "cat", "dog", seq=35) == ["cat", "dog"]


def test_class_list__merge_into_one_of_them_keeps_its_place() -> None:
    found = after(change(merge=["cat", "bird"], to="bird"))
    assert found.names == ("dog", "bird")
    assert resolved(found, "cat", "bird", "dog") == ["bird", "bird", "dog"]


def test_class_list__merge_into_a_new_class_takes_the_first_place() -> None:
    found = after(change(merge=["bird", "cat"], to="pet"), change(rename="pet", to="animal"))
    assert found.names == ("dog", "animal")
    assert resolved(found, "cat", "bird", "pet") == ["animal"] * 3


def test_class_list__an_undone_change_is_as_if_never_made_but_remembered() -> None:
    events = (change("r", rename="cat", to="b"), undo("r"), change(rename="dog", to="b"))
    found = after(*events)
    assert found.names == ("cat", "b", "bird")
    assert resolved(found, "cat", "dog", "b") == ["cat", "b", "b"]
    assert resolved(found, "b", seq=15) == ["cat"]  # decided while cat was called b
    assert resolved(found, "b", seq=35) == ["b"]


def test_class_list__undoing_one_leaves_those_after_it() -> None:
    found = after(change("r", rename="cat", to="b"), change(rename="b", to="c"), undo("r"))
    assert found.names == ("c", "dog", "bird")
    assert resolved(found, "cat") == ["c"]
    found = after(change("m", merge=["cat", "dog"], to="pet"), change(rename="bird", to="fowl"), undo("m"))
    assert found.names == ("cat", "dog", "fowl")
    chain = (change("1", rename="cat", to="b"), change("2", rename="b", to="c"), change(rename="c", to="d"))
    assert after(*chain, undo("2"), undo("1")).names == ("d", "dog", "bird")
    found = after(change("r", rename="cat", to="b"), change(merge=["dog"], to="b"), undo("r"))
    assert (found.names, resolved(found, "dog")) == (("cat", "bird"), ["cat"])


def test_class_list__redo() -> None:
    found = after(change("r", rename="cat", to="b"), undo("r", "u"), undo("u"))
    assert found.names == ("b", "dog", "bird")
    assert resolved(found, "b", seq=15) == resolved(found, "cat", seq=25) == ["b"]


def test_class_list__undoing_a_merge_into_a_new_class_leaves_its_decisions_without_one() -> None:
    found = after(change("m", merge=["cat", "dog"], to="pet"), undo("m"))
    assert found.resolve("pet", 15) == "pet"
    assert "pet" not in found.names


def test_class_list__other_events_do_not_matter() -> None:
    verdict = Decision("pets", "r1", Action.RELABEL, "ann", "cat", "v", "dog")
    assert after(verdict, undo("v"), change(rename="cat", to="b"), undo("elsewhere")).names[0] == "b"


def test_class_list__data_that_has_the_new_name_already() -> None:
    """The corrected file was loaded again: what is renamed there stays so, and stray old names follow."""
    events = (change(rename="cat", to="kitty"), change(add="fish"), change(merge=["dog"], to="bird"))
    found = after(*events, classes=("kitty", "bird", "fish"))
    assert found.names == ("kitty", "bird", "fish")
    assert resolved(found, "kitty", "bird", "fish") == ["kitty", "bird", "fish"]
    found = after(*events, classes=("cat", "kitty", "dog", "bird"))
    assert found.names == ("kitty", "bird", "fish")
    assert resolved(found, "cat", "dog") == ["kitty", "bird"]


@pytest.mark.parametrize(
    "detail",
    ["{}", '{"add": 3}', '{"rename": "cat"}', '{"merge": "cat", "to": "x"}', '{"merge": [], "to": "x"}'],
)
def test_class_list__an_event_that_means_nothing_changes_nothing(detail: str) -> None:
    broken = Decision("pets", "", Action.CLASS, "eve", "", "op", detail=detail)
    assert after(broken, change(add="fish")).names == ("cat", "dog", "bird", "fish")
    assert after().why_not(json.loads(detail)) == "A class is added, renamed or merged; this is none of them."


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"add": ""}, "A class needs a name."),
        ({"add": " \t"}, "A class needs a name."),
        ({"add": "fish "}, "The name 'fish ' begins or ends with a space, or has two in a row."),
        ({"add": "gold  fish"}, "The name 'gold  fish' begins or ends with a space, or has two in a row."),
        ({"add": "x" * 201}, "A name has at most 200 characters; this has 201."),
        ({"add": "fi\x00sh"}, "The name 'fi\\x00sh' has a character that cannot be seen."),
        ({"add": "fish\u202e"}, "The name 'fish\\u202e' has a character that cannot be seen."),
        ({"add": "cat"}, "There is a class 'cat' already."),
        ({"add": "Cat"}, "'Cat' differs from the class 'cat' only in case or spaces."),
        ({"add": "c at"}, "'c at' differs from the class 'cat' only in case or spaces."),
        ({"rename": "cat", "to": "dog"}, "There is a class 'dog' already. To make them one is a merge."),
        ({"rename": "cat", "to": "DOG"}, "'DOG' differs from the class 'dog' only in case or spaces."),
        ({"rename": "cow", "to": "ox"}, "There is no class 'cow' now. Reload the page."),
        ({"merge": ["cat", "cow"], "to": "cat"}, "There is no class 'cow' now. Reload the page."),
        ({"merge": ["cat"], "to": "cat"}, "A merge needs two classes or more."),
        ({"merge": ["cat"], "to": "pet"}, "A merge needs two classes or more."),
        ({"merge": CATS, "to": "Bird"}, "'Bird' differs from the class 'bird' only in case or spaces."),
        ({"merge": CATS, "to": " x"}, "The name ' x' begins or ends with a space, or has two in a row."),
    ],
)  # fmt: skip
def test_why_not__rules(detail: dict[str, object], said: str) -> None:
    assert after().why_not(detail) == said
    with pytest.raises(InputError):
        change_event("pets", "eve", after(), detail)


@pytest.mark.parametrize(
    "detail",
    [
        {"add": "fish"},
        {"add": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"},
        {"rename": "cat", "to": "Cat"},
        {"rename": "cat", "to": "kitty"},
        {"merge": ["cat"], "to": "dog"},
        {"merge": ["cat", "dog"], "to": "dog"},
        {"merge": ["cat", "dog"], "to": "pet"},
        {"merge": ["cat", "dog"], "to": "Dog"},
    ],
)
def test_why_not__what_can_be_done(detail: dict[str, object]) -> None:
    assert after().why_not(detail) == ""


def test_why_not__a_name_never_means_two_classes() -> None:
    """The data say cat still: were another class to be called so, these rows would be taken for it."""
    found = after(change("r", rename="cat", to="b"))
    said = "'cat' was the name of the class 'b', and the data still use it."
    assert found.why_not({"add": "cat"}) == found.why_not({"rename": "dog", "to": "cat"}) == said
    assert found.why_not({"rename": "b", "to": "cat"}) == ""
    assert after(change("r", rename="cat", to="b"), undo("r")).why_not({"rename": "dog", "to": "b"}) == ""


def test_change_event__holds_the_counts_and_its_words() -> None:
    made = change_event("pets", "eve", after(), {"merge": ["cat", "dog"], "to": "pet"}, given=5, decided=2)
    assert made.details == {"merge": ["cat", "dog"], "to": "pet", "given": 5, "decided": 2}
    assert (made.dataset, made.row_id, made.action, made.annotator) == ("pets", "", Action.CLASS, "eve")
    assert made.reason == "classes cat, dog merged into pet"
    assert in_words({"add": "fish"}) == "class fish added"
    assert in_words({"rename": "cat", "to": "kitty"}) == "class cat renamed to kitty"


def test_usage__rows_given_and_decided_by_the_names_of_now() -> None:
    pets = make_dataset([0, 0, 1, 2, -1], CLASSES)
    verdicts = [
        Decision("pets", "r0", Action.RELABEL, "ann", "cat", "v0", "fish", seq=5),
        Decision("pets", "r1", Action.RELABEL, "ann", "cat", "v1", "dog", seq=6),
        Decision("pets", "r2", Action.KEEP, "ann", "dog", "v2", seq=7),
        Decision("pets", "r3", Action.RELABEL, "ann", "bird", "v3", "cat", seq=8),
        Decision("pets", "r3", Action.RELABEL, "bob", "bird", "v4", "dog", seq=9),
    ]
    found = after(change(rename="dog", to="hound"), change(add="fish"))
    assert usage(pets, Fold(verdicts).standings(), found) == {
        "cat": Use(2, 1),
        "hound": Use(1, 2),
        "bird": Use(1, 0),
        "fish": Use(0, 1),
    }


def test_class_names__of_a_data_set() -> None:
    assert class_names(make_dataset([0, 1]), log(change(add="fish"))) == ("cat", "dog", "fish")


def test_class_log__reads_on_and_undoes(store_url: str) -> None:
    store = Store(store_url)
    pets = make_dataset([0, 1, 2], CLASSES)
    classes = ClassLog(store)
    assert classes.of(pets).names == CLASSES
    [renamed] = store.record(
        [change_event("pets", "eve", classes.of(pets), {"rename": "cat", "to": "kitty"})]
    )
    store.record([Decision("pets", "r1", Action.RELABEL, "ann", "dog", "v", "kitty")])
    assert classes.of(pets).names == ("kitty", "dog", "bird")
    assert classes.of(pets) is classes.of(pets)
    assert ClassLog(store).of(pets).names == ("kitty", "dog", "bird")
    [taken_back] = store.record([undo(renamed.op_id)])
    assert not taken_back.refused
    assert classes.of(pets).names == CLASSES
    assert classes.of(pets).resolve("kitty", renamed.seq + 1) == "cat"
    assert classes.of(make_dataset([0], ("ant", "bee"))).names == ("ant", "bee")
    store.close()


NAMES = st.sampled_from(["cat", "dog", "bird", "a", "b", "c"])
STEPS = st.one_of(
    st.builds(lambda n: {"add": n}, NAMES),
    st.builds(lambda o, n: {"rename": o, "to": n}, NAMES, NAMES),
    st.builds(lambda o, n: {"merge": o, "to": n}, st.lists(NAMES, min_size=1, max_size=3), NAMES),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=12))
def test_class_list__whatever_happens_each_name_is_one_class(
    steps: list[tuple[dict[str, object], bool]],
) -> None:
    """By the rules: names are unique, everything resolves to one of them, and what was current stays so."""
    events: list[Decision] = []
    spoken: list[tuple[str, int]] = []
    for number, (detail, undone) in enumerate(steps):
        now = class_list(CLASSES, log(*events))
        spoken += [(name, 10 * len(events)) for name in now.names]
        if now.why_not(detail) == "":
            events.append(change(f"op{number}", **detail))
            if undone:
                events.append(undo(f"op{number}"))
    found = class_list(CLASSES, log(*events))
    assert len(set(found.names)) == len(found.names)
    assert {found.resolve(name) for name in CLASSES} <= set(found.names)
    assert [found.resolve(n, 10 * len(events)) for n in found.names] == list(found.names)
    made_and_undone = {
        e.details.get("add") or e.details.get("to") for e in events if e.action is Action.CLASS
    }
    for name, seq in spoken:
        assert found.resolve(name, seq) in {*found.names, *made_and_undone}
    if not any(e.action is Action.UNDO for e in events):
        assert all(found.resolve(name, seq) == found.resolve(name) for name, seq in spoken)
