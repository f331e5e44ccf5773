"""The inputs that break loaders, each with what its manifest says a good loader does."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

import pytest

from core.errors import InputError
from core.loading import Plan, Prepared, guess_columns, prepare, read_table

DATA = Path(__file__).parents[3] / "shared" / "data" / "hostile"
KINDS = {"csv", "tsv", "txt", "jsonl", "parquet", "npy", "npz", "pkl", "folder", "image"}
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the hostile data set is not here")

ALLOWED = {
    "load": {"clean"},
    "load_with_notice": {"said"},
    "warn": {"warned"},
    "refuse": {"refused"},
    "refuse_or_warn": {"refused", "warned"},
    "refuse_or_ask": {"refused"},
    "load_or_refuse": {"clean", "said", "refused"},
    "load_with_notice_or_refuse": {"said", "warned", "refused"},
}
SAID = {
    # Loaded quietly would do for the manifest; a word about a repair is owed all the same.
    "pred_probs/sum_off_1e-4.npy": "renormalised",
    "pred_probs/float16.npy": "renormalised",
    "pred_probs/negative_3e-8.npy": "clipped",
    "pred_probs/negative_epsilon.npy": "clipped",
    "pred_probs/plain_no_header.csv": "no header row",
    "tables/semicolon.csv": "separated by",
    "tables/evil_text_cells.csv": "one row only",
}
ROUTINE = ("names no rows", "sorted order", "agree with", "by name", "labels are integers")
ROWS = {"tables/class_with_one_example.csv": 201}


def cases() -> list[tuple[str, str]]:
    if not DATA.is_dir():
        return []
    with (DATA / "manifest.csv").open(newline="") as handle:
        rows = [r for r in csv.DictReader(handle) if r["kind"] in KINDS]
    return [(r["path"], r["outcome"]) for r in rows if not r["path"].startswith(("images/", "paths/"))]


def load(path: str) -> Prepared:
    """Probabilities beside the clean table; tables with numbered labels beside the clean probabilities."""
    table, pred_probs = DATA / path, None
    if path.startswith("pred_probs/"):
        table, pred_probs = DATA / "tables" / "base_utf8.csv", DATA / path
    elif "labels_int" in path or "labels_float" in path or "mixed" in path:
        pred_probs = DATA / "pred_probs" / "base.npy"
    raw = read_table(table)
    return prepare(raw, Plan("x", guess_columns(raw), pred_probs=pred_probs))


@pytest.mark.parametrize(("path", "outcome"), cases())
def test_hostile__outcome_as_in_the_manifest(path: str, outcome: str) -> None:
    try:
        found = load(path)
    except InputError as error:
        assert "refused" in ALLOWED[outcome] and Path(path).name in str(error)
        return
    words = [p for p in found.problems if not any(r in p.found for r in ROUTINE) or p.severity != "notice"]
    if not found.ok:
        got = "refused"
    elif any(p.severity == "warning" for p in words):
        got = "warned"
    else:
        got = "said" if words else "clean"
    if path in SAID:
        assert got == "said" and SAID[path] in " ".join(p.found for p in words)
        return
    assert got in ALLOWED[outcome] | ({"warned"} if "notice" in outcome else set()), found.problems
    if found.ok:
        assert found.dataset is not None
        assert len(found.dataset) == ROWS.get(path, 240)
        assert len(found.dataset.table.columns) == (4 if "odd_index" in path else 3)
        if path.startswith("pred_probs/"):
            assert found.predictions.pred_probs is not None
            assert found.predictions.pred_probs.shape == (240, 6)
    elif path.startswith("pred_probs/"):
        assert all(p.file == Path(path).name for p in found.problems if p.severity == "error")


def test_hostile__values_in_detail() -> None:
    utf16 = read_table(DATA / "tables" / "utf16_le_bom.csv").frame
    cp1252 = read_table(DATA / "tables" / "cp1252.csv").frame
    assert utf16["text"][0] == cp1252["text"][0] == "Café déjà vu – costs €5 “quoted” naïve"
    assert cp1252["text"][1] == "Größe übermäßig groß; señor"
    ids = read_table(DATA / "tables" / "ids_leading_zeros_spaces.csv").frame["id"]
    assert ids[0] == " 0000" and ids[2] == " 0002"
    assert "\x00" in "".join(read_table(DATA / "tables" / "nul_bytes.csv").frame["text"])
    assert read_table(DATA / "tables" / "one_megabyte_cell.csv").frame["text"].str.len().max() > 1_000_000
    evil = read_table(DATA / "tables" / "evil_text_cells.csv").frame
    assert evil["label"][0] == "<b>x</b>" and evil["label"][1] == "=1+1"


def test_hostile__lines_are_named() -> None:
    for name, words in (
        ("unterminated_quote.csv", "line 6"),
        ("ragged.csv", "line 8 has 5, line 10 has 1"),
        ("broken_line.jsonl", "line 9"),
        ("html_not_csv.csv", "HTML"),
    ):
        with pytest.raises(InputError, match=words):
            read_table(DATA / "tables" / name)


def test_hostile__named_columns_align() -> None:
    named, plain = load("pred_probs/columns_permuted_named.csv"), load("pred_probs/base.npy")
    assert named.dataset and plain.dataset
    assert named.predictions.pred_probs is not None and plain.predictions.pred_probs is not None
    order = [named.dataset.classes.index(c) for c in plain.dataset.classes]
    assert abs(named.predictions.pred_probs[:, order] - plain.predictions.pred_probs).max() < 1e-12


def test_hostile__categories_and_columns() -> None:
    raw = read_table(DATA / "tables" / "categorical_unused_class.parquet")
    alone = prepare(raw, Plan("x", guess_columns(raw)))
    assert (
        alone.dataset is not None
        and "never_used" in alone.dataset.classes
        and len(alone.dataset.classes) == 7
    )
    six = prepare(raw, Plan("x", guess_columns(raw), pred_probs=DATA / "pred_probs" / "base.npy"))
    assert six.ok and six.dataset is not None and len(six.dataset.classes) == 6
    seven = prepare(
        raw, Plan("x", guess_columns(raw), pred_probs=DATA / "pred_probs" / "one_class_too_many.npy")
    )
    assert seven.ok and seven.dataset is not None and len(seven.dataset.classes) == 7


def test_hostile__merged_spellings_fit_the_columns() -> None:
    raw = read_table(DATA / "tables" / "labels_spaces_case.csv")
    plan = Plan("x", guess_columns(raw), pred_probs=DATA / "pred_probs" / "base.npy", merge_variants=True)
    found = prepare(raw, plan)
    assert found.ok and found.dataset is not None and len(found.dataset.classes) == 6
    assert found.dataset.table["label"].iloc[0] == "apple_pay_or_google_pay "


def test_hostile__paths_outside_are_never_read() -> None:
    raw = read_table(DATA / "paths" / "image_paths.csv")
    found = prepare(raw, Plan("x", guess_columns(raw), media_root=DATA / "images"))
    assert found.ok and found.dataset is not None and found.dataset.media_hash is not None
    shown = found.dataset.row_ids[found.dataset.media_hash != ""]
    assert shown.tolist() == ["ok", "dot_prefix", "inside_dotdot"]
    assert sum(p.count for p in found.problems if p.severity == "warning") == 19


def test_hostile__class_folders() -> None:
    raw = read_table(DATA / "images")
    found = prepare(raw, Plan("x", guess_columns(raw)))
    assert found.dataset is not None and found.dataset.classes == ("Class_A ", "class_a", "empty_class")
    assert [int((found.dataset.labels == c).sum()) for c in (0, 1, 2)] == [4, 4, 0]
    said = " ".join(p.found for p in found.problems)
    assert "'Class_A ' = 'class_a'" in said and "no row: 'empty_class'" in said
    assert not found.dataset.table["path"].str.contains("DS_Store|Thumbs|hidden").any()


def test_hostile__links_in_an_unpacked_archive(tmp_path: Path) -> None:
    with tarfile.open(DATA / "archives" / "symlink.tar") as archive:
        archive.extractall(tmp_path, filter="fully_trusted")
    raw = read_table(tmp_path / "images")
    assert raw.frame["path"].tolist() == ["link_inside.png", "real.png"]
    assert raw.problems[0].severity == "warning" and raw.problems[0].count == 2


@pytest.mark.parametrize("name", ["zip_slip.zip", "zip_bomb_100MB.zip", "symlink.tar"])
def test_hostile__archives_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        read_table(DATA / "archives" / name)
