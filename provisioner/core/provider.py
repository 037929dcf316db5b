"""The protocol between the engine and a provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pydantic import Field

from .check import Check
from .guards import Guards
from .manual_step import ManualStep
from .plan import Change, DesiredState, Plan
from .resource import AnyResource, Model, Resource
from .snapshot import Snapshot


class Outcome(Model):
    """The result of a write.

    Attributes:
        resources: the resources after the write, as far as the response shows them.
        note: what the admin should know, in one sentence.
    """

    resources: tuple[AnyResource, ...] = ()
    note: str = ""


class HandoffValue(Model):
    """A value that the admin copies from one console to another."""

    name: str = Field(description="The vendor's name for it.")
    value: str | None = Field(description="Null while it is unknown; (secret) if it is known and not shown.")
    source: str = Field(description="The console that shows it.")
    destination: str = Field(description="The console that asks for it.")


class PermissionStatus(Model):
    """A task of the product, and whether the credentials permit it."""

    purpose: str = Field(description="The task.")
    any_of: tuple[str, ...] = Field(description="Permissions of which any one is enough.")
    commands: tuple[str, ...] = Field(description="The commands that do the task.")
    granted: bool | None = Field(
        default=None, description="Whether the credentials have one of them; null when that cannot be read."
    )


class PermissionSummary(Model):
    """The permissions that a playbook needs."""

    kind: str = Field(description="The vendor's name for its permissions.")
    permissions: tuple[PermissionStatus, ...] = Field(description="One per task.")
    role_holder: str = Field(description="Who also needs the role, as the beginning of a sentence.")
    role: str = Field(description="The admin role.")
    problem: str = Field(default="", description="Why the granted permissions could not be read, if so.")


class RequestCounts(Model):
    """Number of requests sent."""

    read: int = Field(default=0, description="Requests that read.")
    write: int = Field(default=0, description="Requests that write.")


class Provider(Protocol):
    """One playbook's connection to one identity provider.

    Attributes:
        name: the identity provider, such as ``entra``.
        title: its name in messages.
        checks: the checks that doctor runs for it.
        tenant: the tenant that the playbook names.
        destroy_kinds: kinds that destroy reads in addition to those of a plan.
        convergence_timeout: seconds within which a write must be readable on every replica.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def checks(self) -> Iterable[Check]: ...

    @property
    def destroy_kinds(self) -> frozenset[str]: ...

    @property
    def tenant(self) -> str: ...

    @property
    def convergence_timeout(self) -> float: ...

    def desired_state(self) -> DesiredState:
        """The desired state of the playbook."""

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        """The desired state after destroy.

        Raises:
            RefusedError: it would delete something that the playbook does not own.
        """

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        """The values to copy between the consoles."""

    def guards(self) -> Guards:
        """The limits that the playbook sets for a plan."""

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterable[str]:
        """What the admin should know in addition to the plan; a pure function."""

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """Read everything a plan needs, and the extra kinds."""

    async def refresh(self, steps: Iterable[ManualStep], state: Snapshot) -> tuple[Resource, ...]:
        """Read what proves that these manual steps were done, and nothing else."""

    async def permissions(self) -> PermissionSummary:
        """The permissions that the playbook needs, and which of them the credentials have."""

    async def check_permissions(self, plan: Plan) -> None:
        """Raise before the first write if the credentials lack a permission that the plan needs.

        Raises:
            PermissionDeniedError: names the permission and the role.
            RefusedError: the credentials are for another tenant.
        """

    async def apply(self, change: Change, state: Snapshot) -> Outcome:
        """Make one change.

        Args:
            change: the change; its references are resolved.
            state: the snapshot, updated with the results of earlier changes.
        """

    def requests(self) -> RequestCounts:
        """Number of requests sent so far."""

    async def close(self) -> None:
        """Close the connections."""

    def next_steps(self, snapshot: Snapshot) -> Iterable[str]:
        """What happens next without any action of the admin, such as a DNS record that propagates."""
