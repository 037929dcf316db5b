"""A DNS client: one query to one server, over UDP with a fallback to TCP, or over HTTPS. Network failures are results."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode

from .observations import QueryFailure, ServerRole
from .servers import Endpoint, Limits

if TYPE_CHECKING:
    import httpx

_PAYLOAD: Final = 1232
"""Octets of a datagram that are not fragmented (DNS Flag Day 2020)."""
_NO_EDNS: Final = {dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS}
"""Response codes of servers that do not support EDNS (RFC 6891, section 7)."""
_MEDIA_TYPE: Final = "application/dns-message"


@dataclass(frozen=True)
class QueryResult:
    """A response, or why there is none; see :class:`~provisioner.providers.dns.observations.Answer` for the fields."""

    message: dns.message.Message | None = None
    failure: QueryFailure | None = None
    detail: str = ""
    truncated: bool = False
    edns: bool = True
    elapsed_ms: float = 0.0

    @property
    def rcode(self) -> dns.rcode.Rcode | None:
        return None if self.message is None else self.message.rcode()


class DnsClient:
    """Queries servers, a limited number at a time, until the budget is used up.

    Args:
        limits: the budget starts now.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._deadline = asyncio.get_running_loop().time() + limits.budget
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def query(
        self, endpoint: Endpoint, name: str, rdtype: str, *, checking_disabled: bool = False
    ) -> QueryResult:
        """Query one server.

        Args:
            endpoint: the server; the query requests recursion if it is a resolver.
            name: the name.
            rdtype: the type of record, such as ``TXT``.
            checking_disabled: set the CD flag, so that a resolver responds even if DNSSEC validation fails (RFC 4035,
                section 3.2.2).
        """
        query = _make_query(endpoint, name, rdtype, checking_disabled=checking_disabled)
        async with self._slots:
            started = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout_at(self._deadline):
                    result = await (
                        self._https(endpoint, query) if endpoint.url else self._udp(endpoint, query)
                    )
            except TimeoutError:
                detail = f"no response within the {self._limits.budget:g} s of the whole lookup"
                result = QueryResult(failure=QueryFailure.BUDGET, detail=detail)
            elapsed = asyncio.get_running_loop().time() - started
        return replace(result, elapsed_ms=round(elapsed * 1000, 1))

    async def _udp(self, endpoint: Endpoint, query: dns.message.QueryMessage) -> QueryResult:
        """Over UDP, in several attempts; without EDNS where the server seems not to support it."""
        attempts = self._limits.udp_attempts
        result = QueryResult()
        for attempt in range(1, attempts + 1):
            if attempt == attempts > 1:
                query.use_edns(False)
            result = await self._udp_attempt(endpoint, query)
            lost = result.failure in {QueryFailure.TIMEOUT, QueryFailure.MALFORMED}
            if not lost and not (result.edns and result.rcode in _NO_EDNS):
                break
        return result

    async def _udp_attempt(self, endpoint: Endpoint, query: dns.message.QueryMessage) -> QueryResult:
        """Over UDP, then over TCP if the response is truncated.

        dnspython's ``udp_with_fallback`` has one timeout for both, and raises the same errors for a failure of UDP and of
        TCP, which ``dns-tcp-blocked`` has to distinguish.
        """
        limits, edns, truncated = self._limits, query.edns >= 0, False
        try:
            message = await dns.asyncquery.udp(
                query,
                endpoint.host,
                limits.udp_timeout,
                endpoint.port,
                ignore_unexpected=True,
                ignore_errors=True,
            )
            if truncated := bool(message.flags & dns.flags.TC):
                message = await dns.asyncquery.tcp(query, endpoint.host, limits.tcp_timeout, endpoint.port)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            detail = _describe(error)
            if truncated:
                detail = f"the response did not fit in a datagram, and TCP failed: {detail}"
                return QueryResult(failure=QueryFailure.TRUNCATED, detail=detail, truncated=True, edns=edns)
            return QueryResult(failure=_classify(error), detail=detail, edns=edns)
        return QueryResult(message, truncated=truncated, edns=edns)

    async def _https(self, endpoint: Endpoint, query: dns.message.QueryMessage) -> QueryResult:
        """Over HTTPS (RFC 8484).

        dnspython's ``https`` needs httpx2 (since dnspython 2.9), a second HTTP library beside the httpx of the identity
        providers' SDKs, and has the HTTP status only in the text of a ``ValueError``.
        """
        import httpx  # noqa: PLC0415 - start-up time

        if self._http is None:
            self._http = httpx.AsyncClient(timeout=self._limits.tcp_timeout)
        query.id = 0  # RFC 8484, section 4.1: so that HTTP caches can store the response
        headers = {"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE}
        try:
            response = await self._http.post(endpoint.url, content=query.to_wire(), headers=headers)
            if response.status_code != httpx.codes.OK:
                detail = f"HTTP status {response.status_code}"
                return QueryResult(failure=QueryFailure.HTTP_ERROR, detail=detail)
            message = dns.message.from_wire(response.content)
        except httpx.TimeoutException as error:
            return QueryResult(failure=QueryFailure.TIMEOUT, detail=_describe(error))
        except httpx.HTTPError as error:
            return QueryResult(failure=QueryFailure.UNREACHABLE, detail=_describe(error))
        except dns.exception.DNSException as error:
            return QueryResult(failure=QueryFailure.MALFORMED, detail=_describe(error))
        if not query.is_response(message):
            return QueryResult(failure=QueryFailure.MALFORMED, detail="the response is to another query")
        return QueryResult(message)


def _make_query(
    endpoint: Endpoint, name: str, rdtype: str, *, checking_disabled: bool
) -> dns.message.QueryMessage:
    flags = dns.flags.Flag(0)
    if endpoint.role is ServerRole.RESOLVER:
        flags |= dns.flags.RD | dns.flags.AD  # RFC 6840, section 5.7: AD requests the AD flag
    if checking_disabled:
        flags |= dns.flags.CD
    return dns.message.make_query(name, rdtype, flags=flags, use_edns=0, payload=_PAYLOAD)


def _classify(error: Exception) -> QueryFailure:
    if isinstance(error, dns.exception.Timeout | TimeoutError):
        return QueryFailure.TIMEOUT
    return QueryFailure.UNREACHABLE if isinstance(error, OSError) else QueryFailure.MALFORMED


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__
