"""Fixes that a spot check accepts: opened on a queue or a rule, checked blind, applied as one event."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import bulk
from core.errors import refuse
from core.evidence.gate import Verdict, Word, checks_if_all_right, retry_alpha
from core.review.decisions import Action, Decision, told_by_browser
from core.review.fixes import ACCEPTED, accepted_by, percent
from core.review.people import Role
from core.review.queue import Filters
from core.review.spot_checks import Checked, Fix, Gate, checked, gate_event
from core.team import Team

if TYPE_CHECKING:
    from core.review.store import Receipt

HIGHEST_PROMISE, LOWEST_CONFIDENCE, HIGHEST_CONFIDENCE = 0.5, 0.5, 0.999
LONGEST_NAME = 120


@dataclass(frozen=True, eq=False)
class Check:
    """One spot check as it stands. left: rows of its batch that nobody has decided. fixed: rows whose fix was
    accepted by it, and stands.
    """

    gate: Gate
    found: Checked
    left: int
    fixed: int

    @property
    def verdict(self) -> Verdict:
        """What the answers say."""
        return self.found.verdict

    @property
    def over(self) -> bool:
        """Whether no answer is wanted any more."""
        return self.gate.replaced or self.verdict.word is not Word.OPEN


@dataclass(frozen=True)
class Applied:
    """What became of an application: how many rows changed, and the receipt of its one event."""

    changed: int
    receipt: Receipt


def check_of(team: Team, name: str, gate: Gate) -> Check:
    """A spot check after every answer that stands now: a replay of the log."""
    found = checked(gate, team.store.peek(name), team.desk.classes(name))
    standings = team.store.standings(name)
    there = [row_id for row_id in gate.batch if row_id in standings]
    fixed = 0
    if found.verdict.word is Word.ACCEPT or len(there) > found.verdict.rows:
        fixed = sum(_fixed_by(standings[row_id].settled, gate.id) for row_id in there)
    return Check(gate, found, len(gate.batch) - len(there), fixed)


def checks_of(team: Team, name: str) -> list[Check]:
    """The spot checks of a data set, the newest first."""
    return [check_of(team, name, gate) for gate in reversed([*team.desk.gates(name).values()])]


def gate_named(team: Team, name: str, gate_id: str) -> Gate:
    """A spot check by its id. Raises InputError where there is none."""
    found = team.desk.gates(name).get(gate_id)
    if found is None:
        raise refuse("there is no such spot check")
    return found


def batch_of(team: Team, person: str, wish: bulk.Wish) -> dict[str, Fix]:
    """The rows of a wish that would change now, with their given label and their fix."""
    changes = bulk.changes(team, person, wish)
    return {row_id: (given, fix) for row_id, given, fix in changes if fix is not None}


def open_check(
    team: Team,
    person: str,
    wish: bulk.Wish,
    promise: float,
    confidence: float,
    name: str,
    rule: str = "",
    op_id: str = "",
) -> str:
    """Freeze the rows that a wish would change now as a batch to be checked. Returns the check's id.

    promise: at most this share of the fixes may be wrong. confidence: with which that is to be proved; where
    checks of these rows have failed before, alpha = 1 - confidence is halved for each of them.
    Raises NotPermitted for who is no owner, and InputError where no row would change or a number is none.
    """
    team.people.require(person, Role.OWNER)
    batch = batch_of(team, person, wish)
    return _open(
        team, person, wish.dataset, batch, wish.filters.to_query(), promise, confidence, name, rule, op_id
    )


def open_again(team: Team, person: str, dataset: str, gate: Gate, op_id: str = "") -> str:
    """Open a check of what is left of a batch, with a fresh draw and half the alpha. Returns its id."""
    team.people.require(person, Role.OWNER)
    standings, held = team.store.standings(dataset), team.in_others_hands(dataset, person)
    free = (row_id for row_id in gate.batch if row_id not in standings and row_id not in held)
    batch = {row_id: gate.batch[row_id] for row_id in free}
    confidence = 1 - gate.alpha * 2**gate.tries
    return _open(
        team, person, dataset, batch, gate.filters, gate.promise, confidence, gate.name, gate.rule, op_id
    )


def _open(
    team: Team,
    person: str,
    dataset: str,
    batch: Mapping[str, Fix],
    filters: Mapping[str, str],
    promise: float,
    confidence: float,
    name: str,
    rule: str,
    op_id: str,
) -> str:
    if not 0 <= promise <= HIGHEST_PROMISE:
        raise refuse(f"the promise is {promise}", expected=f"a share from 0 to {HIGHEST_PROMISE}")
    if not LOWEST_CONFIDENCE <= confidence <= HIGHEST_CONFIDENCE:
        raise refuse(
            f"the confidence is {confidence}", expected=f"{LOWEST_CONFIDENCE} to {HIGHEST_CONFIDENCE}"
        )
    if not batch:
        raise refuse("no row would change, so that there is nothing to check")
    before = [c for c in checks_of(team, dataset) if not batch.keys().isdisjoint(c.gate.batch)]
    failed = [c for c in before if c.verdict.word is not Word.ACCEPT and c.verdict.rows]
    gate = Gate(
        op_id or uuid.uuid4().hex,
        " ".join(name.split())[:LONGEST_NAME] or "Batch",
        batch,
        filters,
        promise,
        retry_alpha(len(failed), round(1 - confidence, 9)),
        len(failed),
        tuple(c.gate.id for c in before if not c.over),
        rule,
    )
    (receipt,) = team.record(person, [gate_event(dataset, person, gate)])
    if receipt.refused:
        raise refuse(receipt.refused.rstrip("."))
    return gate.id


def apply_fixes(team: Team, person: str, dataset: str, gate: Gate, op_id: str) -> Applied:
    """Apply an accepted batch to its rows that nobody has decided or holds, as one event.

    The event and every fix of it say by which check they were accepted. Rows that were checked keep their
    label. Raises NotPermitted for who is no adjudicator, and InputError unless the check has accepted.
    """
    team.people.require(person, Role.ADJUDICATOR)
    check = check_of(team, dataset, gate)
    if check.verdict.word is not Word.ACCEPT:
        raise refuse("this spot check has not accepted its batch", mend="go on with the check")
    shown = {
        "source": ACCEPTED,
        "gate": gate.id,
        "checked": check.verdict.rows,
        "wrong": check.verdict.wrong,
        "of": check.verdict.batch,
        "promise": gate.promise,
        "alpha": gate.alpha,
        "queue": dict(gate.filters),
        "find": gate.filters.get("find", ""),
    }
    event = Decision(dataset, "", Action.RELABEL, person, "", op_id, shown=json.dumps(shown))
    members = _members(team, dataset, gate)
    receipt = team.store.record_bulk(event, members, team.in_others_hands(dataset, person))
    return Applied(0 if receipt.refused else len(members) - len(receipt.left), receipt)


def _members(team: Team, dataset: str, gate: Gate) -> list[tuple[str, str, str | None]]:
    """(row id, given label, new label) of the batch's rows that wait, and have the label that was given."""
    standings = team.store.standings(dataset)
    data, classes = team.desk.project(dataset).dataset, team.desk.classes(dataset)
    positions = data.positions(gate.batch)
    given = data.given_labels()
    members: list[tuple[str, str, str | None]] = []
    for (row_id, (then, fix)), position in zip(gate.batch.items(), positions.tolist(), strict=True):
        new = classes.resolve(fix, gate.seq)
        same = position >= 0 and given[position] == then and new != classes.resolve(then)
        if same and row_id not in standings:
            members.append((row_id, then, new))
    return members


def _fixed_by(decision: Decision | None, gate_id: str) -> bool:
    """Whether a decision in force is a fix that this check accepted."""
    if decision is None or gate_id not in decision.shown or not accepted_by(decision.shown):
        return False
    return told_by_browser(decision).get("gate") == gate_id


def said_to_checker(team: Team, events: Iterable[Decision]) -> str:
    """That a check is over, for who has just answered in it; "" while it is open, and in any other queue."""
    asked = {(e.dataset, str(told_by_browser(e).get("mark", "")).partition(":")[0]) for e in events}
    for dataset, gate_id in sorted(pair for pair in asked if pair[1]):
        gate = team.desk.gates(dataset).get(gate_id)
        if gate is not None and (said := over_in_words(team, dataset, gate)):
            return said
    return ""


def over_in_words(team: Team, dataset: str, gate: Gate) -> str:
    """That no answer is wanted any more, and nothing of how the answers came out; "" where some are."""
    if gate.replaced:
        return "This check was replaced by a later one."
    verdict = checked(gate, team.store.peek(dataset), team.desk.classes(dataset)).verdict
    return "" if verdict.word is Word.OPEN else f"This check is over: {_rows(verdict.rows)} checked."


def state_in_words(check: Check) -> str:
    """ "68 of 1,000 fixes checked blind, 0 wrong: at most 5% of this batch is wrong (95%)." """
    verdict, gate = check.verdict, check.gate
    promise = percent(gate.promise)
    done = f"{verdict.rows:,} of {verdict.batch:,} fixes checked blind, {verdict.wrong:,} wrong"
    if verdict.word is Word.ACCEPT:
        return f"{done}: at most {promise} of this batch is wrong ({percent(1 - gate.alpha)})."
    if verdict.word is Word.REFUSE:
        return f"{done}: refused. It is not to be believed that at most {promise} of this batch is wrong."
    if gate.replaced:
        return f"{done}: replaced by a later check."
    if verdict.word is Word.UNDECIDED:
        return f"{done}: given up. That at most {promise} of this batch is wrong is not proved."
    return (
        f"{done}. {check.found.more:,} more are enough to accept the batch if none of them is wrong; at "
        f"{verdict.most:,} it is given up."
    )


def cost_in_words(batch: int, promise: float, alpha: float) -> str:
    """What a check costs at least, before it is opened."""
    least = checks_if_all_right(batch, promise, alpha)
    return (
        f"With no fix wrong, {_rows(least)} of {batch:,} read blind are enough to accept the batch. One in "
        f"which more than {percent(promise)} is wrong is accepted with probability {percent(alpha)} at most."
    )


def applied_in_words(applied: Applied) -> str:
    """What became of an application."""
    if applied.receipt.refused:
        return f"Nothing changed. {applied.receipt.refused}"
    left = len(applied.receipt.left)
    return f"{_rows(applied.changed)} changed." + (f" {left:,} held by others: left alone." if left else "")


def accepted_unread(checks: Sequence[Check]) -> str:
    """How many fixes stand that nobody has read; "" for none."""
    fixed = sum(check.fixed for check in checks)
    applied = sum(bool(check.fixed) for check in checks)
    if not fixed:
        return ""
    by = "a spot check" if applied == 1 else f"{applied:,} spot checks"
    return f"{_rows(fixed)} of them got their label unread, accepted by {by}."


def filters_of(gate: Gate) -> Filters:
    """The queue that a batch was taken from."""
    return Filters.from_query(gate.filters)


def _rows(number: int) -> str:
    return f"{number:,} row" + ("" if number == 1 else "s")
