"""The domains of one playbook: read from the DNS, written where the zone lives, waited for until the world sees them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from provisioner.core.errors import ProvisionerError, RefusedError, UsageError
from provisioner.core.local_store import LocalStore
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.provider import HandoffValue, Outcome
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Problem, Snapshot

from . import deciding
from . import manual_steps as steps_of
from .context import Sight, sights
from .lookup import look
from .observations import History, Neighbour, Zone
from .playbook import DomainEntry
from .propagation import State, progress
from .resources import DomainRecord, OutdatedValue
from .servers import Endpoint, Limits, ServerMap

if TYPE_CHECKING:
    from .writing import Writer

_POLL: Final = 0.25
_SLOWEST_POLL: Final = 8.0


@dataclass(frozen=True)
class World:
    """Which DNS is asked.

    Attributes:
        resolvers: public resolvers.
        servers: other addresses and ports for servers; empty outside the sandbox.
        suffixes: public suffixes that this DNS has besides the public suffix list.
        limits: how long a look may take.
    """

    resolvers: tuple[Endpoint, ...]
    servers: ServerMap = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass
class Verification:
    """One playbook's view of the DNS.

    Attributes:
        wait: seconds for which a record that was made is waited for until every server has it; None: it is not.
        elsewhere: other playbooks that name a domain, by domain.
    """

    domains: tuple[DomainEntry, ...]
    world: World
    notebook: LocalStore
    tell: Callable[[str], None]
    wait: float | None = None
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    written: int = 0
    _expected: dict[str, bool] = field(default_factory=dict)
    _deadline: float | None = None
    _writers: dict[str, Writer] = field(default_factory=dict)
    _zones: dict[str, Zone] = field(default_factory=dict)

    async def read(self) -> Snapshot:
        """What the DNS says of every domain; after a write, once every server says what was written."""
        seen = await self._seen()
        if self.wait is not None:
            seen = await self._spread(seen)
        self._zones = {one.key: one for one in seen if isinstance(one, Zone)}
        found = sights(self._records, seen)
        histories = tuple(map(self._remembered, found))
        neighbours = (Neighbour(key=key, playbooks=files) for key, files in self.elsewhere.items())
        return Snapshot(
            resources=(*seen, *histories, *neighbours, *self._observed(found)),
            problems=tuple(self._problems(found)),
        )

    async def refresh(self, steps: Iterable[ManualStep]) -> tuple[Resource, ...]:
        """What a person brought from the Kiro console, and what proves that they made records."""
        done = {step.key: step.output for step in steps}
        self.domains = tuple(
            keys.model_copy(update={"value": brought})
            if (brought := done.get(steps_of.added(keys)))
            else keys
            for keys in self.domains
        )
        made = [keys.name for keys in self.domains if steps_of.created(keys) in done]
        for domain in made:
            self._expect(domain, there=True)
        return (await self.read()).resources if made else ()

    async def check_permissions(self, plan: Plan) -> None:
        """Fail before the first write if a zone is not there, not public, or not ours to write.

        Records that wait for a person are asked about too: it is known early, before anything is half done.

        Raises:
            ProvisionerError: see :mod:`.writing`.
        """
        due = {_domain_of(change) for change in plan.changes if change.action is not Action.NOOP}
        await asyncio.gather(
            *(
                self._writer(keys.name).check(
                    self._zones.get(keys.name) or Zone(key=keys.name), keys.wanted()
                )
                for keys in self.domains
                if keys.name in due and keys.dns is not None
            )
        )

    async def apply(self, change: Change) -> Outcome:
        """Make, or remove, one value."""
        domain = _domain_of(change)
        record = self._keys(domain).wanted()
        writing = self._writer(domain)
        if change.action is not Action.DELETE:
            wrote = await writing.add(record)
            self._expect(domain, there=True)
        else:
            gone = change.before
            value = gone.value if isinstance(gone, DomainRecord | OutdatedValue) else None
            wrote = await writing.remove(record, value or "")
            if isinstance(gone, DomainRecord):
                self._expect(domain, there=False)
        self.written += wrote
        note = (
            "" if wrote else f"as it should be at {writing.where} already; its servers do not all say so yet"
        )
        if wrote and self.wait is None:
            note = "not waited for: provisioner doctor tells when every server says the same"
        return Outcome(resources=() if change.action is Action.DELETE else (record,), note=note)

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the author should know besides the plan."""
        for keys in self.domains:
            yield from keys.doubts
            yield from deciding.unusual(keys)
        planned = {change.address for change in plan.changes}
        for record in snapshot.all(DomainRecord):
            if record.address not in planned:
                yield f'{record.name} TXT "{record.value}" stays: a person made it, and a person removes it'

    def handoff(self) -> Iterator[HandoffValue]:
        """Kiro, Entra guide, step 3: the domain goes to Kiro, its token comes back and goes into the DNS."""
        console = "Kiro console: Settings, Identity management, Domains"
        for record in self._records:
            yield HandoffValue(
                name="Domain",
                value=record.key,
                source="this playbook",
                destination=f"{console}, Add domain",
            )
            yield HandoffValue(
                name=f"TXT {record.name}",
                value=record.value,
                source=f"{console}, the verification token of {record.key}",
                destination=f"the DNS, made {'by apply' if record.writer else 'by you'}",
            )

    def next_steps(self, snapshot: Snapshot) -> Iterator[str]:
        """How far each domain's record has come."""
        found = progress(self._records, snapshot.resources)
        for domain, visibility in found.items():
            kiro = "; Kiro can verify it" if visibility.state is State.EVERYWHERE else ""
            yield f"{domain}: {visibility.message}{kiro}{' by then' if kiro and visibility.seconds else ''}"

    async def close(self) -> None:
        """Close the connections."""
        for one in self._writers.values():
            await one.close()

    @property
    def _records(self) -> tuple[DomainRecord, ...]:
        return tuple(keys.wanted() for keys in self.domains)

    async def _seen(self) -> tuple[Resource, ...]:
        """One look."""
        world = self.world
        return await look(
            self._records,
            resolvers=world.resolvers,
            servers=world.servers,
            suffixes=world.suffixes,
            limits=world.limits,
            early=False,
        )

    async def _spread(self, seen: tuple[Resource, ...]) -> tuple[Resource, ...]:
        """Look until every server says what is expected, or the time is over."""
        pause = _POLL
        while late := self._late(seen):
            if self._deadline is None:
                self._deadline = time.monotonic() + (self.wait or 0)
            left = self._deadline - time.monotonic()
            if left <= 0:
                break
            self.tell(f"waiting for {late} ({left:.0f} s at most)")
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.6, _SLOWEST_POLL)
            seen = await self._seen()
        return seen

    def _late(self, seen: tuple[Resource, ...]) -> str:
        """What is not as expected yet, for people; empty when all is."""
        by_hand = {keys.name for keys in self.domains if keys.dns is None}
        for domain, visibility in progress(self._records, seen).items():
            begun = domain in by_hand and visibility.state is State.PARTLY
            there = self._expected.get(domain, begun)
            if there and visibility.state in {State.PARTLY, State.MISSING}:
                return f"{domain}: {visibility.message}"
            if domain in self._expected and not there and visibility.state is not State.MISSING:
                return f"the servers of {domain} to forget the record"
        return ""

    def _expect(self, domain: str, *, there: bool) -> None:
        self._expected[domain] = there
        self._deadline = None

    def _observed(self, found: Iterable[Sight]) -> Iterator[Resource]:
        for sight in found:
            record = deciding.observed(sight)
            if self.wait is None and sight.record.key in self._expected:  # nobody waits: our own word counts
                record = sight.record if self._expected[sight.record.key] else None
            if record is not None:
                yield record
            if self._keys(sight.record.key).outdated == "remove":
                yield from deciding.outdated(sight)

    def _problems(self, found: Iterable[Sight]) -> Iterator[Problem]:
        for sight in found:
            problem = deciding.impossible(sight)
            if problem is not None:
                yield problem

    def _remembered(self, sight: Sight) -> History:
        """When the record was first missing, and first there, over all runs on this machine."""
        note = f"dns:{sight.record.name}"
        earlier = self.notebook.get(note)
        told = deciding.history(sight, earlier if isinstance(earlier, dict) else {}, datetime.now(UTC))
        if told != earlier:
            with suppress(UsageError):  # a note is a convenience
                self.notebook.put(note, told)
        return History(
            key=sight.record.key,
            first_missing=told.get("first_missing"),
            first_present=told.get("first_present"),
        )

    def _keys(self, domain: str) -> DomainEntry:
        return next(one for one in self.domains if one.name == domain)

    def _writer(self, domain: str) -> Writer:
        """Who writes to a domain's zone.

        Raises:
            RefusedError: nobody knows which zone it is.
        """
        keys, found = self._keys(domain), self._zones.get(domain) or Zone(key=domain)
        if keys.dns is None:
            raise ProvisionerError(f"{domain} has no dns: in the playbook: a person makes its record")
        zone = keys.dns.zone or found.zone
        if zone is None:
            raise RefusedError(
                f"the zone of {domain} cannot be found: {found.problem or 'nobody was asked'}; nothing was written",
                hint="delegate it, or name it under dns: zone: in the playbook",
            )
        if domain not in self._writers:
            from .writing import writer  # noqa: PLC0415 - start-up time

            world = self.world
            self._writers[domain] = writer(
                keys.dns,
                zone,
                tell=self.tell,
                resolvers=world.resolvers,
                servers=world.servers,
                limits=world.limits,
            )
        return self._writers[domain]


def handles(change: Change) -> bool:
    """Whether a change is one of the DNS's."""
    return change.address.partition("/")[0] in {DomainRecord.kind, OutdatedValue.kind}


def _domain_of(change: Change) -> str:
    return change.address.split("/")[1]
