"""The parts of the engine's protocol that are the same for every identity provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from provisioner.core.check import Check
from provisioner.core.errors import PermissionDeniedError, RemoteError
from provisioner.core.guards import Guards
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Change, DesiredState, Plan
from provisioner.core.provider import Outcome, PermissionSummary, RequestCounts
from provisioner.core.resource import Resource
from provisioner.core.retry import RetryPolicy
from provisioner.core.snapshot import Snapshot

from .client import Client
from .kinds import ManagedKind, permissions_for_plan
from .permissions import RequiredPermission, permission_statuses
from .playbook_models import IntegrationPlaybook

C = TypeVar("C", bound=Client[Any])
P = TypeVar("P", bound=IntegrationPlaybook)


def sandbox_retry_policy(replica_lag: float, *, retry_after_budget: float | None = None) -> RetryPolicy:
    """Limits of waiting for the sandbox, whose replicas converge after a known time.

    Args:
        replica_lag: seconds for which the replicas of the sandbox may differ.
        retry_after_budget: the budget in seconds when the sandbox says how long to wait.
    """
    return RetryPolicy(
        budget=10 + 5 * replica_lag,
        initial_delay=0.05,
        max_delay=1.0,
        consistency_window=0.3 + 3 * replica_lag,
        retry_after_budget=retry_after_budget,
    )


@dataclass
class IdentityProvider(ABC, Generic[P, C]):
    """One playbook's connection to one tenant of a vendor; see :class:`provisioner.core.provider.Provider`.

    Attributes:
        managed_kinds: one row per kind that its playbooks ask for.
        permission_kind: the vendor's name for its permissions.
        role: the admin role that the credentials also need.
        role_holder: who needs the role, as the beginning of a sentence.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    checks: ClassVar[Iterable[Check]]
    managed_kinds: ClassVar[tuple[ManagedKind, ...]]
    destroy_kinds: ClassVar[frozenset[str]] = frozenset()
    permission_kind: ClassVar[str]
    role: ClassVar[str]
    role_holder: ClassVar[str]

    playbook: P
    client: C

    @property
    @abstractmethod
    def writer(self) -> Any:
        """The object that has the ``write`` methods of the rows."""

    @abstractmethod
    def required_permissions(self) -> Iterator[RequiredPermission]:
        """The permissions that this playbook needs, for all commands."""

    @abstractmethod
    async def granted_permissions(self) -> frozenset[str] | None:
        """The permissions that the credentials have; None when that cannot be read."""

    @property
    def convergence_timeout(self) -> float:
        return self.client.retry_policy.budget

    def desired_state(self) -> DesiredState:
        """The desired state of the playbook."""
        return self.playbook.desired_state()

    def guards(self) -> Guards:
        """The limits that the playbook sets for a plan."""
        return self.playbook.guards

    def next_steps(self, snapshot: Snapshot) -> Iterable[str]:  # noqa: ARG002 - the protocol's signature
        """Nothing: the tenant does nothing on its own."""
        return ()

    async def refresh(
        self,
        steps: Iterable[ManualStep],  # noqa: ARG002 - the protocol's signature
        state: Snapshot,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Resource, ...]:
        """Nothing, unless a provider has steps whose proof it can read."""
        return ()

    async def permissions(self) -> PermissionSummary:
        """The permissions that the playbook needs, and which of them the credentials have."""
        try:
            granted, problem = await self.granted_permissions(), ""
        except RemoteError as error:
            granted, problem = None, error.message
        return PermissionSummary(
            kind=self.permission_kind,
            permissions=permission_statuses(self.required_permissions(), granted),
            role_holder=self.role_holder,
            role=self.role,
            problem=problem,
        )

    def missing_permission(self, permission: RequiredPermission, *, role: str) -> PermissionDeniedError:
        """The error for a permission that a plan needs and the credentials lack."""
        return PermissionDeniedError(
            f"the credentials may not {permission.purpose}; nothing was written",
            permissions=permission.any_of,
            role=role,
        )

    def plan_permissions(self, plan: Plan) -> tuple[RequiredPermission, ...]:
        """The permissions that the writes of a plan need."""
        return permissions_for_plan(self.managed_kinds, plan)

    async def apply(self, change: Change, state: Snapshot) -> Outcome:
        """Make one change with the writer of its kind."""
        write = next(row.write for row in self.managed_kinds if row.write and row.kind.kind == change.kind)
        return await write(self.writer, change, state)

    def requests(self) -> RequestCounts:
        """Number of requests sent so far."""
        return RequestCounts(read=self.client.count.read, write=self.client.count.write)

    async def close(self) -> None:
        """Close the connection."""
        await self.client.close()
