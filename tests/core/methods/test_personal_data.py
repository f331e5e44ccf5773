from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods.personal_data import KINDS, is_card, is_iban, is_luhn, personal_data

# Published examples: the SWIFT IBAN registry, the card networks' test numbers, a worked example of Luhn's.
IBANS = (
    "GB29 NWBK 6016 1331 9268 19",
    "DE89 3704 0044 0532 0130 00",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NO93 8601 1117 947",
    "MT84MALT011000012345MTLCAST001S",
)
CARDS = (
    "4111 1111 1111 1111",
    "5555555555554444",
    "3782 822463 10005",
    "6011-1111-1111-1117",
    "30569309025904",
)


@pytest.mark.parametrize("iban", IBANS)
def test_is_iban__registry_examples_and_no_single_change(iban: str) -> None:
    assert is_iban(iban)
    last = iban[-1]
    others = string.digits if last.isdigit() else string.ascii_uppercase
    assert not any(is_iban(iban[:-1] + other) for other in others if other != last)
    assert not is_iban(iban + "0") and not is_iban(iban[:-1])


@pytest.mark.parametrize("card", CARDS)
def test_is_card__test_numbers_and_no_single_change(card: str) -> None:
    assert is_card(card)
    assert not any(is_card(card[:-1] + digit) for digit in string.digits if digit != card[-1])


def test_is_card__other_groups_and_issuers_are_none() -> None:
    assert is_luhn("79927398713") and not is_card("79927398713")
    assert not is_card("41 11 11 11 11 11 11 11")
    assert not is_card("0000 0000 0000 0000")


@given(st.text(string.digits, min_size=1, max_size=25), st.integers(0, 24), st.sampled_from(string.digits))
def test_is_luhn__sees_every_single_change(number: str, at: int, digit: str) -> None:
    check = next(d for d in string.digits if is_luhn(number + d))
    changed = number[: at % len(number)] + digit + number[at % len(number) + 1 :]
    assert is_luhn(changed + check) == (changed == number)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Write to ann.o-hara+x@mail.shop.co.uk, please.", {"email": 1}),
        ("ann@shop.de and bob@shop.de", {"email": 2}),
        ("ring +44 20 7946 0958 or +1 (212) 664-7665", {"phone": 2}),
        ("My number is 212-664-7665.", {"phone": 1}),
        ("Phone: 030 1234 5678", {"phone": 1}),
        ("call me on 020 7946 0958", {"phone": 1}),
        ("Pay to DE89 3704 0044 0532 0130 00 today", {"iban": 1}),
        ("Card 4111 1111 1111 1111 was charged", {"card": 1}),
        ("from 81.2.69.142 and 2001:4860:4860::8888", {"ip": 2}),
        ("ann@shop.de, 4111111111111111, 81.2.69.142", {"email": 1, "card": 1, "ip": 1}),
    ],
)
def test_personal_data__is_found(text: str, kinds: dict[str, int]) -> None:
    assert {kind: len(spans) for kind, spans in personal_data(text).items()} == kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5 kg @ 3.20 each; see me @home, @ann_b",
        "ann@example.com, bob@mail.example.org, root@localhost",
        "Order 4111 1111 1111 1112 of 2024-11-30, 12:30:45, EUR 1,234,567.89",
        "DE89 3704 0044 0532 0130 01",
        "version 10.21.33.44, v81.2.69.142, section 3.1.4.2, host 192.168.10.20, mask 255.255.255.0",
        "999.2.69.142 and std::vector<int>::size and a::b, dead:beef::",
        "Parcel 00340434161094042557, ISBN 978-3-16-148410-0, 2023 2024 2025",
        "30 1234 5678 and 1990 - 1995, +5% and +10 000",
        "0123 456 789 is a reference, 030/1234 a file",
        "3.14159265358979 and 1e10, 100.000.000",
        "(2019) 555 1234567",
    ],
)
def test_personal_data__is_not_seen_where_there_is_none(text: str) -> None:
    assert personal_data(text) == {}


@given(st.text(st.characters() | st.sampled_from("@.+-() 0123456789:"), max_size=300))
def test_personal_data__places_lie_in_the_text(text: str) -> None:
    for kind, spans in personal_data(text).items():
        assert kind in KINDS and spans
        assert all(0 <= start < end <= len(text) for start, end in spans)


@pytest.mark.parametrize(
    "text", ["1 " * 50_000, "a@" * 50_000, "+1" * 50_000, "1." * 50_000, "AB12" * 25_000]
)
def test_personal_data__hostile_texts_take_no_time_that_grows_with_their_square(text: str) -> None:
    personal_data(text)  # the time limit of the suite fails this one where a pattern runs away
