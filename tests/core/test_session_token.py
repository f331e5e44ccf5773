from __future__ import annotations

from datetime import timedelta

import pytest

from core import session_token
from core.session_token import (
    Session,
    TokenError,
    check_download,
    check_media,
    mint_download,
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
        mint_media(SECRET, "digits", "ann"),
    ],
    ids=["none", "empty", "made up", "another key", "cut off", "for pictures"],
)
def test_session__refuses(token: str | None) -> None:
    with pytest.raises(TokenError):
        read_session(SECRET, token)


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(session_token.time, "time", lambda: seconds)


def test_session__expires(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 1_000_000)
    week, day = mint_session(SECRET, ANN), mint_session(SECRET, ANN, timedelta(hours=12))
    at(monkeypatch, 1_000_000 + 12 * 3600)
    assert (read_session(SECRET, week), read_session(SECRET, day)) == (ANN, ANN)
    at(monkeypatch, 1_000_001 + 12 * 3600)
    with pytest.raises(TokenError, match="too long"):
        read_session(SECRET, day)
    at(monkeypatch, 1_000_000 + 7 * 24 * 3600)
    assert read_session(SECRET, week) == ANN
    at(monkeypatch, 1_000_001 + 7 * 24 * 3600)
    with pytest.raises(TokenError, match="too long"):
        read_session(SECRET, week)


def test_media_and_download__open_one_data_set_for_one_person() -> None:
    media, download = mint_media(SECRET, "digits", "ann"), mint_download(SECRET, "digits", "ann")
    assert check_media(SECRET, media, "digits") == "ann"
    assert check_download(SECRET, download, "digits") == "ann"
    for token in (mint_media(SECRET, "other", "ann"), download, mint_session(SECRET, ANN), None, media + "x"):
        with pytest.raises(TokenError):
            check_media(SECRET, token, "digits")
    for token in (mint_download(SECRET, "other", "ann"), media, mint_session(SECRET, ANN), None):
        with pytest.raises(TokenError):
            check_download(SECRET, token, "digits")


def test_media__address_is_the_same_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 3600 * 1000)
    first = mint_media(SECRET, "digits", "ann", timedelta(hours=12))
    at(monkeypatch, 3600 * 1001 - 1)
    assert mint_media(SECRET, "digits", "ann", timedelta(hours=12)) == first
    at(monkeypatch, 3600 * 1001)
    assert mint_media(SECRET, "digits", "ann", timedelta(hours=12)) != first
    at(monkeypatch, 3600 * 1013)  # never less than asked for, at most an hour more
    assert check_media(SECRET, first, "digits") == "ann"
    at(monkeypatch, 3600 * 1013 + 1)
    with pytest.raises(TokenError, match="too long"):
        check_media(SECRET, first, "digits")


def test_public_id__tells_nothing_of_the_key() -> None:
    assert public_id(SECRET) == public_id(SECRET)
    assert public_id(SECRET) != public_id(b"another key")
    assert len(public_id(SECRET)) == 16
