"""Both formats of token labels: byte for byte, but for the tags that were decided."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corrections import Corrections, correct
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Plan, prepare
from core.preflight.columns import guess_columns
from core.reading import read_table
from core.review.classes import class_list
from core.review.decisions import Action
from core.review.policy import Outcomes
from tests.core.exporters.conftest import decide, plan
from tests.core.importers.samples import lines, listed

CONLL = (
    b"\xef\xbb\xbf-DOCSTART- -X- O\r\n\r\n# first\r\nAnn  NNP\tB-PER \r\n# in between\r\nleft VBD O\r\n"
    b"\r\n\r\n# second\r\nBerlin NNP B-LOC\r\n\r\n-DOCSTART- -X- O\n\ncaf\xc3\xa9 NN O\nX NNP B-LOC"
)
RECORDS = [
    {"tokens": ["Ann", "left"], "tags": ["B-PER", "O"]},
    {"tokens": [], "tags": []},
    {"tokens": ["Berlin"], "tags": ["B-LOC"], "x": {"tags": ["no"]}},
    {"tokens": ["caf\u00e9", "X"], "tags": ["O", "B-LOC"]},
]
TAGS = ("B-LOC", "B-PER", "O")


def load(path: Path) -> Corrections:
    """The file without decisions."""
    raw = read_table(path)
    prepared = prepare(raw, Plan(path.stem, guess_columns(raw)))
    assert prepared.dataset is not None
    return plan((prepared.dataset, prepared.source))


def made(folder: Path, content: bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def export(path: Path, choices: dict[int, str | Action], **options: object) -> tuple[bytes, Corrections, str]:
    """(the bytes of the file with these decisions, every cell of which was verified; what was told)."""
    found = load(path)
    corrections = plan((found.dataset, found.source), choices, **options)
    summary = write_export(corrections, path.with_name(f"out{path.suffix}"))
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    return summary.path.read_bytes(), corrections, summary.sentence


FILES = {
    "in.conll": CONLL,
    "in.jsonl": lines(RECORDS).replace(b"\n", b"\r\n\r\n", 2),
    "in.json": listed({"version": [1], "data": RECORDS}),
}


@pytest.mark.parametrize("name", FILES)
def test_write__only_the_tags_that_were_decided(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, FILES[name], name)
    assert export(path, {})[0] == FILES[name]
    got = export(path, {0: "B-LOC", 3: "B-PER"})[0]
    if name == "in.conll":
        assert got == CONLL.replace(b"\tB-PER ", b"\tB-LOC ").replace(b"NN O\n", b"NN B-PER\n")
    else:
        quoted = (b'"B-PER"', b'"B-LOC"'), (b'"O"', b'"B-PER"')
        assert got == FILES[name].replace(*quoted[0]).replace(b'"O"', b"@", 1).replace(*quoted[1]).replace(
            b"@", b'"O"'
        )


@pytest.mark.parametrize("name", FILES)
def test_write__an_excluded_token_takes_its_sentence_along(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, FILES[name], name)
    got, corrections, said = export(path, {0: "B-LOC", 1: Action.EXCLUDE, 2: "B-PER"})
    assert corrections.along == 1 and corrections.rows_written == 3
    assert [c.position for c in corrections.changes] == [1, 2]  # a token that goes is not relabelled
    assert "1 excluded row left out; 1 other token of their sentences left out with them" in said
    if name == "in.conll":
        start, stop = CONLL.index(b"# first"), CONLL.index(b"\r\n# second")
        assert got == CONLL[:start] + CONLL[stop:].replace(b"NNP B-LOC\r", b"NNP B-PER\r")
    else:
        assert b"Ann" not in got and got.count(b'"tokens": []') == 1


@pytest.mark.parametrize("name", FILES)
def test_write__every_sentence_left_out(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, FILES[name], name)
    found = load(path)
    corrections = plan(
        (found.dataset, found.source), {0: Action.EXCLUDE, 2: Action.EXCLUDE, 4: Action.EXCLUDE}
    )
    summary = write_export(corrections, tmp_path / f"none{path.suffix}")
    assert corrections.rows_written == 0 and corrections.along == 2
    written = summary.path.read_bytes()
    assert b"Ann" not in written and b"Berlin" not in written


@pytest.mark.parametrize("tag", ["B LOC", "a\tb", "a\nb"])
def test_write__a_tag_with_white_space_is_refused_in_conll(tmp_path: Path, tag: str) -> None:
    found = load(made(tmp_path, CONLL, "in.conll"))
    decided = decide(found.dataset, 0, tag)
    classes = class_list((*found.dataset.classes, tag))
    corrections = correct(found.dataset, found.source, Outcomes({decided.row_id: decided}, classes))
    with pytest.raises(InputError, match=r"row 1: the tag .* holds white space"):
        write_export(corrections, tmp_path / "out.conll")


def test_write__a_token_alone_is_not_cut_out(tmp_path: Path) -> None:
    """Where somebody has said other columns, so that nobody knows of sentences."""
    found = load(made(tmp_path, CONLL, "in.conll"))
    raw = read_table(tmp_path / "in.conll")
    columns = guess_columns(raw)
    bare = prepare(raw, Plan("x", type(columns)("id", "label", None, ("text",), "text"))).dataset
    assert bare is not None
    with pytest.raises(InputError, match="row 2: a token cannot be cut out of its sentence"):
        write_export(plan((bare, found.source), {1: Action.EXCLUDE}), tmp_path / "out.conll")


def test_write__numbers_stay_numbers(tmp_path: Path) -> None:
    records = [{"tokens": ["a", "b", "c"], "ner_tags": [0, 1, -100]}, {"tokens": ["d"], "ner_tags": [2]}]
    path = made(tmp_path, lines(records), "in.jsonl")
    assert export(path, {0: "2", 2: "1"})[0] == path.read_bytes().replace(b"[0, 1, -100]", b"[2, 1, 1]")


TOKEN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=4)
SENTENCES = st.lists(
    st.lists(st.tuples(TOKEN, st.sampled_from(TAGS)), min_size=1, max_size=4), min_size=1, max_size=5
)


def as_conll(sentences: list, draw: st.DataObject) -> bytes:
    mark, end = draw.draw(st.sampled_from(["\t", " "])), draw.draw(st.sampled_from(["\n", "\r\n"]))
    gap = draw.draw(st.sampled_from([end, end * 2, f"{end}# note{end}"]))
    body = gap.join("".join(f"{token}{mark}{tag}{end}" for token, tag in one) for one in sentences)
    return (body + draw.draw(st.sampled_from(["", end]))).encode()


def as_lines(sentences: list, draw: st.DataObject) -> bytes:
    ascii_only = draw.draw(st.booleans())
    records = [{"tokens": [t for t, _ in one], "tags": [g for _, g in one]} for one in sentences]
    return "".join(json.dumps(one, ensure_ascii=ascii_only) + "\n" for one in records).encode()


@settings(max_examples=40, deadline=None)
@given(SENTENCES, st.sampled_from([as_conll, as_lines]), st.data())
def test_write__k_changed_tags_change_k_lines(tmp_path_factory, sentences, form, data) -> None:
    content = form(sentences, data)
    folder = tmp_path_factory.mktemp("t")
    path = made(folder, content, "in.conll" if form is as_conll else "in.jsonl")
    found = load(path).dataset
    assert found.table["token"].tolist() == [token for one in sentences for token, _ in one]
    given_tags = found.given_labels().tolist()
    assert given_tags == [tag for one in sentences for _, tag in one]
    assert export(path, {})[0] == content
    others = [tag for tag in found.classes]
    rows = data.draw(st.sets(st.integers(0, len(found) - 1))) if len(others) > 1 else set()
    choices = {row: next(tag for tag in others if tag != given_tags[row]) for row in rows}
    written = export(path, dict(choices))[0]
    before, after = content.split(b"\n"), written.split(b"\n")
    assert len(before) == len(after)
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    numbers = found.table["sentence"].to_numpy()
    assert changed == (len(rows) if form is as_conll else len(np.unique(numbers[sorted(rows)])))
    again = read_table(folder / f"out{path.suffix}").frame
    expected = [choices.get(row, tag) for row, tag in enumerate(given_tags)]
    assert again["label"].tolist() == expected
