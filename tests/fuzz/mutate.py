"""Damaged copies of good files: what a broken disk, a bad program or somebody malicious might hand over."""

from __future__ import annotations

import random
from collections.abc import Sequence

MOST = 1 << 20
_TOKENS = (
    b"", b"\x00", b"\xff" * 4, b"\xef\xbb\xbf", b"\xff\xfe", b'"', b"\r", b"\n", b",", b"{", b"[" * 50, b"]",
    b"..",
    b"/", b"null", b"NaN", b"-1", b"1e999", b"9" * 40, b"\\ud800", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"=cmd|' /C calc'!A0", b"\xe2\x80\xae", b"\x80\x05",
)  # fmt: skip


def mutated(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """One of the seeds after one to six changes, at most MOST bytes."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        _CHANGES[rng.randrange(len(_CHANGES))](data, rng, seeds)
    return bytes(data[:MOST])


def _place(data: bytearray, rng: random.Random) -> int:
    return rng.randint(0, len(data))


def _flip(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))


def _cut(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    del data[_place(data, rng) :]


def _drop(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 4, 16, 64))]


def _insert(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, rng)
    data[at:at] = rng.choice(_TOKENS)


def _over(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at, token = _place(data, rng), rng.choice(_TOKENS)
    data[at : at + len(token)] = token


def _repeat(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, rng)
    piece = bytes(data[at : at + rng.choice((1, 8, 64, 512))])
    data[at:at] = piece * rng.choice((1, 2, 20))


def _swap(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    one, other, size = _place(data, rng), _place(data, rng), rng.choice((1, 4, 8, 32))
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def _splice(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    other = rng.choice(seeds)
    at = rng.randint(0, len(other))
    data[_place(data, rng) :] = other[at:]


_CHANGES = (_flip, _byte, _cut, _drop, _insert, _over, _repeat, _swap, _splice)
