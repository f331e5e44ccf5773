"""The numbers that Export, the classes, changes of many rows, models and running work say, against ones
that the test counts from what it stored."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from core.exporting import default_format, formats
from core.jobs import Job
from core.model_store import add_model
from core.predictions import Predictions
from core.review.classes import change_event, class_list
from core.review.decisions import Action, Decision
from core.review.locks import lock_event
from core.review.plan import Plan, plan_event
from core.review.store import shared_store
from core.splits import splits_of
from core.workspace import Workspace
from pages.parts import apply_all, export_steps, session, work
from tests.conftest import make_dataset
from tests.core.exporters.test_tokens import FILES, export, load, made
from tests.pages.conftest import Open, likely, save, words
from tests.pages.test_apply_all import press

MANY = 1300
LABELS = [i % 2 for i in range(MANY)]


def named(workspace: Workspace, labels: list[int], wrong: set[int] | None = None) -> str:
    """A data set of the test's own; analysed where it is said which labels the model doubts."""
    name = f"says-{uuid.uuid4().hex[:8]}"
    probs = Predictions() if wrong is None else likely(labels, wrong)
    save(workspace, make_dataset(labels, name=name), probs, analyse=wrong is not None)
    return name


def says(name: str, row: int, who: str, given: int, action: Action, label: str | None = None) -> Decision:
    return Decision(name, f"r{row}", action, who, ("cat", "dog")[given], f"{name}-{row}-{who}", label)


def bulk(name: str, action: Action, rows: list[tuple[str, str, str | None]]) -> None:
    receipt = session.store().record_bulk(Decision(name, "", action, "ann", "", uuid.uuid4().hex), rows)
    assert not receipt.left


def test_export__every_count_of_a_large_correction(open_page: Open, workspace: Workspace) -> None:
    name = named(workspace, LABELS)
    open_page("export", ds=name)
    changed = [i for i in range(0, MANY, 2)] + [i for i in range(1, 1101, 2)]
    bulk(name, Action.RELABEL, [(f"r{i}", ("cat", "dog")[i % 2], ("dog", "cat")[i % 2]) for i in changed])
    out = [i for i in range(1, MANY, 2) if i not in changed][:7]
    bulk(name, Action.EXCLUDE, [(f"r{i}", "dog", None) for i in out])
    app = open_page("export", ds=name)
    said = words(app)
    assert f"{len(changed):,} of {3 * MANY:,} cells change. 7 rows are left out." in said
    assert f"The first 1,000 of {len(changed) + 7:,} changes; the change log has all." in said
    assert len(app.dataframe[0].value) == 1000
    assert f"Write {len(changed) + 7:,} changes" in [b.label for b in app.button]
    assert f"{len(changed) + 7:,} rows decided" in said
    app.button_group(key="x_excluded").set_value("mark").run()
    assert "are left out" not in words(app)


def test_export__rows_that_differ_and_rows_that_wait(open_page: Open, workspace: Workspace) -> None:
    name = named(workspace, [0, 1] * 9)
    open_page("export", ds=name)
    store = shared_store(workspace.database_url)
    store.record([plan_event(name, "ann", Plan(share=1.0))])
    for row in (0, 2, 4):
        store.record(
            [says(name, row, "ann", 0, Action.KEEP), says(name, row, "bob", 0, Action.RELABEL, "dog")]
        )
    store.record([says(name, row, "ann", 1, Action.RELABEL, "cat") for row in (1, 3)])
    app = open_page("export", ds=name)
    assert app.selectbox(key="url_policy").label == "3 rows on which annotators differ"
    said = words(app)
    assert "3 rows on which annotators differ stay as given." in said
    assert "2 rows wait for a second look. What is decided so far is written." in said
    assert "2 of 54 cells change." in said and "Write 2 changes" in [b.label for b in app.button]


def test_export__renamed_cells_are_counted_among_the_changed(open_page: Open, workspace: Workspace) -> None:
    name = named(workspace, [0, 1, 1] * 5)
    open_page("export", ds=name)
    change = {"rename": "dog", "to": "hound"}
    store = shared_store(workspace.database_url)
    store.record([change_event(name, "ann", class_list(("cat", "dog"), []), change, 10, 0)])
    store.record([says(name, 0, "ann", 0, Action.RELABEL, "hound")])
    said = words(open_page("export", ds=name))
    assert "11 of 45 cells change. 10 of them are renamed with the class." in said


def test_export__other_tokens_of_a_sentence_are_counted(tmp_path: Path) -> None:
    path = made(tmp_path, FILES["in.conll"], "in.conll")
    found = load(path)
    own = default_format(found.source)
    rows = len(found.dataset)
    for gone, verb in ((1, "row is"), (2, "rows are")):
        _, corrections, _ = export(path, dict.fromkeys(range(gone), Action.EXCLUDE))
        said = export_steps.headline(corrections, found.dataset.table.size, formats()[own.name], own)
        assert f"{gone} {verb} left out." in said
        others = rows - corrections.rows_written - gone
        told = f"{others} other token{'' if others == 1 else 's'} of their sentences go{'es' * (others == 1)}"
        assert (told in said) == bool(others)
    assert others == 0


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_990, "1.0 MB"),
        (5_260_000, "5.3 MB"),
        (2_499_000_000, "2.5 GB"),
    ],
)
def test_readable_size__is_that_of_the_file(size: int, said: str) -> None:
    assert export_steps.readable_size(size) == said


def test_classes__what_a_merge_concerns_and_how_many_changes_there_were(
    open_page: Open, workspace: Workspace
) -> None:
    name = f"says-{uuid.uuid4().hex[:8]}"
    labels = [0] * 5 + [1] * 4 + [2] * 3
    save(workspace, make_dataset(labels, ("ant", "bee", "cow"), name), Predictions(), analyse=False)
    app = open_page("team", ds=name, tab="classes")
    assert "3 classes" in [s.value for s in app.subheader]
    store = shared_store(workspace.database_url)
    store.record([Decision(name, "r0", Action.RELABEL, "bob", "ant", f"{name}-r0", "bee")])
    for i in range(23):
        now = class_list(("ant", "bee", "cow"), store.events(name, actions=(Action.CLASS,)))
        store.record([change_event(name, "ann", now, {"add": f"x{i}"})])
    app = open_page("team", ds=name, tab="classes")
    assert "26 classes" in [s.value for s in app.subheader]
    assert "and 3 earlier ones, in History" in words(app)
    app.button_group(key="class_kind").set_value("merge").run()
    app.multiselect(key="class_merge_23_old").set_value(["bee", "cow", "ant"]).run()
    app.selectbox(key="class_merge_23").set_value("ant").run()
    said = words(app)
    # bee and cow: 4 + 3 rows given, and the one row that was changed to bee.
    assert "7 rows given and 1 decision get the new name." in said
    assert "7 label cells will differ from your file." in said
    assert "Merge 2 classes into ant" in [b.label for b in app.button]


def test_apply_all__pairs_and_what_is_left_alone_by_reason(open_page: Open, workspace: Workspace) -> None:
    labels = [0, 1] * 29
    wrong = {1, 4, 6, 8, 9, 16}
    name = f"says-{uuid.uuid4().hex[:8]}"
    dataset = make_dataset(labels, name=name)
    split = pd.array(["test" if i in (8, 9) else "train" for i in range(58)], dtype="str")
    dataset = replace(
        dataset, table=dataset.table.assign(split=split), columns=replace(dataset.columns, split="split")
    )
    save(workspace, dataset, likely(labels, wrong))
    app = open_page("issues", ds=name)
    found = splits_of(dataset)
    assert found is not None
    session.store().record([lock_event(name, "ann", ["test"], found)])
    app = press(open_page("issues", ds=name, find="label_issues"), "Apply to all 6")
    said = words(app)
    assert "**Change 6 rows to the label suggested for each.**" in said
    cats = sum(labels[i] == 0 for i in wrong)
    assert f"cat → dog {cats}, dog → cat {6 - cats}" in said
    app.selectbox(key="apply_all_verdict").set_value((Action.EXCLUDE, None))
    app = press(app, "Apply to all 6")
    assert "**Exclude 4 rows.**" in words(app) and "2 in a locked split: left alone." in words(app)
    app = press(app, "Exclude 4 rows")
    told = [t.value.replace("\\", "") for t in app.toast]
    assert told == ["4 rows excluded. 2 in a locked split: left alone."]
    app = press(open_page("issues", ds=name, find="label_issues"), "Undo")
    assert [t.value.replace("\\", "") for t in app.toast] == ["Undone: 4 rows"]


def test_apply_all__above_the_limit_the_number_to_type(open_page: Open, workspace: Workspace) -> None:
    name = named(workspace, LABELS, {1, 2})
    app = press(open_page("issues", ds=name, cut="1"), f"Apply to all {MANY:,}")
    assert f"{MANY - 2:,} without a suggestion: left alone." in words(app)
    app.selectbox(key="apply_all_verdict").set_value((Action.EXCLUDE, None))
    app = press(app, f"Apply to all {MANY:,}")
    assert f"Type {MANY:,} to confirm" in [t.label for t in app.text_input]
    assert "24 random examples:" in words(app) and len(app.dataframe[-1].value) == 24


def test_pairs__others_are_told_of_where_there_are_more() -> None:
    counts = apply_all.bulk.Counts(**dict.fromkeys(apply_all.bulk.Counts.__dataclass_fields__, 0))
    found = apply_all.bulk.Preview.__new__(apply_all.bulk.Preview)
    pairs = (("cat", "dog", 1200), (None, "dog", 3))
    for change, end in ((1203, ""), (1204, ", and others")):
        object.__setattr__(found, "pairs", pairs)
        object.__setattr__(found, "counts", replace(counts, change=change))
        assert apply_all.pairs_in_words(found) == f"cat → dog 1,200, no label → dog 3{end}"


@pytest.mark.parametrize(
    ("spent", "fraction", "said"),
    [
        (30, 0.01, ""),
        (30, 0.1, "About 5 min left. "),
        (20, 0.5, "Less than a minute left. "),
        (10_000, 0.1, "About 1,500 min left. "),
        (300, 0.84, "Less than a minute left. "),
        (300, 0.82, "About 2 min left. "),
    ],
)
def test_work__time_left_follows_from_the_pace_so_far(
    monkeypatch: pytest.MonkeyPatch, spent: int, fraction: float, said: str
) -> None:
    job = Job("pets")
    began = time.monotonic()
    job._started, job.fraction = began, fraction
    monkeypatch.setattr(time, "monotonic", lambda: began + spent)
    assert work._time_left(job) == said


def test_work__what_is_safe_after_a_failure_and_what_can_be_trained(
    open_page: Open, workspace: Workspace
) -> None:
    name = named(workspace, [0, 1] * 47)
    assert "Train a baseline and analyse 94 rows" in words(open_page("overview", ds=name))
    session.store().record([says(name, 2, "ann", 0, Action.KEEP)])

    def fails(_: object) -> None:
        raise MemoryError

    for safe in ("1 decision", "3 decisions"):
        assert session.jobs().start(name, fails).wait(20)
        app = open_page("overview", ds=name)
        assert any(f"Your data and {safe} are safe." in e.value.replace("\\", "") for e in app.error)
        session.store().record([says(name, row, "ann", 0, Action.KEEP) for row in (4, 6)])


def test_models__agreement_under_each_choice(open_page: Open, workspace: Workspace) -> None:
    labels = [0, 1] * 33
    name = named(workspace, labels, {1, 4, 9})
    add_model(workspace, name, replace(likely(labels, {3, 8, 10, 20, 30}), model="other", embeddings=None))
    app = open_page("overview", ds=name)
    app.session_state[f"models_{name}"] = True
    app.run()
    (choice,) = [r for r in app.radio if r.label == "Model in use"]
    captions = [c.replace("\\", "") for c in choice.proto.captions]
    for caption, wrong in zip(captions, (3, 5), strict=True):
        assert caption.startswith(f"Agrees with {1 - wrong / 66:.1%} of 66 labels (95% interval ")
