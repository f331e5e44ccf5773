from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.dataset import Columns, Dataset
from core.desk import Desk
from core.guards import MAX_BODY
from core.issues import Result, issue_table
from core.loading import Prepared
from core.predictions import Predictions
from core.review.decisions import Action
from core.review.people import People, Role
from core.server import routes
from core.session_token import Session, mint_media, mint_session
from core.settings import Settings
from core.source import Source
from core.team import Team
from core.workspace import Project, Workspace

CLASSES = ("cat", "dog", "fish")
HOST = "http://labelmend.test"
SAME = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}


def animals(root: Path) -> Dataset:
    """Six pictures; d's file is damaged, e has no label, f's path leads outside."""
    ids = ["a", "b", "c", "d", "e", "../f"]
    labels = np.array([0, 0, 1, 1, -1, 2], dtype=np.int32)
    paths = ["a.png", "b.png", "c.png", "d.png", "e.png", "../secret.png"]
    for name in paths[:3]:
        Image.new("RGB", (20, 10), "red").save(root / name)
    (root / "d.png").write_bytes(b"no picture")
    Image.new("RGB", (20, 10), "red").save(root / "e.png")
    table = pd.DataFrame(
        {
            "id": ids,
            "path": pd.array(paths, dtype="str"),
            "label": ["" if k < 0 else CLASSES[k] for k in labels],
        },
        index=pd.Index(ids, dtype="str"),
    )
    columns = Columns("id", "label", None, ("path",), "image")
    return Dataset("animals", table, columns, CLASSES, CLASSES, labels, media_root=root)


def results_of(project: Project) -> dict[str, Result]:
    dataset = project.dataset
    score = np.array([0.3, 0.1, 0.2, 0.9, 1.0, 0.4])
    suggestion = np.array([1, 1, 0, -1, -1, 0])
    table = issue_table(dataset, score, score < 0.5, suggestion, {0: "why a"})
    return {"label_issues": Result(table, {"flagged": 4, "estimator": "test"})}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (5, 5)).save(tmp_path / "secret.png")
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "ann"))
    probs = np.full((6, 3), 1 / 3, dtype=np.float32)
    source = Source(tmp_path / "animals.csv", "csv", "0" * 64, 0)
    embeddings = np.eye(6, 3, dtype=np.float32) + 0.1
    workspace.save(Prepared(animals(images), Predictions("m", probs, embeddings), source, ()))
    made = Desk(workspace, results_of)
    yield made
    made.store.close()


@pytest.fixture
def team(desk: Desk) -> Team:
    """A team in which everybody is an owner, as in local mode."""
    return Team(desk, People(desk.store, Role.OWNER))


@pytest.fixture
def client(team: Team) -> TestClient:
    app = Starlette(routes=routes(team.desk.workspace, team))
    return TestClient(app, base_url=HOST, raise_server_exceptions=False)


@pytest.fixture
def signed(desk: Desk) -> dict[str, str]:
    return {**SAME, "X-Labelmend-Token": mint_session(desk.workspace.secret(), Session("ann", "s1"))}


def op(row: str = "a", op_id: str = "1", **changes: Any) -> dict[str, Any]:
    given = {"a": "cat", "b": "cat", "c": "dog", "d": "dog", "e": "", "../f": "fish"}.get(row, "")
    known = {"op_id": op_id, "dataset": "animals", "row_id": row, "action": "keep", "given_label": given}
    return {**known, **changes}


def post(client: TestClient, headers: dict[str, str], *ops: dict[str, Any]) -> Any:
    return client.post("/labelmend/decisions", json={"decisions": list(ops)}, headers=headers)


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {k: v for k, v in headers.items() if k not in names}


# --- decisions --------------------------------------------------------------------------------------


def test_decisions__are_stored_by_the_tokens_annotator(
    client: TestClient, signed: dict[str, str], desk: Desk
) -> None:
    answer = post(client, signed, op("a", "1", action="relabel", label="dog", shown="{}"), op("e", "2"))
    assert answer.status_code == 200
    assert [(r["op_id"], r["seq"]) for r in answer.json()["receipts"]] == [("1", 1), ("2", 2)]
    stored = desk.store.in_force("animals")
    assert {r: (d.action, d.label, d.annotator, d.given_label) for r, d in stored.items()} == {
        "a": (Action.RELABEL, "dog", "ann", "cat"),
        "e": (Action.KEEP, None, "ann", ""),
    }


def test_decisions__sent_again_are_acknowledged_again(
    client: TestClient, signed: dict[str, str], desk: Desk
) -> None:
    assert post(client, signed, op()).json() == post(client, signed, op()).json()
    assert len(desk.store.events("animals")) == 1


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (op("nowhere"), "not in this project"),
        (op("a", given_label="dog"), "labelled 'cat' now"),
        (op("a", action="relabel", label="horse"), "not a class"),
        (op("a", action="relabel"), "not a class"),
        (op("a", label="dog"), "names no class"),
        (op("a", action="undo"), "Only an undo"),
        (op("a", undoes="x"), "Only an undo"),
        (op("a", action="undo", undoes="x"), "no such decision"),
        (op("a", dataset="other"), "no data set called"),
        (op("a", dataset="../animals"), "no data set called"),
    ],
)
def test_decisions__one_that_does_not_fit_leaves_the_others(
    client: TestClient, signed: dict[str, str], desk: Desk, bad: dict[str, Any], sentence: str
) -> None:
    answer = post(client, signed, bad, op("b", "2"))
    first, second = answer.json()["receipts"]
    assert sentence in first["error"]
    assert second["seq"] == 1
    assert list(desk.store.in_force("animals")) == ["b"]


def test_decisions__only_ones_own_can_be_undone(
    client: TestClient, signed: dict[str, str], desk: Desk
) -> None:
    bob = {**SAME, "X-Labelmend-Token": mint_session(desk.workspace.secret(), Session("bob", "s2"))}
    post(client, signed, op())
    undo = op("a", "2", action="undo", undoes="1")
    assert "only the annotator" in post(client, bob, undo).json()["receipts"][0]["error"]
    assert post(client, signed, {**undo, "op_id": "3"}).json()["receipts"][0]["seq"] == 2
    assert desk.store.in_force("animals") == {}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Labelmend-Token": ""}, 401),
        ({"X-Labelmend-Token": "made up"}, 401),
        ({"X-Labelmend-Token": "MEDIA"}, 401),
        ({"X-Labelmend-Token": "OTHER KEY"}, 401),
        ({"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Host": "rebound.test"}, 403),
    ],
)
def test_decisions__guards(
    client: TestClient, signed: dict[str, str], desk: Desk, headers: dict[str, str], status: int
) -> None:
    made = {
        "MEDIA": mint_media(desk.workspace.secret(), "animals", "ann"),
        "OTHER KEY": mint_session(b"another key", Session("ann", "s1")),
    }
    answer = post(client, {**signed, **{k: made.get(v, v) for k, v in headers.items()}}, op())
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert desk.store.events("animals") == []


@pytest.mark.parametrize(
    ("missing", "status"),
    [
        (("X-Labelmend-Token",), 401),
        (("Origin", "Sec-Fetch-Site"), 403),
        ((*SAME, "X-Labelmend-Token"), 403),
    ],
)
def test_decisions__without_headers(
    client: TestClient, signed: dict[str, str], desk: Desk, missing: tuple[str, ...], status: int
) -> None:
    # A cookie, or none, makes no difference: the routes read none.
    for cookies in ({}, {"_streamlit_user": "x", "_streamlit_xsrf": "x"}):
        client.cookies = cookies
        assert post(client, without(signed, *missing), op()).status_code == status
    assert desk.store.events("animals") == []


def test_decisions__expired_token(client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as past:
        past.setattr("itsdangerous.timed.time.time", lambda: 1_000_000)
        token = mint_session(desk.workspace.secret(), Session("ann", "s1"))
    answer = post(client, {**SAME, "X-Labelmend-Token": token}, op())
    assert answer.status_code == 401
    assert "Reload the page" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"not json", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"decisions": []}', "application/json", 400),
        (b'{"decisions": ["x"]}', "application/json", 400),
        (json.dumps({"decisions": [op(annotator="bob")]}).encode(), "application/json", 400),
        (json.dumps({"decisions": [op(seq="9")]}).encode(), "application/json", 400),
        (json.dumps({"decisions": [op(op_id="")]}).encode(), "application/json", 400),
        (json.dumps({"decisions": [op(op_id=7)]}).encode(), "application/json", 400),
        (json.dumps({"decisions": [op(op_id="x" * 65)]}).encode(), "application/json", 400),
        (json.dumps({"decisions": [op(action="burn")]}).encode(), "application/json", 400),
        (
            json.dumps({"decisions": [op(row="a", op_id=str(i)) for i in range(501)]}).encode(),
            "application/json",
            400,
        ),
        (b" " * (MAX_BODY + 1), "application/json", 413),
        (b'{"decisions": []}', "text/plain", 415),
        (b"decisions=1", "application/x-www-form-urlencoded", 415),
    ],
)
def test_decisions__refuses_what_it_cannot_read(
    client: TestClient, signed: dict[str, str], desk: Desk, body: bytes, kind: str, status: int
) -> None:
    headers = {**signed, "Content-Type": kind}
    answer = client.post("/labelmend/decisions", content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert desk.store.events("animals") == []


# --- items ------------------------------------------------------------------------------------------


def items(client: TestClient, headers: dict[str, str], **params: Any) -> Any:
    return client.get("/labelmend/items", params={"ds": "animals", **params}, headers=headers)


def test_items__worst_first_with_what_is_shown(client: TestClient, signed: dict[str, str]) -> None:
    answer = items(client, signed).json()
    assert (answer["total"], answer["at"], answer["as_of"], answer["alone"]) == (4, 0, 0, None)
    assert [i["row_id"] for i in answer["items"]] == ["b", "c", "a", "../f"]
    first = answer["items"][0]
    assert (first["given"], first["suggestion"], first["number"], first["decision"]) == (
        "cat",
        "dog",
        2,
        None,
    )
    assert [c[0] for c in first["classes"]] == ["cat", "dog", "fish"]
    assert (
        "".join(words for words, _ in first["why"]) == "Flagged because the model gives dog 33% and cat 33%."
    )
    assert first["content"]["size"] == [20, 10]


def test_items__queue_stays_still_while_its_rows_are_decided(
    client: TestClient, signed: dict[str, str]
) -> None:
    first = items(client, signed, state="undecided", n=2).json()
    held = {"state": "undecided", "as_of": first["as_of"], "tag": first["tag"]}
    post(client, signed, op("b", "1"))
    second = items(client, signed, at=2, **held).json()
    assert [i["row_id"] for i in second["items"]] == ["a", "../f"]
    again = items(client, signed, at=0, **held).json()
    assert [(i["row_id"], i["decision"] and i["decision"]["action"]) for i in again["items"]] == [
        ("b", "keep"),
        ("c", None),
        ("a", None),
        ("../f", None),
    ]
    assert items(client, signed, state="undecided").json()["total"] == 3


def test_items__start_at_a_row_or_at_the_first_undecided(client: TestClient, signed: dict[str, str]) -> None:
    post(client, signed, op("b", "1"), op("c", "2"))
    assert items(client, signed).json()["at"] == 2
    assert items(client, signed, row="c").json()["at"] == 1
    alone = items(client, signed, row="d").json()
    assert (alone["at"], alone["alone"]["row_id"]) == (2, "d")
    assert items(client, signed, at=0, undecided=1).json()["at"] == 2
    post(client, signed, op("a", "3"), op("../f", "4"))
    end = items(client, signed, at=0, undecided=1).json()
    assert (end["at"], end["items"]) == (4, [])


def test_items__another_queue_is_not_mixed_in(client: TestClient, signed: dict[str, str]) -> None:
    answer = items(client, signed, tag="0123456789ab")
    assert answer.status_code == 409
    assert "Reload" in answer.json()["error"]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"ds": ""}, 400),
        ({"ds": "other"}, 400),
        ({"cut": "x"}, 400),
        ({"at": "-1"}, 400),
        ({"n": "1e9"}, 400),
    ],
)
def test_items__refuses(
    client: TestClient, signed: dict[str, str], params: dict[str, str], status: int
) -> None:
    answer = items(client, signed, **params)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


@pytest.mark.parametrize("path", ["items", "neighbours", "text"])
def test_reading__guards(client: TestClient, signed: dict[str, str], path: str) -> None:
    def status(headers: dict[str, str]) -> int:
        return client.get(f"/labelmend/{path}?ds=animals&row=a", headers=headers).status_code

    assert status(signed) == 200
    assert status(without(signed, "Origin")) == 200  # a browser sends no Origin with a GET
    assert status(without(signed, "X-Labelmend-Token")) == 401
    assert status({**signed, "Sec-Fetch-Site": "cross-site"}) == 403
    assert status({**signed, "Origin": "https://evil.test"}) == 403
    assert client.post(f"/labelmend/{path}", headers=signed).status_code == 405


def test_neighbours__are_labelled_as_given_and_as_suggested(
    client: TestClient, signed: dict[str, str]
) -> None:
    found = client.get("/labelmend/neighbours?ds=animals&row=a", headers=signed).json()
    assert [t["label"] for t in found["given"]] == ["cat"]
    assert {t["label"] for t in found["suggested"]} == {"dog"}
    assert "2 of its 5 nearest rows are labelled dog" in "".join(words for words, _ in found["why"])
    assert client.get("/labelmend/neighbours?ds=animals&row=zz", headers=signed).status_code == 400


# --- pictures ---------------------------------------------------------------------------------------


def media(client: TestClient, desk: Desk, row: str, token: str | None = None, **params: str) -> Any:
    token = mint_media(desk.workspace.secret(), "animals", "ann") if token is None else token
    query = {"row": row, "token": token, **params}
    return client.get("/labelmend/media/animals", params=query)


def test_media__is_safe_to_open(client: TestClient, desk: Desk) -> None:
    answer = media(client, desk, "a")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"].startswith("private")


def test_media__what_cannot_be_shown_is_said(client: TestClient, desk: Desk) -> None:
    broken = media(client, desk, "d")
    assert (broken.status_code, broken.json()["error"]) == (
        422,
        "The file is not a picture of a known format.",
    )
    outside = media(client, desk, "../f")
    assert (outside.status_code, "outside" in outside.json()["error"]) == (422, True)
    for row in ("d", "../f"):
        small = media(client, desk, row, size="thumb")
        assert (small.status_code, small.headers["content-type"]) == (200, "image/png")
        assert small.headers["cache-control"] == "no-store"
    assert media(client, desk, "zz").status_code == 404
    assert media(client, desk, "a", size="huge").status_code == 400


def test_media__guards(client: TestClient, desk: Desk) -> None:
    secret = desk.workspace.secret()
    wrong = ["", "made up", mint_media(secret, "other", "ann"), mint_session(secret, Session("ann", "s1"))]
    assert [media(client, desk, "a", token).status_code for token in wrong] == [401] * 4
    good = {"row": "a", "token": mint_media(secret, "animals", "ann")}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
        answer = client.get("/labelmend/media/animals", params=good, headers=headers)
        assert answer.status_code == 403


def test_media__tiles(client: TestClient, desk: Desk) -> None:
    Image.new("RGB", (1700, 20), "red").save(desk.project("animals").dataset.media_root / "b.png")
    shown = media(client, desk, "b", size="tile", level="0", x="3", y="0")
    assert Image.open(io.BytesIO(shown.content)).size == (1700 - 3 * 512, 20)
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert media(client, desk, "b", size="tile", level="0", x="4", y="0").status_code == 422
    assert media(client, desk, "d", size="tile").status_code == 422
    assert media(client, desk, "../f", size="tile").status_code == 422
    for place in ({"x": "-1"}, {"level": "../1"}, {"y": "1e9"}, {"x": "9" * 20}):
        assert media(client, desk, "b", size="tile", **place).status_code == 400
    assert media(client, desk, "b", "made up", size="tile").status_code == 401


def test_media__links_of_items_open(client: TestClient, signed: dict[str, str]) -> None:
    for item in items(client, signed).json()["items"][:3]:
        for size in ("thumb", "full"):
            assert client.get("/" + item["content"][size]).headers["content-type"] == "image/png"
