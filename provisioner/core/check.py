"""Checks: pure functions over a snapshot. The docstring of a check is its documentation page.

A check yields one :class:`Violation` for each problem; yielding nothing means PASS. A check whose resources could not
be read is skipped, and the finding names the missing permission.

The docstring has a title line and these sections, one paragraph each::

    Symptom: what people see.
    Why: the cause.
    Fix: what to do.
    Source: the document and section.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any, TypeVar

from pydantic import Field

from .manual_step import ManualStep
from .plan import DesiredState
from .resource import Address, Model, Resource
from .snapshot import Snapshot

R = TypeVar("R", bound=Resource)

SECTIONS = ("Symptom", "Why", "Fix", "Source")


class Status(StrEnum):
    """The outcome of a check."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


class Severity(IntEnum):
    """How urgent a finding is, lowest first."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Evidence(Model):
    """The part of the remote object that shows the problem."""

    path: str = Field(description="JSON path in the vendor's names.")
    value: Any = Field(default=None, description="The value at that path.")


class Finding(Model):
    """One problem that a check found; or that the check passed, was skipped, or failed itself.

    Attributes:
        severity: of the problem; the default of the check if there is none.
        address: the resource with the problem, if it is in one.
        fix: the desired state that fixes the problem; None if there is no automatic fix.
        permissions: for a skipped check, permissions of which any one lets it run.
        unmanaged: the playbook's ``unmanaged:`` excludes everything that the fix would change; ``fix`` is None then.
    """

    check: str
    status: Status
    severity: Severity
    address: Address = ""
    message: str = ""
    evidence: tuple[Evidence, ...] = ()
    fix: DesiredState | None = None
    permissions: tuple[str, ...] = ()
    unmanaged: bool = False


@dataclass(frozen=True)
class Violation:
    """One problem, as a check yields it.

    Args:
        message: the problem, in one sentence.
        address: the resource, if any.
        evidence: pairs of JSON path and value.
        fix: the desired state that fixes it, if there is one.
        severity: if it differs from the severity of the check.
    """

    message: str
    address: Address = ""
    evidence: tuple[tuple[str, Any], ...] = ()
    fix: DesiredState | None = None
    severity: Severity | None = None


class SkipCheckError(Exception):
    """Raised by a check that does not apply; the message is the reason."""


@dataclass(frozen=True)
class CheckContext:
    """What a check reads: the snapshot, and the desired state of the playbook."""

    snapshot: Snapshot
    desired_state: DesiredState = field(default_factory=DesiredState)

    def required(self, kind: type[R], reason: str) -> R:
        """The existing resource of a kind that has at most one.

        Args:
            kind: the kind.
            reason: why the check is skipped when it does not exist.

        Raises:
            SkipCheckError: it does not exist.
        """
        existing = self.snapshot.first(kind)
        if existing is None:
            raise SkipCheckError(reason)
        return existing

    def desired(self, kind: type[R]) -> R:
        """The desired resource of a kind that the playbook has at most one of.

        Raises:
            SkipCheckError: the playbook does not manage this kind.
        """
        resources = self.all_desired(kind)
        if not resources:
            raise SkipCheckError(f"the playbook does not manage {kind.kind}")
        return resources[0]

    def all_desired(self, kind: type[R]) -> tuple[R, ...]:
        """Every desired resource of a kind."""
        return tuple(resource for resource in self.desired_state.resources if isinstance(resource, kind))

    def as_in_playbook(self, *kinds: type[Resource]) -> DesiredState:
        """A fix that applies the playbook to these kinds, manual steps included."""
        selected: tuple[type[Resource], ...] = (*kinds, ManualStep)
        return DesiredState(
            resources=tuple(
                resource for resource in self.desired_state.resources if isinstance(resource, selected)
            )
        )


def set_fields(*resources: Resource) -> DesiredState:
    """A fix that sets the fields of these resources and leaves every other field unchanged."""
    return DesiredState(resources=resources)


CheckFunction = Callable[[CheckContext], Iterable[Violation]]


@dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes:
        id: kebab case, begins with the provider's name, never changes.
        reads: kinds of resource that must have been read.
        severity: default severity of its findings.
        troubleshooting_row: the row of Kiro's troubleshooting tables that it covers, if any.
        security: the problem changes who gets access, or where data goes.
    """

    id: str
    function: CheckFunction
    reads: tuple[type[Resource], ...]
    severity: Severity
    troubleshooting_row: str = ""
    security: bool = False

    @cached_property
    def title(self) -> str:
        return self._lines[0]

    @cached_property
    def sections(self) -> dict[str, str]:
        """The paragraphs of the docstring, by heading."""
        text = "\n".join(self._lines[1:])
        paragraphs = re.findall(
            rf"^({'|'.join(SECTIONS)}):\s*(.*?)(?=\n\s*\n|\Z)", text, re.MULTILINE | re.DOTALL
        )
        return {heading: " ".join(body.split()) for heading, body in paragraphs}

    @cached_property
    def _lines(self) -> list[str]:
        return inspect.cleandoc(self.function.__doc__ or self.id).splitlines()

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """One FAIL finding for each violation, or else exactly one PASS, SKIP or ERROR."""
        for kind in self.reads:
            if gap := context.snapshot.gap_for(kind.kind):
                yield self._finding(
                    Status.SKIP, f"{kind.kind} could not be read: {gap.reason}", permissions=gap.permissions
                )
                return
        try:
            violations = tuple(self.function(context))
        except SkipCheckError as reason:
            yield self._finding(Status.SKIP, str(reason))
            return
        except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
            yield self._finding(Status.ERROR, f"the check itself failed: {type(error).__name__}: {error}")
            return
        for violation in violations:
            yield Finding(
                check=self.id,
                status=Status.FAIL,
                severity=violation.severity or self.severity,
                address=violation.address,
                message=violation.message,
                evidence=tuple(Evidence(path=path, value=value) for path, value in violation.evidence),
                fix=violation.fix,
            )
        if not violations:
            yield self._finding(Status.PASS, self.title)

    def _finding(self, status: Status, message: str, permissions: tuple[str, ...] = ()) -> Finding:
        return Finding(
            check=self.id, status=status, severity=self.severity, message=message, permissions=permissions
        )


class CheckRegistry:
    """The checks of one theme, in order of registration. Use an instance as a decorator."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())

    def __call__(
        self,
        identifier: str,
        *,
        reads: tuple[type[Resource], ...],
        severity: Severity,
        troubleshooting_row: str = "",
        security: bool = False,
    ) -> Callable[[CheckFunction], CheckFunction]:
        """Register a function as a check; see :class:`Check` for the arguments."""

        def register(function: CheckFunction) -> CheckFunction:
            if identifier in self._checks:
                raise ValueError(f"two checks are called {identifier}")
            self._checks[identifier] = Check(
                identifier, function, reads, severity, troubleshooting_row, security
            )
            return function

        return register
