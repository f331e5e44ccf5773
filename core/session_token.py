"""Signed tokens: who is calling a route, for what, and until when.

Streamlit guards its own routes only. A page mints a token where it knows the person; the routes take the
person from the token and from nowhere else, and ask at each request what they may do. The key lies in the
workspace, so that a token outlives a restart of the server and decisions kept in the browser can still be
sent.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from core.settings import Settings

LIFETIME = timedelta(days=7)
"""Without sign-in: long enough for a tab left open over a weekend; loading the page again mints a new one."""
SIGN_IN_LASTS = timedelta(hours=12)
"""A day's work. After it the provider is asked again: whoever left the team stays signed in no longer."""
UNNAMED = "somebody"
"""For whom links are made while nobody has given a name, which only happens without sign-in."""
_HOUR = 3600


class TokenError(Exception):
    """A token that is missing, altered, expired or made for something else. Says which."""


@dataclass(frozen=True)
class Session:
    """Who may call the routes: the annotator whose decisions they store, and their browser session."""

    annotator: str
    session_id: str


def lifetime(settings: Settings) -> timedelta:
    """How long a token lasts that is minted now, at most."""
    return SIGN_IN_LASTS if settings.signs_in else LIFETIME


def mint_session(secret: bytes, session: Session, lasts: timedelta = LIFETIME) -> str:
    """A token for the header of the data routes."""
    value = [session.annotator, session.session_id]
    return _mint(secret, "session", value, time.time() + lasts.total_seconds())


def read_session(secret: bytes, token: str | None) -> Session:
    """The session that a token was minted for. Raises TokenError."""
    return Session(*_load(secret, "session", token))


def mint_media(secret: bytes, dataset: str, person: str, lasts: timedelta = LIFETIME) -> str:
    """A token for the address of one data set's pictures, where a browser sends no header.

    It opens pictures of that data set and nothing else, so that a shared picture link gives no more. It
    ends at a full hour: the address of a picture stays the same for that long, and the browser keeps it.
    """
    until = (time.time() + lasts.total_seconds()) // _HOUR * _HOUR + _HOUR
    return _mint(secret, "media", [dataset, person], until)


def check_media(secret: bytes, token: str | None, dataset: str) -> str:
    """The person for whom the link was made. Raises TokenError unless it opens this data set's pictures."""
    return _person(secret, "media", token, dataset)


def mint_download(secret: bytes, dataset: str, person: str, lasts: timedelta = LIFETIME) -> str:
    """A token for the address of one data set's corrected files. Minted for owners only."""
    return _mint(secret, "download", [dataset, person], time.time() + lasts.total_seconds())


def check_download(secret: bytes, token: str | None, dataset: str) -> str:
    """The person for whom the link was made. Raises TokenError unless it opens this data set's files."""
    return _person(secret, "download", token, dataset)


def public_id(secret: bytes) -> str:
    """A name for the workspace that tells nothing about its key; the browser keeps unsent work under it."""
    return hmac.new(secret, b"public id", hashlib.sha256).hexdigest()[:16]


def _person(secret: bytes, scope: str, token: str | None, dataset: str) -> str:
    opens, person = _load(secret, scope, token)
    if opens != dataset:
        raise TokenError("This link is for another data set.")
    return person


def _mint(secret: bytes, scope: str, value: list[str], until: float) -> str:
    return _serializer(secret, scope).dumps([int(until), *value])


def _load(secret: bytes, scope: str, token: str | None) -> tuple[str, str]:
    if not token:
        raise TokenError("No token was sent. Open the page from the app.")
    try:
        until, first, second = _serializer(secret, scope).loads(token)
    except (BadSignature, ValueError) as error:  # ValueError: signed by an older version, of another shape
        raise TokenError("This token is not valid. Reload the page.") from error
    if time.time() > until:
        raise TokenError("This page has been open too long. Reload the page.")
    return first, second


def _serializer(secret: bytes, scope: str) -> URLSafeSerializer:
    # The salt names this layout: a token of an earlier one does not open.
    return URLSafeSerializer(
        secret, salt=f"labelmend 2 {scope}", signer_kwargs={"digest_method": hashlib.sha256}
    )
