from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.errors import InputError
from core.review.people import NotPermitted, People, Role
from core.review.store import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = Store(store_url)
    yield made
    made.close()


def test_role__default_owner_and_what_the_log_says(store: Store) -> None:
    people = People(store, Role.VIEWER, frozenset({"eve"}))
    assert (people.role("ann"), people.role("eve"), people.role("")) == (Role.VIEWER, Role.OWNER, Role.NOBODY)
    people.give("eve", " ann ", Role.ADJUDICATOR)
    assert people.role("ann") is Role.ADJUDICATOR
    assert People(store, Role.NOBODY).role("ann") is Role.ADJUDICATOR
    people.give("eve", "ann", Role.NOBODY)
    assert people.role("ann") is Role.NOBODY
    assert [(e.row_id, e.annotator, e.details) for e in store.events("")] == [
        ("ann", "eve", {"role": "adjudicator"}),
        ("ann", "eve", {"role": "nobody"}),
    ]


def test_give__sees_what_another_process_gave(store: Store, store_url: str) -> None:
    people = People(store, Role.VIEWER, frozenset({"eve"}))
    assert people.role("ann") is Role.VIEWER
    other = Store(store_url)
    People(other, Role.VIEWER, frozenset({"eve"})).give("eve", "ann", Role.OWNER)
    other.close()
    assert people.role("ann") is Role.OWNER
    people.give("ann", "bob", Role.ANNOTATOR)
    assert people.given() == {"ann": Role.OWNER, "bob": Role.ANNOTATOR}


def test_give__only_owners_and_only_to_somebody(store: Store) -> None:
    people = People(store, Role.ADJUDICATOR, frozenset({"eve"}))
    with pytest.raises(NotPermitted, match="Your role is adjudicator; this needs owner"):
        people.give("ann", "ann", Role.OWNER)
    with pytest.raises(InputError, match="needs a person"):
        people.give("eve", " ", Role.OWNER)
    assert store.events("") == []


def test_require__each_role_may_what_those_before_it_may(store: Store) -> None:
    people = People(store, Role.ANNOTATOR)
    people.require("ann", Role.ANNOTATOR)
    people.require("ann", Role.VIEWER)
    with pytest.raises(NotPermitted, match="Nobody has no role here"):
        people.require("", Role.VIEWER)
    with pytest.raises(NotPermitted, match="ann has no role here"):
        People(store, Role.NOBODY).require("ann", Role.VIEWER)
