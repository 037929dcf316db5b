"""The DNS side of a playbook: reads its domains, writes records to their zones, and waits until every server has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from provisioner.core.errors import ProvisionerError, RefusedError
from provisioner.core.local_store import LocalStore, read_hint
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.provider import HandoffValue, Outcome
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Problem, Snapshot
from provisioner.providers import kiro

from . import record_state
from .context import DomainContext, build_contexts
from .lookup import look_up
from .manual_steps import add_domain_key, create_record_key
from .observations import History, OtherPlaybooks, Zone
from .playbook import DomainEntry
from .propagation import PropagationState, propagation_by_domain
from .resources import DomainRecord, OutdatedValue
from .servers import DnsConnection

if TYPE_CHECKING:
    from .writing import RecordWriter

_INITIAL_DELAY: Final = 0.25
_MAX_DELAY: Final = 8.0


@dataclass
class DnsProvider:
    """The domains of one playbook.

    Attributes:
        entries: the ``domains:`` section.
        connection: the DNS to query.
        store: hints of earlier runs: when a record was first seen missing, and since when every server has it.
        on_wait: called with a sentence whenever a change has to propagate.
        max_wait_seconds: how long to wait until every server has a change; None: do not wait.
        other_playbooks: other playbooks that name a domain, by domain.
        writes: number of changes made.
    """

    entries: tuple[DomainEntry, ...]
    connection: DnsConnection
    store: LocalStore
    on_wait: Callable[[str], None]
    max_wait_seconds: float | None = None
    other_playbooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    writes: int = 0
    _expected: dict[str, bool] = field(default_factory=dict)
    """Domains whose record was created (True) or deleted in this run."""
    _deadline: float | None = None
    _writers: dict[str, RecordWriter] = field(default_factory=dict)
    _zones: dict[str, Zone] = field(default_factory=dict)

    async def read(self) -> Snapshot:
        """Look up every domain; after a change, repeat until every server has it or the wait is over.

        Also waits while a record that an admin creates is on only some of the servers.
        """
        observations = await self._look_up()
        if self.max_wait_seconds is not None:
            observations = await self._wait_for_propagation(observations)
        self._zones = {zone.key: zone for zone in observations if isinstance(zone, Zone)}
        contexts = build_contexts(self._records, observations)
        other_playbooks = (
            OtherPlaybooks(key=domain, playbooks=files) for domain, files in self.other_playbooks.items()
        )
        return Snapshot(
            resources=(
                *observations,
                *map(self._history, contexts),
                *other_playbooks,
                *self._managed_resources(contexts),
            ),
            problems=tuple(self._problems(contexts)),
        )

    async def refresh(self, steps: Iterable[ManualStep]) -> tuple[Resource, ...]:
        """Take the verification values from completed steps, and read the records that were created manually."""
        outputs = {step.key: step.output for step in steps}
        self.entries = tuple(
            entry.model_copy(update={"value": output})
            if (output := outputs.get(add_domain_key(entry)))
            else entry
            for entry in self.entries
        )
        created = [entry.name for entry in self.entries if create_record_key(entry) in outputs]
        for domain in created:
            self._expect(domain, present=True)
        return (await self.read()).resources if created else ()

    async def check_permissions(self, plan: Plan) -> None:
        """Raise before the first write if a zone does not exist, is not public, or is not writable.

        Includes records that wait for a manual step: the error is then known before anything is half done.

        Raises:
            ProvisionerError: see :mod:`.writing`.
        """
        names = {_domain_of(change) for change in plan.changes if change.action is not Action.NOOP}
        await asyncio.gather(
            *(
                self._writer(entry.name).check(self._zone(entry.name), entry.desired_record())
                for entry in self.entries
                if entry.name in names and entry.dns is not None
            )
        )

    async def apply(self, change: Change) -> Outcome:
        """Add or remove one value."""
        domain = _domain_of(change)
        record, writer = self._entry(domain).desired_record(), self._writer(domain)
        is_deletion = change.action is Action.DELETE
        if is_deletion:
            existing = change.before
            value = existing.value if isinstance(existing, DomainRecord | OutdatedValue) else None
            written = await writer.remove(record, value or "")
            if isinstance(existing, DomainRecord):
                self._expect(domain, present=False)
        else:
            written = await writer.add(record)
            self._expect(domain, present=True)
        self.writes += written
        note = ""
        if not written:
            note = f"already up to date at {writer.title}; not every name server has the change yet"
        elif self.max_wait_seconds is None:
            note = (
                "did not wait for the name servers: provisioner doctor shows when all of them have the change"
            )
        return Outcome(resources=() if is_deletion else (record,), note=note)

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the admin should know in addition to the plan."""
        for entry in self.entries:
            yield from entry.warnings
        planned = {change.address for change in plan.changes}
        for record in snapshot.all(DomainRecord):
            if record.address in planned:
                continue
            why = "unmanaged: in the playbook excludes it"
            if not record.dns_provider:
                why = (
                    "its domain has no dns: in the playbook, so no command removes the record; "
                    "remove it yourself if you do not need it"
                )
            yield f'{record.name} TXT "{record.value}" stays: {why}'

    def handoff(self) -> Iterator[HandoffValue]:
        """The values to copy: each domain to Kiro, and its verification value to the DNS (Kiro, Entra guide, step 3)."""
        console = f"{kiro.IDENTITY_SETTINGS}, Domains"
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
                source=f"{console}, the verification value of {record.key}",
                destination=f"the DNS zone, created by {'apply' if record.dns_provider else 'you'}",
            )

    def next_steps(self, snapshot: Snapshot) -> Iterator[str]:
        """The propagation of each domain's record."""
        for name, propagation in propagation_by_domain(self._records, snapshot.resources).items():
            message = f"{name}: {propagation.message}"
            if propagation.state is PropagationState.EVERYWHERE:
                message += "; Kiro can verify it"
                if propagation.seconds:
                    message += f", at the latest after {propagation.seconds} s"
            yield message

    async def close(self) -> None:
        """Close the connections."""
        for writer in self._writers.values():
            await writer.close()

    @property
    def _records(self) -> tuple[DomainRecord, ...]:
        return tuple(entry.desired_record() for entry in self.entries)

    async def _look_up(self) -> tuple[Resource, ...]:
        return await look_up(self._records, self.connection, always_query_resolvers=False)

    async def _wait_for_propagation(self, observations: tuple[Resource, ...]) -> tuple[Resource, ...]:
        """Look up again until every server has what is expected, or the wait is over."""
        delay = _INITIAL_DELAY
        while pending := self._pending(observations):
            if self._deadline is None:
                self._deadline = time.monotonic() + (self.max_wait_seconds or 0)
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                break
            self.on_wait(f"waiting for {pending} ({remaining:.0f} s at most)")
            await asyncio.sleep(min(delay, remaining))
            delay = min(delay * 1.6, _MAX_DELAY)
            observations = await self._look_up()
        return observations

    def _pending(self, observations: tuple[Resource, ...]) -> str:
        """What has not propagated yet, for the progress message; empty if nothing is pending."""
        for name, propagation in propagation_by_domain(self._records, observations).items():
            if not self._is_pending(name, propagation.state):
                continue
            if self._expected.get(name) is False:
                return f"the servers of {name} to drop the record"
            return f"{name}: {propagation.message}"
        return ""

    def _is_pending(self, domain: str, state: PropagationState) -> bool:
        """Whether some servers of a domain's zone lack a change that is waited for."""
        should_exist = self._expected.get(domain)
        if should_exist is None:  # not changed in this run: an admin may be creating the record
            return self._entry(domain).dns is None and state is PropagationState.PARTIAL
        if should_exist:
            return state in {PropagationState.PARTIAL, PropagationState.MISSING}
        return state is not PropagationState.MISSING

    def _expect(self, domain: str, *, present: bool) -> None:
        self._expected[domain] = present
        self._deadline = None

    def _managed_resources(self, contexts: Iterable[DomainContext]) -> Iterator[Resource]:
        """The existing records, and the outdated values that the playbook removes."""
        for context in contexts:
            record = record_state.existing_record(context)
            if self.max_wait_seconds is None and context.name in self._expected:
                # This run does not wait for its changes, so it assumes that every server has them.
                record = context.record if self._expected[context.name] else None
            if record is not None:
                yield record
            if self._entry(context.name).outdated == "remove":
                yield from record_state.outdated_values(context)

    def _problems(self, contexts: Iterable[DomainContext]) -> Iterator[Problem]:
        for context in contexts:
            if problem := record_state.unusable_domain(context):
                yield problem

    def _history(self, context: DomainContext) -> History:
        """When the record was first seen missing, and since when every server has it, over all runs on this machine."""
        hint = f"dns:{context.record.name}"
        stored = read_hint(self.store, hint, record_state.StoredHistory)
        earlier = stored.model_dump() if stored else {}
        history = record_state.update_history(context, earlier, datetime.now(UTC))
        if history != earlier:
            with suppress(ProvisionerError):  # a lost hint costs convenience only
                self.store.put(hint, history)
        return History(
            key=context.name,
            first_seen_missing=history.get("first_seen_missing"),
            present_everywhere_since=history.get("present_everywhere_since"),
        )

    def _entry(self, domain: str) -> DomainEntry:
        return next(entry for entry in self.entries if entry.name == domain)

    def _zone(self, domain: str) -> Zone:
        return self._zones.get(domain) or Zone(key=domain)

    def _writer(self, domain: str) -> RecordWriter:
        """The writer for a domain's zone.

        Raises:
            RefusedError: the zone is unknown.
        """
        entry, public_zone = self._entry(domain), self._zone(domain)
        if entry.dns is None:
            raise ProvisionerError(f"{domain} has no dns: in the playbook, so apply cannot write its record")
        zone = entry.dns.zone or public_zone.name
        if zone is None:
            raise RefusedError(
                f"the zone of {domain} is unknown: {public_zone.problem or 'it was not looked up'}; "
                "nothing was written",
                hint="delegate the domain, or set dns: zone: in the playbook",
            )
        if domain not in self._writers:
            from .writing import record_writer  # noqa: PLC0415 - start-up time

            self._writers[domain] = record_writer(entry.dns, zone, self.connection, on_wait=self.on_wait)
        return self._writers[domain]


def is_dns_change(change: Change) -> bool:
    """Whether a change is one to the DNS."""
    return change.kind in {DomainRecord.kind, OutdatedValue.kind}


def _domain_of(change: Change) -> str:
    return change.address.split("/")[1]
