from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.importers import _records, json_array, json_lines
from core.progress import Progress
from core.source import RawTable


def lines(tmp_path: Path, data: str | bytes) -> RawTable:
    path = tmp_path / "t.jsonl"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return json_lines.read(path, Progress())


def array(tmp_path: Path, data: str | bytes) -> RawTable:
    path = tmp_path / "t.json"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return json_array.read(path, Progress())


def test_lines__types_are_kept(tmp_path: Path) -> None:
    raw = lines(tmp_path, '{"id":"07","n":1,"x":1.5,"b":true}\n\n{"id":"8","n":2,"x":2,"b":false}\n')
    assert raw.frame.to_dict("list") == {"id": ["07", "8"], "n": [1, 2], "x": [1.5, 2.0], "b": [True, False]}
    assert [str(t) for t in raw.frame.dtypes] == ["str", "int64", "float64", "bool"]
    assert raw.source.layout == {"encoding": "utf-8", "bom": False, "nested": []}


def test_lines__null_and_absent_keys(tmp_path: Path) -> None:
    raw = lines(tmp_path, '{"n":1,"t":"a"}\n{"n":null,"t":null,"late":"x"}\n{"t":"c"}')
    assert raw.frame["n"].isna().tolist() == [False, True, True]
    assert raw.frame["n"].tolist()[0] == 1 and str(raw.frame["n"].dtype) == "Int64"
    assert raw.frame["t"].isna().tolist() == [False, True, False]
    assert [(p.severity, p.column, p.found) for p in raw.problems] == [
        ("notice", "n", "2 of 3 records have this key"),
        ("notice", "late", "1 of 3 records have this key"),
    ]


def test_lines__nested_and_mixed_values_become_text(tmp_path: Path) -> None:
    raw = lines(
        tmp_path, '{"m":1,"l":["é",2],"big":1}\n{"m":"a","l":{"k":null},"big":99999999999999999999}\n'
    )
    assert raw.frame["m"].tolist() == ["1", "a"]
    assert raw.frame["l"].tolist() == ['["é", 2]', '{"k": null}']
    assert raw.frame["big"].tolist() == ["1", "99999999999999999999"]
    assert raw.source.layout["nested"] == ["l"]
    assert [p.column for p in raw.problems] == ["m"]


def test_lines__bom(tmp_path: Path) -> None:
    raw = lines(tmp_path, b'\xef\xbb\xbf{"a":"x"}\n')
    assert raw.frame["a"].tolist() == ["x"] and raw.source.layout["bom"] is True


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a":1}\n\n{"a":\n{"a":2}\n', "row 2: line 3 is not valid JSON: Expecting value"),
        (b'{"a":1}\n{"a":"\xff"}\n', "line 2 is not valid JSON"),
        (b'{"a":1,"a":2}\n', "line 1 is not valid JSON: the key 'a' is there twice"),
        (b'{"a":1}\n[1]\n', "row 2: record 2 is a list"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "line 1 is not valid JSON: nested too deeply"),
        (b'{"a":"ok"}\n{"a":"\\ud800"}\n', "row 2, column a: half of a surrogate pair"),
        (b'{"a\\ud800":"ok"}\n', "half of a surrogate pair, which is no character, in a name"),
        (b'{"a":' + b"9" * 5_000 + b"}\n", "line 1 is not valid JSON"),
    ],
)
def test_lines__broken_input_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lines(tmp_path, data)


def test_lines__ever_new_keys_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_records, "MOST_CELLS", 100)
    with pytest.raises(InputError, match="11 different keys in 11 records"):
        lines(tmp_path, "\n".join(f'{{"k{i}":1}}' for i in range(50)))


def test_array__list_of_records(tmp_path: Path) -> None:
    raw = array(tmp_path, '[{"a":"x","n":1},\n {"a":"y","n":2}]')
    assert raw.frame.to_dict("list") == {"a": ["x", "y"], "n": [1, 2]}
    assert raw.source.layout == {"encoding": "utf-8", "bom": False, "nested": []}


def test_array__list_inside_an_object(tmp_path: Path) -> None:
    raw = array(tmp_path, '{"version": 2, "data": [{"a": "x"}]}')
    assert raw.frame["a"].tolist() == ["x"] and raw.source.layout["records_key"] == "data"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('[{"a":1}', "not valid JSON"),
        ('{"a":[1],"b":[2]}', r"2 lists \(a, b\)"),
        ('{"a":1}', "no list of records"),
        ("[1, 2]", "row 1: record 1 is a int"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_array__broken_input_is_named(tmp_path: Path, data: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        array(tmp_path, data)


def test_sniff__lines_or_array() -> None:
    one, two = b'{"a": 1}', b'{"a": 1}\n{"a": 2}\n'
    assert json_lines.sniff(Path("x.json"), two) and not json_array.sniff(Path("x.json"), two)
    assert json_lines.sniff(Path("x.jsonl"), one) and not json_array.sniff(Path("x.jsonl"), one)
    assert json_array.sniff(Path("x.json"), one) and not json_lines.sniff(Path("x.json"), one)
    assert json_array.sniff(Path("x"), b' \n[{"a": 1}]') and not json_lines.sniff(Path("x"), b"[]")
    assert json_array.sniff(Path("x"), b'{\n"data": [') and not json_lines.sniff(Path("x"), b'{\n"data": [')
