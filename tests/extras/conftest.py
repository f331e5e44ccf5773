"""Pretrained models with their real libraries and weights: `make test-extras`. Skipped where these lack."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from core.dataset import Columns, Dataset


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every attempt to reach another machine fails the test."""
    attempts: list[object] = []

    def refused(*where: object, **_: object) -> None:
        attempts.append(where)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    yield
    assert attempts == []


def texts_of(said: list[str]) -> Dataset:
    """A data set of these texts, labels 0 and 1 in turn."""
    index = pd.Index([f"r{i}" for i in range(len(said))], dtype="str")
    table = pd.DataFrame({"text": said}, index=index, dtype="str")
    labels = np.arange(len(said), dtype=np.int32) % 2
    return Dataset("texts", table, Columns(content=("text",), kind="text"), ("a", "b"), ("a", "b"), labels)
