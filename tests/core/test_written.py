"""Classes that were added, renamed or merged, in every exported format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corrections import Corrections, ExportOptions, correct, preview
from core.dataset import Columns, Dataset
from core.decision_files import apply_decisions, in_force, read_decisions, write_decisions
from core.errors import InputError, Problem
from core.export_check import verify_export
from core.exporting import write_export
from core.review.classes import class_list
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.review.policy import outcomes
from core.source import Source
from core.written import Written

from .exporters.conftest import decide, load
from .review.test_classes import change, log, undo
from .test_exporting import EXPORTS, IMPORTS, make_source

NUMBERS = ("0", "1", "5")


def corrected(loaded: tuple[Dataset, Source], *events: Decision, **options: object) -> Corrections:
    dataset, source = loaded
    stored = log(*events)
    found = outcomes(Fold(stored).standings(), stored, dataset)
    return correct(dataset, source, found, ExportOptions(**options))  # type: ignore[arg-type]


def coded(labels: list[int], tokens: tuple[str, ...] = NUMBERS) -> Dataset:
    """Rows r0, r1, ... whose label column holds tokens for the classes cat, dog and bird."""
    names = ("cat", "dog", "bird")
    table = pd.DataFrame({"label": [tokens[code] for code in labels]}, dtype="str")
    table.index = pd.Index([f"r{i}" for i in range(len(labels))], dtype="str")
    return Dataset("set", table, Columns(label="label"), names, tokens, np.array(labels, dtype=np.int32))


# A Hugging Face dataset holds numbers, and names its classes elsewhere: see exporters/test_hf_dataset.py. The
# classes of CoNLL are tags of a scheme: see exporters/test_tokens.py.
@pytest.mark.parametrize("format", [f for f in IMPORTS if f not in ("hf_dataset", "conll")])
@pytest.mark.parametrize("export", EXPORTS)
def test_write__a_renamed_class_in_every_format_from_every_source(
    export: str, format: str, tmp_path: Path
) -> None:
    """Rows 0, 2 and 4 are cats, 1 and 3 dogs. Row 1 becomes a cat by a decision, row 3 a new class."""
    loaded = load(make_source(format, tmp_path), format)
    dataset = loaded[0]
    cats = [i for i in range(5) if dataset.classes[dataset.labels[i]] == "cat"]
    first, second = (i for i in range(5) if i not in cats)
    corrections = corrected(
        loaded,
        change(add="fish"),
        decide(dataset, first, "cat"),
        decide(dataset, second, "fish"),
        change("r", rename="cat", to="kitty"),
    )
    assert corrections.conflicts == ()
    labels = {c.position: c.after for c in corrections.changes}
    assert labels == {**dict.fromkeys(cats, "kitty"), first: "kitty", second: "fish"}
    summary = write_export(corrections, tmp_path / "out", export)
    assert (summary.cells_changed, summary.cells_renamed) == (2, 3)
    assert "2 labels changed; 3 cells renamed with their class;" in summary.sentence
    checked = verify_export(corrections, summary)
    assert (checked.ok, checked.examples) == (True, ())
    document = json.loads((tmp_path / "out.summary.json").read_text())
    assert document["classes"] == {"kitty": "kitty", "dog": "dog", "fish": "fish"}
    if export == "npy" and format != "npy":  # codes: places in the class list, added classes at its end
        expected = [0 if i in cats or i == first else 2 for i in range(5)]
        assert np.load(tmp_path / "out").tolist() == expected
        assert checked.changed == 2
    else:
        assert checked.changed == 5


def test_correct__the_reason_of_a_renamed_cell(tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    renamed = replace(change("r", rename="cat", to="kitty"), shown="class cat renamed to kitty")
    corrections = corrected(loaded, renamed, decide(loaded[0], 0, Action.KEEP))
    shown = preview(corrections)
    assert shown["row"].tolist() == [1, 3, 5]
    assert shown.iloc[0].tolist() == [
        1, "r0", "label", "cat", "kitty", "eve", "class list", "", "class cat renamed to kitty",
    ]  # fmt: skip
    write_export(corrections, tmp_path / "out.csv")
    entry = json.loads((tmp_path / "out.changes.json").read_text())[0]
    assert (entry["decision"], entry["annotator"], entry["op_id"]) == ("class", "eve", "r")


def test_correct__decisions_of_their_day(tmp_path: Path) -> None:
    """A decision made before a change and one made after it are about the same class."""
    loaded = load(make_source("csv", tmp_path))
    early, late = decide(loaded[0], 1, "cat"), replace(decide(loaded[0], 3, "cat"), label="kitty")
    after = replace(decide(loaded[0], 0, "dog"), given_label="kitty")
    before = decide(loaded[0], 4, "dog")
    corrections = corrected(loaded, early, before, change(rename="cat", to="kitty"), late, after)
    assert corrections.conflicts == ()
    assert {c.position: c.after for c in corrections.changes} == {
        0: "dog", 1: "kitty", 2: "kitty", 3: "kitty", 4: "dog",
    }  # fmt: skip


def test_correct__a_label_that_a_merge_has_given_already(tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    corrections = corrected(loaded, decide(loaded[0], 0, "dog"), change(merge=["cat"], to="dog"))
    assert corrections.already == 1
    assert [(c.position, c.after, str(c.decision.action)) for c in corrections.changes] == [
        (0, "dog", "class"), (2, "dog", "class"), (4, "dog", "class"),
    ]  # fmt: skip


def test_correct__an_excluded_row_is_not_renamed_too(tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    events = (decide(loaded[0], 0, Action.EXCLUDE), change(rename="cat", to="kitty"))
    made = corrected(loaded, *events)
    assert [(c.position, c.column) for c in made.changes] == [(0, ""), (2, "label"), (4, "label")]
    marked = corrected(loaded, *events, excluded="mark")
    assert [(c.position, c.column) for c in marked.changes] == [
        (0, "excluded"), (0, "label"), (2, "label"), (4, "label"),
    ]  # fmt: skip
    summary = write_export(marked, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == "one,kitty,True"
    assert verify_export(marked, summary).ok


def test_correct__an_undone_change_writes_nothing(tmp_path: Path) -> None:
    path = make_source("csv", tmp_path)
    corrections = corrected(load(path), change("r", rename="cat", to="kitty"), undo("r"))
    assert write_export(corrections, tmp_path / "out.csv").path.read_bytes() == path.read_bytes()


def test_correct__a_class_whose_addition_was_undone(tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    corrections = corrected(loaded, change("a", add="fish"), decide(loaded[0], 0, "fish"), undo("a"))
    assert [p.found for p in corrections.conflicts] == ["decided class 'fish' is not in your class list"]


def test_written__codes() -> None:
    """A renamed class keeps its code, merged ones share one, an added one gets the next."""
    dataset = coded([0, 1, 2, 1])
    source = Source(Path("t.csv"), "csv", "", 0)
    made = corrected(
        (dataset, source), change(rename="cat", to="kitty"), change(add="fish"), change(add="ant")
    )
    assert (made.changes, made.untouched) == ((), True)
    assert made.written.names == {"0": "kitty", "1": "dog", "5": "bird", "6": "fish", "7": "ant"}
    made = corrected((dataset, source), change(merge=["dog", "bird"], to="pet"))
    assert [(c.position, c.before, c.after) for c in made.changes] == [(2, "5", "1")]
    assert made.written.names == {"0": "cat", "1": "pet"}
    made = corrected((dataset, source), change(merge=["cat"], to="bird"), decide(dataset, 1, "cat"))
    assert [(c.position, c.after) for c in made.changes] == [(0, "5"), (1, "5")]


def test_written__other_tokens_have_none_for_a_new_class() -> None:
    dataset = coded([0, 1], ("c", "d", "b"))
    source = Source(Path("t.csv"), "csv", "", 0)
    made = corrected((dataset, source), change(add="fish"), decide(dataset, 0, "fish"))
    assert [str(p) for p in made.conflicts] == [
        "row 1, column label: the label column holds codes, and the new class 'fish' has none. "
        "Mend: load the data with a class list that has it."
    ]
    assert corrected((dataset, source), change(rename="cat", to="kitty")).changes == ()


@pytest.mark.parametrize("format", ["npy", "parquet", "jsonl"])
def test_written__a_column_of_numbers_takes_no_name(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{format}"
    if format == "npy":
        np.save(path, np.array([0, 1, 0]))
    elif format == "parquet":
        pq.write_table(pa.table({"label": [0, 1, 0]}), path)
    else:
        path.write_text("".join(f'{{"label": {n}}}\n' for n in (0, 1, 0)))
    corrections = corrected(load(path, format), change(rename="0", to="zero"))
    assert [str(p) for p in corrections.conflicts] == [
        "row 1, column label: the label column holds numbers, and the class 'zero' cannot be written as one "
        "(2 rows). Mend: load the data with a class list that gives each number its name."
    ]
    with pytest.raises(InputError, match="holds numbers"):
        write_export(corrections, tmp_path / "out")
    merged = corrected(load(path, format), change(add="7"), change(merge=["0", "1"], to="7"))
    summary = write_export(merged, tmp_path / "out")
    assert (summary.cells_renamed, verify_export(merged, summary).ok) == (3, True)


def test_written__a_number_too_big_for_the_array(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([0, 1], dtype=np.int8))
    corrections = corrected(load(tmp_path / "t.npy", "npy"), change(rename="0", to="300"))
    with pytest.raises(InputError, match="300 does not fit into an array of int8"):
        write_export(corrections, tmp_path / "out.npy")


def test_written__numbers_in_delimited_text_are_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,0\nb,1\n")
    write_export(corrected(load(tmp_path / "t.csv"), change(rename="0", to="zero")), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "text,label\na,zero\nb,1\n"


def test_written__token_of_a_class_that_is_not_there() -> None:
    found = Written.of(coded([0]), class_list(("cat", "dog", "bird")))
    assert found.token("dog") == "1"
    assert isinstance(found.token("cow"), Problem)


def test_in_force__what_is_left_of_many_rows_and_the_class_list(tmp_path: Path) -> None:
    """Written, read and applied, the decisions in force do what the log does."""
    path = make_source("csv", tmp_path)
    loaded = load(path)
    bulk = Decision("set", "", Action.RELABEL, "ann", "", "many")
    members = [(f"r{i}", ("cat", "dog")[i % 2], "fish") for i in range(4)]
    events = log(
        change(add="fish"),
        change("gone", rename="dog", to="x"),
        undo("gone"),
        bulk.bulk(members),
        decide(loaded[0], 4, Action.EXCLUDE),
        replace(decide(loaded[0], 1, Action.KEEP), final=True),
        replace(decide(loaded[0], 0, Action.KEEP), annotator="bob", op_id="other"),
        change(rename="fish", to="trout"),
    )
    kept = in_force(Fold(events).standings(), events)
    assert [(e.action, e.row_id, e.seq) for e in kept] == [
        (Action.CLASS, "", 10), (Action.RELABEL, "", 40), (Action.EXCLUDE, "r4", 50),
        (Action.KEEP, "r1", 60), (Action.CLASS, "", 80),
    ]  # fmt: skip
    assert kept[1].details == {"members": [["r2", "cat", "fish"], ["r3", "dog", "fish"]]}
    assert write_decisions(kept, tmp_path / "d.jsonl") == 5
    assert read_decisions(tmp_path / "d.jsonl") == kept
    again = in_force(Fold(kept).standings(), kept)
    assert again == kept
    ids = tmp_path / "copy.csv"
    ids.write_text("id,text,label\n" + "".join(f"r{i},t,{('cat', 'dog')[i % 2]}\n" for i in range(5)))
    said = apply_decisions(tmp_path / "d.jsonl", ids, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "id,text,label\nr0,t,cat\nr1,t,dog\nr2,t,trout\nr3,t,trout\n"
    assert said.startswith("out.csv: 4 rows, 2 labels changed; 1 excluded row left out; policy: Agreed only")


def test_apply__a_policy_and_class_changes_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,label\na,cat\nb,dog\n")
    lines = [
        {"row_id": "a", "action": "relabel", "given_label": "cat", "label": "dog", "annotator": "ann"},
        {"row_id": "a", "action": "keep", "given_label": "cat", "annotator": "bob"},
        {"row_id": "", "action": "class", "given_label": "", "detail": '{"rename": "dog", "to": "hound"}'},
    ]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for policy, expected in (("agreed", "a,cat\nb,hound\n"), ("majority", "a,cat\nb,hound\n")):
        apply_decisions(tmp_path / "d.jsonl", tmp_path / "t.csv", tmp_path / "out.csv", policy=policy)
        assert (tmp_path / "out.csv").read_text() == "id,label\n" + expected
    (tmp_path / "d.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in [lines[1], lines[0], lines[2]])
    )
    said = apply_decisions(
        tmp_path / "d.jsonl", tmp_path / "t.csv", tmp_path / "o.csv", policy="latest", check=True
    )
    assert said.startswith(
        "Would change 1 label and exclude 0 rows of 2; 1 cell renamed with their class; policy: "
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["cat", "dog", "", "a, b"]), min_size=1, max_size=8),
    st.sampled_from(["csv", "jsonl", "parquet"]),
    st.booleans(),
)
def test_write__nothing_decided_is_the_same_bytes(tmp_path_factory, labels, format, taken_back) -> None:
    """Without decisions and changes, or with none left of them, the export equals the source."""
    folder = tmp_path_factory.mktemp("x")
    path = folder / f"t.{format}"
    records = [{"text": f"text {i}", "label": label} for i, label in enumerate(labels)]
    if format == "csv":
        path.write_text("text,label\n" + "".join(f'{r["text"]},"{r["label"]}"\n' for r in records))
    elif format == "jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in records))
    else:
        pq.write_table(pa.Table.from_pylist(records), path)
    loaded = load(path, format)
    events: list[Decision] = []
    if taken_back and loaded[0].classes:
        events = [change("r", rename=loaded[0].classes[0], to="x"), undo("r"), change(add="never used")]
    corrections = corrected(loaded, *events)
    assert corrections.untouched
    assert write_export(corrections, folder / "out").path.read_bytes() == path.read_bytes()
