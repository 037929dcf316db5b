"""One question, one server, one reply: UDP with a fallback to TCP, or DNS over HTTPS. Never raises for a bad network."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode

from .observations import Failure
from .servers import Endpoint, Limits

if TYPE_CHECKING:
    import httpx

_PAYLOAD: Final = 1232
"""Octets of a datagram that are not fragmented (DNS Flag Day 2020)."""
_NO_EDNS: Final = {dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS}
"""What servers that do not know EDNS answer (RFC 6891, section 7)."""
_MEDIA_TYPE: Final = "application/dns-message"


@dataclass(frozen=True)
class Reply:
    """What came back; see :class:`~provisioner.providers.dns.observations.Answer` for the fields."""

    message: dns.message.Message | None = None
    failure: Failure | None = None
    detail: str = ""
    truncated: bool = False
    tcp: bool = False
    edns: bool = True
    elapsed_ms: float = 0.0

    @property
    def rcode(self) -> dns.rcode.Rcode | None:
        return None if self.message is None else self.message.rcode()


class Exchange:
    """Asks servers, so many at a time, until its time is over.

    Args:
        limits: how long and how much. The budget begins now.
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

    async def ask(
        self, endpoint: Endpoint, name: str, kind: str, *, recurse: bool, validate: bool = True
    ) -> Reply:
        """Ask one server.

        Args:
            endpoint: the server.
            name: what to ask for.
            kind: the type of record.
            recurse: a resolver is asked.
            validate: False: the answer is wanted even if DNSSEC says it is bogus.
        """
        async with self._slots:
            started = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout_at(self._deadline):
                    query = _query(name, kind, recurse=recurse, validate=validate)
                    reply = await (
                        self._over_https(endpoint, query) if endpoint.url else self._plain(endpoint, query)
                    )
            except TimeoutError:
                reply = Reply(
                    failure=Failure.BUDGET, detail=f"no answer within {self._limits.budget:g} s in all"
                )
            elapsed = round((asyncio.get_running_loop().time() - started) * 1000, 1)
        return Reply(
            reply.message, reply.failure, reply.detail, reply.truncated, reply.tcp, reply.edns, elapsed
        )

    async def _plain(self, endpoint: Endpoint, query: dns.message.QueryMessage) -> Reply:
        """Over UDP, over TCP if the answer is truncated; without EDNS where the server seems not to know it."""
        attempts = self._limits.attempts
        reply = Reply()
        for attempt in range(1, attempts + 1):
            if edns := attempt == 1 or attempt < attempts:
                query.use_edns(0, payload=_PAYLOAD)
            else:
                query.use_edns(False)
            reply = await self._datagram(endpoint, query, edns=edns)
            if reply.failure not in {Failure.TIMEOUT, Failure.MALFORMED} and not (
                edns and reply.rcode in _NO_EDNS
            ):
                break
        return reply

    async def _datagram(self, endpoint: Endpoint, query: dns.message.QueryMessage, *, edns: bool) -> Reply:
        try:
            message = await dns.asyncquery.udp(
                query,
                endpoint.host,
                self._limits.datagram,
                endpoint.port,
                ignore_unexpected=True,
                ignore_errors=True,
            )
        except (dns.exception.DNSException, OSError) as error:
            return Reply(failure=_failure(error), detail=_told(error), edns=edns)
        if message.flags & dns.flags.TC:
            return await self._stream(endpoint, query, edns=edns)
        return Reply(message, edns=edns)

    async def _stream(self, endpoint: Endpoint, query: dns.message.QueryMessage, *, edns: bool) -> Reply:
        try:
            message = await dns.asyncquery.tcp(query, endpoint.host, self._limits.stream, endpoint.port)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            detail = f"the answer did not fit in a datagram, and TCP failed: {_told(error)}"
            return Reply(failure=Failure.TRUNCATED, detail=detail, truncated=True, tcp=True, edns=edns)
        return Reply(message, truncated=True, tcp=True, edns=edns)

    async def _over_https(self, endpoint: Endpoint, query: dns.message.QueryMessage) -> Reply:
        import httpx  # noqa: PLC0415 - start-up time

        if self._http is None:
            self._http = httpx.AsyncClient(timeout=self._limits.stream)
        query.id = 0  # RFC 8484, section 4.1: answers can be cached
        query.use_edns(0, payload=_PAYLOAD)
        headers = {"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE}
        try:
            response = await self._http.post(endpoint.url, content=query.to_wire(), headers=headers)
            if response.status_code != httpx.codes.OK:
                return Reply(failure=Failure.REFUSED_HTTP, detail=f"HTTP status {response.status_code}")
            message = dns.message.from_wire(response.content)
        except httpx.TimeoutException as error:
            return Reply(failure=Failure.TIMEOUT, detail=_told(error))
        except httpx.HTTPError as error:
            return Reply(failure=Failure.UNREACHABLE, detail=_told(error))
        except dns.exception.DNSException as error:
            return Reply(failure=Failure.MALFORMED, detail=_told(error))
        if not query.is_response(message):
            return Reply(failure=Failure.MALFORMED, detail="the answer is to another question")
        return Reply(message)


def _query(name: str, kind: str, *, recurse: bool, validate: bool) -> dns.message.QueryMessage:
    query = dns.message.make_query(name, kind)
    query.flags = dns.flags.Flag(0)
    if recurse:
        query.flags |= dns.flags.RD | dns.flags.AD  # RFC 6840, section 5.7: AD asks for the AD flag
    if not validate:
        query.flags |= dns.flags.CD
    return query


def _failure(error: Exception) -> Failure:
    if isinstance(error, dns.exception.Timeout | TimeoutError):
        return Failure.TIMEOUT
    return Failure.UNREACHABLE if isinstance(error, OSError) else Failure.MALFORMED


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
