from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from core.audit import run_audit
from core.methods.label_filters import FILTERS
from core.review.decisions import Action, Decision
from core.review.store import Store
from core.workspace import Workspace
from sample_data import SAMPLES
from tests.core.mask_sets import SIDE, mask_folder, prepared, write_png
from tests.pages.conftest import HOSTILE, Open, save, words


def param(app, name: str) -> str | None:  # type: ignore[no-untyped-def]
    """A query parameter as the page left it."""
    values = app.query_params.get(name)
    return values[0] if isinstance(values, list) and values else values or None


def test_overview__headline_estimator_model_and_worst_rows(open_page: Open) -> None:
    app = open_page("overview", ds="pets")
    assert app.title[0].value == "4 of 40 labels look wrong"
    said = words(app)
    assert "4 flagged (the larger of two counts: calibrated confident joint, rows where" in said.replace(
        "\\", ""
    )
    assert "estimated wrong 4, 95% interval" in said
    assert "Ranked by self-confidence of the model (" in said.replace("\\", "")
    assert "Review the 4, worst first" in said
    assert {"text 1", "text 4", "text 9", "text 16"} <= {t.value for t in app.text}
    assert next((m.label, m.value) for m in app.metric) == ("Label errors", "4")
    assert ("Reviewed", "0 of 4") in [(m.label, m.value) for m in app.metric]


def test_overview__counts_decisions_on_flagged_rows(open_page: Open, workspace: Workspace) -> None:
    store = Store(workspace.database_url)
    store.record(
        [
            Decision("pets", "r1", Action.KEEP, "ann", "dog", "overview-1"),
            Decision("pets", "r0", Action.KEEP, "ann", "cat", "overview-2"),
        ]
    )
    try:
        app = open_page("overview", ds="pets")
        assert ("Reviewed", "1 of 4") in [(m.label, m.value) for m in app.metric]
        assert "2 rows decided" in words(app)
    finally:
        undo = [
            Decision("pets", "r1", Action.UNDO, "ann", "dog", "overview-3", undoes="overview-1"),
            Decision("pets", "r0", Action.UNDO, "ann", "cat", "overview-4", undoes="overview-2"),
        ]
        assert [r.refused for r in store.record(undo)] == ["", ""]
        store.close()


@pytest.mark.parametrize(
    ("dataset", "title", "sentence"),
    [
        ("one-row", "No label errors found in 1 row", "1 row is too few to estimate errors."),
        ("clean", "No label errors found in 40 rows", "Lowest score: 0.90."),
        ("no-predictions", "40 rows, labels not checked", "needs predicted probabilities"),
        ("no-labels", "4 rows, labels not checked", "needs labels"),
        ("not-analysed", "42 rows, not analysed yet", "This project has labels but no analysis."),
    ],
)
def test_overview__edge_cases_say_what_is_the_matter(
    open_page: Open, dataset: str, title: str, sentence: str
) -> None:
    app = open_page("overview", ds=dataset)
    assert app.title[0].value == title
    assert sentence in words(app)


def test_overview__one_row_has_no_charts(open_page: Open) -> None:
    app = open_page("overview", ds="one-row")
    assert not app.subheader
    assert "Review 1 row" in words(app)


def test_overview__unknown_data_set_names_it_and_the_way_out(open_page: Open) -> None:
    app = open_page("overview", ds="nowhere")
    assert app.text[0].value == "There is no data set called 'nowhere' here."
    assert not app.title


def test_overview__without_ds_opens_the_first_data_set(open_page: Open, workspace: Workspace) -> None:
    first = workspace.names()[0]
    (choice,) = (box for box in open_page("overview").selectbox if box.label == "Data set")
    assert choice.value == first


def test_overview__hostile_labels_are_escaped_wherever_markdown_is_read(open_page: Open) -> None:
    app = open_page("overview", ds="hostile", given=HOSTILE[0], sug=HOSTILE[1])
    labels = [b.label for b in app.button] + [m.value for m in app.markdown]
    assert any("looks like" in label for label in labels)
    for label in labels:
        assert "<b>cat" not in label
        assert "![i](" not in label
        assert "**dog** " not in label
        assert "www.evil" not in label.replace("\\", "")


def test_overview__cut_in_the_address_changes_the_words_and_the_queue(open_page: Open) -> None:
    app = open_page("overview", ds="pets")
    assert "The queue holds the flagged rows: 4." in words(app)
    moved = open_page("overview", ds="pets", cut="0.95")
    assert "Cut 0.95: 40 rows, 4 of them flagged. The queue holds all of them." in words(moved)
    assert "Review these 40" in words(moved)
    assert open_page("overview", ds="pets", cut="nonsense").slider[0].value == app.slider[0].value


def test_overview__review_of_a_cut_takes_the_cut_along(open_page: Open) -> None:
    app = open_page("overview", ds="pets", cut="0.95", given="dog")
    app.button(key="cut").click().run()
    assert not app.exception
    found = {n: param(app, n) for n in ("ds", "find", "cut", "given")}
    assert found == {"ds": "pets", "find": "label_issues", "cut": "0.95", "given": None}


def test_overview__slider_writes_the_cut_and_takes_the_open_row_out(open_page: Open) -> None:
    app = open_page("overview", ds="pets", row="r1")
    app.slider[0].set_value(0.5).run()
    assert param(app, "cut") == "0.5"
    assert param(app, "row") is None


def test_overview__a_pair_in_the_address_can_be_reviewed_listed_and_cleared(open_page: Open) -> None:
    app = open_page("overview", ds="pets", given="dog", sug="cat")
    assert "2 rows labelled dog, looking like cat" in words(app)
    assert "Review these 2" in words(app)
    next(b for b in app.button if b.label == "Clear").click().run()
    assert param(app, "given") is None
    assert param(app, "ds") == "pets"


def test_overview__analyse_runs_in_the_background_and_shows_the_result(
    open_page: Open, workspace: Workspace
) -> None:
    from tests.conftest import make_dataset
    from tests.pages.conftest import likely

    labels = [0, 1] * 22
    save(workspace, make_dataset(labels, ("a", "b"), "fresh"), likely(labels, {3, 6}), analyse=False)
    app = open_page("overview", ds="fresh")
    next(b for b in app.button if b.label == "Analyse 44 rows").click().run()
    deadline = time.monotonic() + 20
    while app.title[0].value != "2 of 44 labels look wrong":
        assert time.monotonic() < deadline, words(app)
        time.sleep(0.1)
        app.run()
    assert not app.exception


def test_overview__another_filter_is_chosen_and_run(open_page: Open, workspace: Workspace) -> None:
    app = open_page("overview", ds="long")
    chosen = next(s for s in app.selectbox if s.label == "Filter by")
    chosen.set_value("predicted_neq_given").run()
    next(b for b in app.button if b.label == "Analyse again").click().run()
    try:
        assert workspace.recall("long", "audit")["label_issues"]["filter_by"] == "predicted_neq_given"
        estimator = FILTERS["predicted_neq_given"]
        deadline = time.monotonic() + 20
        while f"250 flagged ({estimator})" not in words(app).replace("\\", ""):
            assert time.monotonic() < deadline, words(app)
            time.sleep(0.1)
            app.run()
    finally:
        workspace.remember("long", "audit", {})


def test_overview__switching_the_data_set_drops_the_filters(open_page: Open) -> None:
    app = open_page("overview", ds="pets", given="dog", sug="cat", cut="0.5")
    next(s for s in app.selectbox if s.label == "Data set").set_value("clean").run()
    assert app.title[0].value == "No label errors found in 40 rows"
    assert [param(app, n) for n in ("ds", "given", "sug", "cut")] == ["clean", None, None, None]


def test_overview__the_annotator_can_change_for_this_session(open_page: Open) -> None:
    app = open_page("overview", ds="pets")
    next(t for t in app.text_input if t.label.startswith("Your name")).set_value("Bea").run()
    assert app.session_state["labelmend"].annotator == "Bea"


def test_overview__sample_data_says_how_many_flags_are_planted(open_page: Open, workspace: Workspace) -> None:
    from core.audit import run_audit

    sample = SAMPLES[-1]
    workspace.save(sample.prepare())
    project = workspace.open(sample.name)
    run_audit(project.dataset, project.predictions, workspace.cache_dir)
    said = words(open_page("overview", ds=sample.name))
    assert "flags are planted errors, of" in said
    assert "planted" not in words(open_page("overview", ds="pets"))


def test_overview__a_failed_analysis_says_why_and_what_is_safe(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pages.parts import work

    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(work, "audit_now", fails)
    app = open_page("overview", ds="not-analysed")
    next(b for b in app.button if b.label == "Analyse 42 rows").click().run()
    deadline = time.monotonic() + 20
    while not app.error:
        assert time.monotonic() < deadline, words(app)
        time.sleep(0.1)
        app.run()
    assert app.error[0].value.replace("\\", "") == (
        "Analysis stopped: Not enough memory. Your data and 0 decisions are safe."
    )


def test_overview__what_was_not_looked_for_is_not_said_to_be_absent(open_page: Open) -> None:
    said = words(open_page("overview", ds="clean"))
    [line] = [line for line in said.splitlines() if "Looked for and not found" in line]
    assert "Conflicting copies" in line and "Identities" not in line  # too few classes for that check


def test_overview__of_pictures_with_masks_goes_by_the_check_of_masks(
    open_page: Open, workspace: Workspace, tmp_path: Path
) -> None:
    root = mask_folder(tmp_path / "masks", 12)
    write_png(root / "masks" / "003.png", np.zeros((SIDE, SIDE), np.uint8))
    made = prepared(root)
    workspace.save(made)
    assert made.dataset is not None
    run_audit(made.dataset, made.predictions, workspace.cache_dir)
    app = open_page("overview", ds="masks")
    assert app.title[0].value == "1 of 12 masks looks wrong"
    assert "Review the 1, worst first" in words(app) and "labelled" not in words(app)
    pairs, classes = (table.value for table in app.dataframe[:2])
    assert pairs.columns.tolist() == ["Given", "Predicted", "Pixels", "Of the given"]
    assert pairs["Given"].tolist()[0] == "road" and (pairs["Of the given"] > 0).all()
    assert classes["95% interval"].str.contains("% to ").all()
