"""An identity provider and the DNS of its playbook's domains, joined into one provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioner.core.check import Check
from provisioner.core.guards import Guards
from provisioner.core.local_store import LocalStore
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Change, DesiredState, Plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionSummary, Provider, RequestCounts
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.core.unmanaged import is_unmanaged

from . import SandboxConnection
from .base.playbook_models import IntegrationPlaybook
from .dns.checks import CHECKS
from .dns.manual_steps import desired_resources
from .dns.observations import ServerRole
from .dns.provider import DnsProvider, is_dns_change
from .dns.resources import DomainRecord, OutdatedValue
from .dns.servers import DnsConnection, Endpoint

_KIRO_PROFILE: Final = "step/kiro-profile"
_SANDBOX_WAIT: Final = 20.0
"""Seconds to wait for the sandbox's name servers when its replicas do not lag."""


@dataclass
class ProviderWithDomains:
    """An identity provider with domains.

    Attributes:
        identity: the identity provider.
        dns: the domains of the playbook.
    """

    identity: Provider
    dns: DnsProvider
    playbook: IntegrationPlaybook

    @property
    def name(self) -> str:
        return self.identity.name

    @property
    def title(self) -> str:
        return self.identity.title

    @property
    def checks(self) -> Iterable[Check]:
        return (*self.identity.checks, *CHECKS)

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
        """The desired state of the playbook; domains are added after the Kiro profile is created."""
        identity = self.identity.desired_state()
        profile = tuple(step.address for step in identity.resources if step.address == _KIRO_PROFILE)
        return identity | DesiredState(
            resources=desired_resources(self.dns.entries, self.playbook.deferred_variable, profile),
            orphaned=frozenset({OutdatedValue.kind}),
        )

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        """The identity provider's, without the records that apply created; unmanaged resources stay."""
        rules = self.identity.desired_state().unmanaged
        unmanaged = [address for address in snapshot.by_address if is_unmanaged(rules, address)]
        managed = snapshot.updated((), removed=unmanaged)
        records = tuple(record.address for record in managed.all(DomainRecord) if record.dns_provider)
        used_rules = tuple(
            rule for rule in rules if any(is_unmanaged([rule], address) for address in unmanaged)
        )
        return self.identity.destroyed_state(managed, purge=purge) | DesiredState(
            absent=records, unmanaged=used_rules
        )

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        return (*self.identity.handoff(snapshot), *self.dns.handoff())

    def guards(self) -> Guards:
        return self.identity.guards()

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the admin should know in addition to the plan."""
        yield from self.identity.warnings(snapshot, plan)
        yield from self.dns.warnings(snapshot, plan)

    def next_steps(self, snapshot: Snapshot) -> Iterator[str]:
        """What happens next without any action of the admin."""
        yield from self.identity.next_steps(snapshot)
        yield from self.dns.next_steps(snapshot)

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """Read both sides at the same time."""
        identity, dns = await asyncio.gather(self.identity.read(extra_kinds), self.dns.read())
        return Snapshot(
            resources=(*identity.resources, *dns.resources),
            gaps=(*identity.gaps, *dns.gaps),
            problems=(*identity.problems, *dns.problems),
        )

    async def refresh(self, steps: Iterable[ManualStep], state: Snapshot) -> tuple[Resource, ...]:
        steps = tuple(steps)
        return (*await self.identity.refresh(steps, state), *await self.dns.refresh(steps))

    async def permissions(self) -> PermissionSummary:
        return await self.identity.permissions()

    async def check_permissions(self, plan: Plan) -> None:
        """Check both sides before the first write to either."""
        dns_changes = tuple(change for change in plan.changes if is_dns_change(change))
        await self.dns.check_permissions(plan.model_copy(update={"changes": dns_changes}))
        identity_changes = tuple(change for change in plan.changes if not is_dns_change(change))
        if any(change.writes for change in identity_changes):
            await self.identity.check_permissions(plan.model_copy(update={"changes": identity_changes}))

    async def apply(self, change: Change, state: Snapshot) -> Outcome:
        if is_dns_change(change):
            return await self.dns.apply(change)
        return await self.identity.apply(change, state)

    def requests(self) -> RequestCounts:
        """Requests to the identity provider, and changes of the DNS; DNS queries are not counted."""
        counts = self.identity.requests()
        return counts.model_copy(update={"write": counts.write + self.dns.writes})

    async def close(self) -> None:
        try:
            await self.dns.close()
        finally:
            await self.identity.close()


def with_domains(
    identity: Provider,
    playbook: Any,
    store: LocalStore,
    on_wait: Callable[[str], None],
    sandbox: SandboxConnection | None,
    *,
    wait: bool,
    other_playbooks: Mapping[str, tuple[str, ...]],
) -> ProviderWithDomains:
    """An identity provider with the domains of its playbook; see :func:`provisioner.providers.connect`."""
    seconds = float(playbook.lookup.wait)
    connection = DnsConnection(playbook.lookup.endpoints)
    if sandbox:
        seconds = min(seconds, _SANDBOX_WAIT + 3 * sandbox.replica_lag)
        connection = DnsConnection(
            resolvers=tuple(
                Endpoint(name, ServerRole.RESOLVER, *address) for name, address in sandbox.resolvers.items()
            ),
            overrides=sandbox.name_servers,
            suffixes=sandbox.suffixes,
        )
    max_wait_seconds = seconds if wait else None
    dns = DnsProvider(playbook.domains, connection, store, on_wait, max_wait_seconds, other_playbooks)
    return ProviderWithDomains(identity, dns, playbook)
