"""The line of progress, on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from core import cli_progress
from core.cli_progress import shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_shown__one_line_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(cli_progress, "EVERY_S", 0)
    monkeypatch.setenv("COLUMNS", "20")
    with pytest.raises(RuntimeError), shown() as progress:
        progress.report(0.5, "Reading\x1b[31m rows\nof a file with a long name")
        progress.report(1.0, "Done")
        raise RuntimeError
    first, second, last, end = terminal.getvalue().split("\r")[1:]
    assert len(first) == 19 and first.startswith(" 50% Reading") and "\x1b" not in first
    assert second == "100% Done" + " " * 10
    assert (last, end) == (" " * 9, "")


def test_shown__nothing_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with shown() as progress:
        progress.report(0.5, "Reading rows")
    assert capsys.readouterr() == ("", "")
