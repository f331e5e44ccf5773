from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit import run_audit
from core.checks.table_quality import CHECK, run
from core.dataset import Columns, Dataset
from core.issues import Result
from core.predictions import Predictions
from core.progress import Progress
from sample_data import SAMPLES
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}
ROWS = 200


def people(**more: object) -> dict[str, object]:
    rng = np.random.default_rng(0)
    body = {
        "height": rng.normal(170, 10, ROWS).round(1),
        "income": rng.lognormal(10, 0.6, ROWS).round(),
        "town": rng.choice(["Ulm", "Bonn", "Kiel"], ROWS).tolist(),
    }
    return body | more


def table(columns: dict[str, object], labels: list[int] | None = None) -> Dataset:
    frame = pd.DataFrame(columns)
    dataset = make_dataset([i % 2 for i in range(len(frame))] if labels is None else labels)
    frame.index = dataset.row_ids
    return replace(dataset, table=frame, columns=Columns(content=tuple(columns), kind="tabular"))


def audit(columns: dict[str, object], labels: list[int] | None = None, **params: float) -> Result:
    return run(table(columns, labels), Predictions(), DEFAULTS | params, Progress())


def test_run__clean_table() -> None:
    result = audit(people())
    assert result.summary["flagged"] == 0 and result.summary["note"] == ""
    assert result.summary["column_findings"] == {}
    assert result.figures["columns"]["finding"].tolist() == ["", "", ""]


def test_run__faults_of_cells_are_told_with_the_numbers() -> None:
    columns = people()
    height = pd.Series(columns["height"]).astype(object)
    height[3], height[9] = None, 1700.0
    town = list(columns["town"])  # type: ignore[call-overload]
    town[9] = " "
    shoe = [str(36 + i % 9) for i in range(ROWS)]
    shoe[20] = "n/a"
    result = audit(people(height=height.astype(float), town=town, shoe=shoe))
    table = result.table
    low, high = np.nanquantile(height.astype(float), [0.25, 0.75])
    assert table["reason"][table["flagged"]].to_dict() == {
        "r3": "No value in “height”, which 99.5% of the rows have.",
        "r9": "No value in “town”, which 99.5% of the rows have; the cell 1700 in “height” is far away: half "
        f"of the rows have {low:.4g} to {high:.4g}.",
        "r20": "The cell “n/a” in “shoe” is no number.",
    }
    assert {
        kind: np.flatnonzero(table[kind]).tolist() for kind in ("missing", "not_a_number", "far_away")
    } == {
        "missing": [3, 9],
        "not_a_number": [20],
        "far_away": [9],
    }
    assert table["score"]["r9"] < table["score"]["r3"] < 0.5


def test_run__columns_with_many_missing_cells_flag_no_row() -> None:
    rng = np.random.default_rng(1)
    some = np.where(rng.random(ROWS) < 0.3, np.nan, rng.normal(size=ROWS))
    most = np.where(rng.random(ROWS) < 0.9, np.nan, 1.0)
    result = audit(people(some=some, most=most, none=[None] * ROWS))
    assert result.summary["flagged"] == 0
    assert result.figures["columns"]["finding"].tolist()[-3:] == ["", "mostly missing", "mostly missing"]
    assert result.summary["note"] == "Mostly missing: most, none."


def test_run__missing_cells_in_many_columns_are_told_once() -> None:
    columns: dict[str, object] = {}
    for c in range(20):
        values = np.random.default_rng(c).normal(size=ROWS)
        values[c * 3 : c * 3 + 3] = np.nan
        columns[f"c{c}"] = values
    result = audit(columns)
    assert result.summary["flagged"] == 0 and result.table["missing"].sum() == 60
    assert (
        result.summary["note"]
        == "Not flagged, since so many rows have it: no value where few are missing (60 rows)."
    )


def test_run__findings_of_columns() -> None:
    labels = [i % 3 % 2 for i in range(ROWS)]
    result = audit(
        people(
            same=["x"] * ROWS,
            code=[f"A{i:04}" for i in range(ROWS)],
            nr=np.arange(5, 5 + ROWS),
            answer=np.array(labels) * 2.5 + 1,
        ),
        labels,
    )
    columns = result.figures["columns"].set_index("column")
    assert columns["finding"].tolist() == [
        "",
        "",
        "",
        "constant",
        *["like an identifier"] * 2,
        "gives the label away",
    ]
    leak = columns.loc["answer"]
    assert (leak["accuracy"], leak["high"], leak["rows"]) == (1, 1, ROWS) and 0.97 < leak["low"] < 1
    assert leak["majority"] == pytest.approx(np.mean(np.array(labels) == 0))
    assert result.summary["note"] == (
        "Constant: same. Gives the label away: answer (alone right in 100.0% of 200 rows, 95% interval "
        "98.1%-100.0%). Like an identifier: code, nr."
    )
    assert result.summary["column_findings"] == {
        "constant": 1,
        "gives the label away": 1,
        "like an identifier": 2,
    }


def test_run__dates_and_booleans() -> None:
    days = pd.date_range("2024-01-01", periods=ROWS)
    result = audit(people(day=days, told=[True, False] * (ROWS // 2)), [i % 7 % 2 for i in range(ROWS)])
    assert result.summary["flagged"] == 0 and result.summary["note"] == ""


def test_run__unlabelled_tables() -> None:
    result = audit(people(), [-1] * ROWS)
    assert result.figures["columns"]["accuracy"].isna().all() and result.summary["flagged"] == 0


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_run__few_rows(rows: int) -> None:
    result = audit({"a": [1.0] * rows, "b": ["x"] * rows})
    assert len(result.table) == rows and result.summary["flagged"] == 0


CELL = st.none() | st.floats() | st.integers(-(2**60), 2**60) | st.booleans()
TEXT = (
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["1", "2.5", "inf"])
)


@given(st.lists(CELL, min_size=25, max_size=40), st.lists(TEXT, min_size=25, max_size=25))
def test_run__any_cells(numbers: list[object], cells: list[str | None]) -> None:
    rows = len(numbers)
    texts = pd.array((cells * 2)[:rows], dtype="str")
    typed = pd.to_numeric(pd.Series(numbers, dtype=object), errors="coerce")
    found = audit({"a": typed.astype(float), "b": texts, "c": pd.Series(numbers).astype("str")}).table
    assert found["score"].between(0, 1).all()
    assert found["reason"][found["flagged"]].str.fullmatch(r"[A-Z].*\.").all()


def test_audit__texts_are_not_told_of_it(tmp_path: Path) -> None:
    found = run_audit(make_dataset([0, 1]), Predictions(), tmp_path, ["table_quality"])
    assert found.results == {} and found.missed == {}
    assert found.skipped == {"table_quality": ["columns of features"]}


def test_run__sample_of_wine_and_other_measurements_have_none() -> None:
    from sklearn import datasets

    sample = next(s for s in SAMPLES if s.kind == "tabular")
    frame = pd.read_parquet(sample.path)
    labels = pd.factorize(frame[sample.label_column])[0].tolist()
    columns = {name: frame[name] for name in sample.content_columns}
    result = run(
        replace(
            table({n: c.to_numpy() for n, c in columns.items()}, [0] * len(frame)), labels=np.array(labels)
        ),
        Predictions(),
        DEFAULTS,
        Progress(),
    )
    assert result.summary["flagged"] == 0 and result.summary["note"] == ""
    for loaded in (datasets.load_breast_cancer(as_frame=True), datasets.load_iris(as_frame=True)):
        body = {str(name): loaded.data[name].to_numpy() for name in loaded.data}
        found = audit(body, (loaded.target % 2).tolist())
        assert found.summary["flagged"] == 0 and found.summary["column_findings"] == {}
