"""Delimited text is rewritten byte for byte."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.exporters.csv_file import CSV
from core.importers.csv_file import read as read_csv
from core.progress import Progress
from core.review.decisions import Action

from .conftest import load, plan

HARD = (
    b"\xef\xbb\xbfid,text,label\r\n"
    b'1,"a, b",cat\r\n'
    b'2,"say ""hi""\nand\r\ngo",dog\r\n'
    b"\r\n"
    b'3, spaced ,"cat"\r\n'
    b"4,=1+1,\r\n"
    b"5,last,dog"
)


def export(path: Path, choices: dict[int, str | Action] | None = None, **options: object) -> bytes:
    corrections = plan(load(path), choices, **options)
    out = path.parent / "out"
    CSV.write(corrections, out, Progress())
    return out.read_bytes()


def test_write__no_decision_is_the_same_bytes(written) -> None:
    assert export(written("t.csv", HARD)) == HARD


def test_write__only_the_label_cells_differ(written) -> None:
    expected = HARD.replace(b'"a, b",cat', b'"a, b",dog').replace(b'"cat"', b'"dog"')
    assert export(written("t.csv", HARD), {0: "dog", 2: "dog"}) == expected


def test_write__unlabelled_row_gets_a_label(written) -> None:
    assert export(written("t.csv", HARD), {3: "dog"}) == HARD.replace(b"4,=1+1,\r\n", b"4,=1+1,dog\r\n")


def test_write__last_cell_without_final_newline(written) -> None:
    assert export(written("t.csv", HARD), {4: "cat"}) == HARD[:-3] + b"cat"


def test_write__excluded_rows_go_with_their_line_end(written) -> None:
    expected = HARD.replace(b'1,"a, b",cat\r\n', b"").replace(b"5,last,dog", b"")
    assert export(written("t.csv", HARD), {0: Action.EXCLUDE, 4: Action.EXCLUDE}) == expected


def test_write__other_actions_change_nothing(written) -> None:
    choices = {0: Action.KEEP, 1: Action.AMBIGUOUS, 2: Action.NEEDS_REVIEW}
    assert export(written("t.csv", HARD), choices) == HARD


def test_write__label_first_semicolon_cr(written) -> None:
    path = written("t.csv", b"label;text\rcat;a,b\rdog;c\rcat;d\r")
    assert export(path, {0: "dog", 1: Action.EXCLUDE}) == b"label;text\rdog;a,b\rcat;d\r"


def test_write__quotes_a_label_only_where_it_must(written) -> None:
    source = b'text,label\na,"x,y"\nb,"q""q"\nc,plain\nd,"plain"\n'
    expected = b'text,label\na,"plain"\nb,"q""q"\nc,"x,y"\nd,"q""q"\n'
    assert export(written("t.csv", source), {0: "plain", 2: "x,y", 3: 'q"q'}) == expected


@pytest.mark.parametrize(
    ("encoding", "bom"), [("cp1252", b""), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")]
)
def test_write__keeps_the_encoding(written, encoding: str, bom: bytes) -> None:
    text = "id,text,label\r\n1,caf\u00e9 \u20ac,th\u00e9\r\n2,\u201cx\u201d,eau\r\n3,y,eau\r\n"
    source = bom + text.encode(encoding)
    assert export(written("t.csv", source)) == source
    corrected = text.replace("x\u201d,eau", "x\u201d,th\u00e9").replace("3,y,eau\r\n", "")
    assert export(written("t.csv", source), {1: "thé", 2: Action.EXCLUDE}) == bom + corrected.encode(encoding)


def test_write__unicode_labels_utf8(written) -> None:
    source = "text,label\n\U0001f600,\u732b\nb,\u72ac\n".encode()
    assert export(written("t.csv", source), {1: "猫"}) == source.replace("b,犬".encode(), "b,猫".encode())


def test_write__label_that_the_encoding_lacks_is_refused(written) -> None:
    dataset, source = load(written("t.csv", "text,label\n\u00e9,a\nb,b\n".encode("cp1252")))
    corrections = plan((_renamed(dataset, ("a", "猫")), source), {0: "猫"})
    with pytest.raises(InputError, match="cannot be written in the file's encoding cp1252"):
        CSV.write(corrections, Path(source.path.parent / "out"), Progress())


def _renamed(dataset, classes: tuple[str, ...]):
    from dataclasses import replace

    return replace(dataset, classes=classes, tokens=classes)


def test_write__added_columns(written) -> None:
    source = b'text,label\r\n"a",cat\r\nb,dog'
    quality = np.array([0.25, np.nan], dtype=np.float32)
    names = ("decided_at", "given_label", "label_quality", "decision", "annotator")
    got = export_quality(written("t.csv", source), {0: "dog"}, quality, add=names)
    assert got == (
        b"text,label,given_label,label_quality,decision,annotator,decided_at\r\n"
        b'"a",dog,cat,0.25,relabel,ann,2026-01-02T03:04:05Z\r\n'
        b"b,dog,dog,,,,"
    )


def export_quality(
    path: Path, choices: dict[int, str | Action], quality: np.ndarray, **options: object
) -> bytes:
    out = path.parent / "out"
    CSV.write(plan(load(path), choices, quality, **options), out, Progress())
    return out.read_bytes()


def test_write__marks_excluded_rows(written) -> None:
    got = export(written("t.csv", b"text,label\na,\nb,dog\n"), {0: Action.EXCLUDE}, excluded="mark")
    assert got == b"text,label,excluded\na,,True\nb,dog,False\n"


def test_write__empty_last_label_and_added_column_in_order(written) -> None:
    got = export(written("t.csv", b"text,label\na,\nb,dog\n"), {0: "dog"}, add=("decision",))
    assert got == b"text,label,decision\na,dog,relabel\nb,dog,\n"


def test_write__no_header_cannot_name_added_columns(written) -> None:
    path = written("t.csv", b"1,5.5,a\n2,6.5,b\n3,7.5,a\n")
    loaded = load(path, label="column 3")
    out = path.parent / "out"
    CSV.write(plan(loaded, {1: "a", 0: Action.EXCLUDE}), out, Progress())
    assert out.read_bytes() == b"2,6.5,a\n3,7.5,a\n"
    with pytest.raises(InputError, match="no header row"):
        CSV.write(plan(loaded, add=("decision",)), out, Progress())


def test_write__spreadsheet_safe(written) -> None:
    source = b'text,n,label\n=1+1,-1.5,cat\n"@x, y",+2,-dog\n\'=q,-x,cat\n"",,cat\nplain,=,"=dog"\n'
    path = written("t.csv", source)
    out = path.parent / "out"
    count = CSV.write(plan(load(path), {0: "-dog", 1: "cat"}, spreadsheet_safe=True), out, Progress())
    assert out.read_bytes() == (
        b"text,n,label\n'=1+1,-1.5,'-dog\n\"'@x, y\",+2,cat\n''=q,'-x,cat\n\"\",,cat\nplain,'=,\"'=dog\"\n"
    )
    assert count == 7


@pytest.mark.parametrize("choice", ["cat", Action.EXCLUDE])
def test_write__wrong_row_is_refused(written, choice: str | Action) -> None:
    dataset, source = load(written("t.csv", b"text,label\na,cat\nb,dog\n"))
    table = dataset.table.assign(label=["dog", "cat"])
    from dataclasses import replace

    moved = replace(dataset, table=table, labels=dataset.labels[::-1])
    with pytest.raises(InputError, match="row 1, column label: the source has 'cat'"):
        CSV.write(plan((moved, source), {0: choice}), source.path.parent / "out", Progress())


@pytest.mark.parametrize("rows", [1, 3])
def test_write__other_number_of_records_is_refused(written, rows: int) -> None:
    dataset, source = load(written("t.csv", b"text,label\na,cat\nb,dog\n"))
    source.path.write_bytes(b"text,label\n" + b"a,cat\n" * rows)
    with pytest.raises(InputError, match=f"{rows} records"):
        CSV.write(plan((dataset, source)), source.path.parent / "out", Progress())


def test_write__from_another_format(written) -> None:
    lines = b'{"text": "a\\rb", "n": 3, "x": [1, 2], "label": "cat"}\n{"text": null, "label": "dog"}\n'
    path = written("t.jsonl", lines)
    out = path.parent / "out"
    CSV.write(plan(load(path, "jsonl"), {1: "cat"}, add=("decision",)), out, Progress())
    assert out.read_bytes() == (b'text,n,x,label,decision\r\n"a\rb",3,"[1, 2]",cat,\r\n,,,cat,relabel\r\n')


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=6)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    }
)


def as_csv(rows: list[tuple[str, ...]], dialect: dict, final: bool) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows([("text", "label", "note"), *rows])
    return (text.getvalue() if final else text.getvalue().removesuffix(dialect["lineterminator"])).encode()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELLS, st.integers(0, 1), CELLS), min_size=1, max_size=12), DIALECTS, st.data())
def test_write__only_decided_cells_differ_in_any_dialect(tmp_path_factory, cells, dialect, data) -> None:
    # Where cells are quoted only if need be, a label that needs quotes would stay quoted for another.
    names = ("cat", "dog") if dialect["quoting"] == csv.QUOTE_MINIMAL else ("cat", 'a,b;c\td|e"f\ng')
    rows = [(text, names[code], note) for text, code, note in cells]
    final = data.draw(st.booleans())
    path = tmp_path_factory.mktemp("h") / "t.csv"
    path.write_bytes(as_csv(rows, dialect, final))
    layout = read_csv(path, Progress()).source.layout
    # A tiny table may look like another dialect, or like one without a header.
    assume(layout["delimiter"] == dialect["delimiter"] and layout["header"])
    dataset, _ = load(path)
    assert export(path) == path.read_bytes()
    choice = st.sampled_from([*dataset.classes, Action.EXCLUDE])
    chosen = data.draw(st.dictionaries(st.integers(0, len(rows) - 1), choice))
    kept = [(i, row) for i, row in enumerate(rows) if chosen.get(i) is not Action.EXCLUDE]
    expected = [(text, str(chosen.get(i, label)), note) for i, (text, label, note) in kept]
    # The line end before a dropped last record stays.
    ended = final or chosen.get(len(rows) - 1) is Action.EXCLUDE
    assert export(path, chosen) == as_csv(expected, dialect, ended)


def test_write__comments_before_the_table_stay(written) -> None:
    source = b'# made by hand\r\n#, with "care\r\n\r\nid,text,label\r\na,x,cat\r\nb,y,dog\r\n'
    assert export(written("t.csv", source)) == source
    assert export(written("t.csv", source), {1: "cat"}) == source.replace(b"b,y,dog", b"b,y,cat")
