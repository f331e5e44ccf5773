"""Who holds which row: a loan that expires, so that two annotators do not decide one row unknowingly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, insert, or_, select, update

from core.review.database import Database
from core.review.tables import claims as _claims

HELD_S = 600
"""A row is lent for ten minutes, which every decision of its holder begins anew."""
_IN_ONE_QUERY = 500


@dataclass(frozen=True)
class Claim:
    """A row in an annotator's hands. expires_at: seconds since 1970, by the server's clock."""

    row_id: str
    annotator: str
    expires_at: float


class Claims:
    """The loans in a decision store's database. Safe to share between threads and processes.

    now: the clock, for tests. The clocks of several servers on one database are taken to agree within
    seconds; a loan that is cut short only means that two verdicts on a row are told of, never lost.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def take(self, dataset: str, annotator: str, row_ids: Sequence[str]) -> dict[str, Claim]:
        """Lend the rows that nobody else holds. Returns each row's claim: one's own, or another's."""
        if not row_ids:
            return {}
        now = self._milliseconds()
        until = now + HELD_S * 1000
        found: dict[str, Claim] = {}
        with self._database.writing() as connection:
            for some in _parts(row_ids):
                these = and_(_claims.c.dataset == dataset, _claims.c.row_id.in_(some))
                by_others = and_(these, _claims.c.annotator != annotator, _claims.c.expires_at > now)
                others = {c.row_id: _claim(c) for c in connection.execute(select(_claims).where(by_others))}
                free = [row_id for row_id in some if row_id not in others]
                connection.execute(delete(_claims).where(these, _claims.c.row_id.in_(free)))
                loan = {"dataset": dataset, "annotator": annotator, "expires_at": until}
                if free:
                    connection.execute(insert(_claims), [{**loan, "row_id": row_id} for row_id in free])
                found |= others | {row_id: Claim(row_id, annotator, until / 1000) for row_id in free}
        return found

    def renew(self, dataset: str, annotator: str, done: Iterable[str] = ()) -> float:
        """Begin the time of an annotator's loans anew, give back the rows `done`; returns the new end."""
        now = self._milliseconds()
        until = now + HELD_S * 1000
        mine = and_(_claims.c.dataset == dataset, _claims.c.annotator == annotator)
        over = and_(_claims.c.dataset == dataset, _claims.c.expires_at <= now)
        # What has expired may be in other hands the next moment: it is asked for anew, not renewed.
        with self._database.writing() as connection:
            for some in _parts(list(done)) or [()]:
                connection.execute(delete(_claims).where(or_(over, and_(mine, _claims.c.row_id.in_(some)))))
            connection.execute(update(_claims).where(mine).values(expires_at=until))
        return until / 1000

    def release(self, dataset: str, annotator: str) -> None:
        """Give back everything that an annotator holds of a data set."""
        mine = and_(_claims.c.dataset == dataset, _claims.c.annotator == annotator)
        with self._database.writing() as connection:
            connection.execute(delete(_claims).where(mine))

    def held(self, dataset: str) -> Mapping[str, Claim]:
        """Every loan of a data set that has not expired, by row id."""
        query = select(_claims).where(
            _claims.c.dataset == dataset, _claims.c.expires_at > self._milliseconds()
        )
        with self._database.reading() as connection:
            return {c.row_id: _claim(c) for c in connection.execute(query)}

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)


def _parts(row_ids: Sequence[str]) -> list[Sequence[str]]:
    rows = list(dict.fromkeys(row_ids))
    return [rows[start : start + _IN_ONE_QUERY] for start in range(0, len(rows), _IN_ONE_QUERY)]


def _claim(row: object) -> Claim:
    return Claim(row.row_id, row.annotator, row.expires_at / 1000)  # type: ignore[attr-defined]
