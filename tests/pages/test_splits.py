from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.audit import run_audit
from core.dataset import Columns, Dataset
from core.predictions import Predictions
from core.review.decisions import Action
from core.review.store import Store
from core.settings import Settings
from core.source import file_sha256
from core.workspace import Workspace, shared_workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.pages.conftest import HOSTILE, Open, likely, save, words
from tests.pages.test_overview import param

TEXTS = [f"an order of {name} came late" for name in ("apples", "bread", "candles", "dates", "eggs", "figs")]
SPLITS = ["train"] * 10 + ["test"] * 5
LEAK = "The parcel that I ordered on Monday has not come and nobody answers"


def with_splits(
    name: str, splits: Sequence[str], texts: Sequence[str], classes: tuple[str, ...] = ("cat", "dog")
) -> Dataset:
    dataset = make_dataset([i % 2 for i in range(len(splits))], classes, name)
    table = dataset.table.assign(
        text=pd.array(list(texts), dtype="str"), split=pd.array(list(splits), dtype="str")
    )
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def distinct(count: int) -> list[str]:
    return [f"{i} {TEXTS[i % 6]} {chr(97 + i) * 7}" for i in range(count)]


def pictures(folder: Path) -> Dataset:
    folder.mkdir()
    for i in range(4):
        noise = np.random.default_rng(i % 3).integers(0, 255, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((40, 40)).save(folder / f"{i}.png")
    dataset = with_splits("pictures", ["train"] * 3 + ["test"], ["a"] * 4)
    table = dataset.table.assign(path=pd.array([f"{i}.png" for i in range(4)], dtype="str"))
    hashes = np.array([file_sha256(folder / f"{i}.png") for i in range(4)])
    columns = replace(dataset.columns, content=("path",), kind="image")
    return replace(dataset, table=table, columns=columns, media_root=folder, media_hash=hashes)


@pytest.fixture(scope="module")
def split_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """leaky: rows 11 and 12 are in test and equal rows 1 and 2 of train; row 13 is one word longer."""
    root = tmp_path_factory.mktemp("splits")
    workspace = Workspace(Settings(root, (root,), "", "ann"))
    texts = distinct(15)
    texts[0], texts[10], texts[12] = LEAK, LEAK.upper(), f"{LEAK} me"
    texts[11] = texts[1]
    leaky = with_splits("leaky", SPLITS, texts)
    leaky = replace(leaky, table=leaky.table.assign(author=["a", "b", "c"] * 5))
    probabilities = Predictions("m", likely([i % 2 for i in range(15)], {10, 14}).pred_probs)
    save(workspace, leaky, probabilities)
    save(workspace, with_splits("apart", SPLITS, distinct(15)), probabilities)
    save(workspace, with_splits("held", ["train", "test", "dev"], [*distinct(1), LEAK, LEAK]), Predictions())
    save(workspace, with_splits("one-split", ["train"] * 4, distinct(4)), Predictions())
    save(workspace, with_splits("empty-split", [""] * 4, distinct(4)), Predictions())
    save(workspace, make_dataset([0, 1, 0, 1], name="no-split"), Predictions())
    save(workspace, with_splits("fresh", SPLITS, [f"{t} fresh" for t in distinct(15)]), Predictions(), False)
    some = with_splits("partly", SPLITS, [f"{t} partly" for t in distinct(15)])
    save(workspace, some, Predictions(), False)
    run_audit(some, Predictions(), workspace.cache_dir, ["near_duplicates"])
    contentless = with_splits("no-content", SPLITS, distinct(15))
    bare = replace(contentless, columns=Columns("id", "label", "split"))
    save(workspace, bare, probabilities)
    odd = [f"{HOSTILE[0]} {LEAK}", *distinct(8)[1:], f"{HOSTILE[0]} {LEAK}"]
    save(workspace, with_splits("odd", [HOSTILE[0]] * 8 + [HOSTILE[1]], odd, HOSTILE), Predictions())
    table = with_splits("table", ["train", "train", "test"], distinct(3))
    table = replace(table, table=table.table.assign(a=[1, 2, 1], b=[3, 4, 3]))
    columns = replace(table.columns, content=("a", "b"), kind="tabular")
    save(workspace, replace(table, columns=columns), Predictions())
    save(workspace, pictures(root / "pictures"), Predictions())
    return root


@pytest.fixture
def workspace(split_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(split_folder))
    monkeypatch.setenv("LABELMEND_ANNOTATOR", "ann")
    shared_workspace.cache_clear()
    session.jobs.clear()
    yield shared_workspace()
    shared_workspace.cache_clear()


def button(app: AppTest, start: str):  # type: ignore[no-untyped-def]
    return next(b for b in app.button if b.label.startswith(start))


def test_splits__says_how_many_test_rows_are_in_train(open_page: Open) -> None:
    app = open_page("splits", ds="leaky")
    assert app.title[0].value == "3 test rows also appear in train"
    said = words(app)
    assert "2 of them equal, 1 nearly." in said
    assert "Review these 3" in said
    assert "Exclude 2 rows from training" in said
    assert "Suggested: drop 2 rows from training." in said
    table = app.dataframe[0].value
    assert table["Split"].tolist() == ["test", "train"]
    assert table["Side"].tolist() == ["held out", "training"]
    assert table["Leaked rows"].tolist() == [3, 2]
    assert table["Leaked share"].tolist() == ["60.0% (23.1% to 88.2%)", ""]
    assert table["Label errors"].tolist()[1].startswith("0.0% (0.0% to ")


def test_splits__says_what_leaks_do_to_the_score(open_page: Open) -> None:
    said = words(open_page("splits", ds="leaky"))
    assert "The test score is 60.0% (23.1% to 88.2%), without the 3 leaked rows 50.0% (9.5% to 90.5%)" in said
    assert "the effect on the test score is not known" in words(open_page("splits", ds="held"))


def test_splits__shows_a_pair_with_the_shared_words_marked(open_page: Open) -> None:
    app = open_page("splits", ds="leaky")
    said = words(app)
    assert "Same text as row r0, which is in train and labelled cat." in said
    assert ":blue-background[**The parcel that I ordered" in said
    assert "Pair 1 of 3" in said
    app = open_page("splits", ds="leaky", page="3")
    said = words(app)
    assert "Shares" in said and "Pair 3 of 3" in said
    assert "answers**] me" in said
    assert "Pair 3 of 3" in words(open_page("splits", ds="leaky", page="99"))


def test_splits__other_pairs_are_offered_for_a_look(open_page: Open) -> None:
    app = open_page("splits", ds="leaky", x_pairs="Most alike otherwise")
    said = words(app)
    assert "No method flags these." in said
    assert ", by runs of 3 to 5 letters." in said


def test_splits__opens_the_review_of_what_leaks(open_page: Open) -> None:
    app = open_page("splits", ds="leaky", given="cat")
    button(app, "Review these 3").click().run()
    assert [param(app, n) for n in ("ds", "find", "given")] == ["leaky", "split_leakage", None]


def test_splits__excludes_training_rows_and_undoes_it(open_page: Open, workspace: Workspace) -> None:
    app = open_page("splits", ds="leaky")
    button(app, "Exclude 2 rows from training").click().run()
    assert "**Exclude 2 rows.**" in words(app)
    app.button(key="apply_all_go").click().run()
    store = Store(workspace.database_url)
    try:
        standings = store.standings("leaky")
        assert sorted(standings) == ["r0", "r1"]
        assert {s.opinions[0].action for s in standings.values()} == {Action.EXCLUDE}
    finally:
        store.close()
    app = open_page("splits", ds="leaky")
    assert "Your last step: 2 rows excluded." in words(app)
    button(app, "Undo").click().run()
    store = Store(workspace.database_url)
    try:
        assert store.settled("leaky") == 0
    finally:
        store.close()


def test_splits__nothing_found_says_what_was_not_seen(open_page: Open) -> None:
    app = open_page("splits", ds="apart")
    assert app.title[0].value == "No test row was found in train"
    said = words(app)
    assert "What this cannot see" in said and "rephrased programming tasks" in said
    assert "Review these" not in said and "Exclude" not in said
    assert "The test score is" in said and "no row of it leaks." in said


def test_splits__rows_in_two_held_out_splits(open_page: Open) -> None:
    app = open_page("splits", ds="held")
    assert app.title[0].value.replace("\\", "") == "2 held-out rows also appear in another held-out split"
    assert "2 flagged rows lie in two held-out splits; nothing is dropped for them." in words(app)


def test_splits__groups_on_both_sides(open_page: Open) -> None:
    said = words(open_page("splits", ds="leaky"))
    assert "author: 3 of 3 values lie in more than one split, with 5 of 5 held-out rows." in said
    assert "No column looks like the id of a group" in words(open_page("splits", ds="apart"))


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("no-split", "These 4 rows have no split column"),
        ("one-split", "All rows are for training (train)"),
        ("empty-split", "The split column is empty in all 4 rows."),
    ],
)
def test_splits__without_two_splits_says_the_way_out(open_page: Open, dataset: str, sentence: str) -> None:
    app = open_page("splits", ds=dataset)
    assert app.title[0].value == "Splits"
    said = words(app)
    assert sentence in said
    assert "with the column that names the splits" in said


def test_splits__not_analysed_offers_the_analysis_and_counts_what_it_can(open_page: Open) -> None:
    app = open_page("splits", ds="fresh")
    assert app.title[0].value == "Splits not compared yet"
    assert "Analyse 15 rows" in words(app)
    assert app.dataframe[0].value["Rows"].tolist() == [5, 10]


def test_splits__a_check_that_has_not_run_can_be_run(open_page: Open) -> None:
    app = open_page("splits", ds="partly")
    assert app.title[0].value == "Splits not compared yet"
    assert "Not run yet: " in words(app) and "Split leakage" in words(app)


def test_splits__says_what_the_check_needs(open_page: Open) -> None:
    app = open_page("splits", ds="no-content")
    assert app.title[0].value == "Splits not compared"
    assert "Finding rows that lie in two splits needs a content column" in words(app)


def test_splits__hostile_names_and_texts_stay_text(open_page: Open) -> None:
    app = open_page("splits", ds="odd")
    assert app.title[0].value.startswith("1 ")
    for value in [m.value for m in (*app.markdown, *app.title)] + [b.label for b in app.button]:
        assert "<b>cat" not in value
        assert "![i](" not in value
        assert "www.evil" not in value.replace("\\", "")


def test_splits__values_beside_each_other(open_page: Open) -> None:
    app = open_page("splits", ds="table")
    assert app.title[0].value == "1 test row also appears in train"
    fields = next(d.value for d in app.dataframe if "Field" in d.value)
    assert fields.columns.tolist() == ["Field", "Row 3", "Row 1", "Same"]
    assert fields["Same"].tolist() == ["same", "same"]


def test_splits__pictures_beside_each_other(open_page: Open) -> None:
    app = open_page("splits", ds="pictures")
    assert app.title[0].value == "1 test row also appears in train"
    assert "Same image file as row r0" in words(app)
    assert len(app.get("image")) == 2


def test_splits__a_pair_that_is_no_duplicate_no_longer_counts_and_comes_back(open_page: Open) -> None:
    app = open_page("splits", ds="leaky")
    button(app, "Not a duplicate").click().run()
    said = words(app)
    assert app.title[0].value == "2 test rows also appear in train"
    assert "Your last step: row r10 and row r0 are not the same." in said
    assert "1 pair across splits judged: 0 the same, 1 not a duplicate, which no longer count." in said
    assert "1 held-out row was cleared." in said and "Pair 1 of 2" in said
    judged = words(open_page("splits", ds="leaky", x_pairs="Judged"))
    assert "Judged not a duplicate by ann, " in judged
    app = open_page("splits", ds="leaky")
    button(app, "Undo").click().run()
    assert app.title[0].value == "3 test rows also appear in train"


def test_splits__the_held_out_side_is_locked_until_an_owner_says_otherwise(open_page: Open) -> None:
    app = open_page("splits", ds="leaky")
    assert "Locked splits: test." in words(app)
    app.multiselect[0].set_value(["train"]).run()
    app.button(key="locks_leaky_0_save").click().run()
    said = words(app)
    assert "Locked splits: train." in said and "Exclude 2 rows from training" not in said
    assert "2 rows of training would be dropped too, but are in a locked split." in said


def test_splits__without_a_name_is_whole_and_asks_where_it_is_needed(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELMEND_ANNOTATOR", "")
    shared_workspace.cache_clear()
    app = open_page("splits", ds="leaky")
    said = words(app)
    assert "Locked splits: " in said and "Review these" in said and "Pairs" in said
    button(app, "Not a duplicate").click().run()
    assert "Give your name first: a judgement is stored with it." in words(app).replace("\\", "")
    assert "Review these" in words(app)
    app.text_input[-1].set_value("eve")
    [b for b in app.button if b.label == "Start reviewing"][-1].click().run()
    said = words(app)
    assert "Give your name first" not in said and "Who is reviewing?" not in said
    button(app, "The same").click().run()
    assert "Your last step:" in words(app)
    event = session.store().events("leaky", annotator="eve")[-1]
    assert event.action is Action.PAIR
