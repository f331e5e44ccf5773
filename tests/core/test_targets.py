from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.baseline import baseline
from core.dataset import Columns
from core.loading import Plan, prepare, read_table
from core.targets import Targets, number_of, same_number, spoken
from tests.core.numbers import CSV, PRICES, dataset_of

ANY, WHOLE = Targets(2), Targets(0, True)


@pytest.mark.parametrize("text", ["4150", "-7.25", "+5", ".5", "5.", "1e3", "2.5E-3", "007"])
def test_number_of__reads_what_files_hold(text: str) -> None:
    assert number_of(text) == float(text)


@pytest.mark.parametrize(
    "text",
    ["", "12,5", "1,000", "$5", "5 kg", "nan", "inf", "1e999", "0x10", "1_000", "٣", "True", "5" * 61, "--5"],
)
def test_number_of__none_for_anything_else(text: str) -> None:
    assert number_of(text) is None
    assert "is no number; expected digits" in ANY.why_not(text)


@pytest.mark.parametrize("text", ["+5", ".5", "5.", "007", "-.5"])
def test_why_not__what_json_could_not_hold_is_not_written(text: str) -> None:
    assert number_of(text) is not None and not ANY.holds(text)


@pytest.mark.parametrize("text", ["12.5", "5.0", "1e3"])
def test_why_not__a_whole_column_takes_no_fraction(text: str) -> None:
    assert ANY.holds(text)
    assert "The column holds whole numbers" in WHOLE.why_not(text)


def test_why_not__what_the_type_cannot_hold() -> None:
    small = Targets.of(["1", "2"], np.dtype("uint8"))
    assert small.holds("255") and "above 255" in small.why_not("256") and "below 0" in small.why_not("-1")


def test_of__precision_and_whole_numbers() -> None:
    assert Targets.of(["1", "20"], np.dtype("object")) == Targets(0, True)
    assert Targets.of(["1.5", "2.25", "3"], np.dtype("object")).decimals == 1
    assert Targets.of(["1.0", "2.0"], np.dtype("float64")) == Targets(0)
    rough = ["0.1", "0.2", "0.3"] * 10 + ["0.30000000000000004"]
    assert Targets.of(rough, np.dtype("float64")).decimals == 1


def test_text__a_models_number_in_the_precision_of_the_column() -> None:
    assert ANY.text(414.987) == "414.99" and ANY.text(0.00001234) == "0.000012" and ANY.text(-0.0) == "0.00"
    assert Targets(9).text(12345.6789) == "12345.68" and WHOLE.text(414.6) == "415"
    assert Targets(0, True, -128, 127).text(900.0) == "127"


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(0, 12), st.booleans())
def test_text__can_always_be_written_and_is_near(value: float, decimals: int, whole: bool) -> None:
    targets = Targets(decimals, whole)
    text = targets.text(value)
    if len(text) <= 60:
        assert targets.holds(text)
        assert math.isclose(
            float(text), value, rel_tol=1e-4, abs_tol=0.5 * 10.0 ** -(0 if whole else decimals)
        )


def test_same_number__by_value_and_exactly() -> None:
    assert same_number("4.5", "4.50") and same_number("1e3", "1000") and same_number("cat", "cat")
    assert not same_number("9007199254740993", "9007199254740992") and not same_number("4.5", None)


def test_spoken__marks_thousands() -> None:
    assert [spoken(t) for t in ("4150.50", "-1234567", "12", "1e9")] == [
        "4,150.50",
        "-1,234,567",
        "12",
        "1e9",
    ]


def test_dataset__numbers_are_its_labels(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "t.csv", CSV.encode())
    wanted = [float(p) if p else math.nan for p in PRICES]
    np.testing.assert_array_equal(dataset.numbers, wanted)
    assert dataset.names == () and dataset.classes == ("-7.25", "12.5", "380.50", "415.00", "1e3", "4150")
    assert [dataset.knows(t) for t in ("3.14159", "12,5", None, "1e3")] == [True, False, False, True]
    assert str(dataset.given_labels()[7]) == "380.50"  # one number, in its first spelling


@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
        min_size=1,
    )
)
def test_read_targets__each_number_once_by_size(numbers: list[Decimal]) -> None:
    import pandas as pd

    from core.preflight.labels import read_given
    from core.preflight.reconcile import Where
    from core.preflight.targets import read_targets

    cells = pd.Series([str(n) for n in numbers], dtype="str", name="label")
    given_, _ = read_given(cells, "t.csv")
    found = read_targets(given_, Where("t.csv", "label"), cells)
    assert [Decimal(name) for name in found.names] == sorted(set(numbers))
    assert [Decimal(found.names[code]) for code in found.labels] == numbers


def test_read_targets__numbers_a_float_cannot_tell_apart(tmp_path: Path) -> None:
    rows = "".join(
        f"{i},{n}\n" for i, n in enumerate(["9007199254740993", "9007199254740992", "9007199254740993.0"])
    )
    dataset = dataset_of(tmp_path / "t.csv", f"id,label\n{rows}".encode())
    assert dataset.classes == ("9007199254740992", "9007199254740993")
    assert dataset.labels.tolist() == [1, 0, 1]


def test_baseline__of_numbers_foretells_them_out_of_sample(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    size = rng.uniform(20, 200, 200).round(1)
    price = (3000 * size + rng.normal(0, 5000, 200)).round()
    frame = pd.DataFrame({"id": [f"h{i}" for i in range(200)], "size": size, "price": price})
    frame.to_csv(tmp_path / "houses.csv", index=False)
    raw = read_table(tmp_path / "houses.csv")
    made = prepare(raw, Plan("houses", Columns("id", "price", None, ("size",), "tabular", "", True)))
    assert made.dataset is not None
    found = baseline(made.dataset, tmp_path / "cache")
    assert found.predictions.predicted is not None and found.predictions.pred_probs is None
    assert np.corrcoef(found.predictions.predicted, price)[0, 1] > 0.95
    assert found.trust.verdict == "usable"
