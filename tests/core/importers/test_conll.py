from __future__ import annotations

from pathlib import Path

import pytest

from core.dataset import Columns
from core.errors import InputError
from core.importers import _token_rows, conll
from core.loading import Plan, prepare
from core.preflight.columns import fill_columns, guess_columns
from core.progress import Cancelled, Progress
from core.reading import formats, read_table

TWO = "Ann NNP B-PER\nleft VBD O\n\nBerlin NNP B-LOC\n"


def made(folder: Path, text: str | bytes, name: str = "in.conll") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_read__a_row_for_each_token(tmp_path: Path) -> None:
    raw = conll.read(made(tmp_path, TWO), Progress())
    assert raw.frame.to_dict("list") == {
        "id": ["1-1", "1-2", "2-1"],
        "sentence": [1, 1, 2],
        "position": [1, 2, 1],
        "token": ["Ann", "left", "Berlin"],
        "column 2": ["NNP", "VBD", "NNP"],
        "label": ["B-PER", "O", "B-LOC"],
        "text": ["Ann left", "Ann left", "Berlin"],
    }


def test_read__becomes_a_data_set_of_sentences(tmp_path: Path) -> None:
    raw = read_table(made(tmp_path, TWO, "in.txt"))
    columns = guess_columns(raw)
    assert columns == Columns(
        "id", "label", None, ("token", "text"), "text", tokens=("sentence", "position", "token")
    )
    assert fill_columns(Columns(), raw).tokens == columns.tokens
    dataset = prepare(raw, Plan("two", columns)).dataset
    assert dataset is not None and dataset.sentences is not None
    assert len(dataset.sentences) == 2 and dataset.classes == ("B-LOC", "B-PER", "O")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("\n\n-DOCSTART- -X- O\n\nA B O\n\n\n\nC D O\n\n", [("A", 1), ("C", 2)]),
        ("A\tO\r\nB b\tB-X\r\n\r\nC\tO", [("A", 1), ("B b", 1), ("C", 2)]),
        ("# a note\nA O\n# another one here\n# O\nB O\n", [("A", 1), ("#", 1), ("B", 1)]),
        ("#tag O\nB B-X\n", [("#tag", 1), ("B", 1)]),
        ("\ufeffA O\nB O\n", [("A", 1), ("B", 1)]),
        ("\u2028A O\nB\u00a0C O\n", [("\u2028A", 1), ("B\u00a0C", 1)]),
        ("A O\n-DOCSTART- O\nB O\n", [("A", 1), ("B", 2)]),
    ],
)
def test_read__lines_that_are_no_tokens(tmp_path: Path, text: str, rows: list[tuple[str, int]]) -> None:
    frame = conll.read(made(tmp_path, text), Progress()).frame
    assert list(zip(frame["token"], frame["sentence"], strict=True)) == rows


def test_read__western_bytes_and_a_token_without_a_tag(tmp_path: Path) -> None:
    raw = conll.read(made(tmp_path, b"caf\xe9\tB-X\nb\t\n"), Progress())
    assert raw.frame["token"].tolist() == ["café", "b"] and raw.frame["label"].tolist() == ["B-X", ""]
    assert raw.source.layout["encoding"] == "cp1252"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A N O\nB O\n", r"row 2: line 2 has 2 columns, the lines before have 3"),
        ("New York B-X\nA O\n", r"row 2: line 2 has 2 columns.*separate all columns by tabs"),
        ("A\nB\n", r"no line with a token and a tag"),
        ("# only a note here\n", r"no line with a token and a tag"),
    ],
)
def test_read__refuses_in_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        conll.read(made(tmp_path, text), Progress())


def test_read__a_sentence_too_long_to_stand_beside_each_of_its_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_token_rows, "MOST_TEXT", 1000)
    with pytest.raises(InputError, match=r"row 2: sentence 2 has 100 tokens.*blank line"):
        conll.read(made(tmp_path, "A O\n\n" + "abc O\n" * 100), Progress())


def test_read__can_be_cancelled(tmp_path: Path) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        conll.read(made(tmp_path, TWO), progress)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a"])
def test_sniff__what_other_formats_read_stays_theirs(tmp_path: Path, name: str) -> None:
    for text in (
        "id\ttag\n1\tO\n\n2\tB-X\n",  # a header
        "a,B-X\nb,O\n\nc,O\n",  # commas
        "a\tO\nb\tO\n\nc\tO\n",  # nothing but O
        "a\tB-X\nb\tO\n",  # one sentence could be any table
        "a b\nc d\n\ne f\n",
        "price B-X\n1 2\n3 4\n\n5 6\n",
    ):
        path = made(tmp_path, text, name)
        claimed = [f.name for f in formats().values() if f.sniff(path, path.read_bytes())]
        assert claimed == ["csv"], text


def test_sniff__a_tag_with_a_slip_of_the_pen_keeps_no_file_out(tmp_path: Path) -> None:
    text = "".join(f"w{i} {'B-X' if i % 3 else 'O'}\n{'' if i % 5 else chr(10)}" for i in range(40))
    path = made(tmp_path, text.replace("w7 B-X", "w7 b-x").replace("w8 B-X", "w8 0"), "in.txt")
    assert read_table(path).source.format == "conll"
