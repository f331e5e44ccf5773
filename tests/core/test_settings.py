from __future__ import annotations

import os
from pathlib import Path

from core.settings import SETTINGS, read_settings

README = Path(__file__).parent.parent.parent / "README.md"


def test_read_settings__defaults_are_absolute_and_named() -> None:
    settings = read_settings({})
    assert settings.workspace == Path.home().resolve() / ".labelmend"
    assert settings.data_roots == (Path.cwd().resolve(),)
    assert settings.database_url == ""
    assert settings.annotator


def test_read_settings__reads_each_variable(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "LABELMEND_WORKSPACE": str(tmp_path / "w"),
            "LABELMEND_DATA_ROOTS": os.pathsep.join(["/data", "/more", "/data"]),
            "LABELMEND_DATABASE_URL": "postgresql://db",
            "LABELMEND_ANNOTATOR": " ada ",
        }
    )
    assert settings.workspace == (tmp_path / "w").resolve()
    assert settings.data_roots == (Path("/data"), Path("/more"))
    assert settings.database_url == "postgresql://db"
    assert settings.annotator == "ada"


def test_readme__names_every_setting() -> None:
    text = README.read_text()
    assert [row.variable for row in SETTINGS if row.variable not in text] == []
