"""A client of a vendor's API: it retries transient failures and never repeats a write blindly."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import quote

from provisioner.core.errors import PermissionDeniedError, RemoteError, RemoteNotFoundError, UnreachableError
from provisioner.core.retry import (
    Failure,
    FailureRules,
    Request,
    RetryAction,
    RetryDecision,
    RetryPolicy,
    decide,
)

from .permissions import RequiredPermission, permissions_for

A = TypeVar("A")
T = TypeVar("T")


@dataclass
class RequestCounter:
    """Number of requests sent. A batch of reads is one request."""

    read: int = 0
    write: int = 0


@dataclass(kw_only=True)
class Client(ABC, Generic[A]):
    """A client of one vendor; ``A`` is the type of its responses.

    Attributes:
        rules: what the vendor's failures mean.
        root: base URL of the API: ``https://acme.okta.com``, ``https://graph.microsoft.com/v1.0``.
        retry_policy: limits of waiting.
        on_wait: called with a sentence whenever the client waits.
        has_created: this run has created something. Which object is new is not tracked, so every later write may be
            refused by a replica that lags.
        host_answered: the host has responded, with whatever status.
        direct: use no proxy; for the sandbox.
    """

    rules: ClassVar[FailureRules]

    root: str
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    on_wait: Callable[[str], None] = lambda _: None
    count: RequestCounter = field(default_factory=RequestCounter)
    has_created: bool = False
    host_answered: bool = False
    direct: bool = False

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    @abstractmethod
    async def _send(self, request: Request, body: Any) -> A | Failure:
        """Send a request once."""

    @abstractmethod
    def _error(self, failure: Failure, request: Request, gave_up_reason: str) -> RemoteError:
        """The error for a final failure.

        Args:
            failure: the last failure.
            request: the request that failed.
            gave_up_reason: why it is not retried any more; empty when a retry cannot help.
        """

    async def create(
        self, path: str, body: Any, find: Callable[[], Awaitable[T | None]], parse: Callable[[A], T]
    ) -> T:
        """Send a POST that must take effect only once.

        Args:
            path: path and query below the root.
            body: the JSON to send.
            find: finds what an earlier attempt created, if it took effect.
            parse: converts the response to what ``find`` returns.

        Raises:
            RemoteError: or a subclass, with the vendor's request id.
        """
        request = Request("POST", path, idempotent=False, may_lag=self.has_created)
        attempt, elapsed = 0, 0.0
        while True:
            response = await self._attempt(request, body)
            if not isinstance(response, Failure):
                return parse(response)
            decision = self._decide(response, request, attempt, elapsed)
            started = time.monotonic()
            if decision.action is RetryAction.LOOK_FIRST:
                self.on_wait(
                    f"{decision.reason}: checking whether {request.method} {request.path} took effect"
                )
                if (created := await self.wait_for(find)) is not None:
                    return created
            else:
                await self._pause(decision.delay, decision.reason)
            elapsed += time.monotonic() - started
            attempt += 1

    async def wait_for(self, find: Callable[[], Awaitable[T | None]]) -> T | None:
        """Call ``find`` until it returns something other than None, at most for the consistency window."""
        started = time.monotonic()
        attempt = 0
        while True:
            result = await find()
            if result is not None:
                return result
            remaining = self.retry_policy.consistency_window - (time.monotonic() - started)
            if remaining <= 0:
                return None
            await asyncio.sleep(min(remaining, self.retry_policy.delay_after(attempt)))
            attempt += 1

    async def _send_with_retries(self, request: Request, body: Any) -> A:
        """Send a request that may be repeated, until it succeeds."""
        attempt, elapsed = 0, 0.0
        while True:
            response = await self._attempt(request, body)
            if not isinstance(response, Failure):
                return response
            decision = self._decide(response, request, attempt, elapsed)
            await self._pause(decision.delay, decision.reason)
            elapsed += decision.delay
            attempt += 1

    async def _attempt(self, request: Request, body: Any) -> A | Failure:
        response = await self._send(request, body)
        self.host_answered |= not isinstance(response, Failure) or response.status > 0
        return response

    def _decide(self, failure: Failure, request: Request, attempt: int, elapsed: float) -> RetryDecision:
        """How to retry a failed request.

        Args:
            failure: the failure.
            request: the request that failed.
            attempt: number of failed attempts before this one.
            elapsed: seconds spent waiting for this request so far.

        Raises:
            UnreachableError: the request is not retried, and the host has never responded.
            RemoteError: the request is not retried; see :meth:`_error`.
        """
        decision = decide(
            failure,
            request,
            self.rules,
            attempt=attempt,
            elapsed=elapsed,
            policy=self.retry_policy,
            host_answered=self.host_answered,
        )
        if decision.action is RetryAction.FAIL:
            if self.host_answered or failure.status:
                raise self._error(failure, request, decision.reason)
            raise self._unreachable(failure, decision.reason)
        return decision

    def _unreachable(self, failure: Failure, gave_up_reason: str = "") -> UnreachableError:
        return UnreachableError(
            _with_reason(f"{self.root} cannot be reached: {failure.message}", gave_up_reason),
            hint="check the address, the network and HTTPS_PROXY, then run the same command again",
        )

    async def _pause(self, seconds: float, reason: str) -> None:
        self.on_wait(f"{reason}: waiting {seconds:.1f} s" if seconds >= 1 else reason)
        await asyncio.sleep(seconds)

    def _path_of(self, link: str, hint: str = "") -> str:
        """Path and query of a link to the next page.

        Args:
            link: the link.
            hint: what to do if it leads to another host.

        Raises:
            RemoteError: it leads to another host, which must not get the access token.
        """
        if not link.startswith(f"{self.root}/"):
            raise RemoteError(
                f"the link to the next page leaves {self.root}; it was not followed, so that no other host gets the "
                "access token",
                hint=hint,
            )
        return link.removeprefix(self.root)


def quote_path(template: str, *segments: str) -> str:
    """Fill a path template, percent-encoding each value as one path segment.

    Example: ``quote_path("/applications/{}", object_id)``.
    """
    return template.format(*(quote(segment, safe="") for segment in segments))


def no_response(error: BaseException | None) -> Failure:
    """The failure for a request without a response, with the message of the operating system if there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return Failure(0, message=cause.strerror)
        cause = cause.__cause__ or cause.__context__
    return Failure(0, message=type(error).__name__)


def failure_details(failure: Failure, request: Request, gave_up_reason: str) -> tuple[str, dict[str, Any]]:
    """The message for a final failure, and the arguments that every error about it takes; see ``Client._error``."""
    where = f"{request.method} {request.path.partition('?')[0]}"
    message = f"{where}: {(failure.status and failure.message) or failure.summary}"
    details = {"status": failure.status, "code": failure.code, "request_id": failure.request_id}
    return _with_reason(message, gave_up_reason), details


def _with_reason(message: str, gave_up_reason: str) -> str:
    """The message, with the reason for giving up if there is one."""
    return f"{message}; {gave_up_reason}" if gave_up_reason else message


def http_error(
    failure: Failure,
    request: Request,
    gave_up_reason: str,
    *,
    permissions: Iterable[RequiredPermission],
    role: str,
) -> RemoteError:
    """The error for a final failure whose meaning is the same for every vendor.

    Args:
        failure: the last failure.
        request: the request that failed.
        gave_up_reason: why it is not retried any more; empty when a retry cannot help.
        permissions: the permissions of the provider, to name the missing one.
        role: the admin role that the credentials also need.
    """
    message, details = failure_details(failure, request, gave_up_reason)
    if failure.status == 403:
        required = permissions_for(permissions, request.method, request.path)
        return PermissionDeniedError(message, permissions=required, role=role, **details)
    if failure.status == 404:
        return RemoteNotFoundError(message, **details)
    if failure.status in (0, 423, 429) or failure.status >= 500:
        return UnreachableError(message, hint="run the same command again", **details)
    return RemoteError(message, **details)
