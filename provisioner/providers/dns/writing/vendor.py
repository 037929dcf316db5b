"""Writes to a zone at a DNS vendor: read, write, read again."""

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

from .delegation import check_delegation
from .failures import VendorFailureRules, to_error, to_failure
from .vendors import VendorZone
from .zone_records import TxtEntry, ZoneRecords

T = TypeVar("T")

RETRY_POLICY: Final = RetryPolicy(budget=120.0, consistency_window=20.0)
_CALL_TIMEOUT: Final = 60.0
"""Seconds for one call of dns-lexicon, which has no timeout of its own."""
_READ: Final = Request("GET", "")
_WRITE: Final = Request("PUT", "")


class VendorWriter:
    """Writes through a vendor's API.

    Args:
        zone: the zone to write to.
        on_wait: called with a sentence whenever a request has to wait.
        retry_policy: how long to wait while the vendor is busy, and until a write is readable.
        timeout: seconds for one call.
    """

    def __init__(
        self,
        zone: VendorZone,
        *,
        on_wait: Callable[[str], None],
        retry_policy: RetryPolicy | None = None,
        timeout: float = _CALL_TIMEOUT,
    ) -> None:
        self._zone = zone
        self._on_wait = on_wait
        self._retry_policy = retry_policy or RETRY_POLICY
        self._timeout = timeout
        self._records: ZoneRecords | None = None
        self._lock = asyncio.Lock()

    @property
    def title(self) -> str:
        """For messages: ``Route 53, zone contoso.com``."""
        return self._zone.title

    async def check(self, zone: Zone, record: DomainRecord) -> None:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`. No vendor shows whether it permits a write."""
        async with self._lock:
            servers = await self._read(lambda records: records.servers())
            check_delegation(self.title, self._zone.name, servers, zone)
            await self._entries(record)

    async def values(self, record: DomainRecord) -> tuple[str, ...]:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`."""
        async with self._lock:
            return tuple(sorted({entry.value for entry in await self._entries(record)}))

    async def add(self, record: DomainRecord) -> bool:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`. The TTL of existing values stays."""
        assert record.value is not None
        value, name = record.value, record.name

        def write(records: ZoneRecords, existing: Sequence[TxtEntry]) -> None:
            ttls = (entry.ttl for entry in existing if entry.ttl is not None)
            records.add(name, value, next(ttls, record.ttl or DEFAULT_TTL), existing)

        return await self._change(record, value, write, present=True)

    async def remove(self, record: DomainRecord, value: str) -> bool:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`."""

        def write(records: ZoneRecords, existing: Sequence[TxtEntry]) -> None:
            entry = next(entry for entry in existing if entry.value == value)
            records.remove(record.name, entry, existing)

        return await self._change(record, value, write, present=False)

    async def close(self) -> None:
        """No connection stays open."""
        self._records = None

    async def _change(
        self,
        record: DomainRecord,
        value: str,
        write: Callable[[ZoneRecords, Sequence[TxtEntry]], None],
        *,
        present: bool,
    ) -> bool:
        """Make a change, and verify that it was made and no other; False if no change was needed."""

        def is_done(entries: Sequence[TxtEntry]) -> bool:
            return present is (value in {entry.value for entry in entries})

        async def attempt() -> None:
            entries = await self._call(lambda records: records.entries(record.name))
            if not is_done(entries):  # an earlier attempt without a response may have done it
                await self._call(lambda records: write(records, entries))

        async with self._lock:
            before = await self._entries(record)
            if is_done(before):
                return False
            await self._retry(attempt, _WRITE)
            await self._verify(record, value, before, is_done)
        return True

    async def _verify(
        self,
        record: DomainRecord,
        value: str,
        before: Sequence[TxtEntry],
        is_done: Callable[[Sequence[TxtEntry]], bool],
    ) -> None:
        """Read until the change is visible and no other value is missing; some vendors' lists lag."""
        others = Counter(entry.content for entry in before if entry.value != value)
        waited, attempt = 0.0, 0
        while True:
            entries = await self._entries(record)
            lost = others - Counter(entry.content for entry in entries)
            if is_done(entries) and not lost:
                return
            if waited >= self._retry_policy.consistency_window:
                break
            delay = self._retry_policy.delay_after(attempt)
            await asyncio.sleep(delay)
            waited, attempt = waited + delay, attempt + 1
        problem = f"other values were lost: {_list(lost)}" if lost else "the change is not visible"
        raise RemoteError(
            f"{self.title}: {record.name} was changed, but {problem}; TXT values now: "
            f"{_list(entry.content for entry in entries)}",
            hint="check the record in the vendor's console, and correct it",
        )

    async def _entries(self, record: DomainRecord) -> Sequence[TxtEntry]:
        return await self._read(lambda records: records.entries(record.name))

    async def _read(self, work: Callable[[ZoneRecords], T]) -> T:
        return await self._retry(lambda: self._call(work), _READ)

    async def _retry(self, step: Callable[[], Awaitable[T]], request: Request) -> T:
        """Repeat a step until it succeeds, as long as waiting can help."""
        waited, attempt = 0.0, 0
        while True:
            try:
                return await step()
            except ProvisionerError:
                raise
            except Exception as error:  # the vendors' classes raise anything
                failure = to_failure(error)
                decision = decide(
                    failure,
                    request,
                    VendorFailureRules(),
                    attempt=attempt,
                    elapsed=waited,
                    policy=self._retry_policy,
                )
                if decision.action is RetryAction.FAIL:
                    raise to_error(
                        failure, self.title, decision.reason, self._zone.missing_settings
                    ) from error
            self._on_wait(f"{self.title}: {decision.reason}: waiting {decision.delay:.0f} s")
            await asyncio.sleep(decision.delay)
            waited, attempt = waited + decision.delay, attempt + 1

    async def _call(self, work: Callable[[ZoneRecords], T]) -> T:
        """Call the vendor's library; open the zone first if necessary."""

        def run() -> T:
            if self._records is None:
                self._records = self._zone.open()
            return work(self._records)

        try:
            return await _in_daemon_thread(run, self._timeout)
        except TimeoutError:
            self._records = None  # the hanging call may still use it
            raise


async def _in_daemon_thread(work: Callable[[], T], timeout: float) -> T:  # noqa: ASYNC109 - the thread cannot be cancelled
    """Run a function in a thread that is abandoned after the timeout, and does not keep the process from exiting."""
    future: Future[T] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the future is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="dns-vendor", daemon=True).start()
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), timeout)
    except TimeoutError as error:
        if future.done():
            raise  # raised by the function itself
        raise TimeoutError(f"no response within {timeout:g} s") from error


def _list(contents: Iterable[str]) -> str:
    return ", ".join(sorted(contents)) or "none"
