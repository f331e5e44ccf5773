from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods.scripts import SCRIPTS, name_of, scripts


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("", ""),
        ("12 345, 67.8 !", ""),
        ("Hi Bob!", ""),
        ("Where is my parcel?", "LATIN"),
        ("Où est mon colis ? Ça va", "LATIN"),
        ("Ｆｕｌｌｗｉｄｔｈ　ｔｅｘｔ", "LATIN"),
        ("Где моя посылка?", "CYRILLIC"),
        ("Где моя посылка, Bob?", "CYRILLIC"),
        ("Πού είναι το δέμα;", "GREEK"),
        ("我的包裹在哪里", "CJK"),
        ("荷物はどこですか", "CJK"),
        ("제 소포는 어디", "HANGUL"),
        ("أين طردي من فضلك", "ARABIC"),
        ("𝓗𝓮𝓵𝓵𝓸 𝓯𝓻𝓲𝓮𝓷𝓭𝓼", ""),
    ],
)
def test_scripts__that_of_most_letters(text: str, script: str) -> None:
    found, share = scripts([text])
    assert SCRIPTS[found[0]] == script
    assert (share[0] > 0.5) == bool(script)


def test_scripts__share_of_the_letters() -> None:
    found, share = scripts(["привет привет abcd", "plain words", ""])
    assert [SCRIPTS[code] for code in found] == ["CYRILLIC", "LATIN", ""]
    np.testing.assert_allclose(share, [12 / 16, 1, 0])


def test_name_of__for_a_person() -> None:
    assert [name_of(SCRIPTS.index(s)) for s in ("LATIN", "CJK", "HANGUL")] == [
        "Latin",
        "Chinese or Japanese",
        "Korean",
    ]


@given(st.lists(st.text(st.characters(), max_size=40), max_size=6))
def test_scripts__of_a_list_is_that_of_each(texts: list[str]) -> None:
    found, share = scripts(texts)
    alone = [scripts([text]) for text in texts]
    assert found.tolist() == [code[0] for code, _ in alone]
    assert share.tolist() == [part[0] for _, part in alone]
    assert ((share > 0.5) == (found > 0)).all()
