"""Who may do what: roles are events in the log, on record as all else and in effect at once."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from core.errors import refuse
from core.review.decisions import Action, Decision

if TYPE_CHECKING:  # the pages ask for Role before the first paint, which must not wait for a database
    from core.review.store import Store

WORKSPACE = ""
"""The `dataset` of events that are about no data set."""


class Role(IntEnum):
    """What a person may do; each role may do what those before it may.

    NOBODY nothing; VIEWER look; ANNOTATOR decide; ADJUDICATOR end disagreements, see blind answers, change
    the class list; OWNER everything: load data, export, roles, the review plan.
    """

    NOBODY = 0
    VIEWER = 1
    ANNOTATOR = 2
    ADJUDICATOR = 3
    OWNER = 4

    @property
    def word(self) -> str:
        """The role as it is stored and shown."""
        return self.name.lower()


def normal_person(text: str) -> str:
    """A person's name in the one spelling that roles are kept under: an e-mail address in small letters.

    Other alphabets stay as they are: their small letters make one address of two (K, the sign for kelvin).
    """
    text = text.strip()
    return text.lower() if "@" in text and "://" not in text and text.isascii() else text


class NotPermitted(Exception):
    """Somebody asked for what their role does not allow. The sentence says so."""


class People:
    """The roles of everybody. Safe to share between threads.

    default: the role of whoever has none in the log. owners: people who are owners whatever the log
    says, so that a new team install has somebody who can give roles. signed_in: whether a sign-in proves
    who people are; where it does not, a role given to a name means nothing, and every name has the default.
    """

    def __init__(
        self, store: Store, default: Role, owners: frozenset[str] = frozenset(), *, signed_in: bool = True
    ) -> None:
        self.store = store
        self._default = default
        self._signed_in = signed_in
        self.owners = frozenset(normal_person(owner) for owner in owners)
        self._lock = threading.Lock()
        self._seq = 0
        self._given: dict[str, Role] = {}

    def role(self, person: str) -> Role:
        """What a person may do now."""
        if not person:
            return Role.NOBODY
        if person in self.owners:
            return Role.OWNER
        if not self._signed_in:
            return self._default
        return self.given().get(person, self._default)

    def given(self) -> Mapping[str, Role]:
        """The roles in the log, by person."""
        with self._lock:
            for event in self.store.events(WORKSPACE, self._seq):
                self._seq = event.seq
                if event.action is Action.ROLE:
                    self._given[event.row_id] = Role[event.details["role"].upper()]
            return dict(self._given)

    def require(self, person: str, least: Role) -> None:
        """Raises NotPermitted unless the person has this role or a higher one."""
        role = self.role(person)
        if role >= least:
            return
        if not person or role is Role.NOBODY:
            raise NotPermitted(f"{person or 'Nobody'} has no role here. Ask an owner for one.")
        raise NotPermitted(f"Your role is {role.word}; this needs {least.word}. Ask an owner.")

    def give(self, by: str, person: str, role: Role) -> None:
        """Give a person a role. Raises NotPermitted unless `by` is an owner, InputError for no name."""
        self.require(by, Role.OWNER)
        person = normal_person(person)
        if not person:
            raise refuse("a role needs a person", expected="the name or e-mail address they sign in with")
        event = Decision(
            WORKSPACE,
            person,
            Action.ROLE,
            by,
            "",
            uuid.uuid4().hex,
            detail=json.dumps({"role": role.word}),
        )
        self.store.record([event])
