"""Who somebody is: a name chosen on this machine, or a person for whom an identity provider vouches."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from core.errors import refuse
from core.files import write_json
from core.review.people import People, Role, normal_person
from core.session_token import SIGN_IN_LASTS
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.review.store import Store

LONGEST_NAME = 80
_LONGEST_CLAIM = 255
_CLOCKS_DIFFER_S = 300


def annotator_of(claims: Mapping[str, Any], trusted_issuers: Collection[str] = ()) -> str:
    """The name under which a signed-in person decides; "" where the provider's claims name nobody.

    The e-mail address where the provider has verified it. An address that anybody may type into a profile
    must not inherit somebody's role: without that word the name is the provider's own for the person,
    `issuer#subject`, which no address looks like.
    trusted_issuers: providers whose addresses count as verified where they say nothing about it.
    """
    issuer, subject = _claim(claims, "iss"), _claim(claims, "sub")
    if not issuer or not subject:
        return ""
    email, verified = _claim(claims, "email"), claims.get("email_verified")
    says_so = verified is True or verified == "true"  # some providers send it as a text
    if (says_so or (verified is None and issuer in trusted_issuers)) and _is_address(email):
        return normal_person(email)
    return f"{issuer}#{subject}"


def _claim(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is a printable text of usual length; "" otherwise."""
    value = claims.get(name)
    usual = isinstance(value, str) and len(value) <= _LONGEST_CLAIM and value.isprintable()
    return value.strip() if usual and isinstance(value, str) else ""


def _is_address(email: str) -> bool:
    name, at, domain = email.partition("@")
    return bool(name and at and domain) and "@" not in domain and "://" not in email and " " not in email


def signed_in_until(claims: Mapping[str, Any]) -> float:
    """When a sign-in ends, in seconds since 1970; 0 where the claims do not say when it was."""
    issued = claims.get("iat")
    if not isinstance(issued, int | float) or issued > time.time() + _CLOCKS_DIFFER_S:
        return 0.0
    return float(issued) + SIGN_IN_LASTS.total_seconds()


def people_of(workspace: Workspace, store: Store | None = None) -> People:
    """Who may do what in a workspace. Without sign-in, whoever has the machine is an owner."""
    from core.review.store import shared_store

    store = shared_store(workspace.database_url) if store is None else store
    settings = workspace.settings
    if not settings.signs_in:
        return People(store, Role.OWNER, signed_in=False)
    return People(store, Role[settings.default_role.upper()], frozenset(settings.owners))


def give_role(people: People, by: str, person: str, role: Role) -> None:
    """Give somebody a role, where that has an effect and leaves an owner.

    Raises NotPermitted unless `by` is an owner, InputError where it would do nothing or lock everybody out.
    """
    people.require(by, Role.OWNER)
    key = normal_person(person)
    if key in people.owners and role < Role.OWNER:
        raise refuse(f"{key} is an owner by LABELMEND_OWNERS", mend="take them out of that setting first")
    others = {p for p, r in people.given().items() if r is Role.OWNER and p != key} | people.owners
    if people.role(key) is Role.OWNER and role < Role.OWNER and not others:
        raise refuse(f"{key} is the only owner", mend="make somebody else an owner first")
    people.give(by, key, role)


def give_role_from_the_machine(workspace: Workspace, person: str, role: Role) -> str:
    """Give a role as whoever runs the machine: so a new team has its first owner.

    Returns the name as it is kept. Raises InputError for no person.
    """
    operator = f"{os_user()} (command line)"
    people = people_of(workspace)
    People(people.store, Role.NOBODY, frozenset({operator})).give(operator, person, role)
    return normal_person(person)


def clean_name(text: str) -> str:
    """A name as it is stored: printable, single spaces, not endless. Raises InputError for none."""
    name = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_NAME].strip()
    if not name:
        raise refuse("no name was given", expected=f"1 to {LONGEST_NAME} characters")
    return name


def remembered_name(workspace: Workspace) -> str:
    """The name chosen last on this machine; "" where nobody has chosen one.

    Where the network is let in without sign-in it is nobody's: the next visitor may be somebody else.
    """
    path = workspace.root / "annotator.json"
    if workspace.settings.open_to_network or not path.exists():
        return ""
    return str(json.loads(path.read_text(encoding="utf-8"))["name"])


def remember_name(workspace: Workspace, name: str) -> None:
    """Keep the name for the next tab."""
    write_json(workspace.root / "annotator.json", {"name": name})


def os_user() -> str:
    """The operating system's user; "" where it has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
