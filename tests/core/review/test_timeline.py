from __future__ import annotations

from core.review.decisions import VERDICTS, Action, Decision
from core.review.timeline import timeline


def stacks(*steps: str) -> tuple[list[str], list[str]]:
    """Steps: a name decides; "-x" undoes event x. The op_ids that can be undone and redone."""
    events = []
    for i, step in enumerate(steps, 1):
        op_id, undoes = (f"u{i}", step[1:]) if step.startswith("-") else (step, None)
        action = Action.UNDO if undoes else Action.NOTE if step.startswith("n") else Action.KEEP
        events.append(Decision("d", "r1", action, "ann", "cat", op_id, undoes=undoes, seq=i))
    found = timeline(events, VERDICTS)
    return [e.op_id for e in found.done], [e.op_id for e in found.undone]


def test_timeline__undo_and_redo() -> None:
    assert stacks("a", "b") == (["a", "b"], [])
    assert stacks("a", "b", "-b") == (["a"], ["u3"])
    assert stacks("a", "b", "-b", "-a") == ([], ["u3", "u4"])
    assert stacks("a", "b", "-b", "-a", "-u4") == (["a"], ["u3"])
    assert stacks("a", "-a", "-u2", "-a", "-u4") == (["a"], [])


def test_timeline__a_new_decision_ends_redo() -> None:
    assert stacks("a", "b", "-b", "c") == (["a", "c"], [])


def test_timeline__leaves_out_other_events() -> None:
    assert stacks("a", "n", "-n") == (["a"], [])
    assert stacks() == ([], [])
