"""What to do when a remote system did not simply answer: wait and repeat, look first, or give up. Pure decisions.

What a failure means differs from vendor to vendor: that is told by :class:`Rules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

UNSURE: Final = frozenset({0, 500, 502, 503, 504})
"""Statuses after which nobody knows whether the request took effect; 0 is no answer at all."""


@dataclass(frozen=True)
class Failure:
    """An answer that is not a success, or no answer (status 0)."""

    status: int
    code: str = ""
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None

    @property
    def summary(self) -> str:
        if self.status == 0:
            return f"no answer ({self.message})" if self.message else "no answer"
        return f"{self.status} {self.code}".strip()


@dataclass(frozen=True)
class Call:
    """What matters about a request when it fails.

    Attributes:
        repeatable: doing it twice is the same as doing it once.
        expects: what it addresses is known to exist, so a 404 means that a replica lags.
        settling: it works on something this run has just created, so a 403 or 409 may be lag too.
    """

    method: str
    path: str
    repeatable: bool = True
    expects: bool = False
    settling: bool = False


class Then(StrEnum):
    """What to do next."""

    REPEAT = "repeat"
    LOOK = "look"
    FAIL = "fail"


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        budget: for one request, all its repetitions together.
        first: before the first repetition; doubled each time.
        most: the longest pause of our own choosing.
        settle: for how long something may stay invisible after it was created.
        agreeing: how many reads in a row must agree once a lagging replica has been seen.
        told: the budget where the vendor says how long to wait; the same one when None.
        unmet: the budget of requests to a host that has not answered anything yet: its name may be wrong.
    """

    budget: float = 180.0
    unmet: float = 30.0
    first: float = 0.5
    most: float = 10.0
    settle: float = 60.0
    agreeing: int = 3
    told: float | None = None

    def pause(self, attempt: int) -> float:
        """How long to wait after the given attempt (0 is the first)."""
        return min(self.most, self.first * 2.0 ** min(attempt, 16))


@dataclass(frozen=True)
class Next:
    """The decision: what, after how many seconds, and why (for the person who waits)."""

    then: Then
    delay: float = 0.0
    reason: str = ""


class Rules(Protocol):
    """What a vendor's failures mean."""

    def passes(self, failure: Failure, call: Call) -> bool:
        """Whether waiting can help."""

    def unsure(self, failure: Failure) -> bool:
        """Whether the request may have taken effect although it failed."""

    def reason(self, failure: Failure) -> str:
        """What is waited for, for the person who waits."""


def decide(
    failure: Failure,
    call: Call,
    rules: Rules,
    *,
    attempt: int,
    waited: float,
    patience: Patience,
    met: bool = True,
) -> Next:
    """What to do after a failure.

    Args:
        failure: what came back.
        call: what was asked.
        rules: what the vendor's failures mean.
        attempt: how many attempts failed before this one.
        waited: seconds already spent on waiting for this request.
        patience: the limits.
        met: the host has answered before, whatever it said.
    """
    if not rules.passes(failure, call):
        return Next(Then.FAIL)
    if failure.status == 403 and waited > patience.settle:
        return Next(Then.FAIL, reason=f"still refused after {waited:.0f} s")
    then = Then.LOOK if rules.unsure(failure) and not call.repeatable else Then.REPEAT
    if failure.retry_after is None:
        delay, asked = patience.pause(attempt), ""
        budget = patience.budget if met or failure.status else min(patience.unmet, patience.budget)
    else:
        delay, budget = failure.retry_after, patience.budget if patience.told is None else patience.told
        asked = f", asked to wait another {delay:.0f} s"
    if waited + delay > budget:
        return Next(Then.FAIL, reason=f"gave up after {waited:.0f} s{asked}")
    return Next(then, delay, rules.reason(failure))
