from __future__ import annotations

import pytest

from core import session_token
from core.session_token import (
    Session,
    TokenError,
    check_media,
    mint_media,
    mint_session,
    public_id,
    read_session,
)

SECRET = b"k" * 32
ANN = Session("Ann Ö", "s1")


def test_session__comes_back_as_minted() -> None:
    assert read_session(SECRET, mint_session(SECRET, ANN)) == ANN


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "x",
        mint_session(b"another key", ANN),
        mint_session(SECRET, ANN)[:-1],
        mint_media(SECRET, "digits"),
    ],
    ids=["none", "empty", "made up", "another key", "cut off", "for pictures"],
)
def test_session__refuses(token: str | None) -> None:
    with pytest.raises(TokenError):
        read_session(SECRET, token)


def test_session__expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 1_000_000)
    token = mint_session(SECRET, ANN)
    week = session_token.LIFETIME.total_seconds()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 1_000_000 + week)
    assert read_session(SECRET, token) == ANN
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 1_000_001 + week)
    with pytest.raises(TokenError, match="too long"):
        read_session(SECRET, token)


def test_media__opens_one_data_set() -> None:
    check_media(SECRET, mint_media(SECRET, "digits"), "digits")
    for token in (mint_media(SECRET, "other"), mint_session(SECRET, ANN), None):
        with pytest.raises(TokenError):
            check_media(SECRET, token, "digits")


def test_public_id__tells_nothing_of_the_key() -> None:
    assert public_id(SECRET) == public_id(SECRET)
    assert public_id(SECRET) != public_id(b"another key")
    assert len(public_id(SECRET)) == 16
