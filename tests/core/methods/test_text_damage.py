from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods.text_damage import damage

SOUND = (
    "",
    "plain\ttext\r\nin lines",
    "Voix ambiguë d’un cœur qui au zéphyr préfère les jattes de kiwis « à l’œuvre »",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich — „MENÜ“ und „CAFÉ“",
    "”HYVÄ” sanoi hän, ”PÅ” sa hon, “IRMÔ e “IRMÃ” disse, NÃO, CORAÇÃO, ÀS",
    "Zażółć gęślą jaźń, příliš žluťoučký kůň, Pijamalı hasta yağız şoföre",
    "Bạn có khỏe không? Tôi tên là Ánh.",
    "Съешь же ещё этих мягких французских булок",
    "いろはにほへと、中文。 한국어 עברית العربية",
    "5 € · 20 °C · ½ × 3 ± 1 © 2024 ™ 😀 👩‍👩‍👧",
    "Ð is a letter of Icelandic, Ñ of Spanish: Ñandú, ÑANDÚ",
)


@pytest.mark.parametrize("text", SOUND)
def test_damage__none_in_sound_text(text: str) -> None:
    assert damage(text) is None


@pytest.mark.parametrize(
    ("meant", "codec"),
    [
        ("é", "cp1252"),
        ("Ärger mit Größe", "cp1252"),
        ("l’été", "cp1252"),
        ("5 €", "cp1252"),
        ("a\xa0b", "latin-1"),
        ("😀", "cp1252"),
        ("привет", "latin-1"),
        ("coração", "latin-1"),
        ("œuvre", "cp1252"),
    ],
)
def test_damage__utf8_read_as_another_encoding(meant: str, codec: str) -> None:
    found = damage(f"before {meant.encode().decode(codec)} after")
    assert found is not None and found.misread >= 1
    assert found.example is not None and found.example[1] in meant
    assert (found.lost, found.control) == (0, 0)


def test_damage__counts() -> None:
    found = damage("cafÃ© and thÃ© \ufffd\ufffd \x00\x85 \ud800")
    assert found is not None
    assert (found.misread, found.example, found.lost, found.control) == (2, ("Ã©", "é"), 3, 2)
    assert found.characters == 2 * 2 + 3 + 2


@given(st.text(st.sampled_from("àâäçèéêëîïñóôöùûüßåæø"), min_size=1), st.text("abc ", max_size=9))
def test_damage__every_letter_with_an_accent_that_was_misread_is_found(accents: str, plain: str) -> None:
    text = f"{plain}a{accents}"
    assert damage(text) is None
    assert damage(text.encode().decode("latin-1")) is not None


@given(st.text(max_size=200))
def test_damage__is_within_the_text(text: str) -> None:
    found = damage(text)
    assert found is None or 0 < found.characters <= len(text)
    assert found is None or found.misread + found.lost + found.control > 0
