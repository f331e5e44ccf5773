from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.desk import Desk
from core.review.decisions import Action, Decision
from core.review.people import People, Role
from core.review.plan import Plan, plan_event
from core.server import routes
from core.team import Team
from tests.core.test_server import HOST, SAME, client, desk, op, post, signed, team, without

__all__ = ["client", "desk", "signed", "team"]

# animals: a, b cat; c, d dog; e unlabelled; ../f fish. Queue, worst first: b, c, a, ../f.
# Suggested: a dog, b dog, c cat, ../f cat.
BULK = {"ds": "animals", "filters": {}, "action": "relabel", "suggestion": True, "op_id": "1"}


def client_of(desk: Desk, role: Role) -> TestClient:
    """A client of a server where everybody has this role."""
    app = Starlette(routes=routes(desk.workspace, Team(desk, People(desk.store, role))))
    return TestClient(app, base_url=HOST, raise_server_exceptions=False)


def send(client: TestClient, headers: dict[str, str], **changes: Any) -> Any:
    body = {k: v for k, v in {**BULK, **changes}.items() if v is not None}
    return client.post("/labelmend/bulk", json=body, headers=headers)


def get(client: TestClient, headers: dict[str, str], path: str, **params: Any) -> Any:
    return client.get(f"/labelmend/{path}", params={"ds": "animals", **params}, headers=headers)


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[k] for k in ("total", "change", "decided", "held", "unsuggested", "same"))


# --- tiles ------------------------------------------------------------------------------------------


def test_tiles__a_slice_of_the_queue_with_what_was_decided(
    client: TestClient, signed: dict[str, str], team: Team
) -> None:
    post(client, signed, op("c", "1", action="relabel", label="fish"))
    team.claims.take("animals", "bob", ["a"])
    found = get(client, signed, "tiles", n="3", at="1").json()
    assert (found["total"], found["at"], found["as_of"]) == (4, 1, 1)
    tiles = found["tiles"]
    assert [(t["row_id"], t["number"], t["rank"]) for t in tiles] == [
        ("c", 3, 1),
        ("a", 1, 2),
        ("../f", 6, 3),
    ]
    assert [(t["given"], t["suggestion"], t["held"]) for t in tiles] == [
        ("dog", "cat", None),
        ("cat", "dog", "bob"),
        ("fish", "cat", None),
    ]
    decision = tiles[0]["decision"]
    assert (decision["action"], decision["label"], decision["annotator"]) == ("relabel", "fish", "ann")
    assert tiles[1]["decision"] is None
    assert tiles[0]["thumb"].startswith("labelmend/media/animals?row=c&size=thumb")
    assert client.get("/" + tiles[0]["thumb"]).status_code == 200
    assert "text" not in tiles[0]


def test_tiles__begin_with_the_lot_in_which_a_row_is(client: TestClient, signed: dict[str, str]) -> None:
    assert get(client, signed, "tiles", n="2", row="a").json()["at"] == 2
    assert get(client, signed, "tiles", n="2", row="d").json()["at"] == 0  # not in the queue
    assert get(client, signed, "tiles", n="2", row="nowhere").json()["at"] == 0
    many = get(client, signed, "tiles", n="5000", cut="1").json()
    assert len(many["tiles"]) == 6


def test_tiles__of_another_queue_are_refused(client: TestClient, signed: dict[str, str]) -> None:
    tag = get(client, signed, "tiles").json()["tag"]
    assert get(client, signed, "tiles", tag=tag).status_code == 200
    assert get(client, signed, "tiles", tag=tag, given="cat").status_code == 409


def test_tiles__a_blind_annotator_sees_their_own_decisions_only(
    desk: Desk, signed: dict[str, str], team: Team
) -> None:
    client = client_of(desk, Role.ANNOTATOR)
    post(client, signed, op("a", "1"))
    team.store.record([plan_event("animals", "eve", Plan(share=1.0, hide_suggestions=1.0))])
    team.record("bob", [Decision("animals", "b", Action.EXCLUDE, "bob", "cat", "2")])
    tiles = {t["row_id"]: t for t in get(client, signed, "tiles").json()["tiles"]}
    assert tiles["a"]["decision"]["action"] == "keep"
    assert tiles["b"]["decision"] is None
    assert {t["suggestion"] for t in tiles.values()} == {None}
    assert not any(t["disagreed"] for t in tiles.values())


def test_similar__nearest_first_after_the_row_itself(client: TestClient, signed: dict[str, str]) -> None:
    found = get(client, signed, "similar", row="a", n="4").json()["tiles"]
    # embeddings: a, b, c stand apart; d, e, ../f are the same, nearer to a than b and c are
    assert found[0]["row_id"] == "a"
    assert {t["row_id"] for t in found[1:]} == {"d", "e", "../f"}
    assert found[0]["distance"] == 0
    assert 0 < found[1]["distance"] == found[2]["distance"] == found[3]["distance"] < 0.5
    assert get(client, signed, "similar", row="nowhere").status_code == 400


# --- one verdict on many rows -----------------------------------------------------------------------


def test_bulk__previewed_applied_and_undone(client: TestClient, signed: dict[str, str], team: Team) -> None:
    post(client, signed, op("c", "0"))
    seen = send(client, signed, preview=True, op_id=None, as_of=0).json()
    assert counts(seen) == (4, 3, 1, 0, 0, 0)
    assert seen["pairs"] == [["cat", "dog", 2], ["fish", "cat", 1]]
    assert {t["row_id"] for t in seen["examples"]} == {"a", "b", "../f"}
    assert (seen["as_of"], seen["seen"]) == (0, 1)
    assert len(team.store.events("animals")) == 1

    done = send(client, signed, as_of=0, seen=1, expect=3).json()
    assert counts(done) == (4, 3, 1, 0, 0, 0)
    assert (done["op_id"], done["seq"], done["since"]) == ("1", 2, 0)
    assert {r: d.label for r, d in team.store.in_force("animals").items()} == {
        "c": None,
        "b": "dog",
        "a": "dog",
        "../f": "cat",
    }
    undo = {"op_id": "2", "dataset": "animals", "row_id": "", "action": "undo", "undoes": "1"}
    assert "error" not in post(client, signed, undo).json()["receipts"][0]
    assert set(team.store.in_force("animals")) == {"c"}


def test_bulk__on_chosen_rows_with_one_label(client: TestClient, signed: dict[str, str], team: Team) -> None:
    told = send(client, signed, rows=["a", "e", "../f"], label="fish", suggestion=None).json()
    assert counts(told) == (3, 2, 0, 0, 0, 1)
    assert {r: (d.label, d.annotator) for r, d in team.store.in_force("animals").items()} == {
        "a": ("fish", "ann"),
        "e": ("fish", "ann"),
    }


def test_bulk__nothing_left_is_told(client: TestClient, signed: dict[str, str]) -> None:
    post(client, signed, op("a", "0"))
    told = send(client, signed, rows=["a"]).json()
    assert told["error"] == "Every one of these rows is decided or held already."
    assert counts(told) == (1, 0, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"ds": None}, 400, "named by ds"),
        ({"ds": "other"}, 400, "no data set called"),
        ({"ds": 5}, 400, "named by ds"),
        ({"op_id": None}, 400, "needs op_id"),
        ({"op_id": "x" * 65}, 400, "needs op_id"),
        ({"action": "undo", "suggestion": None}, 400, "action is one of"),
        ({"action": ["keep"]}, 400, "action is one of"),
        ({"action": "keep"}, 400, "To relabel, and only then"),
        ({"suggestion": None}, 400, "To relabel, and only then"),
        ({"suggestion": False}, 400, "To relabel, and only then"),
        ({"label": "dog"}, 400, "stands instead"),
        ({"label": "horse", "suggestion": None}, 400, "not a class"),
        ({"label": 7, "suggestion": None}, 400, "To relabel, and only then"),
        ({"rows": "a"}, 400, "rows is a list"),
        ({"rows": [1]}, 400, "rows is a list"),
        ({"rows": ["a", "nowhere"]}, 400, "not in this project"),
        ({"filters": {"cut": 1}}, 400, "filters are"),
        ({"filters": {"cut": "2"}}, 400, "not a score"),
        ({"expect": 3}, 400, "4 rows would change now"),
        ({"expect": True}, 400, "expect is a whole number"),
        ({"as_of": -1}, 400, "as_of is a whole number"),
        ({"annotator": "bob"}, 400, "has the fields"),
    ],
)
def test_bulk__what_means_nothing_is_refused_and_stores_nothing(
    client: TestClient,
    signed: dict[str, str],
    team: Team,
    changes: dict[str, Any],
    status: int,
    sentence: str,
) -> None:
    answer = send(client, signed, **changes)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.json()
    assert team.store.events("animals") == []


# --- guards -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["tiles", "similar"])
def test_reading__wants_a_token_of_this_site(client: TestClient, signed: dict[str, str], path: str) -> None:
    params = {"ds": "animals", "row": "a"}
    for headers, status in (
        (signed, 200),
        (without(signed, "X-Labelmend-Token"), 401),
        ({**signed, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**signed, "Origin": "http://elsewhere.test"}, 403),
    ):
        assert client.get(f"/labelmend/{path}", params=params, headers=headers).status_code == status


def test_bulk__wants_a_token_of_this_site(client: TestClient, signed: dict[str, str], team: Team) -> None:
    for headers, status in (
        (SAME, 401),
        ({**SAME, "X-Labelmend-Token": "x"}, 401),
        (without(signed, *SAME), 403),
        ({**signed, "Sec-Fetch-Site": "same-site"}, 403),
    ):
        assert send(client, headers).status_code == status
    assert client.post("/labelmend/bulk", content="{}", headers=signed).status_code == 415
    assert team.store.events("animals") == []


def test_roles__a_viewer_looks_and_does_not_decide(desk: Desk, signed: dict[str, str]) -> None:
    client = client_of(desk, Role.VIEWER)
    assert get(client, signed, "tiles").status_code == 200
    assert get(client, signed, "similar", row="a").status_code == 200
    for changes in ({}, {"preview": True}):
        answer = send(client, signed, **changes)
        assert (answer.status_code, answer.json()["error"]) == (
            403,
            "Your role is viewer; this needs annotator. Ask an owner.",
        )
    for path in ("tiles", "similar"):
        assert get(client_of(desk, Role.NOBODY), signed, path, row="a").status_code == 403
    assert desk.store.events("animals") == []
