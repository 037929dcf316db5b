"""A catalogue of named misconfigurations: what people do to a tenant, done on demand.

Each is one function whose docstring says what somebody did. Most change the stored documents as the portal would;
where the fault is a consequence (a quarantine, say), its cause is set up and a provisioning cycle is run.
"""

from __future__ import annotations

from . import access, application, provisioning
from .tenant import Fault, NothingToBreakError, Tenant

CATALOGUE: dict[str, Fault] = {**application.fault, **access.fault, **provisioning.fault}

__all__ = ["CATALOGUE", "NothingToBreakError", "Tenant", "apply", "described"]


def apply(tenant: Tenant, name: str) -> str:
    """Put a fault in a tenant.

    Args:
        tenant: the tenant; its server must be running.
        name: which fault.

    Returns:
        what was done, in one sentence.

    Raises:
        KeyError: there is no such fault.
        NothingToBreakError: the tenant has nothing to put it in.
    """
    CATALOGUE[name](tenant)
    return described(name)


def described(name: str) -> str:
    """What a fault does, in one sentence."""
    return " ".join((CATALOGUE[name].__doc__ or name).split())
