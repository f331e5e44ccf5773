from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.identity import (
    annotator_of,
    clean_name,
    give_role,
    give_role_from_the_machine,
    people_of,
    remember_name,
    remembered_name,
    signed_in_until,
)
from core.review.people import NotPermitted, Role, normal_person
from core.review.store import Store
from core.settings import Settings
from core.workspace import Workspace

ISSUER = "https://id.example.org"
OTHER = "https://other.example.net"


def workspace(tmp_path: Path, url: str = "", **settings: Any) -> Workspace:
    return Workspace(Settings(tmp_path / "ws", (tmp_path,), url, "", **settings))


# --- names from a provider's claims -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "Ana@Example.org", "email_verified": True}, "ana@example.org"),
        ({"email": "ana@example.org", "email_verified": "true"}, "ana@example.org"),
        # An address that nobody verified must not inherit a role.
        ({"email": "ana@example.org", "email_verified": False}, f"{ISSUER}#7"),
        ({"email": "ana@example.org", "email_verified": "false"}, f"{ISSUER}#7"),
        ({"email": "ana@example.org", "email_verified": 1}, f"{ISSUER}#7"),
        ({"email": "ana@example.org"}, f"{ISSUER}#7"),
        ({}, f"{ISSUER}#7"),
        # Verified, but no address.
        ({"email": "ana", "email_verified": True}, f"{ISSUER}#7"),
        ({"email": "a@b@example.org", "email_verified": True}, f"{ISSUER}#7"),
        ({"email": "ana\n@example.org", "email_verified": True}, f"{ISSUER}#7"),
        ({"email": ["ana@example.org"], "email_verified": True}, f"{ISSUER}#7"),
        ({"email": f"{OTHER}#7@x", "email_verified": True}, f"{ISSUER}#7"),
        # The provider's own name for a person is no address, even where it looks like one.
        ({"sub": "ana@example.org"}, f"{ISSUER}#ana@example.org"),
        ({"sub": ""}, ""),
        ({"sub": 7}, ""),
        ({"iss": None, "email": "ana@example.org", "email_verified": True}, ""),
    ],
)
def test_annotator_of__address_only_where_verified(claims: dict[str, Any], name: str) -> None:
    assert annotator_of({"iss": ISSUER, "sub": "7", **claims}) == name


def test_annotator_of__trusted_issuer_that_does_not_say() -> None:
    claims = {"iss": ISSUER, "sub": "7", "email": "ana@example.org"}
    assert annotator_of(claims, [ISSUER]) == "ana@example.org"
    assert annotator_of(claims, [OTHER]) == f"{ISSUER}#7"
    assert annotator_of({**claims, "email_verified": False}, [ISSUER]) == f"{ISSUER}#7"


def test_annotator_of__two_providers_never_share_a_subject() -> None:
    assert annotator_of({"iss": ISSUER, "sub": "7"}) != annotator_of({"iss": OTHER, "sub": "7"})


def test_normal_person__letters_of_other_alphabets_make_no_second_owner() -> None:
    kelvin = "\N{KELVIN SIGN}im@example.org"
    assert kelvin.lower() == "kim@example.org"  # what must not happen
    assert normal_person(kelvin) == kelvin
    assert normal_person(" Kim@Example.ORG ") == "kim@example.org"
    assert normal_person("https://id.example.org#Kim@X") == "https://id.example.org#Kim@X"


def test_signed_in_until__twelve_hours_from_the_providers_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert signed_in_until({"iat": 1_000_000}) == 1_043_200
    assert signed_in_until({"iat": 1_000_300}) == 1_043_500  # clocks differ
    assert signed_in_until({"iat": 1_000_301}) == 0
    assert [signed_in_until(c) for c in ({}, {"iat": None}, {"iat": "1000000"})] == [0, 0, 0]


# --- roles ------------------------------------------------------------------------------------------


def test_people_of__without_sign_in_every_name_is_an_owner(tmp_path: Path, store_url: str) -> None:
    space = workspace(tmp_path, store_url, owners=("ana@example.org",), default_role="viewer")
    give_role_from_the_machine(space, "bo", Role.VIEWER)  # of a time with sign-in
    people = people_of(space, Store(store_url))
    assert [people.role(p) for p in ("ana", "bo", "anybody")] == [Role.OWNER] * 3
    assert people.role("") is Role.NOBODY


def test_people_of__sign_in_gives_what_settings_and_log_say(tmp_path: Path, store_url: str) -> None:
    space = workspace(tmp_path, store_url, sign_in="oidc", owners=("Ana@example.org",), default_role="viewer")
    people = people_of(space)
    assert people.role("ana@example.org") is Role.OWNER
    assert people.role("bo@example.org") is Role.VIEWER
    give_role_from_the_machine(space, "BO@example.org", Role.ADJUDICATOR)
    assert people.role("bo@example.org") is Role.ADJUDICATOR
    assert people_of(workspace(tmp_path, store_url, sign_in="oidc")).role("cy@example.org") is Role.NOBODY
    event = people.store.events("")[-1]
    assert (event.row_id, event.annotator.endswith(" (command line)")) == ("bo@example.org", True)


def test_give_role__leaves_an_owner(tmp_path: Path) -> None:
    space = workspace(tmp_path, sign_in="oidc")
    give_role_from_the_machine(space, "ana@example.org", Role.OWNER)
    people = people_of(space)
    with pytest.raises(InputError, match="only owner"):
        give_role(people, "ana@example.org", "Ana@example.org", Role.VIEWER)
    give_role(people, "ana@example.org", "bo@example.org", Role.OWNER)
    give_role(people, "ana@example.org", "ana@example.org", Role.VIEWER)
    assert people.role("ana@example.org") is Role.VIEWER
    with pytest.raises(NotPermitted):
        give_role(people, "ana@example.org", "ana@example.org", Role.OWNER)


def test_give_role__an_owner_by_setting_stays_one(tmp_path: Path) -> None:
    people = people_of(workspace(tmp_path, sign_in="oidc", owners=("ana@example.org",)))
    give_role(people, "ana@example.org", "bo@example.org", Role.OWNER)
    with pytest.raises(InputError, match="LABELMEND_OWNERS"):
        give_role(people, "bo@example.org", "ana@example.org", Role.NOBODY)


# --- names on this machine --------------------------------------------------------------------------


def test_clean_name__printable_and_not_endless() -> None:
    assert clean_name("  Ana \u202e\n\x00 María  ") == "Ana María"
    assert clean_name("x" * 100) == "x" * 80
    for empty in ("", "  ", "\x00\u200b"):
        with pytest.raises(InputError, match="no name was given"):
            clean_name(empty)


def test_remember_name__for_the_next_tab(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    assert remembered_name(space) == ""
    remember_name(space, "Ana <b>")
    remember_name(space, "Bo")
    assert remembered_name(workspace(tmp_path)) == "Bo"
    # Where a network is let in, the next visitor may be somebody else.
    assert remembered_name(workspace(tmp_path, open_to_network=True)) == ""
