from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from core.baseline import PREFIX
from core.dataset import Dataset
from core.dataset_card import dataset_card
from core.errors import Problem
from core.exported import read_exported
from core.exporting import write_export
from core.label_forms.form import LABEL_FORM, LabelForm
from core.predictions import Predictions
from core.review.decisions import Action
from core.review.queue import Filters, select, tag_of
from tests.conftest import make_dataset
from tests.core.evidence import reviews
from tests.core.reviewed import project_of, record_of, said

HOSTILE = (
    "</td><script>alert(1)</script>",
    "a | b\n\n# [x](http://127.0.0.1:9) `code` ![i](http://127.0.0.1:9/x.png) <!-- \u202e\x00 "
    "www.evil.test \\",
)


def section(card: str, title: str) -> list[str]:
    """The lines under a heading of the second level that say something."""
    lines = card.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    return [line for line in lines if line]


def test_dataset_card__says_what_was_decided_and_changed(pets: Dataset, tmp_path: Path) -> None:
    events = [
        said(pets, 0, "ann@x.org", "dog"),
        said(pets, 1, "ann@x.org", "dog"),
        said(pets, 2, "ann@x.org"),
    ]
    events += [
        said(pets, 3, "bob@x.org", Action.EXCLUDE),
        said(pets, 4, "bob@x.org"),
        said(pets, 4, "ann@x.org", "dog"),
    ]
    record = record_of(project_of(pets, tmp_path), events, tmp_path)
    card = dataset_card(record)
    assert card.startswith('---\npretty_name: "pets"\ntask_categories:\n- text-classification\n')
    assert "licen" not in card.split("\n---\n")[0]
    assert "\n4 rows of 6 decided by 2 annotators; 2 labels changed; 1 row left out as excluded.\n" in card
    assert section(card, "Classes")[1:] == [
        "| class | rows in the source | rows after review |",
        "| --- | --- | --- |",
        "| `cat` | 3 | 1 |",
        "| `dog` | 2 | 3 |",
        "| `(no label)` | 1 | 1 |",
    ]
    assert section(card, "Label changes") == [
        "| given label | new label | rows |",
        "| --- | --- | --- |",
        "| `cat` | `dog` | 2 |",
    ]
    review = section(card, "Review")
    assert "| annotators differ, left as given | 1 |" in review
    assert review[-2:] == ["| annotator 1 | 4 |", "| annotator 2 | 2 |"]
    assert section(card, "Agreement")[0].startswith(
        "- Krippendorff's alpha: none. Too few shared rows (1 of 30). From 1 row, 2 annotators."
    )
    assert section(card, "How many labels are wrong")[0].startswith("- No share of wrong labels is claimed.")
    assert f"sha256 `{record.project.source.sha256}`" in card
    assert "not written yet" in card
    assert "@x.org" not in card


def test_dataset_card__names_annotators_where_asked(pets: Dataset, tmp_path: Path) -> None:
    record = record_of(project_of(pets, tmp_path), [said(pets, 0, "a|b@x.org", "dog")], tmp_path)
    assert section(dataset_card(record, names=True), "Review")[-1] == "| `a\\|b@x.org` | 1 |"


def test_dataset_card__names_the_written_file(pets: Dataset, tmp_path: Path) -> None:
    record = record_of(project_of(pets, tmp_path), [said(pets, 0, "ann", "dog")], tmp_path)
    write_export(record.corrections, tmp_path / "out.csv")
    written = read_exported(tmp_path / "out.csv", "pets")
    assert f"- Corrected: `out.csv`, 6 rows, sha256 `{written.sha256}`" in dataset_card(record, written)


def test_dataset_card__checks_with_estimator_settings_and_what_is_left(
    pets: Dataset, pets_predictions: Predictions, tmp_path: Path
) -> None:
    record = record_of(project_of(pets, tmp_path, pets_predictions), [], tmp_path)
    card = dataset_card(record)
    summary = record.audit.results["label_issues"].summary
    assert f"| Flagged rows | {summary['flagged']} | {summary['estimator']} |" in card
    assert f"{summary['estimate']}, 95% interval {summary['low']}-{summary['high']}" in card
    assert "- Settings: `filter_by = larger_count, score = corrected_confidence`" in card
    assert "- Label errors: 1 of 1 flagged rows are not reviewed." in card
    assert "- Model: `test model`" in card
    assert "on the word of whoever brought them" in card


def test_dataset_card__a_baseline_says_folds_seed_and_accuracy(pets: Dataset, tmp_path: Path) -> None:
    probs = np.full((6, 2), 0.5, dtype=np.float32)
    project = project_of(pets, tmp_path, Predictions(PREFIX + "words", probs))
    project = replace(
        project, problems=(Problem("notice", PREFIX + "Out of sample it agrees with 80.0% of 5 labels"),)
    )
    card = dataset_card(record_of(project, [], tmp_path))
    lines = section(card, "Predictions")
    assert lines[0] == "- Model: `baseline: words`"
    assert lines[2].startswith(
        "- Out-of-sample: 5 folds dealt with seed 0; every row is scored by a model that saw"
    )
    assert lines[3] == "- Judged: Out of sample it agrees with 80.0% of 5 labels"


def test_dataset_card__the_share_of_wrong_labels_comes_from_the_random_audit_alone(tmp_path: Path) -> None:
    data = make_dataset([0, 1] * 20)
    order = select(data, {}, {}, Filters(sort="random"))
    queue = {"queue": tag_of(order)}
    events = [said(data, int(p), "ann", Action.KEEP, queue) for p in order[1:30]]
    events.append(said(data, int(order[0]), "ann", "dog" if data.labels[order[0]] == 0 else "cat", queue))
    card = dataset_card(record_of(project_of(data, tmp_path), events, tmp_path))
    assert section(card, "How many labels are wrong")[0] == (
        "- 1 of 30 rows drawn at random (the random audit) have a wrong label: 3.3%, 95% Wilson "
        "interval 0.6% to 16.7%."
    )


def test_dataset_card__the_same_record_gives_the_same_bytes(pets: Dataset, tmp_path: Path) -> None:
    record = record_of(project_of(pets, tmp_path), [said(pets, 0, "ann", "dog")], tmp_path)
    assert dataset_card(record) == dataset_card(replace(record))


def cells_of(card: str) -> list[int]:
    """How many | end a cell in each line of a table."""
    return [len(re.findall(r"(?<!\\)\|", line)) for line in card.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("classes", [HOSTILE, HOSTILE[::-1]])
def test_dataset_card__hostile_text_is_only_ever_in_code_spans(
    classes: tuple[str, str], tmp_path: Path
) -> None:
    data = make_dataset([0, 0, 1, 1, 0, -1], classes)
    model = Predictions(HOSTILE[1], np.tile(np.array([[0.9, 0.1]], np.float32), (6, 1)))
    events = [said(data, 0, HOSTILE[1], classes[1]), said(data, 1, HOSTILE[0], classes[1])]
    record = record_of(project_of(data, tmp_path, model), events, tmp_path)
    card = dataset_card(record, names=True)
    outside = re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", card.split("\n---\n", 1)[1])
    for mark in ("<", "script", "[x]", "127.0.0.1", "evil", "\u202e", "\x00", "`"):
        assert mark not in outside, mark
    assert "script" in card and "evil" in card
    heads = [line for line in card.splitlines() if line.startswith("#")]
    harmless = make_dataset([0, 0, 1, 1, 0, -1], name="pets")
    other = tmp_path / "other"
    other.mkdir()
    plain = record_of(
        project_of(harmless, other, replace(model, model="m")),
        [said(harmless, 0, "ann", "dog"), said(harmless, 1, "bob", "dog")],
        other,
    )
    same = dataset_card(plain, names=True)
    assert heads == [line for line in same.splitlines() if line.startswith("#")]
    assert cells_of(card) == cells_of(same)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (
            LabelForm("wide", ("a_1", "a_2")),
            "- Given labels: what most annotators said, none in a tie, of columns of answers: `a_1`, `a_2`",
        ),
        (
            LabelForm("long", ("label",), "id", "who", "dawid_skene"),
            "- Given labels: Dawid-Skene's consensus of answers in records: `label`",
        ),
        (
            LabelForm("soft", ("votes",)),
            "- Given labels: the class of the largest share, none in a tie, in soft labels: `votes`",
        ),
    ],
)
def test_dataset_card__says_what_given_labels_were_made_of(
    pets: Dataset, tmp_path: Path, form: LabelForm, line: str
) -> None:
    project = project_of(pets, tmp_path)
    assert "Given labels:" not in dataset_card(record_of(project, [], tmp_path))
    layout = {**project.source.layout, "form": asdict(form)}
    formed = replace(project, source=replace(project.source, format=LABEL_FORM, layout=layout))
    assert line in dataset_card(record_of(formed, [], tmp_path)).splitlines()


def test_dataset_card__has_the_evidence_with_its_estimators(tmp_path: Path) -> None:
    data = reviews.dataset()
    record = record_of(project_of(data, tmp_path), reviews.verdicts(data, 200), tmp_path)
    lines = section(dataset_card(record), "How many labels are wrong")
    said = record.sections[0].said
    assert lines == [f"- {one.text.removesuffix('.')} ({one.by})." for one in said]
    assert "`" not in "".join(lines)  # every sign in them is one of ours
    claim = "The share of wrong labels among the rows reviewed is not the share in the data set"
    assert claim not in dataset_card(record)
    (tmp_path / "new").mkdir()
    assert claim in dataset_card(record_of(project_of(data, tmp_path), [], tmp_path / "new"))
