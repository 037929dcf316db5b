"""What the engine asks of a provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .check import Check
from .plan import Change, Desired, Guards, Plan
from .resource import AnyResource, Model, Resource
from .snapshot import Snapshot
from .step import ManualStep


class Outcome(Model):
    """What a write achieved.

    Attributes:
        resources: the resources as they are now, as far as the write tells.
        note: what a person should know, in one sentence.
    """

    resources: tuple[AnyResource, ...] = ()
    note: str = ""


class HandoffValue(Model):
    """A value that a person carries from one console to another.

    Attributes:
        name: what the vendors call it.
        value: None while it is not known; ``(secret)`` for one that is known but not shown.
        comes_from: where it is shown.
        goes_to: where it is wanted.
    """

    name: str
    value: str | None
    comes_from: str
    goes_to: str


class PermissionNeed(Model):
    """Something the product does with a tenant, and the permissions of which any one lets it.

    Attributes:
        granted: whether the credentials have one; None when they do not tell.
    """

    purpose: str
    any_of: tuple[str, ...]
    commands: tuple[str, ...]
    granted: bool | None = None


class PermissionsNeeded(Model):
    """What a playbook needs.

    Attributes:
        kind: what the vendor calls its permissions.
        who: who needs the role besides, as the beginning of a sentence.
        role: which role.
        problem: why the credentials could not be looked at, if so.
    """

    kind: str
    needs: tuple[PermissionNeed, ...]
    who: str
    role: str
    problem: str = ""


class Requests(Model):
    """How many requests were sent."""

    read: int = 0
    write: int = 0


class Provider(Protocol):
    """One playbook's view of one identity provider.

    Attributes:
        name: the identity provider's.
        title: its name for people.
        checks: those of doctor for it.
        tenant: which tenant, as the playbook names it.
        teardown_reads: kinds to read before a teardown, besides those a plan needs.
        convergence_budget: seconds within which what was written must be readable everywhere.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def checks(self) -> Iterable[Check]: ...

    @property
    def teardown_reads(self) -> frozenset[str]: ...

    @property
    def tenant(self) -> str: ...

    @property
    def convergence_budget(self) -> float: ...

    def desired(self) -> Desired:
        """What the playbook asks for."""

    def teardown(self, snapshot: Snapshot, *, purge: bool) -> Desired:
        """What is left when the playbook's integration is taken down.

        Raises:
            RefusedError: something would go that the playbook does not own.
        """

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        """What to carry to the Kiro console."""

    def guards(self) -> Guards:
        """The playbook's limits."""

    def advice(self, snapshot: Snapshot, plan: Plan) -> Iterable[str]:
        """What the author should know besides the plan; a pure function."""

    async def read(self, also: frozenset[str] = frozenset()) -> Snapshot:
        """Everything a plan needs, and these kinds besides."""

    async def look_again(self, steps: Iterable[ManualStep], world: Snapshot) -> tuple[Resource, ...]:
        """Read what proves that these human steps were done, and only that."""

    async def needed_permissions(self) -> PermissionsNeeded:
        """What the playbook needs, and what the credentials have of it."""

    async def permit(self, plan: Plan) -> None:
        """Fail before the first write if the credentials lack a permission the plan needs.

        Raises:
            PermissionDeniedError: naming the permission and the role.
            RefusedError: the credentials are for another tenant.
        """

    async def apply(self, change: Change, world: Snapshot) -> Outcome:
        """Make one change.

        Args:
            change: what to do; its references are resolved.
            world: everything known by now, the results of earlier changes included.
        """

    def requests(self) -> Requests:
        """Requests sent so far."""

    async def close(self) -> None:
        """Close the connections."""

    def outlook(self, snapshot: Snapshot) -> Iterable[str]:
        """What happens from now on without anybody doing anything, such as a record that spreads."""
