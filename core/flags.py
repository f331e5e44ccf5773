"""What another tool has said of each row's label: its flag, its score and the label that it suggests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

FIELDS = np.dtype([("score", "<f4"), ("flagged", "?"), ("suggestion", "<i4"), ("scored", "?")])


@dataclass(frozen=True, eq=False)
class Flags:
    """Another tool's findings, aligned with a data set.

    tool: its name. score_column: what its score is called there, reversed: whether there 1 is the worst.
    rows: (N,) of FIELDS: score in [0, 1], here 0 is always the worst; flagged; suggestion, a code of
    Dataset.classes or -1; scored, whether the tool gave the score (else it is 0 where flagged, 1 where not).
    """

    tool: str
    score_column: str
    reversed: bool
    rows: np.ndarray
    _digest: list[str] = field(default_factory=list, init=False, repr=False)

    @property
    def digest(self) -> str:
        """sha256 over every value."""
        if not self._digest:
            sha = hashlib.sha256(f"{self.tool}\x00{self.score_column}\x00{self.reversed}".encode())
            sha.update(np.ascontiguousarray(self.rows).tobytes())
            self._digest.append(sha.hexdigest())
        return self._digest[0]
