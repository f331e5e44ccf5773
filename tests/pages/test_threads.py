from __future__ import annotations

import sys

from tests.pages.conftest import FRAME, Open


def test_app__a_run_of_the_page_leaves_the_search_path_alone(open_page: Open) -> None:
    """A thread that imports meanwhile must not pass over an entry of it."""
    before = [*sys.path]
    open_page("overview", ds="pets")
    assert sys.path == before
    assert str(FRAME.parent) in sys.path
