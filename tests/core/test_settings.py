from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import InputError
from core.review.people import Role
from core.settings import DEFAULT_ROLES, SETTINGS, read_settings

README = Path(__file__).parent.parent.parent / "README.md"


def test_read_settings__defaults_are_absolute_and_named() -> None:
    settings = read_settings({})
    assert settings.workspace == Path.home().resolve() / ".labelmend"
    assert settings.data_roots == (Path.cwd().resolve(),)
    assert settings.database_url == ""
    assert settings.annotator == ""
    assert (settings.sign_in, settings.signs_in, settings.default_role) == ("local", False, "nobody")
    assert not settings.open_to_network


def test_read_settings__reads_each_variable(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "LABELMEND_WORKSPACE": str(tmp_path / "w"),
            "LABELMEND_DATA_ROOTS": os.pathsep.join(["/data", "/more", "/data"]),
            "LABELMEND_DATABASE_URL": "postgresql://db",
            "LABELMEND_ANNOTATOR": " ada ",
            "LABELMEND_SIGN_IN": "oidc",
            "LABELMEND_OWNERS": "ana@example.org, ,bo@example.org",
            "LABELMEND_DEFAULT_ROLE": "viewer",
            "LABELMEND_TRUSTED_ISSUERS": "https://id.example.org",
            "LABELMEND_LET_ANYONE_ON_THE_NETWORK_IN": "1",
        }
    )
    assert settings.workspace == (tmp_path / "w").resolve()
    assert settings.data_roots == (Path("/data"), Path("/more"))
    assert settings.database_url == "postgresql://db"
    assert settings.annotator == "ada"
    assert settings.signs_in
    assert settings.owners == ("ana@example.org", "bo@example.org")
    assert settings.default_role == "viewer"
    assert settings.trusted_issuers == ("https://id.example.org",)
    assert settings.open_to_network


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("LABELMEND_SIGN_IN", "OIDC", "local or oidc"),
        ("LABELMEND_SIGN_IN", "off", "local or oidc"),
        ("LABELMEND_DEFAULT_ROLE", "owner", "nobody or viewer or annotator"),
        ("LABELMEND_LET_ANYONE_ON_THE_NETWORK_IN", "yes", "0 or 1"),
    ],
)
def test_read_settings__refuses_a_value_not_known(variable: str, value: str, expected: str) -> None:
    with pytest.raises(InputError, match=f"{variable} is '{value}'. Expected: {expected}"):
        read_settings({variable: value})


def test_default_roles__are_roles() -> None:
    assert set(DEFAULT_ROLES) <= {role.word for role in Role}


def test_readme__names_every_setting() -> None:
    text = README.read_text()
    assert [row.variable for row in SETTINGS if row.variable not in text] == []
