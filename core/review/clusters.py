"""Which cluster a filter means, as a text that an address can carry: "3", "hdbscan:3", "hdbscan:none"."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import refuse

METHODS = {"kmeans": "k-means", "hdbscan": "HDBSCAN"}
"""How clusters are found, by name: what people call it. The first is meant where a text names none."""
USUAL = "kmeans"
NO_CLUSTER = -1
_NONE = "none"


@dataclass(frozen=True)
class Cluster:
    """method: of METHODS. number: from 0, the largest; NO_CLUSTER for the rows that lie in none."""

    method: str
    number: int

    @classmethod
    def parse(cls, text: str) -> Cluster:
        """A cluster from its text, as `str` writes it. Raises InputError for a text that is none."""
        method, colon, rest = text.partition(":")
        method, rest = (method, rest) if colon else (USUAL, text)
        if method in METHODS and rest == _NONE:
            return cls(method, NO_CLUSTER)
        if method not in METHODS or not (rest.isascii() and rest.isdigit() and len(rest) < 10):
            expected = "a number from 1, hdbscan:1 or hdbscan:none"
            raise refuse(f"cluster={text!r} is not a cluster", expected=expected)
        # Clusters count from 1 for people; 0 is none of them, and not the rows in none.
        return cls(method, int(rest) - 1 if int(rest) else -2)

    def __str__(self) -> str:
        number = _NONE if self.number == NO_CLUSTER else str(self.number + 1)
        return number if self.method == USUAL else f"{self.method}:{number}"

    @property
    def words(self) -> str:
        """For people: "cluster 3", "HDBSCAN cluster 3", "in no HDBSCAN cluster"."""
        prefix = "" if self.method == USUAL else f"{METHODS[self.method]} "
        if self.number == NO_CLUSTER:
            return f"in no {prefix}cluster"
        return f"{prefix}cluster {self.number + 1}"
