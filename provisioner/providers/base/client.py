"""A connection to a vendor's API that does not give up at the first failure, and repeats no write blindly."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from provisioner.core.errors import RemoteError, UnreachableError
from provisioner.core.retry import (
    Failure,
    FailureRules,
    Request,
    RetryAction,
    RetryDecision,
    RetryPolicy,
    decide,
)

A = TypeVar("A")
T = TypeVar("T")


@dataclass
class RequestCounter:
    """Requests sent. A batch of reads is one request."""

    read: int = 0
    write: int = 0


@dataclass(kw_only=True)
class Client(ABC, Generic[A]):
    """What every vendor's client has; ``A`` is the form of its answers.

    Attributes:
        rules: what the vendor's failures mean.
        root: where its API is: ``https://acme.okta.com``, ``https://graph.microsoft.com/v1.0``.
        patience: how long to wait.
        tell: called with a sentence whenever the client waits, for the person in front of the screen.
        settling: this run has created something, so replicas may not know yet what it may do.
        met: the host has answered before, whatever it said.
        direct: go through no proxy; for the sandbox.
    """

    rules: ClassVar[FailureRules]

    root: str
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    on_wait: Callable[[str], None] = lambda _: None
    count: RequestCounter = field(default_factory=RequestCounter)
    just_created: bool = False
    host_answered: bool = False
    direct: bool = False

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    @abstractmethod
    async def _send(self, call: Request, body: Any) -> A | Failure:
        """One attempt."""

    @abstractmethod
    def _error(self, failure: Failure, call: Request, gave_up: str) -> RemoteError:
        """The error for a failure that is final.

        Args:
            failure: the last one.
            call: what was asked.
            gave_up: why it was not tried again; empty when that would be of no use.
        """

    async def create(
        self,
        path: str,
        body: Any,
        look: Callable[[], Awaitable[T | None]],
        made: Callable[[A], T],
    ) -> T:
        """A write that must not be repeated blindly.

        Args:
            path: where to POST.
            body: what to POST.
            look: finds what an earlier attempt made, if it did.
            made: turns the vendor's answer into the same form.

        Raises:
            RemoteError: or one of its kinds, with the vendor's request id.
        """
        call = Request("POST", path, idempotent=False, just_created=self.just_created)
        attempt, waited = 0, 0.0
        while True:
            answer = await self._attempt(call, body)
            if not isinstance(answer, Failure):
                return made(answer)
            step = self._next(answer, call, attempt, waited)
            started = time.monotonic()
            if step.action is RetryAction.LOOK_FIRST:
                self.on_wait(f"{step.reason}: looking whether {call.method} {path} took effect")
                if (found := await self.appears(look)) is not None:
                    return found
            else:
                await self._pause(step.delay, step.reason)
            waited += time.monotonic() - started
            attempt += 1

    async def appears(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """Wait, within the time something may stay invisible, until a look finds it."""
        started = time.monotonic()
        attempt = 0
        while True:
            found = await look()
            if found is not None:
                return found
            left = self.retry_policy.consistency_window - (time.monotonic() - started)
            if left <= 0:
                return None
            await asyncio.sleep(min(left, self.retry_policy.delay_after(attempt)))
            attempt += 1

    async def _repeat(self, call: Request, body: Any) -> A:
        """Send what may be sent again, until it is answered."""
        attempt, waited = 0, 0.0
        while True:
            answer = await self._attempt(call, body)
            if not isinstance(answer, Failure):
                return answer
            step = self._next(answer, call, attempt, waited)
            await self._pause(step.delay, step.reason)
            waited += step.delay
            attempt += 1

    async def _attempt(self, call: Request, body: Any) -> A | Failure:
        answer = await self._send(call, body)
        self.host_answered |= not isinstance(answer, Failure) or answer.status > 0
        return answer

    def _next(self, failure: Failure, call: Request, attempt: int, waited: float) -> RetryDecision:
        step = decide(
            failure,
            call,
            self.rules,
            attempt=attempt,
            elapsed=waited,
            policy=self.retry_policy,
            host_answered=self.host_answered,
        )
        if step.action is RetryAction.FAIL:
            if self.host_answered or failure.status:
                raise self._error(failure, call, step.reason)
            raise self._unmet(failure, f"; {step.reason}")
        return step

    def _unmet(self, failure: Failure, gave_up: str = "") -> UnreachableError:
        return UnreachableError(
            f"{self.root} cannot be reached: {failure.message}{gave_up}",
            hint="check the address, the network and HTTPS_PROXY, then run the same command again",
        )

    async def _pause(self, seconds: float, reason: str) -> None:
        self.on_wait(f"{reason}: waiting {seconds:.1f} s" if seconds >= 1 else reason)
        await asyncio.sleep(seconds)


def no_answer(error: BaseException | None) -> Failure:
    """Nobody answered: the failure for it, in the operating system's words where there are any."""
    root: BaseException | None = error
    while root is not None:
        if isinstance(root, OSError) and root.strerror:
            return Failure(0, message=root.strerror)
        root = root.__cause__ or root.__context__
    return Failure(0, message=type(error).__name__)


def failure_details(failure: Failure, call: Request, gave_up: str) -> tuple[str, dict[str, Any]]:
    """The message for a failure that is final, and the facts that every error about it carries.

    Args:
        failure: the last one.
        call: what was asked.
        gave_up: why it was not tried again; empty when that would be of no use.
    """
    where = f"{call.method} {call.path.partition('?')[0]}"
    message = f"{where}: {(failure.status and failure.message) or failure.summary}"
    facts = {"status": failure.status, "code": failure.code, "request_id": failure.request_id}
    return f"{message}; {gave_up}" if gave_up else message, facts
