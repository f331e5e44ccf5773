"""What retraining did, in sentences. Each number in them is one of the measurement's, and each has a test."""

from __future__ import annotations

from core.evidence.impact import SEEDS, SHARE, Effect, Gain, effect_of
from core.evidence.method import Method
from core.retraining_impact import LEAST, Arms, Facts, Measured

RETRAINING = Method(
    "What retraining did",
    f"A baseline is trained {SEEDS} times (seeds 0 to {SEEDS - 1}), each time on {SHARE:.0%} of the other "
    "rows, with three kinds of labels: as given, as corrected, and a control in which as many edits from "
    "each class to each are made on random rows. For each test row, the share of the trainings that are "
    "right is compared. The interval is mean ± 1.96 sd / √T over the T test rows. Improved: the gain and the "
    "gain over the control are both above 0 with their intervals. Worse: the gain lies below 0.",
    "Test rows were drawn at random, read without a suggestion, and teach no arm; neither do rows like them. "
    "Corrections were suggested by models that did not learn from the row itself.",
    "Paired comparison of classifiers on one test set, with a control arm.",
    "The people who verified the test rows err as those did who corrected: then it counts what they would "
    "say. An interval over the seeds would be too narrow: they share one test set.",
)
ELSEWHERE = Method(
    "Two models from elsewhere",
    "For each test row, whether the second model is right less whether the first is; mean ± 1.96 sd / √T.",
    "The two were trained in the same way, one on given and one on corrected labels, and neither has seen "
    "the test rows.",
    "Paired comparison of classifiers on one test set.",
    "There is no control arm: how much comes from the corrections and how much from chance in training is "
    "not known.",
)


def measured_in_words(found: Measured) -> str:
    """ "Retraining on your corrections: +1.4 points (0.5 to 2.3) on 2,000 frozen rows; the same number of
    random edits: −1.5." """
    made = found.impact
    return (
        f"Retraining on your corrections: {_gain(made.gain)} on {_rows(made.test_rows, 'frozen ')}; the same "
        f"number of random edits: {_points(made.control_gain.mean)}."
    )


def effect_in_words(found: Measured) -> str:
    """The verdict, and why."""
    made = found.impact
    if made.effect is Effect.IMPROVED:
        return "Improved: the gain is above zero, and above that of random edits."
    if made.effect is Effect.WORSE:
        return "Worse: accuracy fell, by more than the test rows leave open."
    if made.gain.low > 0:
        low, high = made.over_control.low * 100, made.over_control.high * 100
        return (
            "No effect shown: as many random edits may do as well (difference "
            f"{_signed(low)} to {_signed(high)} points)."
        )
    return f"No effect shown: the interval holds zero.{_unseen(made.gain)}"


def arms_in_words(found: Measured) -> str:
    """The accuracies, and what they were measured with."""
    made = found.impact
    return (
        f"Accuracy {made.given:.1%} with given labels, {made.corrected:.1%} with corrected ones, "
        f"{made.control:.1%} with random edits: {made.edits:,} training labels differ, {made.seeds} "
        f"trainings each, features: {found.features}."
    )


def hint() -> str:
    """What such a test can see at all."""
    return "Gains under 1 point are mostly invisible with 800 test rows."


def supplied_in_words(gain: Gain, first: float, second: float, rows: int) -> str:
    """What two stored models show, and that nothing is known of a control."""
    effect = effect_of(gain)
    verdict = {
        Effect.IMPROVED: "Improved.",
        Effect.WORSE: "Worse.",
        Effect.NONE: f"No effect shown: the interval holds zero.{_unseen(gain)}",
    }[effect]
    return (
        f"From {first:.1%} to {second:.1%}: {_gain(gain)} on {_rows(rows, 'frozen ')}. {verdict} There is no "
        "control arm: what as many random edits would have done is not known."
    )


def frozen_in_words(found: Facts) -> str:
    """The frozen test rows, or what it takes to have some."""
    there, tested = found.frozen, found.arms
    if there is None or tested is None:
        said = f"{_rows(len(found.free), 'random ')} read without a suggestion can be test rows"
        return f"No test rows are frozen. {said}; it takes {LEAST}."
    said = f"{_rows(len(there.rows), 'test ')} frozen on {there.at[:10]}"
    if there.times > 1:
        said += f" ({there.times} times, each with the rows of before)"
    if tested.twice:
        said += f", {tested.twice:,} of them read by two annotators or more"
    if tested.lost:
        said += f"; {tested.lost:,} without a clear verdict now, which do not count"
    return f"{said}. No model learns from them here."


def edits_in_words(found: Arms) -> str:
    """What there is to measure."""
    if not found.edits:
        return "No decision changes a label outside of the test rows, so that there is nothing to measure."
    return f"{found.edits:,} training {'label differs' if found.edits == 1 else 'labels differ'} by review."


def _unseen(gain: Gain) -> str:
    half = (gain.high - gain.low) / 2 * 100
    return f" With these rows, less than {half:.1f} points cannot be told from none." if half else ""


def _gain(gain: Gain) -> str:
    low, high = (f"{value * 100:.1f}".replace("-", "−") for value in (gain.low, gain.high))
    return f"{_points(gain.mean)} points ({low} to {high})"


def _points(share: float) -> str:
    return _signed(share * 100)


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _rows(number: int, kind: str = "") -> str:
    return f"{number:,} {kind}{'row' if number == 1 else 'rows'}"
