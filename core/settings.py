"""Every setting, in one row each, read once from the environment into a frozen object."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from core.errors import refuse


class SettingRow(NamedTuple):
    variable: str
    default: str
    help: str


SIGN_IN = ("local", "oidc")
DEFAULT_ROLES = ("nobody", "viewer", "annotator")
"""A role that everybody has who can sign in must not reach the class list, the data or other roles."""
SETTINGS = (
    SettingRow("LABELMEND_WORKSPACE", "~/.labelmend", "folder that holds data sets, results and decisions"),
    SettingRow(
        "LABELMEND_DATA_ROOTS", ".", f"folders that files may be loaded from, separated by {os.pathsep!r}"
    ),
    SettingRow(
        "LABELMEND_DATABASE_URL", "", "SQLAlchemy URL of the decision store; empty: SQLite in the workspace"
    ),
    SettingRow(
        "LABELMEND_SQL_SOURCES",
        "",
        'databases to load tables from, as JSON: {"name": "SQLAlchemy URL", ...}; people see names only',
    ),
    SettingRow("LABELMEND_ANNOTATOR", "", "name stored with decisions; empty: the app asks once"),
    SettingRow(
        "LABELMEND_SIGN_IN", "local", "local: this machine only, no sign-in; oidc: an identity provider"
    ),
    SettingRow("LABELMEND_OWNERS", "", "oidc: e-mail addresses of the first owners, separated by commas"),
    SettingRow(
        "LABELMEND_DEFAULT_ROLE",
        "nobody",
        f"oidc: role of people who were given none: {', '.join(DEFAULT_ROLES)}",
    ),
    SettingRow(
        "LABELMEND_TRUSTED_ISSUERS",
        "",
        "oidc: issuers, separated by commas, whose e-mail addresses count as verified where they do not say",
    ),
    SettingRow(
        "LABELMEND_LET_ANYONE_ON_THE_NETWORK_IN", "", "1: serve a network without sign-in; all are owners"
    ),
)


@dataclass(frozen=True)
class Settings:
    """workspace and data_roots are absolute. annotator: "" where the app has to ask.

    sign_in: one of SIGN_IN. owners: as written. default_role: one of DEFAULT_ROLES. open_to_network: whether
    a network may be served without sign-in. sql_sources: URLs by name, never shown.
    """

    workspace: Path
    data_roots: tuple[Path, ...]
    database_url: str
    annotator: str
    sign_in: str = "local"
    owners: tuple[str, ...] = ()
    default_role: str = "nobody"
    trusted_issuers: tuple[str, ...] = ()
    open_to_network: bool = False
    sql_sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def signs_in(self) -> bool:
        """Whether people sign in with an identity provider."""
        return self.sign_in == "oidc"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment, or from the mapping given. Raises InputError for a value not known."""
    environ = os.environ if environ is None else environ
    value = {row.variable: environ.get(row.variable, "").strip() or row.default for row in SETTINGS}
    roots = value["LABELMEND_DATA_ROOTS"].split(os.pathsep)
    return Settings(
        workspace=_absolute(value["LABELMEND_WORKSPACE"]),
        data_roots=tuple(dict.fromkeys(_absolute(r) for r in roots if r)),
        database_url=value["LABELMEND_DATABASE_URL"],
        annotator=value["LABELMEND_ANNOTATOR"],
        sign_in=_one_of(value, "LABELMEND_SIGN_IN", SIGN_IN),
        owners=_listed(value["LABELMEND_OWNERS"]),
        default_role=_one_of(value, "LABELMEND_DEFAULT_ROLE", DEFAULT_ROLES),
        trusted_issuers=_listed(value["LABELMEND_TRUSTED_ISSUERS"]),
        open_to_network=_one_of(value, "LABELMEND_LET_ANYONE_ON_THE_NETWORK_IN", ("", "0", "1")) == "1",
        sql_sources=_named_urls(value["LABELMEND_SQL_SOURCES"]),
    )


def _absolute(path: str) -> Path:
    return Path(path).expanduser().resolve()


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _named_urls(text: str) -> dict[str, str]:
    """URLs by name. Raises InputError, which quotes nothing of a text that may hold passwords."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and all(n and isinstance(url, str) and url for n, url in found.items()):
        return found
    expected = 'a JSON object such as {"team": "postgresql://user:password@host/database"}'
    raise refuse("LABELMEND_SQL_SOURCES cannot be read", expected=expected)


def _one_of(value: Mapping[str, str], variable: str, choices: tuple[str, ...]) -> str:
    if value[variable] not in choices:
        raise refuse(f"{variable} is {value[variable]!r}", expected=" or ".join(c for c in choices if c))
    return value[variable]
