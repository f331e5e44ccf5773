"""What a decision says of the spot check that it comes from, kept with it for ever in its `shown`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

GATE = "gate"
"""`source` of an answer that was given blind in a spot check; its "gate" is the check's id."""
ACCEPTED = "accepted"
"""`source` of fixes that were applied because a spot check accepted their batch."""


def accepted_by(shown: str) -> str:
    """By which spot check a fix was accepted without being read, in words; "" for any other decision."""
    if f'"source": "{ACCEPTED}"' not in shown:
        return ""
    told = _told(shown)
    return accepted_in_words(told) if told.get("source") == ACCEPTED else ""


def accepted_in_words(told: Mapping[str, Any]) -> str:
    """ "accepted by spot check: 68 of 1,000 checked, 0 wrong, promise 5% (95%)"; no full stop."""
    return (
        f"accepted by spot check: {told['checked']:,} of {told['of']:,} checked, {told['wrong']:,} wrong, "
        f"promise {percent(told['promise'])} ({percent(1 - told['alpha'])})"
    )


def gate_of(shown: str) -> str:
    """The id of the spot check in which an answer was given; "" for any other decision."""
    if f'"source": "{GATE}"' not in shown:
        return ""
    told = _told(shown)
    return str(told.get("gate", "")) if told.get("source") == GATE else ""


def percent(share: float) -> str:
    """ "5%", "0.5%", "97.5%"."""
    return f"{100 * share:.4g}%"


def _told(shown: str) -> dict[str, Any]:
    try:
        told = json.loads(shown)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
