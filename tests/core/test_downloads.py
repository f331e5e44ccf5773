"""The route that streams corrected files."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.desk import Desk
from core.session_token import mint_download, mint_media
from tests.core.test_server import HOST, client, desk, team  # noqa: F401 - fixtures


@pytest.fixture
def address(desk: Desk) -> str:  # noqa: F811
    (desk.workspace.exports("animals") / "a b.csv").write_bytes(b"id,label\n1,cat\n")
    token = mint_download(desk.workspace.secret(), "animals", "ann")
    return f"/labelmend/exports/animals/a%20b.csv?token={token}"


def test_export__streams_the_file_as_an_attachment(client: TestClient, address: str) -> None:  # noqa: F811
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content == b"id,label\n1,cat\n"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_export__refuses_what_is_not_signed_for_it(client: TestClient, desk: Desk, address: str) -> None:  # noqa: F811
    bare = address.split("?")[0]
    secret = desk.workspace.secret()
    assert client.get(bare).status_code == 401
    assert client.get(f"{bare}?token={mint_media(secret, 'animals', 'ann')}").status_code == 401
    assert client.get(f"{bare}?token={mint_download(secret, 'other', 'ann')}").status_code == 401
    assert client.get(f"{bare}?token={mint_download(b'another key', 'animals', 'ann')}").status_code == 401


def test_export__refuses_another_site(client: TestClient, address: str) -> None:  # noqa: F811
    assert client.get(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get(address, headers={"Origin": "http://evil.test"}).status_code == 403
    assert client.get(address, headers={"Origin": HOST}).status_code == 200


@pytest.mark.parametrize("file", ["nope.csv", "..%2F..%2F..%2Fsecret.key", "%2Fetc%2Fpasswd", ".."])
def test_export__opens_nothing_else(client: TestClient, address: str, file: str) -> None:  # noqa: F811
    answer = client.get(address.replace("a%20b.csv", file))
    assert answer.status_code == 404
    assert b"root:" not in answer.content


def test_export__follows_no_link_out(client: TestClient, desk: Desk, address: str, tmp_path: Path) -> None:  # noqa: F811
    (desk.workspace.exports("animals") / "link.csv").symlink_to(tmp_path / "secret.png")
    assert client.get(address.replace("a%20b.csv", "link.csv")).status_code == 404
