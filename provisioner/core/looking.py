"""What checks have in common: getting at what they look at, and saying what would repair it."""

from __future__ import annotations

from typing import TypeVar

from .check import Look, SkipCheckError
from .plan import Desired
from .resource import Resource
from .step import ManualStep

R = TypeVar("R", bound=Resource)


def needed(look: Look, kind: type[R], otherwise: str) -> R:
    """The one resource of a kind.

    Raises:
        SkipCheckError: there is none; ``otherwise`` says what that means.
    """
    found = look.snapshot.one(kind)
    if found is None:
        raise SkipCheckError(otherwise)
    return found


def desired(look: Look, kind: type[R]) -> R:
    """What the playbook says about something of which it has one.

    Raises:
        SkipCheckError: it says nothing.
    """
    found = of_desired(look, kind)
    if not found:
        raise SkipCheckError(f"the playbook does not manage {kind.kind}")
    return found[0]


def of_desired(look: Look, kind: type[R]) -> tuple[R, ...]:
    """Everything of a kind that the playbook asks for."""
    return tuple(found for found in look.desired.resources if isinstance(found, kind))


def repaired(*resources: Resource) -> Desired:
    """A fix that sets these fields and leaves everything else alone."""
    return Desired(resources=resources)


def as_in_playbook(look: Look, *kinds: type[Resource]) -> Desired:
    """A fix that makes these kinds as the playbook says, human steps included."""
    wanted: tuple[type[Resource], ...] = (*kinds, ManualStep)
    return Desired(resources=tuple(found for found in look.desired.resources if isinstance(found, wanted)))
