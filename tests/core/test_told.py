from __future__ import annotations

import json
from typing import Any

from core.evidence.suggestions import by_lot
from core.review.decisions import Decision
from core.review.plan import Plan
from core.review.queue import Filters
from core.team import Team
from tests.core.test_team import clock, put, say, team  # noqa: F401

LIES = {"suggested": "cat", "seen": True, "hidden_share": 0.9}


def stored(team: Team, person: str) -> dict[str, dict[str, Any]]:  # noqa: F811
    """Every row of the queue answered by one person, as a browser sends it; what was stored as shown."""
    events = []
    for item in team.page(person, "pets", Filters(), n=50)["items"]:
        shown = json.dumps({"find": "label_issues", "mark": item["mark"], **LIES})
        events.append(say(item["row_id"], f"{person} {item['row_id']}", shown=shown))
    assert not any(r.refused for r in team.record(person, events))
    return {e.row_id: json.loads(e.shown) for e in team.store.events("pets", annotator=person) if e.row_id}


def test_record__stores_what_the_lot_showed_of_ranked_rows_only(team: Team) -> None:  # noqa: F811
    put(team, Plan(hide_suggestions=0.4, audit=0.3))
    hidden = team.hidden("pets", "ann")
    told = stored(team, "ann")
    ranked = {row: one for row, one in told.items() if one["source"] == "ranked"}
    assert 0 < len(ranked) < len(told)
    for row, one in ranked.items():
        assert (one["suggested"], one["hidden_share"]) == ("dog", 0.4)
        assert one["seen"] is not bool(hidden[int(row[1:])])
    found = by_lot(team.store.events("pets"), team.desk.classes("pets"))
    assert len(found) == len(ranked) and set(found.share) == {0.4}
    assert found.shown.sum() == sum(one["seen"] is True for one in ranked.values())
    assert all("suggested" not in one for row, one in told.items() if row not in ranked)


def test_record__knows_no_lot_for_those_who_see_every_suggestion_nor_without_one(team: Team) -> None:  # noqa: F811
    put(team, Plan(hide_suggestions=0.4))
    assert all("suggested" not in told for told in stored(team, "ada").values())
    undo: list[Decision] = team.store.events("pets", annotator="ada")
    assert len(by_lot(undo, team.desk.classes("pets"))) == 0
    put(team, Plan())
    assert all("suggested" not in told for told in stored(team, "ann").values())
