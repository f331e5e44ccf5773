from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.dataset import Columns
from core.errors import InputError
from core.loading import Plan, Prepared, guess_columns, prepare, read_table

ROWS = 30
NAMES = ("cat", "cow", "dog")
SEVERAL = Columns("id", "label", None, ("text",), "text", "|")


def csv_file(tmp_path: Path, rows: list[str] | None = None, header: str = "id,text,label") -> Path:
    rows = rows or [f"{i:03d},a text of some length {i},{NAMES[i % 3]}" for i in range(ROWS)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def probs(right: float = 0.8) -> np.ndarray:
    values = np.full((ROWS, 3), (1 - right) / 2, dtype=np.float32)
    values[np.arange(ROWS), np.arange(ROWS) % 3] = right
    return values


def load(path: Path, tmp_path: Path | None = None, **plan: Any) -> Prepared:
    for name in ("pred_probs", "embeddings"):
        if isinstance(plan.get(name), np.ndarray):
            assert tmp_path is not None
            np.save(tmp_path / f"{name}.npy", plan[name])
            plan[name] = tmp_path / f"{name}.npy"
    raw = read_table(path)
    return prepare(raw, Plan("set", **{"columns": guess_columns(raw), **plan}))


def errors(prepared: Prepared) -> list[str]:
    return [str(p) for p in prepared.problems if p.severity == "error"]


def test_prepare__all_of_it(tmp_path: Path) -> None:
    embeddings = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float16)
    found = load(csv_file(tmp_path), tmp_path, pred_probs=probs(), embeddings=embeddings)
    dataset, predictions = found.dataset, found.predictions
    assert found.ok and dataset is not None
    assert (dataset.name, dataset.classes, dataset.tokens) == ("set", NAMES, NAMES)
    assert dataset.row_ids[:2].tolist() == ["000", "001"]
    assert dataset.table.columns.tolist() == ["id", "text", "label"]
    assert dataset.labels.tolist() == [i % 3 for i in range(ROWS)] and dataset.labels.dtype == np.int32
    assert predictions.model == "pred_probs"
    assert predictions.pred_probs is not None and predictions.pred_probs.tolist() == probs().tolist()
    assert predictions.embeddings is not None and predictions.embeddings.dtype == np.float16
    assert [p.severity for p in found.problems] == ["notice"] * 4


def test_prepare__every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    rows = [f"{i % 29},text,{NAMES[i % 3]}" for i in range(ROWS)]
    bad = probs()
    bad[4] = np.nan
    found = load(csv_file(tmp_path, rows), tmp_path, pred_probs=bad, classes=tmp_path / "missing.txt")
    assert not found.ok and found.dataset is None
    named = ("column id: ids that occur", "missing.txt", "pred_probs.npy, row 5: NaN")
    assert sorted(n for e in errors(found) for n in named if n in e) == sorted(named)


def test_prepare__probabilities_are_checked_though_the_labels_do_not_fit(tmp_path: Path) -> None:
    rows = [f"{i},some text,{NAMES[i % 3]}{' ' if i == 7 else ''}" for i in range(ROWS)]
    values = probs()
    values[11, 1] = 1.7
    found = load(csv_file(tmp_path, rows), tmp_path, pred_probs=values)
    named = [(p.file, p.row) for p in found.problems if p.severity == "error"]
    assert ("pred_probs.npy", 12) in named
    assert len(named) == 2


def test_prepare__bad_predictions_and_embeddings_are_both_named(tmp_path: Path) -> None:
    bad = probs()
    bad[4] = np.nan
    found = load(csv_file(tmp_path), tmp_path, pred_probs=bad, embeddings=np.ones((7, 2)))
    assert not found.ok and found.dataset is not None
    assert found.predictions.pred_probs is None and found.predictions.embeddings is None
    first, second = errors(found)
    assert "pred_probs.npy, row 5: NaN" in first and "embeddings.npy: 7 rows, but the data has 30" in second


def test_prepare__good_memory_map_is_not_copied(tmp_path: Path) -> None:
    found = load(csv_file(tmp_path), tmp_path, pred_probs=probs())
    values = found.predictions.pred_probs
    assert values is not None
    base: Any = values
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_prepare__table_of_probabilities_by_id_and_name(tmp_path: Path) -> None:
    frame = pd.DataFrame(probs()[:, ::-1], columns=["p_dog", "p_cow", "p_cat"])
    frame.insert(0, "id", [f"{i:03d}" for i in range(ROWS)])
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "p.csv", index=False)
    found = load(csv_file(tmp_path), pred_probs=tmp_path / "p.csv", classes=None)
    assert found.ok and found.dataset is not None and found.predictions.pred_probs is not None
    order = [found.dataset.classes.index(n) for n in NAMES]
    assert np.allclose(found.predictions.pred_probs[:, order], probs())
    assert any("agree with 100.0%" in p.found for p in found.problems)


def test_prepare__named_columns_in_the_order_of_the_class_list(tmp_path: Path) -> None:
    pd.DataFrame(probs()[:, [2, 0, 1]], columns=["dog", "cat", "cow"]).to_csv(tmp_path / "p.csv", index=False)
    (tmp_path / "classes.txt").write_text("cow\ncat\ndog\neel\n")
    found = load(csv_file(tmp_path), pred_probs=tmp_path / "p.csv", classes=tmp_path / "classes.txt")
    assert "are not named as the classes" in errors(found)[0]
    (tmp_path / "classes.txt").write_text("cow\ncat\ndog\n")
    found = load(csv_file(tmp_path), pred_probs=tmp_path / "p.csv", classes=tmp_path / "classes.txt")
    assert found.ok and found.dataset is not None and found.predictions.pred_probs is not None
    assert found.dataset.classes == ("cow", "cat", "dog")
    assert np.allclose(found.predictions.pred_probs, probs()[:, [1, 0, 2]])


def test_prepare__permuted_columns_warn(tmp_path: Path) -> None:
    found = load(csv_file(tmp_path), tmp_path, pred_probs=probs()[:, [1, 2, 0]])
    assert found.ok and found.problems[0].severity == "warning"
    assert "with the columns in another order" in found.problems[0].found


def test_prepare__order_is_told_and_doubted_where_labels_speak_against_it(tmp_path: Path) -> None:
    good = load(csv_file(tmp_path), tmp_path, pred_probs=probs(), embeddings=np.ones((ROWS, 2)))
    assert good.by_order == ("pred_probs.npy", "embeddings.npy") and not good.order_doubted
    triples = np.arange(ROWS).reshape(-1, 3)
    shuffled = probs()[[r[(c + i) % 3] for i, r in enumerate(triples) for c in range(3)]]
    found = load(csv_file(tmp_path), tmp_path, pred_probs=shuffled)
    assert found.ok and found.by_order == ("pred_probs.npy",) and found.order_doubted


def test_prepare__ids_are_no_order_to_confirm(tmp_path: Path) -> None:
    shuffled = probs()[np.random.default_rng(1).permutation(ROWS)]
    frame = pd.DataFrame(shuffled, columns=list(NAMES)).assign(id=[f"{i:03d}" for i in range(ROWS)])
    frame.to_csv(tmp_path / "p.csv", index=False)
    found = load(csv_file(tmp_path), pred_probs=tmp_path / "p.csv")
    assert found.ok and found.by_order == () and not found.order_doubted


def test_prepare__logits_need_the_word(tmp_path: Path) -> None:
    logits = np.log(probs()) * 3
    assert "look like logits" in errors(load(csv_file(tmp_path), tmp_path, pred_probs=logits))[0]
    found = load(csv_file(tmp_path), tmp_path, pred_probs=logits, softmax=True)
    assert found.ok and found.predictions.pred_probs is not None
    assert np.allclose(found.predictions.pred_probs.sum(axis=1), 1)
    assert found.predictions.log_sums is not None
    again = np.log(found.predictions.pred_probs) + found.predictions.log_sums[:, None]
    np.testing.assert_allclose(again, logits, atol=1e-5)
    assert load(csv_file(tmp_path), tmp_path, pred_probs=probs()).predictions.log_sums is None


def test_prepare__merge_variants(tmp_path: Path) -> None:
    rows = [f"{i},text {i},{'Cat ' if i == 0 else NAMES[i % 3]}" for i in range(ROWS)]
    apart = load(csv_file(tmp_path, rows))
    assert apart.dataset is not None and apart.dataset.classes == ("Cat ", "cat", "cow", "dog")
    merged = load(csv_file(tmp_path, rows), merge_variants=True)
    assert merged.dataset is not None and merged.dataset.classes == NAMES
    assert merged.dataset.labels[0] == 0 and merged.dataset.table["label"].iloc[0] == "Cat "


def test_prepare__predicted_classes_by_id(tmp_path: Path) -> None:
    lines = [f"{i:03d},{NAMES[(i + (i == 4)) % 3]}" for i in reversed(range(ROWS))]
    (tmp_path / "p.csv").write_text("id,prediction\n" + "\n".join(lines) + "\n")
    found = load(csv_file(tmp_path), pred_probs=tmp_path / "p.csv")
    assert found.ok and found.dataset is not None and found.predictions.pred_probs is not None
    assert found.dataset.classes == NAMES
    assert np.flatnonzero(found.predictions.pred_probs.argmax(axis=1) != found.dataset.labels).tolist() == [4]
    warned = [p.found for p in found.problems if p.severity == "warning"]
    assert len(warned) == 1 and warned[0].startswith("hard labels")


def test_prepare__predicted_classes_where_rows_can_have_several(tmp_path: Path) -> None:
    rows = [f"{i:03d},a text of some length {i},{NAMES[i % 3]}|{NAMES[(i + 1) % 3]}" for i in range(ROWS)]
    (tmp_path / "p.csv").write_text("id,prediction\n" + "".join(f"{i:03d},cat\n" for i in range(ROWS)))
    found = load(csv_file(tmp_path, rows), pred_probs=tmp_path / "p.csv", columns=SEVERAL)
    assert "one predicted class a row, but rows can have several" in errors(found)[0]


def test_prepare__independent_columns_where_rows_can_have_several(tmp_path: Path) -> None:
    rows = [f"{i:03d},a text of some length {i},{NAMES[i % 3]}|{NAMES[(i + 1) % 3]}" for i in range(ROWS)]
    lines = [
        json.dumps({"id": f"{i:03d}", "probs": {n: 0.1 if n == NAMES[(i + 2) % 3] else 0.9 for n in NAMES}})
        for i in range(ROWS)
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    found = load(csv_file(tmp_path, rows), pred_probs=tmp_path / "p.jsonl", columns=SEVERAL)
    assert found.ok and found.predictions.pred_probs is not None
    assert found.predictions.pred_probs.sum(axis=1).round(6).tolist() == [1.9] * ROWS


def test_prepare__npy_of_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.arange(ROWS) % 3)
    found = load(tmp_path / "y.npy", tmp_path, pred_probs=probs())
    assert found.ok and found.dataset is not None
    assert found.dataset.row_ids[:2].tolist() == ["0", "1"] and found.dataset.classes == ("0", "1", "2")


def test_prepare__image_folder(tmp_path: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        path = tmp_path / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "d" / "eel").mkdir()
    found = load(tmp_path / "d")
    assert found.ok and found.dataset is not None and found.dataset.media_hash is not None
    assert found.dataset.row_ids.tolist() == ["cat/1.png", "cat/2.png", "dog/1.png"]
    assert found.dataset.classes == ("cat", "dog", "eel") and found.dataset.labels.tolist() == [0, 0, 1]
    assert found.dataset.media_root == tmp_path / "d" and len(set(found.dataset.media_hash)) == 3


def test_prepare__images_beside_a_csv_or_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.png").write_bytes(b"x")
    path = csv_file(tmp_path, ["a,1.png,cat", "b,../t.csv,dog"], "id,path,label")
    beside, elsewhere = load(path), load(path, media_root=tmp_path / "pictures")
    assert beside.dataset is not None and beside.dataset.media_hash is not None
    assert beside.dataset.media_hash.tolist() == ["", ""]
    assert elsewhere.ok and elsewhere.dataset is not None and elsewhere.dataset.media_hash is not None
    assert [bool(h) for h in elsewhere.dataset.media_hash] == [True, False]
    assert "no such folder" in errors(load(path, media_root=tmp_path / "nowhere"))[0]


def test_prepare__unlabelled_rows_stay(tmp_path: Path) -> None:
    rows = [f"{i},text {i},{'' if i < 3 else NAMES[i % 3]}" for i in range(ROWS)]
    found = load(csv_file(tmp_path, rows), tmp_path, pred_probs=probs())
    assert found.ok and found.dataset is not None
    assert found.dataset.labels[:4].tolist() == [-1, -1, -1, 0] and len(found.dataset) == ROWS


def test_prepare__one_row_can_be_reviewed(tmp_path: Path) -> None:
    found = load(csv_file(tmp_path, ["1,text,cat"]))
    assert found.ok and found.problems[0].found.startswith("1 row is too few")


def test_prepare__no_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text,label\n")
    assert errors(load(tmp_path / "t.csv"))[0].startswith("t.csv: no rows")


def test_prepare__wrong_column_is_named(tmp_path: Path) -> None:
    found = load(csv_file(tmp_path), columns=Columns("id", "colour", None, ("text",), "text"))
    assert errors(found) == ["t.csv: there is no column 'colour'. Expected: one of id, text, label."]


def test_prepare__same_input_same_fingerprint(tmp_path: Path) -> None:
    first, second = load(csv_file(tmp_path)).dataset, load(csv_file(tmp_path)).dataset
    assert first is not None and second is not None and first.fingerprint == second.fingerprint


TABLE = b"id,text,label\r\n" + b"".join(b'%d,"text, ""%d""\n",c%d\r\n' % (i, i, i % 3) for i in range(6))
JSON = b'{"id": 1, "text": "x", "label": "a"}\n{"id": 2, "text": "y", "label": "b"}\n'


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        [TABLE, JSON, b"[" + JSON.replace(b"\n", b",")[:-1] + b"]", TABLE.decode().encode("utf-16")]
    ),
    st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=4), st.integers(0, 3)), max_size=4),
)
def test_loading__damaged_files_load_or_are_refused(
    tmp_path: Path, data: bytes, edits: list[tuple[int, bytes, int]]
) -> None:
    for position, insert, cut in edits:
        data = data[:position] + insert + data[position + cut :]
    (tmp_path / "t.data").write_bytes(data)
    try:
        raw = read_table(tmp_path / "t.data")
    except InputError:
        return
    found = prepare(raw, Plan("x", guess_columns(raw)))
    assert found.dataset is None or len(found.dataset) == len(raw.frame)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=120),
    st.sampled_from(
        [
            b"",
            b"PAR1",
            b"\x93NUMPY\x01\x00",
            b"\x93NUMPY\x01\x00\x16\x00",
            b"PK\x03\x04",
            b"{",
            b"[",
            b"\xff\xfe",
        ]
    ),
    st.sampled_from(["t.csv", "t.json", "t.jsonl", "t.npy", "t.parquet", "t"]),
)
def test_loading__any_bytes_load_or_are_refused(tmp_path: Path, data: bytes, magic: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(magic + data)
    (tmp_path / "ok").mkdir(exist_ok=True)
    raw = read_table(csv_file(tmp_path / "ok"))
    plan = Plan("x", guess_columns(raw), classes=path, pred_probs=path, embeddings=path)
    assert not prepare(raw, plan).ok
    try:
        raw = read_table(path)
    except InputError:
        return
    prepare(raw, replace(plan, columns=guess_columns(raw)))
