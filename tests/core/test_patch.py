"""Decisions find their rows in a copy by id and content; what they cannot find is listed, never guessed."""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.cli import main
from core.corrections import ExportOptions
from core.dataset import Columns, Dataset
from core.decision_files import apply_decisions, read_decisions, read_patch, write_decisions
from core.errors import InputError
from core.loading import Plan, prepare, read_table
from core.patch import Key, Layout, digests, keys
from core.patch_report import FATES
from core.review.decisions import Action, Decision

COLUMNS = Columns(id="id", label="label", content=("text",), kind="text")
SKIP = ExportOptions(conflicts="skip")


def load(path: Path, columns: Columns) -> Dataset:
    dataset = prepare(read_table(path), Plan("pets", columns)).dataset
    assert dataset is not None
    return dataset


def decide(row_id: str, given: str, new: str | None) -> Decision:
    action = Action.RELABEL if new else Action.EXCLUDE
    return Decision("pets", row_id, action, "ann", given, f"op {row_id}", new)


def reviewed(
    folder: Path, text: str, *changes: tuple[int, str | None], columns: Columns = COLUMNS, name: str = "a.csv"
) -> Path:
    """A decisions file about a data set of this text. changes: (position, new label or None to exclude)."""
    (folder / name).write_text(text)
    data = load(folder / name, columns)
    given = [data.classes[code] for code in data.labels]
    made = [decide(data.row_ids[p], given[p], new) for p, new in changes]
    write_decisions(made, folder / "d.jsonl", data)
    return folder / "d.jsonl"


def counts(folder: Path, copy: str, name: str = "b.csv") -> tuple[str, dict[str, int], dict[str, Any]]:
    """(corrected copy, the fates that occur, the report)."""
    (folder / name).write_text(copy)
    out, report = folder / "out.csv", folder / "r.json"
    apply_decisions(folder / "d.jsonl", folder / name, out, options=SKIP, report=report)
    said = json.loads(report.read_text())
    assert list(said["counts"]) == list(FATES)
    assert {fate: len(rows) for fate, rows in said["rows"].items()} == said["counts"]
    assert len(said["conflicts"]) == sum(said["counts"][fate] for fate in FATES[4:])
    return out.read_text(), {fate: n for fate, n in said["counts"].items() if n}, said


PETS = "id,text,label\na,one,cat\nb,two,dog\nc,three,cat\n"


def test_write_decisions__header_then_rows_then_decisions(tmp_path: Path) -> None:
    path = reviewed(tmp_path, PETS, (0, "dog"))
    header, row, decision = [json.loads(line) for line in path.read_text().splitlines()]
    assert header == {
        "labelmend_decisions": 1,
        "columns": {
            "id": "id", "label": "label", "split": None, "content": ["text"], "kind": "text",
            "delimiter": None,
        },
        "digested": ["text"],
    }  # fmt: skip
    assert row == {
        "content": sha256(b"\x03" + b"\x00" * 7 + b"one").hexdigest(),
        "row_id": "a", "given_label": "cat", "copies": 1, "alike": 1, "occurrence": 0,
    }  # fmt: skip
    assert (decision["row_id"], decision["given_label"], decision["label"]) == ("a", "cat", "dog")
    assert [d.row_id for d in read_decisions(path)] == ["a"]


def test_keys__count_rows_alike(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,label\na,x,cat\nb,x,dog\nc,x,cat\nd,y,cat\n")
    found = keys(load(tmp_path / "a.csv", COLUMNS), ["c", "d", "gone"])
    same = found[0].content
    assert found == [Key(same, "c", "cat", 3, 2, 1), Key(found[1].content, "d", "cat", 1, 1, 0)]
    assert same != found[1].content


def test_digests__the_same_in_every_format(tmp_path: Path) -> None:
    layout = Layout(Columns(label="y", content=("n", "f", "b", "t"), kind="tabular"), ("n", "f", "b", "t"))
    (tmp_path / "a.csv").write_text("n,f,b,t,y\n3,1.50,true,007x,cat\n,2,False,nan,dog\n")
    frame = pd.DataFrame({"n": [3, None], "f": [1.5, 2.0], "b": [True, False], "t": ["007x", "nan"]})
    frame.assign(y=["cat", "dog"]).to_parquet(tmp_path / "a.parquet")
    made = [digests(load(tmp_path / f"a.{s}", layout.columns), layout) for s in ("csv", "parquet")]
    assert made[0] == made[1]
    assert made[0][0] != made[0][1]


def test_digests__cells_do_not_run_into_each_other(tmp_path: Path) -> None:
    layout = Layout(Columns(label="y", content=("p", "q"), kind="tabular"), ("p", "q"))
    (tmp_path / "a.csv").write_text("p,q,y\nab,c,cat\na,bc,dog\n")
    one, other = digests(load(tmp_path / "a.csv", layout.columns), layout)
    assert one != other


def test_apply__found_by_content_where_ids_changed_or_vanished(tmp_path: Path) -> None:
    reviewed(tmp_path, PETS, (0, "dog"), (1, "cat"))
    for copy in ("id,text,label\n1,three,cat\n2,two,dog\n3,one,cat\n", "text,label\ntwo,dog\none,cat\n"):
        out, found, report = counts(tmp_path, copy)
        assert out == copy.replace("two,dog", "two,cat").replace("one,cat", "one,dog")
        assert found == {"applied": 2}
        assert report["sentence"] == "2 decided rows: 2 applied; 2 found by content under another id"


def test_apply__ids_that_now_name_other_rows_do_not_mislead(tmp_path: Path) -> None:
    reviewed(tmp_path, PETS, (0, "dog"))
    out, found, report = counts(tmp_path, "id,text,label\na,three,cat\nb,two,dog\nc,one,cat\n")
    assert out == "id,text,label\na,three,cat\nb,two,dog\nc,one,dog\n"
    assert found == {"applied": 1}
    assert report["rows"]["applied"] == [
        {"row_id": "a", "row": 3, "found_by": "content", "action": "relabel", "given_label": "cat",
         "label": "dog", "annotator": "ann"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("copy", "fate", "said"),
    [
        ("id,text,label\na,other,cat\nb,two,dog\n", "content changed", "content changed: row 'a'"),
        ("id,text,label\nb,two,dog\nc,three,cat\n", "not found", "not found: row 'a': no row has its id"),
        ("id,text,label\na,one,cow\nb,two,dog\n", "given label changed", "the given label is 'cow', but it"),
        ("id,text,label\nx,one,cat\ny,one,cat\n", "ambiguous", "ambiguous: row 'a': several rows could be"),
    ],
)
def test_apply__conflicts_are_listed_and_refused(tmp_path: Path, copy: str, fate: str, said: str) -> None:
    decided = reviewed(tmp_path, PETS, (0, "dog"))
    out, found, report = counts(tmp_path, copy)
    assert (out, found) == (copy, {fate: 1})
    assert said in report["conflicts"][0]
    (tmp_path / "out.csv").unlink()
    for check in (True, False):
        with pytest.raises(InputError, match=said):
            apply_decisions(decided, tmp_path / "b.csv", tmp_path / "out.csv", check=check)
    assert not (tmp_path / "out.csv").exists()


def test_apply__excluded_rows(tmp_path: Path) -> None:
    reviewed(tmp_path, PETS, (0, None))
    assert counts(tmp_path, "id,text,label\nb,two,dog\nz,one,cat\n")[:2] == (
        "id,text,label\nb,two,dog\n", {"applied": 1},
    )  # fmt: skip
    assert counts(tmp_path, "id,text,label\nb,two,dog\n")[1] == {"already": 1}
    copy = "id,text,label\ny,one,cat\nz,one,cat\n"
    assert counts(tmp_path, copy)[:2] == (copy, {"ambiguous": 1})


NO_ID = Columns(label="label", content=("text",), kind="text")


def test_apply__repeated_content_without_ids_by_occurrence(tmp_path: Path) -> None:
    reviewed(tmp_path, "text,label\nx,cat\nx,dog\nx,cat\ny,cat\n", (2, "dog"), columns=NO_ID)
    assert counts(tmp_path, "text,label\ny,cat\nx,dog\nx,cat\nx,cat\n")[:2] == (
        "text,label\ny,cat\nx,dog\nx,cat\nx,dog\n", {"applied": 1},
    )  # fmt: skip
    for fewer in ("text,label\nx,cat\nx,dog\ny,cat\n", "text,label\nx,cat\nx,cat\nx,cat\ny,dog\n"):
        assert counts(tmp_path, fewer)[:2] == (fewer, {"ambiguous": 1})


def test_apply__order_says_nothing_where_there_are_ids(tmp_path: Path) -> None:
    reviewed(tmp_path, "id,text,label\na,x,cat\nb,x,cat\nc,y,dog\n", (0, "dog"))
    copy = "id,text,label\nb,x,cat\nz,x,cat\nc,y,dog\n"
    assert counts(tmp_path, copy)[:2] == (copy, {"ambiguous": 1})


def test_apply__content_is_followed_into_another_id(tmp_path: Path) -> None:
    reviewed(tmp_path, "id,text,label\na,one,cat\nb,two,cat\n", (0, "dog"), (1, "cow"))
    copy = "id,text,label\nb,one,cat\nc,five,dog\n"
    out, found, report = counts(tmp_path, copy)
    assert (out, found) == (copy.replace("cat", "dog"), {"applied": 1, "content changed": 1})
    assert [row["row_id"] for row in report["rows"]["content changed"]] == ["b"]


def test_apply__two_decided_rows_are_never_one(tmp_path: Path) -> None:
    path = reviewed(tmp_path, PETS, (0, "dog"))
    by_hand = {"row_id": "x", "action": "relabel", "given_label": "cat", "label": "cow"}
    path.write_text(path.read_text() + json.dumps(by_hand) + "\n")
    copy = "id,text,label\nx,one,cat\nc,five,dog\n"
    assert counts(tmp_path, copy)[:2] == (copy, {"ambiguous": 2})


def test_apply__a_second_time_everything_is_there_already(tmp_path: Path) -> None:
    reviewed(tmp_path, PETS, (0, "dog"), (1, None))
    once, _, _ = counts(tmp_path, PETS)
    assert counts(tmp_path, once)[:2] == (once, {"already": 2})


def test_apply__a_copy_without_the_content_is_refused(tmp_path: Path) -> None:
    decided = reviewed(tmp_path, PETS, (0, "dog"))
    (tmp_path / "b.csv").write_text("id,words,label\na,one,cat\n")
    with pytest.raises(InputError, match=r"b\.csv: there is no column 'text', by which the decided rows"):
        apply_decisions(decided, tmp_path / "b.csv", tmp_path / "out.csv")


def test_apply__pictures_are_known_by_their_bytes(tmp_path: Path) -> None:
    for name, shade in (("p.png", 0), ("q.png", 99), ("old.png", 200)):
        Image.new("L", (4, 4), shade).save(tmp_path / name)
    columns = Columns(label="label", content=("path",), kind="image")
    reviewed(
        tmp_path, "path,label\np.png,cat\nq.png,dog\nold.png,cat\n", (0, "dog"), (2, "dog"), columns=columns
    )
    (tmp_path / "p.png").rename(tmp_path / "moved.png")
    Image.new("L", (4, 4), 30).save(tmp_path / "old.png")
    out, found, _ = counts(tmp_path, "path,label\nq.png,dog\nmoved.png,cat\nold.png,cat\n")
    assert out == "path,label\nq.png,dog\nmoved.png,dog\nold.png,cat\n"
    assert found == {"applied": 1, "not found": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"labelmend_decisions": 2}, "row 1: the decisions file has version 2. Expected: version 1"),
        ({"labelmend_decisions": 1, "columns": {}}, "row 1: the header names no columns"),
        ({"labelmend_decisions": 1, "columns": 3, "digested": 3}, "row 1: the header names no columns"),
    ],
)
def test_read_patch__header(tmp_path: Path, line: dict[str, Any], said: str) -> None:
    (tmp_path / "d.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(InputError) as caught:
        read_patch(tmp_path / "d.jsonl")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"copies": 0}, "are whole numbers, each below the next"),
        ({"occurrence": True}, "are whole numbers"),
        ({"row_id": 3}, "content, row_id and given_label of a row's line are text"),
        ({"more": 1}, "not 'more'"),
        ({"given_label": "dog"}, "row_id 'a' stands for two different rows"),
    ],
)
def test_read_patch__names_the_line_of_a_row(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = reviewed(tmp_path, PETS, (0, "dog"))
    lines = path.read_text().splitlines()
    lines.insert(2, json.dumps({**json.loads(lines[1]), **change}))
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"d\.jsonl, row 3: .*" + said):
        read_patch(path)


def test_apply__command_with_check_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decided = reviewed(tmp_path, PETS, (0, "dog"), (1, "cat"))
    (tmp_path / "b.csv").write_text("id,text,label\n7,one,cat\nb,2,dog\n")
    before = sorted(p.name for p in tmp_path.iterdir())
    args = ["apply", str(decided), str(tmp_path / "b.csv"), "--check"]
    assert main(args) == 1
    assert "content changed: row 'b'" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert main([*args, "--report", str(tmp_path / "r.json")]) == 1
    counted = json.loads((tmp_path / "r.json").read_text())["counts"]
    assert {fate: n for fate, n in counted.items() if n} == {"applied": 1, "content changed": 1}
    assert main([*args, "--report", str(tmp_path / "b.csv")]) == 1
    assert (tmp_path / "b.csv").read_text() == "id,text,label\n7,one,cat\nb,2,dog\n"
    assert main(args[:-1]) == 1
    assert "give --out, or --check" in capsys.readouterr().err


WORDS = st.sampled_from(["one", "two", "three", "four, five", 'six "6"', "7", "x" * 40])
LABELS = st.sampled_from(["cat", "dog", "cow"])


@st.composite
def copies(draw) -> dict[str, Any]:
    """A reviewed table, decisions on it, and a copy whose column `origin` names the row it was."""
    size = draw(st.integers(2, 7))
    texts = draw(st.lists(WORDS, min_size=size, max_size=size))
    labels = ["cat", "dog", *draw(st.lists(LABELS, min_size=size - 2, max_size=size - 2))]
    decided = draw(st.dictionaries(st.integers(0, size - 1), LABELS, min_size=1))
    rows = [
        {"id": str(i), "text": t, "label": y, "origin": str(i), "note": ""}
        for i, (t, y) in enumerate(zip(texts, labels, strict=True))
    ]
    gone = draw(st.sets(st.integers(0, size - 1), max_size=2))
    twice = draw(st.sets(st.integers(0, size - 1), max_size=2))
    edited = draw(st.sets(st.integers(0, size - 1), max_size=2))
    relabelled = draw(st.dictionaries(st.integers(0, size - 1), LABELS, max_size=2))
    made = [dict(row) for i, row in enumerate(rows) if i not in gone]
    made += [{**rows[i], "id": f"again {i}", "origin": "copy"} for i in twice]
    made += [{"id": "new", "text": draw(WORDS), "label": "cat", "origin": "new", "note": "n"}]
    for row in made:
        i = int(row["origin"]) if row["origin"].isdigit() else -1
        row["text"] = f"edited {i}" if i in edited else row["text"]
        row["label"] = relabelled.get(i, row["label"])
        row["note"] = draw(st.sampled_from(["", "changed", "a,b"]))
    made += [
        {"id": f"z{y}", "text": f"all {y}", "label": y, "origin": "z", "note": ""} for y in ("cat", "dog")
    ]
    made = draw(st.permutations(made))
    ids = draw(st.sampled_from(["kept", "renumbered", "none"]))
    for position, row in enumerate(made):
        if ids == "renumbered":
            row["id"] = str(position)
        elif ids == "none":
            del row["id"]
    return {
        "rows": rows,
        "decided": decided,
        "copy": made,
        "ids": ids,
        "had_ids": draw(st.booleans()),
        "suffix": draw(st.sampled_from(["csv", "parquet", "jsonl"])),
    }


def save(rows: list[dict[str, Any]], path: Path) -> None:
    frame = pd.DataFrame(rows, dtype="str")
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)


@settings(max_examples=150, deadline=None)
@given(case=copies())
def test_apply__changes_the_decided_cells_and_nothing_else(tmp_path_factory, case: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("p")
    rows, decided, copy = case["rows"], case["decided"], case["copy"]
    names = ("id", "text", "label") if case["had_ids"] else ("text", "label")
    save([{name: row[name] for name in names} for row in rows], folder / "a.csv")
    data = load(folder / "a.csv", COLUMNS if case["had_ids"] else NO_ID)
    ids = data.row_ids.tolist()
    events = [decide(ids[i], rows[i]["label"], new) for i, new in decided.items()]
    write_decisions(events, folder / "d.jsonl", data)
    source, out = folder / f"b.{case['suffix']}", folder / f"out.{case['suffix']}"
    save(copy, source)
    columns = Columns(id="id") if case["ids"] != "none" else None
    report = folder / "r.json"
    apply_decisions(folder / "d.jsonl", source, out, columns=columns, options=SKIP, report=report)
    said = json.loads(report.read_text())
    after = read_table(out).frame.astype("str").fillna("").to_dict("records")
    assert [{**row, "label": ""} for row in after] == [{**row, "label": ""} for row in copy]
    fates = {row["row_id"]: (fate, row) for fate, found in said["rows"].items() for row in found}
    assert set(fates) == {ids[i] for i in decided}
    changed = {
        n for n, (new, old) in enumerate(zip(after, copy, strict=True)) if new["label"] != old["label"]
    }
    applied = {ids[i]: (i, new) for i, new in decided.items() if fates[ids[i]][0] == "applied"}
    assert changed == {fates[row_id][1]["row"] - 1 for row_id in applied}
    assert len(changed) == len(applied)
    for row_id, (i, new) in applied.items():
        position = fates[row_id][1]["row"] - 1
        assert after[position]["label"] == new
        assert (copy[position]["text"], copy[position]["label"]) == (rows[i]["text"], rows[i]["label"])
    for i, new in decided.items():
        _expect(case, i, new, fates[ids[i]][0])
    if said["conflicts"]:
        with pytest.raises(InputError):
            apply_decisions(folder / "d.jsonl", source, folder / f"no.{case['suffix']}", columns=columns)
    assert len(said["conflicts"]) == sum(fate in FATES[4:] for fate, _ in fates.values())


def _expect(case: dict[str, Any], i: int, new: str, fate: str) -> None:
    """A row that can be told from the others is not missed; one that is nowhere is not found."""
    row = case["rows"][i]
    texts = Counter(r["text"] for r in case["copy"])
    there = [r for r in case["copy"] if r["origin"] == str(i)]
    same_id = case["had_ids"] and case["ids"] == "kept"
    alone = texts[row["text"]] == 1 and sum(r["text"] == row["text"] for r in case["rows"]) == 1
    known = there and there[0]["text"] == row["text"] and (same_id or alone)
    if known and there[0]["label"] == new:
        assert fate == "already"
    elif known:
        assert fate == ("applied" if there[0]["label"] == row["label"] else "given label changed")
    elif texts[row["text"]] == 0:
        assert fate in ("not found", "content changed")
