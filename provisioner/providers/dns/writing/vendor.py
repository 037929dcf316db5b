"""Writes to a zone at a DNS vendor: look, write, look again."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Final, TypeVar

from provisioner.core.errors import ProvisionerError, RemoteError
from provisioner.core.retry import Request, RetryAction, RetryPolicy, decide
from provisioner.providers.dns.observations import Zone
from provisioner.providers.dns.resources import DEFAULT_TTL, DomainRecord

from .failures import VendorRules, error_of, failure_of
from .location import confirm
from .vendors import Opener
from .zone_records import Entry, ZoneRecords

T = TypeVar("T")

PATIENCE: Final = RetryPolicy(budget=120.0, consistency_window=20.0)
_ANSWER_SECONDS: Final = 60.0
"""For one call of dns-lexicon, which waits for ever if it is let."""
_LOOK: Final = Request("GET", "")
_WRITE: Final = Request("PUT", "")


class VendorWriter:
    """Writes by way of a vendor's API.

    Args:
        opener: opens the zone.
        tell: called with a sentence whenever something is waited for.
        retry_policy: how long to wait when the vendor is busy, and until what was written is seen.
        seconds: to wait for one call.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        tell: Callable[[str], None],
        retry_policy: RetryPolicy | None = None,
        seconds: float = _ANSWER_SECONDS,
    ) -> None:
        self._opener = opener
        self._tell = tell
        self._retry_policy = retry_policy or PATIENCE
        self._seconds = seconds
        self._records: ZoneRecords | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def where(self) -> str:
        """For people: ``Route 53, zone contoso.com``."""
        return self._opener.where

    async def check(self, zone: Zone, record: DomainRecord) -> None:
        """See :class:`~provisioner.providers.dns.writing.Writer`. Whether writing is allowed, no vendor tells."""
        async with self._one_at_a_time:
            servers = await self._read(lambda records: records.servers())
            confirm(self.where, self._opener.zone, servers, zone)
            await self._entries(record)

    async def values(self, record: DomainRecord) -> tuple[str, ...]:
        """See :class:`~provisioner.providers.dns.writing.Writer`."""
        async with self._one_at_a_time:
            return tuple(sorted({entry.value for entry in await self._entries(record)}))

    async def add(self, record: DomainRecord) -> bool:
        """See :class:`~provisioner.providers.dns.writing.Writer`. The TTL of values that are there already stays."""
        assert record.value is not None
        value, name = record.value, record.name

        def write(records: ZoneRecords, there: Sequence[Entry]) -> None:
            ttl = next((one.ttl for one in there if one.ttl is not None), record.ttl or DEFAULT_TTL)
            records.add(name, value, ttl, there)

        return await self._change(record, value, write, wanted=True)

    async def remove(self, record: DomainRecord, value: str) -> bool:
        """See :class:`~provisioner.providers.dns.writing.Writer`."""

        def write(records: ZoneRecords, there: Sequence[Entry]) -> None:
            records.remove(record.name, next(one for one in there if one.value == value), there)

        return await self._change(record, value, write, wanted=False)

    async def close(self) -> None:
        """Nothing stays open."""
        self._records = None

    async def _change(
        self,
        record: DomainRecord,
        value: str,
        write: Callable[[ZoneRecords, Sequence[Entry]], None],
        *,
        wanted: bool,
    ) -> bool:
        """Make a change, and see that it was made and nothing else; False: it was so already."""

        def right(there: Sequence[Entry]) -> bool:
            return wanted is (value in {one.value for one in there})

        async def attempt() -> None:
            there = await self._called(lambda records: records.entries(record.name))
            if not right(there):  # an earlier attempt whose answer was lost may have done it
                await self._called(lambda records: write(records, there))

        async with self._one_at_a_time:
            before = await self._entries(record)
            if right(before):
                return False
            await self._patiently(attempt, _WRITE)
            await self._confirm_written(record, value, before, right)
        return True

    async def _confirm_written(
        self,
        record: DomainRecord,
        value: str,
        before: Sequence[Entry],
        right: Callable[[Sequence[Entry]], bool],
    ) -> None:
        """Look until the change is there and nothing else is gone; some vendors' lists are late."""
        others = Counter(one.content for one in before if one.value != value)
        waited, attempt = 0.0, 0
        while True:
            there = await self._entries(record)
            lost = others - Counter(one.content for one in there)
            if right(there) and not lost:
                return
            if waited >= self._retry_policy.consistency_window:
                break
            delay = self._retry_policy.delay_after(attempt)
            await asyncio.sleep(delay)
            waited, attempt = waited + delay, attempt + 1
        what = f"these values are gone: {_shown(lost)}" if lost else "the change is not to be seen"
        raise RemoteError(
            f"{self.where}: {record.name} was changed, but {what}; there is now "
            f"{_shown(one.content for one in there)}",
            hint="look at the record in the vendor's console, and put right what is wrong there",
        )

    async def _entries(self, record: DomainRecord) -> Sequence[Entry]:
        return await self._read(lambda records: records.entries(record.name))

    async def _read(self, work: Callable[[ZoneRecords], T]) -> T:
        return await self._patiently(lambda: self._called(work), _LOOK)

    async def _patiently(self, step: Callable[[], Awaitable[T]], call: Request) -> T:
        """Do something again until it succeeds, as long as waiting can help."""
        waited, attempt = 0.0, 0
        while True:
            try:
                return await step()
            except ProvisionerError:
                raise
            except Exception as error:  # vendors' classes raise anything
                failure = failure_of(error, self._opener.secrets)
                next_step = decide(
                    failure, call, VendorRules(), attempt=attempt, elapsed=waited, policy=self._retry_policy
                )
                if next_step.action is RetryAction.FAIL:
                    raise error_of(failure, self.where, next_step.reason, self._opener.unset) from error
            self._tell(f"{self.where}: {next_step.reason}: waiting {next_step.delay:.0f} s")
            await asyncio.sleep(next_step.delay)
            waited, attempt = waited + next_step.delay, attempt + 1

    async def _called(self, work: Callable[[ZoneRecords], T]) -> T:
        """Call the vendor's library, in the zone that is open."""

        def run() -> T:
            if self._records is None:
                self._records = self._opener.open()
            return work(self._records)

        try:
            return await _aside(run, self._seconds)
        except TimeoutError:
            self._records = None  # the call that hangs may still use it
            raise


async def _aside(work: Callable[[], T], seconds: float) -> T:
    """Run something in a thread that is left behind if it takes too long, and does not keep the process from ending."""
    done: Future[T] = Future()

    def run() -> None:
        done.set_running_or_notify_cancel()
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            done.set_exception(error)

    threading.Thread(target=run, name="dns-vendor", daemon=True).start()
    try:
        return await asyncio.wait_for(asyncio.wrap_future(done), seconds)
    except TimeoutError as error:
        if done.done():
            raise  # the work's own
        raise TimeoutError(f"no answer within {seconds:g} s") from error


def _shown(contents: Iterable[str]) -> str:
    return ", ".join(sorted(contents)) or "no TXT record"
