from __future__ import annotations

import pytest

from tests.pages.conftest import Open, words


def test_evidence__every_count_of_the_overview_with_its_estimator(open_page: Open) -> None:
    overview = open_page("overview", ds="pets")
    app = open_page("evidence", ds="pets", tab="numbers")
    tables = [t.value.astype(str) for t in app.table]
    counted = {m.label: m.value for m in overview.metric if m.label != "Reviewed"}
    titles = [s.value for s in app.subheader]
    for title, value in counted.items():
        assert title in titles
        assert any(value in t["Value"].tolist() for t in tables)
    said = words(app).replace("\\", "")
    assert "**Settings:** filter_by = larger_count, score = corrected_confidence" in said
    assert "**Not covered:** Systematic errors" in said
    assert "Estimated wrong labels: 4, 95% interval" in app.code[0].value


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("no-predictions", "Label errors: not run. It needs predicted probabilities."),
        ("not-analysed", "Label errors: not run yet."),
        ("pets", "Nothing: no value was changed, inferred or left out."),
        ("one-row", "0 rows have a decision in force."),
    ],
)
def test_evidence__edge_cases(open_page: Open, dataset: str, sentence: str) -> None:
    assert sentence in words(open_page("evidence", ds=dataset, tab="numbers"))
