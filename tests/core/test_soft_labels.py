from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import soft_labels
from core.corrections import Corrections, ExportOptions, correct
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.label_forms.form import LabelForm
from core.label_forms.reading import read_form
from core.reading import read_table
from core.review.classes import classes_of
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.review.policy import outcomes
from core.targets import Targets
from tests.conftest import make_dataset
from tests.core.exporters.conftest import load
from tests.core.label_forms.forms import table

ROWS = [{"id": f"r{i}", "label": label} for i, label in enumerate(["cat", "dog", "cat", "owl", "dog", None])]
GIVEN = ["cat", "dog", "cat", "owl", "dog", ""]
EXPECTED = [
    {"cat": 1 / 3, "dog": 2 / 3},  # by three readers
    {"dog": 1.0},  # nobody read it
    {"cat": 0.5, "owl": 0.5},  # in dispute, one more called it ambiguous
    {"owl": 1.0},  # excluded, and named by nobody
    {"cat": 0.5, "dog": 0.5},  # an answer, and another by the final word
    None,  # no label, nobody read it
]


def said(row: int, who: str, what: str | Action, **more: Any) -> Decision:
    label = None if isinstance(what, Action) else what
    action = what if isinstance(what, Action) else Action.RELABEL
    return Decision("set", f"r{row}", action, who, GIVEN[row], f"{who}{row}{what}", label, **more)


ANSWERS = [
    said(0, "ann", "dog"),
    said(0, "bob", Action.KEEP),
    said(0, "cem", "owl"),
    said(0, "cem", "dog"),  # thought again
    said(2, "ann", Action.KEEP),
    said(2, "bob", "owl"),
    said(2, "cem", Action.AMBIGUOUS),
    said(3, "ann", Action.EXCLUDE),
    said(4, "ann", Action.KEEP),
    said(4, "eve", "cat", final=True),
]


def planned(
    path: Path, format: str, *about: Decision, excluded: str = "mark", add: bool = True
) -> Corrections:
    dataset, source = load(path, format)
    events = [replace(e, seq=i + 1) for i, e in enumerate((*ANSWERS, *about))]
    found = outcomes(Fold(events).standings(), events, dataset)
    options = ExportOptions(excluded=excluded, add=("soft_label",) if add else ())  # type: ignore[arg-type]
    return correct(dataset, source, found, options)


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet", "arrow", "xlsx"])
def test_soft_label__is_written_and_read_back_by_our_own_loader(tmp_path: Path, format: str) -> None:
    path = table(tmp_path / f"in.{format}", format, ROWS)
    corrections = planned(path, format)
    summary = write_export(corrections, tmp_path / f"out.{format}")
    verify_export(corrections, summary)
    read = read_form(read_table(tmp_path / f"out.{format}"), LabelForm("soft", ("soft_label",)))
    names, cells = read.source.layout["classes"], read.frame["soft_label"].tolist()
    assert set(names) == {"cat", "dog", "owl"}
    for cell, expected in zip(cells, EXPECTED, strict=True):
        if expected is None:
            assert cell is None or cell != cell or cell == ""
            continue
        shares = json.loads(cell)
        assert shares == pytest.approx(expected) and sum(shares.values()) == pytest.approx(1)
    label = read.source.layout["label_column"]
    given = ["" if v is None or v != v else str(v) for v in read.frame[label].tolist()]
    assert given == ["dog", "dog", "", "owl", "", ""]  # the class of the largest share, none in a tie


def test_soft_label__is_off_by_default_and_told_of_in_the_summary(tmp_path: Path) -> None:
    path = table(tmp_path / "in.csv", "csv", ROWS)
    write_export(planned(path, "csv", add=False), tmp_path / "plain.csv")
    assert "soft_label" not in (tmp_path / "plain.csv").read_text().splitlines()[0]
    assert "soft_label" not in json.loads((tmp_path / "plain.summary.json").read_text())
    write_export(planned(path, "csv", excluded="drop"), tmp_path / "out.csv")
    told = json.loads((tmp_path / "out.summary.json").read_text())["soft_label"]
    assert told == {"how": soft_labels.HOW, "rows_by_readers": 3, "rows_by_their_label": 2}


def test_soft_label__calls_classes_as_the_label_column_does(tmp_path: Path) -> None:
    path = table(tmp_path / "in.csv", "csv", ROWS)
    rename = Decision("set", "", Action.CLASS, "eve", "", "c", detail='{"rename": "dog", "to": "hound"}')
    merge = Decision("set", "", Action.CLASS, "eve", "", "m", detail='{"merge": ["cat", "owl"], "to": "cat"}')
    corrections = planned(path, "csv", rename, merge)
    found = soft_labels.column(corrections, np.arange(3))
    assert [json.loads(cell or "") for cell in found] == [
        {"cat": pytest.approx(1 / 3), "hound": pytest.approx(2 / 3)},
        {"hound": 1.0},
        {"cat": 1.0},
    ]
    codes = replace(corrections.written, tokens={"cat": "0", "hound": "1"})
    by_code = replace(corrections, written=codes)
    assert json.loads(soft_labels.column(by_code, np.array([1]))[0] or "") == {"1": 1.0}


def test_shares__of_nothing() -> None:
    classes = classes_of(make_dataset([0]))
    assert soft_labels.shares(None, classes) == {}
    standing = Fold([replace(said(3, "ann", Action.NEEDS_REVIEW), seq=1)]).standings()["r3"]
    assert soft_labels.shares(standing, classes) == {}


def test_soft_label__is_refused_where_labels_are_numbers(tmp_path: Path) -> None:
    dataset = replace(make_dataset([0, 1], ("1", "2")), targets=Targets(0))
    _, source = load(table(tmp_path / "in.csv", "csv", ROWS), "csv")
    found = outcomes({}, [], dataset)
    with pytest.raises(InputError, match="soft labels share one label a row"):
        correct(dataset, source, found, ExportOptions(add=("soft_label",)))
