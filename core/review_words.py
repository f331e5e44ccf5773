"""The sentences about a review that the data set card and the report share: numbers and our own words."""

from __future__ import annotations

from collections.abc import Callable

from core import __version__, label_words
from core.baseline import PREFIX, SEED
from core.evidence.method import LEFT
from core.evidence.words import left_in_words
from core.exporting import counted
from core.methods.agreement import RESAMPLES, Agreement
from core.methods.out_of_sample import FOLDS
from core.review.policy import POLICIES
from core.review.queue import default_find
from core.review_record import Agreed, Record

Quote = Callable[[str], str]
"""Marks a text that is not ours as text, in the language of the document."""


def full_stop(line: str) -> str:
    """The line with a full stop at its end."""
    return line if line.endswith(".") else f"{line}."


def opening(record: Record) -> str:
    """How many rows were reviewed, by how many, and how many labels changed."""
    excluded = sum(change.column == "" for change in record.corrections.changes)
    left_out = f"; {counted(excluded, 'row')} left out as excluded" if excluded else ""
    return (
        f"{counted(len(record.decided), 'row')} of {len(record.dataset):,} decided by "
        f"{counted(len(record.annotators), 'annotator')}; {counted(len(record.changed), 'label')} changed"
        f"{left_out}."
    )


def in_short(record: Record) -> list[tuple[str, str, str]]:
    """(question, answer, by): what was checked, found and changed, and what remains. by: the estimators of
    the answer's numbers; "" where they are counts.
    """
    ran = len(record.audit.results)
    checked = f"{counted(len(record.dataset), 'row')} by {counted(ran, 'check')}"
    read = f"{counted(len(record.here), 'row')} by {counted(len(record.annotators), 'annotator')}"
    labels = record.audit.results.get(default_find(record.dataset))
    found, by = "The labels have not been checked.", ""
    if labels is not None:
        summary = labels.summary
        parts = [label_words.headline(summary), label_words.estimated(summary)]
        found = "; ".join(part for part in parts if part) + "."
        by = str(summary["estimator"])
        by += f"; {summary['estimate_method']}" if parts[1] else ""
    left_out = sum(change.column == "" for change in record.corrections.changes)
    changed = f"{counted(len(record.changed), 'label')} changed, {counted(left_out, 'row')} left out."
    remains = left_in_words(record.left)
    if record.open:
        remains += f" Annotators differ on {counted(len(record.open), 'row')}."
    return [
        ("Checked", f"{checked}; read by people: {read}.", ""),
        ("Found", found, by),
        ("Changed", changed, ""),
        ("Remains", remains, LEFT.by if record.left.audits else ""),
    ]


def made_by(record: Record) -> str:
    """What made the document, and from which decisions."""
    return f"Made by Labelmend {__version__} from decisions up to event {record.seq:,}."


def prediction_facts(record: Record) -> list[tuple[str, str]]:
    """(fact, text) pairs: which model's probabilities were used, and how far they are out-of-sample."""
    held = record.project.predictions
    if held.output is None:
        return [("Model", "none")]
    model = ("Model", held.model or "without a name")
    if not held.model.startswith(PREFIX):
        return [model, ("Out-of-sample", "on the word of whoever brought them; Labelmend cannot see it")]
    said = [p.found.removeprefix(PREFIX) for p in record.project.problems if p.found.startswith(PREFIX)]
    folds = (
        f"{FOLDS} folds dealt with seed {SEED}; every row is scored by a model that saw neither it nor a row "
        "of equal content, of nearly equal text or of its group"
    )
    return [
        model,
        ("Trained by", "Labelmend"),
        ("Out-of-sample", folds),
        *(("Judged", line) for line in said),
    ]


def verdict_rows(record: Record) -> list[tuple[str, int]]:
    """Rows by the verdict in force; those without one are the last."""
    open_rows = [("annotators differ, left as given", len(record.outcomes.unsettled))]
    return [*record.verdicts.items(), *(row for row in open_rows if row[1])]


def policy_line(record: Record) -> str:
    """The export's policy, by its title and what it does."""
    policy = POLICIES[record.outcomes.policy]
    return f"{policy.title}: {policy.about}"


def look_lines(record: Record) -> list[str]:
    """How many people looked at how many rows, and where they differ."""
    looks = [f"{counted(rows, 'row')} by {n}" for n, rows in record.looks.items() if n]
    lines = [f"Annotators who looked at a row: {', '.join(looks)}"] if looks else []
    if record.open or record.ended:
        lines.append(
            f"{counted(len(record.open), 'row')} on which annotators differ; {record.ended:,} more ended by "
            "a final word"
        )
    else:
        lines.append("No row on which annotators differ")
    if record.outcomes.waiting:
        lines.append(f"{counted(len(record.outcomes.waiting), 'row')} waiting for another look")
    return lines


def annotator_rows(record: Record, names: bool, quote: Quote) -> list[tuple[str, str]]:
    """(who, rows) for every annotator, most rows first. quote: marks a name."""
    return [
        (quote(name) if names else f"annotator {number}", f"{rows:,}")
        for number, (name, rows) in enumerate(record.annotators, 1)
    ]


def agreement_lines(record: Record) -> list[str]:
    """Alpha and kappa with their intervals, or why there are none."""
    agreed = record.agreed
    if agreed is None:
        return ["No row was looked at by two annotators."]
    people = counted(agreed.annotators, "annotator")
    lines = [f"Krippendorff's alpha: {_coefficient(agreed.alpha)}, {people}"]
    if agreed.kappa is not None:
        lines.append(f"Cohen's kappa: {_coefficient(agreed.kappa)}")
    return [*lines, *_which_answers(agreed)]


def _which_answers(agreed: Agreed) -> list[str]:
    lines = []
    if agreed.left_out:
        lines.append(f"{counted(agreed.left_out, 'answer')} left out: given after seeing another's")
    if agreed.alpha.rows:
        lot = "drawn by lot" if agreed.by_lot else "not drawn by lot: they tell of themselves only"
        lines.append(f"The rows were {lot}")
    return lines


def _coefficient(found: Agreement) -> str:
    rows = counted(found.rows, "row")
    if found.value != found.value:
        return f"none. {found.reason or 'It is not defined.'} From {rows}"
    if found.low != found.low:
        return f"{found.value:.2f}, no interval ({found.reason.rstrip('.')}), from {rows}"
    interval = f"95% interval {found.low:.2f} to {found.high:.2f} by resampling the rows {RESAMPLES:,} times"
    return f"{found.value:.2f}, {interval}, from {rows}"


def rate_lines(record: Record) -> list[str]:
    """Beside what the evidence says of the share of wrong labels: the random audit, or why none is claimed.
    None where random rows were read, since the evidence's interval is about those and holds at every look.
    """
    return [] if record.left.audits else _sample_lines(record)


def _sample_lines(record: Record) -> list[str]:
    """The share of wrong labels from the random audit, or why none is claimed."""
    sample = record.sample
    if sample is None:
        return [
            "No share of wrong labels is claimed. The rows reviewed were chosen because they looked wrong, "
            "so that they are no sample of the data set, and the random audit was not reviewed.",
        ]
    if not sample.usable:
        return [
            f"No share of wrong labels is claimed. Of the first {counted(sample.rows, 'row')} of the random "
            f"audit {sample.unclear:,} have no clear verdict.",
        ]
    lines = [
        f"{sample.wrong:,} of {counted(sample.rows, 'row')} drawn at random (the random audit) have a wrong "
        f"label: {_share(sample.share())}",
    ]
    lines.append("The interval holds where the number of rows was fixed before the first verdict was seen")
    if sample.unclear:
        lines.append(
            f"{counted(sample.unclear, 'row')} of them excluded, ambiguous, in dispute or passed over; were "
            f"each of them wrong: {_share(sample.share(True))}"
        )
    return lines


def _share(found: tuple[float, float, float]) -> str:
    share, low, high = found
    return f"{share:.1%}, 95% Wilson interval {low:.1%} to {high:.1%}"


def not_said(record: Record) -> list[str]:
    """What must not be read out of the numbers, one sentence each."""
    lines = [
        f"{title}: {flagged - decided:,} of {flagged:,} flagged rows are not reviewed"
        for title, flagged, decided in record.flagged
        if flagged > decided
    ]
    if unread := len(record.dataset) - len(record.decided):
        they = "has no decision and is as it came" if unread == 1 else "have no decision and are as they came"
        lines.append(f"{counted(unread, 'row')} {they}")
    if not record.left.audits and (record.sample is None or not record.sample.usable):
        lines.append(
            "The share of wrong labels among the rows reviewed is not the share in the data set: they were "
            "not drawn at random"
        )
    if record.agreed is None:
        lines.append("How far annotators agree: nobody's verdicts were checked by another annotator")
    if record.project.predictions.output is not None:
        lines.append(
            "What annotators would have said without help: they saw the model's suggestion"
            + (" on most rows" if record.plan.hide_suggestions else "")
        )
        lines.append("Systematic errors that the model has learned from the labels: no check sees them")
    lines.append("Licence, origin and personal data: Labelmend knows nothing of them")
    return lines
