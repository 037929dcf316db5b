"""What to do after a failed request: retry, look first whether it took effect, or fail. Pure decisions.

Vendors differ in what a failure means; :class:`FailureRules` states it for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from .redaction import MAX_IDENTIFIER, relayed

OUTCOME_UNKNOWN: Final = frozenset({0, 500, 502, 503, 504})
"""Statuses after which a request may or may not have taken effect; 0 means no response."""


@dataclass(frozen=True)
class Failure:
    """A response that is not a success, or no response (status 0). Its texts contain no known secret and have a limit.

    Attributes:
        retry_after: seconds that the vendor asks to wait, if it does.
    """

    status: int
    code: str = ""
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", relayed(self.message))
        for name in ("code", "request_id"):
            object.__setattr__(self, name, relayed(getattr(self, name), MAX_IDENTIFIER))

    @property
    def summary(self) -> str:
        if self.status == 0:
            return f"no response ({self.message})" if self.message else "no response"
        return f"{self.status} {self.code}".strip()


@dataclass(frozen=True)
class Request:
    """The properties of a request that decide whether it may be repeated.

    Attributes:
        idempotent: sending it twice has the same effect as sending it once.
        expects_existing: its resource exists, so a 404 means that a replica lags.
        may_lag: it may address something that this run has created, so a 403 may be replication lag.
    """

    method: str
    path: str
    idempotent: bool = True
    expects_existing: bool = False
    may_lag: bool = False


class RetryAction(StrEnum):
    """What to do next."""

    RETRY = "retry"
    LOOK_FIRST = "look first"
    FAIL = "fail"


@dataclass(frozen=True)
class RetryPolicy:
    """Limits of waiting, in seconds.

    Attributes:
        budget: for one request, all its retries together.
        first_contact_budget: the budget while the host has not responded at all: its name may be wrong.
        initial_delay: before the first retry; it doubles with each further one.
        max_delay: the longest delay between retries, unless the vendor asks for another.
        consistency_window: how long a new object may be missing from lagging replicas.
        agreeing_reads: how many consecutive reads must agree once a replica has lagged.
        retry_after_budget: the budget when the vendor says how long to wait; ``budget`` when None.
    """

    budget: float = 180.0
    first_contact_budget: float = 30.0
    initial_delay: float = 0.5
    max_delay: float = 10.0
    consistency_window: float = 60.0
    agreeing_reads: int = 3
    retry_after_budget: float | None = None

    def delay_after(self, attempt: int) -> float:
        """Seconds to wait after an attempt (0 is the first)."""
        return min(self.max_delay, self.initial_delay * 2.0 ** min(attempt, 16))


@dataclass(frozen=True)
class RetryDecision:
    """What to do, after how many seconds, and the reason for the progress message."""

    action: RetryAction
    delay: float = 0.0
    reason: str = ""


class FailureRules(Protocol):
    """What the failures of one vendor mean."""

    def is_transient(self, failure: Failure, request: Request) -> bool:
        """Whether waiting can help."""

    def outcome_unknown(self, failure: Failure) -> bool:
        """Whether the request may have taken effect although it failed."""

    def wait_reason(self, failure: Failure) -> str:
        """What is waited for, for the progress message."""


def decide(
    failure: Failure,
    request: Request,
    rules: FailureRules,
    *,
    attempt: int,
    elapsed: float,
    policy: RetryPolicy,
    host_answered: bool = True,
) -> RetryDecision:
    """What to do after a failure.

    Args:
        failure: the failure.
        request: the request that failed.
        rules: what the vendor's failures mean.
        attempt: number of failed attempts before this one.
        elapsed: seconds spent waiting for this request so far.
        policy: the limits.
        host_answered: the host has responded before, with whatever status.
    """
    if not rules.is_transient(failure, request):
        return RetryDecision(RetryAction.FAIL)
    if failure.status == 403 and elapsed > policy.consistency_window:
        return RetryDecision(RetryAction.FAIL, reason=f"still refused after {elapsed:.0f} s")
    if failure.retry_after is None:
        delay, asked = policy.delay_after(attempt), ""
        is_first_contact = not host_answered and not failure.status
        budget = min(policy.first_contact_budget, policy.budget) if is_first_contact else policy.budget
    else:
        delay, asked = failure.retry_after, f", asked to wait another {failure.retry_after:.0f} s"
        budget = policy.budget if policy.retry_after_budget is None else policy.retry_after_budget
    if elapsed + delay > budget:
        return RetryDecision(RetryAction.FAIL, reason=f"gave up after {elapsed:.0f} s{asked}")
    must_look = rules.outcome_unknown(failure) and not request.idempotent
    action = RetryAction.LOOK_FIRST if must_look else RetryAction.RETRY
    return RetryDecision(action, delay, rules.wait_reason(failure))
