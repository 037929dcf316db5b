"""One playbook's whole view: its identity provider, and the DNS of its domains, as one provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioner.core.check import Check
from provisioner.core.leaving import left_whole
from provisioner.core.notebook import Notebook
from provisioner.core.plan import Change, Desired, Guards, Plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionsNeeded, Provider, Requests
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.core.step import ManualStep

from . import Sandboxed
from .dns import checks, steps
from .dns.observations import Role
from .dns.resources import DomainRecord, OutdatedValue
from .dns.servers import Endpoint, Limits
from .dns.verification import Verification, World, handles
from .keys import IntegrationPlaybook

_PROFILE: Final = "step/kiro-profile"
_SANDBOX_WAIT: Final = 20.0
_SANDBOX_LIMITS: Final = Limits(datagram=0.4, stream=1.0)
"""Loopback answers at once, or never."""


@dataclass
class Integration:
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
    def teardown_reads(self) -> frozenset[str]:
        return self.identity.teardown_reads

    @property
    def tenant(self) -> str:
        return self.identity.tenant

    @property
    def convergence_budget(self) -> float:
        return self.identity.convergence_budget

    def desired(self) -> Desired:
        """What the playbook asks for; a domain is added once there is a Kiro profile."""
        asked = self.identity.desired()
        profile = tuple(one.address for one in asked.resources if one.address == _PROFILE)
        return asked | Desired(
            resources=steps.desired(self.dns.domains, self.playbook.awaited, profile),
            leftovers=frozenset({OutdatedValue.kind}),
        )

    def teardown(self, snapshot: Snapshot, *, purge: bool) -> Desired:
        """The identity provider's, without the records that apply made; what is left alone whole stays."""
        left_alone = self.identity.desired().left_alone
        staying = [address for address in snapshot.by_address if left_whole(left_alone, address)]
        ours = snapshot.updated((), gone=staying)
        records = tuple(one.address for one in ours.of(DomainRecord) if one.writer)
        passed = tuple(one for one in left_alone if any(left_whole([one], address) for address in staying))
        return self.identity.teardown(ours, purge=purge) | Desired(absent=records, left_alone=passed)

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        return (*self.identity.handoff(snapshot), *self.dns.handoff())

    def guards(self) -> Guards:
        return self.identity.guards()

    def advice(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the author should know besides the plan."""
        yield from self.identity.advice(snapshot, plan)
        yield from self.dns.advice(snapshot, plan)

    def outlook(self, snapshot: Snapshot) -> Iterator[str]:
        """What happens from now on without anybody doing anything."""
        yield from self.identity.outlook(snapshot)
        yield from self.dns.outlook(snapshot)

    async def read(self, also: frozenset[str] = frozenset()) -> Snapshot:
        """Both sides at the same time."""
        there, names = await asyncio.gather(self.identity.read(also), self.dns.read())
        return Snapshot(
            resources=(*there.resources, *names.resources),
            gaps=(*there.gaps, *names.gaps),
            problems=(*there.problems, *names.problems),
        )

    async def look_again(self, done: Iterable[ManualStep], world: Snapshot) -> tuple[Resource, ...]:
        done = tuple(done)
        return (*await self.identity.look_again(done, world), *await self.dns.look_again(done))

    async def needed_permissions(self) -> PermissionsNeeded:
        return await self.identity.needed_permissions()

    async def permit(self, plan: Plan) -> None:
        """Both sides are asked before either is written to."""
        names = tuple(change for change in plan.changes if handles(change))
        await self.dns.permit(plan.model_copy(update={"changes": names}))
        rest = tuple(change for change in plan.changes if not handles(change))
        if any(change.writes for change in rest):
            await self.identity.permit(plan.model_copy(update={"changes": rest}))

    async def apply(self, change: Change, world: Snapshot) -> Outcome:
        if handles(change):
            return await self.dns.apply(change)
        return await self.identity.apply(change, world)

    def requests(self) -> Requests:
        """Requests to the identity provider, and changes of the DNS; lookups are not counted."""
        sent = self.identity.requests()
        return sent.model_copy(update={"write": sent.write + self.dns.written})

    async def close(self) -> None:
        try:
            await self.dns.close()
        finally:
            await self.identity.close()


def integrated(
    identity: Provider,
    playbook: Any,
    notebook: Notebook,
    tell: Callable[[str], None],
    sandboxed: Sandboxed | None,
    *,
    wait: bool,
    elsewhere: Mapping[str, tuple[str, ...]],
) -> Integration:
    """An identity provider with the domains of its playbook; see :func:`provisioner.providers.connect`."""
    seconds = float(playbook.lookup.wait)
    world = World(playbook.lookup.endpoints)
    if sandboxed:
        seconds = min(seconds, _SANDBOX_WAIT + 3 * sandboxed.lag)
        resolvers = (Endpoint(name, Role.RESOLVER, *where) for name, where in sandboxed.resolvers.items())
        world = World(tuple(resolvers), sandboxed.name_servers, sandboxed.suffixes, _SANDBOX_LIMITS)
    dns = Verification(playbook.domains, world, notebook, tell, seconds if wait else None, elsewhere)
    return Integration(identity, dns, playbook)
