"""What was on the screen when somebody decided: as the server knows it, whatever the browser says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.review.audit_rows import RANKED, origin_of
from core.review.decisions import VERDICTS, Decision, told_by_browser
from core.review.gold import GOLD
from core.review.people import Role

if TYPE_CHECKING:
    from core.issues import Result
    from core.team import Team


_BY_LOT = ("suggested", "seen", "hidden_share")
"""What is known of a suggestion that a lot showed or hid; never the browser's to say."""


def truly_shown(team: Team, events: Sequence[Decision], sees: Mapping[str, bool]) -> list[Decision]:
    """The events with what the server knows of what was on the screen.

    sees: data set -> whether the person may know what others decided there.
    """
    desk = team.desk
    there, secret = desk.workspace.names(), desk.workspace.secret()
    results = cache(lambda name: desk.results(desk.project(name)))  # read once for them all
    found = []
    for event in events:
        if event.action in VERDICTS and event.dataset in there:
            known: dict[str, Any] = {"blind": not sees[event.dataset]}
            told = {k: v for k, v in told_by_browser(event).items() if k not in _BY_LOT}
            if event.row_id:
                known |= origin_of(secret, event.dataset, event.row_id, told.pop("mark", None))
                source = known["source"]
                known["blind"] |= source == GOLD
                result = results(event.dataset).get(str(told.get("find", "")))
                known |= _scored(team, event, result, source)
            event = replace(event, shown=json.dumps({**told, **known}))
        found.append(event)
    return found


def _scored(team: Team, event: Decision, result: Result | None, source: str) -> dict[str, Any]:
    """The label quality score by which the row was ranked, 0 = worst; empty where there is none.

    Where the plan hides suggestions from this person by lot, also the suggestion, whether it was shown, and
    for which share of the rows it is not.
    """
    position = int(team.desk.project(event.dataset).dataset.positions([event.row_id])[0])
    if result is None or position < 0:
        return {}
    score = {"score": round(float(result.cells["score"][position]), 3)}
    plan, suggested = team.plan(event.dataset), result.cells["suggestion"][position]
    by_lot = 0 < plan.hide_suggestions < 1 and team.role(event.annotator) < Role.ADJUDICATOR
    if source != RANKED or not by_lot or pd.isna(suggested) or str(suggested) == event.given_label:
        return score
    seen = not bool(team.hidden(event.dataset, event.annotator)[position])
    by_lot_said = (str(suggested), seen, plan.hide_suggestions)
    return {**score, **dict(zip(_BY_LOT, by_lot_said, strict=True))}
