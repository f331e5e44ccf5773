"""Personal data in texts: e-mail addresses, phone numbers, IBANs, card numbers and public IP addresses.

Only what a checksum or an unmistakable form confirms is counted; what is found is never handed out.
"""

from __future__ import annotations

import ipaddress
import re

KINDS = {
    "email": ("an e-mail address", "e-mail addresses"),
    "phone": ("a phone number", "phone numbers"),
    "iban": ("an IBAN", "IBANs"),
    "card": ("a card number", "card numbers"),
    "ip": ("an IP address", "IP addresses"),
}
"""By name: one of it, and several."""

_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")  # the shortest address has six
# At least one part before and after, so that "@" in prices, handles and code is passed by.
_EMAIL = re.compile(
    r"(?<![\w.%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![\w-])"
)
# RFC 2606 sets these aside for examples.
_NOBODY = re.compile(r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)", re.IGNORECASE)
_PHONE = re.compile(
    r"""(?<![\w.,/+=-])(?:
        (?:\+|00)[1-9]\d{0,2}(?:[ .\-/]?\(?\d{1,5}\)?){2,6}          # international: +44 20 7946 0958
        | (?:1[ .\-])?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[ .\-])[2-9]\d{2}[.\-]\d{4}  # (212) 664-7665
        | 0\d{1,4}[ /\-]\d{2,4}[ \-]?\d{2,4}(?:[ \-]?\d{2,4})?       # national: 030 1234 5678
    )(?![\w/=]|[.,\-]\d)""",
    re.VERBOSE,
)
# A national number alone looks like many other things; a word before it says what it is.
_PHONE_WORD = re.compile(
    r"(?:tel|phone|mobile|mob|cell|fax|call|telefon|handy|tél|téléphone|teléfono|ring|dial|whatsapp|sms|text)"
    r"[^\w\n]{0,3}(?:(?:me|us|him|her|no|nr|number|on|at|is|under|unter|am|au|al)[^\w\n]{1,3}){0,3}$",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)
# Lengths of the SWIFT IBAN registry.
_IBAN_LENGTHS = {
    length: set(countries.split())
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
}
_CARD = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){12,18}(?![\w]|[.,-]\d)")
_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}"
)
_GROUPED = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}|\d+")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:.])")
_VERSION = re.compile(r"(?:v|ver|version|release|build|firmware|section|chapter)[^\w\n]{0,3}$", re.IGNORECASE)
_BEFORE = 40


def personal_data(text: str) -> dict[str, list[tuple[int, int]]]:
    """Where the personal data of a text stand: by kind (a key of KINDS), (start, end) of each; no empty list.

    E-mail addresses of domains set aside for examples (RFC 2606) and IP addresses that are not public are
    nobody's. An IBAN has its country's length and check digits (ISO 13616: remainder 1 by 97); a card number
    has an issuer's prefix and length, usual groups and Luhn's check digit (ISO/IEC 7812). A phone number is
    international, or written as in North America, or follows a word such as "phone".
    """
    found: dict[str, list[tuple[int, int]]] = {}
    if "@" in text:
        _put(found, "email", [m.span() for m in _EMAIL.finditer(text) if not _NOBODY.fullmatch(m[1])])
    if ":" in text:
        _put(found, "ip", [m.span() for m in _IP6.finditer(text) if _is_public(m[0])])
    if _DIGITS.search(text):
        _put(found, "iban", [m.span() for m in _IBAN.finditer(text) if is_iban(m[0])])
        _put(found, "card", [m.span() for m in _CARD.finditer(text) if is_card(m[0])])
        if text.count(".") >= 3:
            _put(found, "ip", [m.span() for m in _IP4.finditer(text) if _is_address(text, m)])
        taken = [span for spans in found.values() for span in spans]
        phones = [m.span() for m in _PHONE.finditer(text) if _is_phone(text, m)]
        _put(found, "phone", [p for p in phones if not any(a < p[1] and p[0] < b for a, b in taken)])
    return found


def is_iban(text: str) -> bool:
    """Whether this is an IBAN of its country's length with right check digits; spaces do not count."""
    letters = text.replace(" ", "")
    if letters[:2] not in _IBAN_LENGTHS.get(len(letters), ()):
        return False
    return int("".join(str(int(c, 36)) for c in letters[4:] + letters[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """Whether this is a number as on a card: prefix, length and groups of an issuer, Luhn's check digit."""
    if not _GROUPED.fullmatch(text):
        return False
    number = re.sub(r"\D", "", text)
    return _ISSUERS.fullmatch(number) is not None and is_luhn(number)


def is_luhn(number: str) -> bool:
    """Whether the last digit is the check digit of the others (Luhn, 1960: US patent 2,950,048)."""
    digits = [int(c) for c in reversed(number)]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _put(found: dict[str, list[tuple[int, int]]], kind: str, spans: list[tuple[int, int]]) -> None:
    if spans:
        found.setdefault(kind, []).extend(spans)


def _is_phone(text: str, match: re.Match[str]) -> bool:
    digits = sum(c.isdigit() for c in match[0])
    if match[0].startswith("+"):
        return 9 <= digits <= 15
    if match[0].startswith("0"):
        told = _PHONE_WORD.search(text[max(0, match.start() - _BEFORE) : match.start()])
        return told is not None and 8 <= digits <= 15
    return True


def _is_address(text: str, match: re.Match[str]) -> bool:
    """Whether four numbers are a public address; those of one digit mostly are versions or sections."""
    if sum(len(part) > 1 for part in match[0].split(".")) < 2:
        return False
    if _VERSION.search(text[max(0, match.start() - _BEFORE) : match.start()]):
        return False
    return _is_public(match[0])


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:  # 999.1.1.1, or zeros in front: no address
        return False
