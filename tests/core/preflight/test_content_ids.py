from __future__ import annotations

import hashlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.preflight import content_ids as module
from core.preflight.content_ids import content_ids


def test_content_ids__survive_reordering_and_number_repeats() -> None:
    table = pd.DataFrame({"text": ["a", "b", "a", "a"], "label": ["x", "y", "z", "x"]}, dtype="str")
    ids = content_ids(table, ["text"])
    assert ids[0] != ids[1]
    assert ids[2] == f"{ids[0]}-1"
    assert ids[3] == f"{ids[0]}-2"
    assert content_ids(table.iloc[::-1], ["text"])[2] == ids[1]


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=12))
def test_content_ids__unique(rows: list[tuple[str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["a", "b"], dtype="str")
    ids = content_ids(table, ["a", "b"])
    assert len(set(ids)) == len(ids) == len(rows)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "é", "b"])), max_size=12))
def test_content_ids__by_the_definition(rows: list[tuple[str, str]]) -> None:
    seen: dict[str, int] = {}
    expected = []
    for row in rows:
        body = b"".join(len(c.encode()).to_bytes(8, "little") + c.encode() for c in row)
        key = hashlib.sha256(body).hexdigest()[:16]
        expected.append(f"{key}-{seen[key]}" if key in seen else key)
        seen[key] = seen.get(key, 0) + 1
    table = pd.DataFrame(rows, columns=["a", "b"], dtype="str")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_ROWS", 5)
        assert content_ids(table, ["a", "b"]).tolist() == expected
