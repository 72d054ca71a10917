"""The result of a backtest as text and JSON: one object, two forms.

Called by `cli.backtest`. Bytes that nobody measured are marked as estimates in both forms, and
shapes of which nothing is known are named instead of guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.cli.options import counted
from recordingd.planning.backtest import (
    Amount,
    Backtest,
    Balance,
    Change,
    Compared,
    Part,
    floor_of,
    policies_of,
)
from recordingd.planning.sizes import Rate, Shape, bytes_in_words
from recordingd.runtime.views import moment

FORMAT_VERSION = "1"
_IN_WORDS = {
    Change.NEWLY_RECORDED: "newly recorded",
    Change.NEWLY_UNRECORDED: "newly unrecorded",
    Change.OTHER_POLICY: "under another policy",
    Change.FLOOR_LOST: "with a lower floor",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A backtest and what it was made of; at most `limit` calls that differ are shown."""

    result: Backtest
    since: datetime
    at: datetime
    policy_digest: str
    limit: int

    # --- text -------------------------------------------------------------------------------------

    def summary(self) -> Iterator[str]:
        """Yield what was looked at, and what differs."""
        compared, forgotten = self.result.compared, self.result.forgotten
        live = sum(not one.is_over for one in compared)
        going_on = f", {live} of them still going on" if live else ""
        yield f"{counted(len(compared), 'call')} since {self.since:%Y-%m-%d %H:%M} UTC{going_on}"
        if forgotten:
            whose = "its facts" if forgotten == 1 else "their facts"
            yield f"{counted(forgotten, 'call')} left out: {whose} went with what was recorded"
        counts = [(self.result.with_change(change), _IN_WORDS[change]) for change in Change]
        yield ", ".join(f"{count} {words}" for count, words in counts if count) or "no call differs"

    def balance_rows(self) -> list[tuple[str, int, str, int, str]]:
        """Return a row for every policy and one for all of them."""
        return [
            (
                balance.policy or "all policies",
                balance.before.calls,
                _bytes(balance.before),
                balance.after.calls,
                _bytes(balance.after),
            )
            for balance in (*self.result.by_policy, self.result.total)
        ]

    def difference_rows(self) -> list[tuple[str, ...]]:
        """Return a row for every call that differs, as far as they are shown."""
        return [
            (
                f"{one.started_at:%Y-%m-%d %H:%M}",
                one.call,
                ", ".join(_IN_WORDS[change] for change in one.changes),
                _by(one.before, one.missed),
                _kept_until(one.before),
                _by(one.after),
                _kept_until(one.after),
            )
            for one in self.result.differences[: self.limit]
        ]

    def footnotes(self) -> Iterator[str]:
        """Yield what a reader of the tables must know."""
        more = len(self.result.differences) - self.limit
        if more > 0:
            yield f"{counted(more, 'more call')} not shown; raise --limit to see them"
        if self.result.total.after.is_estimate:
            yield from (f"~ {_rate_in_words(rate)}" for rate in self._used_rates())
        without = self.result.total.after.without_rate
        if without:
            names = ", ".join(map(str, without))
            yield f"no data, and so left out of all bytes, since none was recorded: {names}"

    def _used_rates(self) -> list[Rate]:
        shapes = {part.shape for one in self.result.compared for part in one.after}
        return [rate for rate in self.result.rates.known if rate.shape in shapes]

    # --- JSON -------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, object]:
        """Return the JSON form."""
        result = self.result
        return {
            "formatVersion": FORMAT_VERSION,
            "at": moment(self.at),
            "since": moment(self.since),
            "policyDigest": self.policy_digest,
            "calls": {
                "compared": len(result.compared),
                "live": sum(not one.is_over for one in result.compared),
                "forgotten": result.forgotten,
            },
            "summary": {change.value: result.with_change(change) for change in Change},
            "total": _balance_json(result.total),
            "policies": [
                {"policy": balance.policy, **_balance_json(balance)} for balance in result.by_policy
            ],
            "rates": [_rate_json(rate) for rate in self._used_rates()],
            "differences": [_compared_json(one) for one in result.differences[: self.limit]],
            "notShown": max(0, len(result.differences) - self.limit),
        }


# --- in words -------------------------------------------------------------------------------------


def _bytes(amount: Amount) -> str:
    if amount.without_rate and not amount.size_bytes:
        return "no data"
    about = "~" if amount.is_estimate and amount.size_bytes else ""
    more = " and more" if amount.without_rate else ""
    return f"{about}{bytes_in_words(amount.size_bytes)}{more}"


def _by(parts: Sequence[Part], missed: Sequence[str] = ()) -> str:
    if parts:
        return ", ".join(policies_of(parts))
    return f"nobody ({', '.join(missed)} got nothing)" if missed else "nobody"


def _kept_until(parts: Sequence[Part]) -> str:
    floor = floor_of(parts)
    if floor is None:
        return "no floor" if parts else ""
    if isinstance(floor.at, datetime):
        return f"{floor.at:%Y-%m-%d} ({floor.rule})"
    return f"{'not known yet' if floor.at is None else floor.at} ({floor.rule})"


def _rate_in_words(rate: Rate) -> str:
    how = "as measured" if rate.is_measured else "an estimate from the service's documents"
    return f"{rate.shape}: {rate.bytes_per_second / 1000:.1f} kB a second, {how}"


# --- as JSON --------------------------------------------------------------------------------------


def _balance_json(balance: Balance) -> dict[str, object]:
    return {"before": _amount_json(balance.before), "after": _amount_json(balance.after)}


def _amount_json(amount: Amount) -> dict[str, object]:
    return {
        "calls": amount.calls,
        "bytes": amount.size_bytes,
        "isEstimate": amount.is_estimate,
        "noData": [_shape_json(shape) for shape in amount.without_rate],
    }


def _shape_json(shape: Shape) -> dict[str, str]:
    return {
        "content": shape.content.value,
        "channels": shape.channels.value,
        "format": shape.format.value,
    }


def _rate_json(rate: Rate) -> dict[str, object]:
    return {
        **_shape_json(rate.shape),
        "bytesPerSecond": round(rate.bytes_per_second, 1),
        "isMeasured": rate.is_measured,
    }


def _compared_json(one: Compared) -> dict[str, object]:
    return {
        "call": one.call,
        "startedAt": moment(one.started_at),
        "isLive": not one.is_over,
        "changes": [change.value for change in one.changes],
        "before": _parts_json(one.before),
        "after": _parts_json(one.after),
        "missed": list(one.missed),
    }


def _parts_json(parts: Sequence[Part]) -> dict[str, object]:
    floor = floor_of(parts)
    return {
        "policies": list(policies_of(parts)),
        "seconds": round(sum(part.seconds for part in parts), 1),
        "keepUntil": None if floor is None else moment(floor.at),
        "keepRule": None if floor is None else floor.rule,
    }
