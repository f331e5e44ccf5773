from __future__ import annotations

import pytest

from core.progress import Cancelled, Progress


def test_report__clips_and_passes_on() -> None:
    seen: list[tuple[float, str]] = []
    progress = Progress(lambda f, m: seen.append((f, m)))
    progress.report(-1, "start")
    progress.report(2, "end")
    assert seen == [(0.0, "start"), (1.0, "end")]


def test_part__maps_its_stretch_and_labels_it() -> None:
    seen: list[tuple[float, str]] = []
    part = Progress(lambda f, m: seen.append((f, m))).part(0.5, 1.0, "label issues")
    part.report(0.5, "scores")
    part.report(1.0)
    assert seen == [(0.75, "label issues: scores"), (1.0, "label issues")]


def test_cancel__stops_the_parts_too() -> None:
    whole = Progress()
    part = whole.part(0, 1).part(0, 0.5)
    part.report(0.1)
    whole.cancel()
    assert part.cancelled
    with pytest.raises(Cancelled):
        part.report(0.2)
