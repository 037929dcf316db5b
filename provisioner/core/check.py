"""Checks: one pure function each, whose docstring is its documentation page.

A check looks at a snapshot and yields a verdict for everything that is wrong; yielding nothing means PASS. What it
needs but nobody could read makes it SKIP, with the missing permission named.

The docstring has a title line and these sections, one paragraph each::

    Symptom: what a person sees.
    Why: what is behind it.
    Fix: what to do about it.
    Source: where this is documented.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any

from .plan import Desired
from .resource import Address, Model, Resource
from .snapshot import Snapshot

SECTIONS = ("Symptom", "Why", "Fix", "Source")


class Status(StrEnum):
    """The outcome of a check."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


class Severity(IntEnum):
    """How much a finding matters, least first."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Evidence(Model):
    """Where in the remote object the fault is seen.

    Attributes:
        path: a JSON path in the vendor's own names.
        value: what stands there.
    """

    path: str
    value: Any = None


class Finding(Model):
    """What one check says about one resource.

    Attributes:
        fix: what should be, for the one write path to make it so; None when a person must decide.
        needs: permissions of which any one would let a skipped check run.
        left_alone: the playbook says that what would have to change is not to be touched.
    """

    check: str
    status: Status
    severity: Severity
    address: Address = ""
    message: str = ""
    evidence: tuple[Evidence, ...] = ()
    fix: Desired | None = None
    needs: tuple[str, ...] = ()
    left_alone: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a check yields for a fault.

    Args:
        message: what is wrong, in one sentence.
        address: the resource, if there is one.
        evidence: path and value pairs.
        fix: the desired state that repairs it, if the product can.
        severity: where it differs from the check's own.
    """

    message: str
    address: Address = ""
    evidence: tuple[tuple[str, Any], ...] = ()
    fix: Desired | None = None
    severity: Severity | None = None


class SkipCheckError(Exception):
    """Raised by a check that cannot say anything, with the reason."""


@dataclass(frozen=True)
class Look:
    """What a check may look at: what is, and what the playbook says should be."""

    snapshot: Snapshot
    desired: Desired = field(default_factory=Desired)


Judge = Callable[[Look], Iterable[Verdict]]


@dataclass(frozen=True)
class Check:
    """A check and what is known about it.

    Attributes:
        id: kebab case, begins with the provider's name, never changes.
        reads: the kinds of resource without which it cannot run.
        severity: of its findings.
        row: the row of the vendor's troubleshooting table that it covers, if any.
        security: a fault decides who gets in, or where data goes.
    """

    id: str
    judge: Judge
    reads: tuple[type[Resource], ...]
    severity: Severity
    row: str = ""
    security: bool = False

    @cached_property
    def title(self) -> str:
        return self._lines[0]

    @cached_property
    def sections(self) -> dict[str, str]:
        """The paragraphs of the docstring by their headings."""
        text = "\n".join(self._lines[1:])
        found = re.findall(rf"^({'|'.join(SECTIONS)}):\s*(.*?)(?=\n\s*\n|\Z)", text, re.MULTILINE | re.DOTALL)
        return {heading: " ".join(body.split()) for heading, body in found}

    @cached_property
    def _lines(self) -> list[str]:
        return inspect.cleandoc(self.judge.__doc__ or self.id).splitlines()

    def run(self, look: Look) -> Iterator[Finding]:
        """Every finding of this check; exactly one PASS, SKIP or ERROR when there is nothing wrong to tell."""
        for kind in self.reads:
            if gap := look.snapshot.gap(kind.kind):
                yield self._finding(
                    Status.SKIP, f"{kind.kind} could not be read: {gap.reason}", needs=gap.needs
                )
                return
        try:
            verdicts = tuple(self.judge(look))
        except SkipCheckError as reason:
            yield self._finding(Status.SKIP, str(reason))
            return
        except Exception as error:  # noqa: BLE001 - a broken check must not hide the others
            yield self._finding(Status.ERROR, f"the check itself failed: {type(error).__name__}: {error}")
            return
        for verdict in verdicts:
            yield Finding(
                check=self.id,
                status=Status.FAIL,
                severity=verdict.severity or self.severity,
                address=verdict.address,
                message=verdict.message,
                evidence=tuple(Evidence(path=path, value=value) for path, value in verdict.evidence),
                fix=verdict.fix,
            )
        if not verdicts:
            yield self._finding(Status.PASS, self.title)

    def _finding(self, status: Status, message: str, needs: tuple[str, ...] = ()) -> Finding:
        return Finding(check=self.id, status=status, severity=self.severity, message=message, needs=needs)


class Catalogue:
    """The checks of one provider, in the order in which they are registered."""

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
        row: str = "",
        security: bool = False,
    ) -> Callable[[Judge], Judge]:
        """Decorate a function to make it a check; see :class:`Check` for the arguments."""

        def register(judge: Judge) -> Judge:
            if identifier in self._checks:
                raise ValueError(f"two checks are called {identifier}")
            self._checks[identifier] = Check(identifier, judge, reads, severity, row, security)
            return judge

        return register
