"""Two versions of a data set's labels, and rows by how they differ between them. As texts for an address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from core.errors import InputError, refuse
from core.review.policy import DEFAULT_POLICY, POLICIES

State = Literal["given", "now", "until", "seq"]
_EXPECTED = "given, now, until:YYYY-MM-DD or seq:NUMBER, with @DATASET for another data set"


@dataclass(frozen=True)
class Version:
    """Labels as imported (given), or as an export would write them: now, until the end of a day in UTC, or
    after event number `at`. at: the day or the number as text. dataset: "" for the one in question.
    """

    state: State = "given"
    at: str = ""
    dataset: str = ""

    @classmethod
    def parse(cls, said: str) -> Version:
        """From its text, as `str` writes it: "given", "until:2026-01-31", "now@pets". Raises InputError."""
        what, _, dataset = said.partition("@")
        state, colon, at = what.partition(":")
        if state == "given" and not colon:
            return cls("given", "", dataset)
        if state == "now" and not colon:
            return cls("now", "", dataset)
        if state == "seq" and at.isascii() and at.isdigit():
            return cls("seq", at, dataset)
        if state == "until" and _is_day(at):
            return cls("until", at, dataset)
        raise refuse(f"{said!r} is no version of labels", expected=_EXPECTED)

    def __str__(self) -> str:
        said = f"{self.state}:{self.at}" if self.at else self.state
        return f"{said}@{self.dataset}" if self.dataset else said

    @property
    def words(self) -> str:
        """For people."""
        said = {
            "given": "as imported",
            "now": "as corrected now",
            "until": f"as corrected until {self.at}",
            "seq": f"as corrected up to event {self.at}",
        }[self.state]
        return f"{self.dataset} {said}" if self.dataset else said


Kind = Literal["changed", "gained", "lost", "only_before", "only_after"]
_KINDS: tuple[Kind, ...] = ("changed", "gained", "lost", "only_before", "only_after")


@dataclass(frozen=True)
class Change:
    """Rows by how they differ between two versions.

    kind: changed: in both, with another label; source, target: its label before and after, "" for none, None
    for any. gained, lost: where rows have several labels, the label `target` came to them or `source` left
    them. only_before, only_after: rows that one version lacks. policy: of the corrected versions.
    """

    before: Version = Version("given")
    after: Version = Version("now")
    kind: Kind = "changed"
    source: str | None = None
    target: str | None = None
    policy: str = DEFAULT_POLICY

    @classmethod
    def parse(cls, said: str) -> Change:
        """From its text, as `str` writes it. Raises InputError for anything else."""
        try:
            pairs = dict(parse_qsl(said, keep_blank_values=True, strict_parsing=True))
        except ValueError:
            raise _unreadable(said) from None
        if set(pairs) - {"before", "after", "kind", "from", "to", "policy"}:
            raise _unreadable(said)
        kind = pairs.get("kind", "changed")
        policy = pairs.get("policy", DEFAULT_POLICY)
        if kind not in _KINDS or policy not in POLICIES:
            raise _unreadable(said)
        before, after = Version.parse(pairs.get("before", "given")), Version.parse(pairs.get("after", "now"))
        return cls(before, after, kind, pairs.get("from"), pairs.get("to"), policy)

    def __str__(self) -> str:
        pairs = [("before", str(self.before)), ("after", str(self.after))]
        if self.kind != "changed":
            pairs.append(("kind", self.kind))
        pairs += [
            (key, said) for key, said in (("from", self.source), ("to", self.target)) if said is not None
        ]
        if self.policy != DEFAULT_POLICY:
            pairs.append(("policy", self.policy))
        return urlencode(pairs)

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the other data sets that it looks at."""
        return tuple(dict.fromkeys(v.dataset for v in (self.before, self.after) if v.dataset))

    def seen_from(self, here: str, there: str) -> Change:
        """The same rows, said in the data set `there` of what was said in `here`."""

        def moved(version: Version) -> Version:
            known = version.dataset or here
            return replace(version, dataset="" if known == there else known)

        return replace(self, before=moved(self.before), after=moved(self.after))

    @property
    def words(self) -> str:
        """For people."""
        between = f"{self.before.words} → {self.after.words}"
        if self.kind == "only_before":
            return f"not there any more ({between})"
        if self.kind == "only_after":
            return f"new rows ({between})"
        if self.kind in ("gained", "lost"):
            name = self.target if self.kind == "gained" else self.source
            return f"label {name or 'any'} {'came' if self.kind == 'gained' else 'gone'} ({between})"
        from_, to = (_name(name) for name in (self.source, self.target))
        return f"label changed from {from_} to {to} ({between})"


def _name(name: str | None) -> str:
    return "any" if name is None else name or "no label"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _unreadable(said: str) -> InputError:
    return refuse(
        f"change={said!r} is not a filter", expected="before=VERSION&after=VERSION&from=LABEL&to=LABEL"
    )
