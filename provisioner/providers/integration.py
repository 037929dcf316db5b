"""One playbook's whole view: its identity provider, and the DNS of its domains, as one provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioner.core.check import Check
from provisioner.core.local_store import LocalStore
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Change, DesiredState, Guards, Plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionSummary, Provider, RequestCounts
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.core.unmanaged import is_unmanaged

from . import SandboxConnection
from .base.playbook_models import IntegrationPlaybook
from .dns import checks, manual_steps
from .dns.observations import Role
from .dns.provider import Verification, World, handles
from .dns.resources import DomainRecord, OutdatedValue
from .dns.servers import Endpoint, Limits

_PROFILE: Final = "step/kiro-profile"
_SANDBOX_WAIT: Final = 20.0
_SANDBOX_LIMITS: Final = Limits(datagram=0.4, stream=1.0)
"""Loopback answers at once, or never."""


@dataclass
class ProviderWithDomains:
    """An identity provider with domains.

    Attributes:
        identity: where people sign in.
        dns: the domains of their e-mail addresses.
    """

    identity: Provider
    dns: Verification
    playbook: IntegrationPlaybook

    @property
    def name(self) -> str:
        return self.identity.name

    @property
    def title(self) -> str:
        return self.identity.title

    @property
    def checks(self) -> Iterable[Check]:
        return (*self.identity.checks, *checks.CHECKS)

    @property
    def destroy_kinds(self) -> frozenset[str]:
        return self.identity.destroy_kinds

    @property
    def tenant(self) -> str:
        return self.identity.tenant

    @property
    def convergence_timeout(self) -> float:
        return self.identity.convergence_timeout

    def desired_state(self) -> DesiredState:
        """What the playbook asks for; a domain is added once there is a Kiro profile."""
        asked = self.identity.desired_state()
        profile = tuple(one.address for one in asked.resources if one.address == _PROFILE)
        return asked | DesiredState(
            resources=manual_steps.desired(self.dns.domains, self.playbook.deferred_variable, profile),
            orphaned=frozenset({OutdatedValue.kind}),
        )

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        """The identity provider's, without the records that apply made; what is left alone whole stays."""
        left_alone = self.identity.desired_state().unmanaged
        staying = [address for address in snapshot.by_address if is_unmanaged(left_alone, address)]
        ours = snapshot.updated((), removed=staying)
        records = tuple(one.address for one in ours.all(DomainRecord) if one.writer)
        passed = tuple(one for one in left_alone if any(is_unmanaged([one], address) for address in staying))
        return self.identity.destroyed_state(ours, purge=purge) | DesiredState(
            absent=records, unmanaged=passed
        )

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        return (*self.identity.handoff(snapshot), *self.dns.handoff())

    def guards(self) -> Guards:
        return self.identity.guards()

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the author should know besides the plan."""
        yield from self.identity.warnings(snapshot, plan)
        yield from self.dns.warnings(snapshot, plan)

    def next_steps(self, snapshot: Snapshot) -> Iterator[str]:
        """What happens from now on without anybody doing anything."""
        yield from self.identity.next_steps(snapshot)
        yield from self.dns.next_steps(snapshot)

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """Both sides at the same time."""
        there, names = await asyncio.gather(self.identity.read(extra_kinds), self.dns.read())
        return Snapshot(
            resources=(*there.resources, *names.resources),
            gaps=(*there.gaps, *names.gaps),
            problems=(*there.problems, *names.problems),
        )

    async def refresh(self, done: Iterable[ManualStep], state: Snapshot) -> tuple[Resource, ...]:
        done = tuple(done)
        return (*await self.identity.refresh(done, state), *await self.dns.refresh(done))

    async def permissions(self) -> PermissionSummary:
        return await self.identity.permissions()

    async def check_permissions(self, plan: Plan) -> None:
        """Both sides are asked before either is written to."""
        names = tuple(change for change in plan.changes if handles(change))
        await self.dns.check_permissions(plan.model_copy(update={"changes": names}))
        rest = tuple(change for change in plan.changes if not handles(change))
        if any(change.writes for change in rest):
            await self.identity.check_permissions(plan.model_copy(update={"changes": rest}))

    async def apply(self, change: Change, state: Snapshot) -> Outcome:
        if handles(change):
            return await self.dns.apply(change)
        return await self.identity.apply(change, state)

    def requests(self) -> RequestCounts:
        """Requests to the identity provider, and changes of the DNS; lookups are not counted."""
        sent = self.identity.requests()
        return sent.model_copy(update={"write": sent.write + self.dns.written})

    async def close(self) -> None:
        try:
            await self.dns.close()
        finally:
            await self.identity.close()


def with_domains(
    identity: Provider,
    playbook: Any,
    notebook: LocalStore,
    tell: Callable[[str], None],
    sandboxed: SandboxConnection | None,
    *,
    wait: bool,
    elsewhere: Mapping[str, tuple[str, ...]],
) -> ProviderWithDomains:
    """An identity provider with the domains of its playbook; see :func:`provisioner.providers.connect`."""
    seconds = float(playbook.lookup.wait)
    world = World(playbook.lookup.endpoints)
    if sandboxed:
        seconds = min(seconds, _SANDBOX_WAIT + 3 * sandboxed.replica_lag)
        resolvers = (Endpoint(name, Role.RESOLVER, *where) for name, where in sandboxed.resolvers.items())
        world = World(tuple(resolvers), sandboxed.name_servers, sandboxed.suffixes, _SANDBOX_LIMITS)
    dns = Verification(playbook.domains, world, notebook, tell, seconds if wait else None, elsewhere)
    return ProviderWithDomains(identity, dns, playbook)
