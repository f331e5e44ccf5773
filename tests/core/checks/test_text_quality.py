from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit import cached_audit, run_audit
from core.checks import text_quality
from core.checks.text_quality import CHECK, READ, run
from core.dataset import Columns, Dataset
from core.issues import Result
from core.methods.personal_data import KINDS as PERSONAL
from core.methods.text_faults import MARKUP
from core.predictions import Predictions
from core.progress import Progress
from sample_data import SAMPLES
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}
SOUND = [f"Where is the parcel number {word} that I have ordered?" for word in "abcdefghijklmnopqrstuvwxyz"]
LONG = " ".join(str(number**5) for number in range(7, 120))
KINDS = ("empty", "damaged", "other_script", "repeated", "too_short", "too_long", *MARKUP, *PERSONAL)


def texts(cells: list[str | None]) -> Dataset:
    dataset = make_dataset([0] * len(cells))
    return replace(dataset, table=dataset.table.assign(text=pd.array(cells, dtype="str")))


def audit(cells: list[str | None], **params: float) -> Result:
    return run(texts(cells), Predictions(), DEFAULTS | params, Progress())


def test_run__each_kind_is_told_in_words() -> None:
    said = {
        "  \n ": "There is no text.",
        "It was on the cafÃ© table, the \ufffd one, I am sure of it": (
            "Read in the wrong encoding at 1 place, such as “Ã©” for “é” and has 1 character that could not "
            "be read."
        ),
        "Где моя посылка, которую я заказал на прошлой неделе?": (
            "Written in Cyrillic letters, where most texts are in Latin ones."
        ),
        "parcel parcel parcel parcel parcel parcel lost": "The word “parcel” makes up 90% of it.",
        "Hi": "It has 2 characters, where 49 are usual.",
        LONG: f"It has {len(LONG):,} characters, where 49 are usual.",
        "Where is the <b>parcel</b> that I have ordered, please?": "Holds HTML tags (7 characters of it).",
        "Please answer to ann@shop.de or bob@shop.de on Monday": "Holds 2 e-mail addresses.",
        "The card 4111 1111 1111 1111 was charged on Monday, no?": "Holds a card number.",
    }
    result = audit([*SOUND * 5, *said])
    assert result.table["reason"].tolist() == [""] * 130 + list(said.values())
    score = result.table["score"].to_numpy()
    assert (score[:130] == 1).all() and (score[130:] < 0.5).all() and score[130] == 0
    kinds = result.figures["kinds"]
    assert (
        kinds["rows"].tolist() == kinds["flagged"].tolist() == [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0]
    )
    for kind, rows in zip(KINDS, kinds["rows"], strict=True):
        assert result.table[kind].dtype == bool and result.table[kind].sum() == rows


def test_run__several_faults_make_one_sentence() -> None:
    result = audit([*SOUND, "<p>Ann, ann@shop.de, has asked where it is</p>"])
    assert result.table["reason"].iloc[-1] == "Holds HTML tags (7 characters of it); holds an e-mail address."


def test_run__what_many_rows_have_is_told_once() -> None:
    marked = [f"<p>{text}</p>" for text in SOUND[:10]]
    result = audit([*SOUND[10:], *marked, ""])
    assert result.summary["flagged"] == 1 and result.table["empty"].iloc[-1]
    assert result.summary["note"] == "Not flagged, since so many rows have it: HTML tags (10 rows)."
    assert result.table["html"].sum() == 10
    kinds = result.figures["kinds"].set_index("kind")
    assert kinds.loc["HTML tags"].tolist() == [10, 0]
    assert audit([*SOUND[10:], *marked, ""], usual=1.0).summary["flagged"] == 11


def test_run__one_empty_text_of_five_is_flagged() -> None:
    assert audit(["", *SOUND[:4]]).summary["flagged"] == 1


def test_run__scripts_are_beside_that_of_most() -> None:
    chinese = ["我的包裹在哪里", "请问退款需要几天", "我想取消我的订单"] * 20
    result = audit([*chinese, "Where is my parcel, please?"])
    assert result.table["reason"].iloc[-1] == (
        "Written in Latin letters, where most texts are in Chinese or Japanese ones."
    )
    assert result.summary["flagged"] == 1
    half = ["Where is my parcel now?"] * 30 + ["Где моя посылка сейчас?"] * 30
    assert audit(half).summary["flagged"] == 0


def test_run__long_texts_are_read_in_part_and_that_is_said() -> None:
    result = audit(["word " * (READ // 5 + 9) + "ann@shop.de", *SOUND])
    assert not result.table["email"].any()
    assert result.summary["note"] == f"Only the first {READ:,} characters were read of 1 text."


def test_run__several_columns_are_one_text() -> None:
    dataset = texts(["where is my", None, ""])
    table = dataset.table.assign(more=pd.array(["parcel", "parcel", None], dtype="str"))
    dataset = replace(dataset, table=table, columns=replace(dataset.columns, content=("text", "more")))
    result = run(dataset, Predictions(), DEFAULTS, Progress())
    assert result.table["empty"].tolist() == [False, False, True]


def test_run__no_rows_at_all() -> None:
    result = audit([])
    assert len(result.table) == 0 and result.summary["flagged"] == 0


SECRETS = (
    "ann.oharas@mail-shop.de",
    "+44 20 7946 0958",
    "DE89370400440532013000",
    "4111111111111111",
    "81.2.69.142",
)


@pytest.mark.parametrize("secret", SECRETS)
@given(before=st.text(max_size=20), times=st.integers(1, 40))
def test_run__personal_data_are_never_repeated(secret: str, before: str, times: int) -> None:
    result = audit([f"{before} {secret} " * times, *SOUND])
    told = " ".join([*result.table["reason"], str(result.summary), *result.figures["kinds"]["kind"]])
    assert secret not in told
    assert all(part not in told for part in ("oharas", "7946", "0440", "41111", "81.2"))


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=30))
def test_run__any_texts(cells: list[str | None]) -> None:
    table = audit(cells).table
    assert table["score"].between(0, 1).all()
    assert ((table["score"] < 1) == table["flagged"]).all()
    assert table["reason"][table["flagged"]].str.fullmatch(r"[A-Z].*\.").all()


def test_run__reports_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_quality, "_AT_ONCE", 10)
    seen: list[float] = []
    run(texts(list(SOUND * 10)), Predictions(), DEFAULTS, Progress(lambda fraction, _: seen.append(fraction)))
    assert len(seen) > 26 and seen == sorted(seen)


def test_audit__other_kinds_of_content_are_not_told_of_it(tmp_path: Path) -> None:
    dataset = replace(texts(list(SOUND)), columns=Columns(content=("text",), kind="tabular"))
    found = run_audit(dataset, Predictions(), tmp_path, ["text_quality"])
    assert found.results == {} and found.missed == {}
    assert found.skipped == {"text_quality": ["texts"]}
    assert cached_audit(dataset, Predictions(), tmp_path, ["text_quality"]).skipped == found.skipped


def test_run__sample_of_messages_has_few() -> None:
    sample = next(s for s in SAMPLES if s.kind == "text")
    cells = pd.read_json(sample.path, lines=True)[sample.content_columns[0]].tolist()
    result = audit(cells)
    assert result.summary["flagged"] <= 5
    assert set(np.flatnonzero(result.table["flagged"])) <= set(np.flatnonzero(result.table["too_short"]))


@pytest.mark.parametrize(
    ("name", "most", "aside"),
    [
        ("text_agnews_human", 2, ["escaped characters such as &nbsp;"]),
        ("text_banking77_injected", 15, []),
        ("multilabel_goemotions", 2, []),
    ],
)
def test_run__real_texts_are_not_full_of_false_alarms(
    shared_data: Path, name: str, most: int, aside: list[str]
) -> None:
    frame = pd.read_csv(shared_data / name / "data.csv", keep_default_na=False)
    result = audit(frame["text"].tolist())
    assert result.summary["flagged"] <= most
    kinds = result.figures["kinds"]
    assert kinds["kind"][kinds["rows"] > kinds["flagged"]].tolist() == aside
