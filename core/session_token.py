"""Signed tokens: who is calling a route, and for what.

Streamlit guards its own routes only. A page mints a token where it knows the annotator; the routes
take the annotator from the token and from nowhere else. The key lies in the workspace, so that a
token outlives a restart of the server and decisions kept in the browser can still be sent.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeTimedSerializer

LIFETIME = timedelta(days=7)
"""Long enough for a tab left open over a weekend; loading the page again mints a new one."""


class TokenError(Exception):
    """A token that is missing, altered, expired or made for something else. Says which."""


@dataclass(frozen=True)
class Session:
    """Who may call the routes: the annotator whose decisions they store, and their browser session."""

    annotator: str
    session_id: str


def mint_session(secret: bytes, session: Session) -> str:
    """A token for the header of the data routes."""
    return _serializer(secret, "session").dumps([session.annotator, session.session_id])


def read_session(secret: bytes, token: str | None) -> Session:
    """The session that a token was minted for. Raises TokenError."""
    value = _load(secret, "session", token)
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)):
        raise TokenError("This token was not made for this. Reload the page.")
    return Session(*value)


def mint_media(secret: bytes, dataset: str) -> str:
    """A token for the address of one data set's pictures, where a browser sends no header.

    It opens pictures of that data set and nothing else, so that a shared picture link gives no more.
    """
    return _serializer(secret, "media").dumps(dataset)


def check_media(secret: bytes, token: str | None, dataset: str) -> None:
    """Raises TokenError unless the token opens this data set's pictures."""
    if _load(secret, "media", token) != dataset:
        raise TokenError("This link is for another data set.")


def mint_download(secret: bytes, dataset: str) -> str:
    """A token for the address of one data set's corrected files."""
    return _serializer(secret, "download").dumps(dataset)


def check_download(secret: bytes, token: str | None, dataset: str) -> None:
    """Raises TokenError unless the token opens this data set's corrected files."""
    if _load(secret, "download", token) != dataset:
        raise TokenError("This link is for another data set.")


def public_id(secret: bytes) -> str:
    """A name for the workspace that tells nothing about its key; the browser keeps unsent work under it."""
    return hmac.new(secret, b"public id", hashlib.sha256).hexdigest()[:16]


def _load(secret: bytes, scope: str, token: str | None) -> object:
    if not token:
        raise TokenError("No token was sent. Open the page from the app.")
    try:
        return _serializer(secret, scope).loads(token, max_age=int(LIFETIME.total_seconds()))
    except BadSignature as error:  # covers an expired token too
        raise TokenError(
            "This page has been open too long or its token is not valid. Reload the page."
        ) from error


def _serializer(secret: bytes, scope: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        secret, salt=f"labelmend {scope}", signer_kwargs={"digest_method": hashlib.sha256}
    )
