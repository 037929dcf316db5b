"""What to do when Graph did not simply answer: wait and repeat, look first, or give up. A pure decision.

Sources: Microsoft Graph throttling guidance (honour Retry-After, otherwise back off); the public record of
replication behaviour in the azuread Terraform provider (404, 409 and certain 400s right after a write).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_LAG_MESSAGES: Final = (
    "does not reference a valid application object",
    "must in the local tenant",
    "Not a valid reference update",
)
"""Texts of 400 and 403 answers that mean "not replicated yet". The code is the same as for real faults, so the
text is all there is to tell them by; all such texts are here."""

_EXISTS_MESSAGES: Final = ("Permission being assigned already exists on the object",)
"""Texts of 400 answers to a POST that mean that an earlier attempt succeeded."""

_UNSURE: Final = frozenset({0, 500, 502, 503, 504})
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
            return f"the connection broke ({self.message})" if self.message else "the connection broke"
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
    """

    budget: float = 180.0
    first: float = 0.5
    most: float = 10.0
    settle: float = 60.0
    agreeing: int = 3

    def pause(self, attempt: int) -> float:
        """How long to wait after the given attempt (0 is the first)."""
        return min(self.most, self.first * 2.0 ** min(attempt, 16))


@dataclass(frozen=True)
class Next:
    """The decision: what, after how many seconds, and why (for the person who waits)."""

    then: Then
    delay: float = 0.0
    reason: str = ""


def decide(failure: Failure, call: Call, *, attempt: int, waited: float, patience: Patience) -> Next:
    """What to do after a failure.

    Args:
        failure: what came back.
        call: what was asked.
        attempt: how many attempts failed before this one.
        waited: seconds already spent on waiting for this request.
        patience: the limits.
    """
    if not _passes(failure, call):
        return Next(Then.FAIL)
    if failure.status == 403 and waited > patience.settle:
        return Next(Then.FAIL, reason=f"still refused after {waited:.0f} s")
    then = Then.LOOK if _unsure(failure) and not call.repeatable else Then.REPEAT
    delay = patience.pause(attempt) if failure.retry_after is None else failure.retry_after
    if waited + delay > patience.budget:
        return Next(Then.FAIL, reason=f"gave up after {waited:.0f} s")
    return Next(then, delay, _reason(failure))


def _passes(failure: Failure, call: Call) -> bool:
    """Whether waiting can help."""
    if any(text in failure.message for text in _LAG_MESSAGES) or (_exists(failure) and not call.repeatable):
        return True
    if failure.status == 429 or failure.status in _UNSURE:
        return True
    if failure.status == 404:
        return call.expects or not call.repeatable
    if failure.status == 409:
        return call.method != "GET"
    return failure.status == 403 and call.settling


def _unsure(failure: Failure) -> bool:
    """Whether the request may have taken effect although it failed; a template's 404 is known to lie."""
    return failure.status in _UNSURE or failure.status in (404, 409) or _exists(failure)


def _exists(failure: Failure) -> bool:
    return any(text in failure.message for text in _EXISTS_MESSAGES)


def _reason(failure: Failure) -> str:
    if failure.status == 429:
        return "Graph asks to slow down"
    if failure.status in (403, 404, 409) or failure.status == 400:
        return f"the change has not reached every replica yet ({failure.summary})"
    return failure.summary
