"""The masks of a data set: the picture that says of every pixel of a row's picture which class it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

VOID = 255
"""The pixel value that says nothing: it is left out of every count."""
PATHS = ("given", "predicted", "confidence")
"""The pictures that a row can have beside its own."""


@dataclass(frozen=True, eq=False)
class Masks:
    """Where the masks of the rows lie, aligned with a data set.

    names: the class of each pixel value from 0 on, at most 255 of them. root: the folder that the paths of
    given masks are relative to; predicted_root: that of predicted ones and of confidences. probs: a file of
    (N, K, H, W) probabilities, whose row is `number` below.
    rows: (N,) given, predicted, confidence (paths, "" for none), given_hash, predicted_hash, confidence_hash
    (sha256 of the bytes, "" where it cannot be read), classes (the values that occur in either, as text
    between blanks), number (row of probs).
    """

    names: tuple[str, ...]
    root: Path
    predicted_root: Path
    rows: pd.DataFrame
    probs: Path | None = None
    probs_hash: str = ""
    _digest: list[str] = field(default_factory=list, init=False, repr=False)

    @property
    def predicted(self) -> bool:
        """Whether a model has said anything of any row."""
        return self.probs is not None or bool((self.rows["predicted"] != "").any())

    @property
    def digest(self) -> str:
        """sha256 over the names and over every file's bytes."""
        if not self._digest:
            sha = hashlib.sha256(repr((self.names, self.probs_hash)).encode("utf-8", "surrogatepass"))
            for name in (*PATHS, *(f"{path}_hash" for path in PATHS)):
                sha.update("\x00".join(self.rows[name].tolist()).encode("utf-8", "surrogatepass"))
            sha.update(self.rows["number"].to_numpy("int64").tobytes())
            self._digest.append(sha.hexdigest())
        return self._digest[0]
