"""A catalogue of named misconfigurations: what people do to a tenant, done on demand.

Each is one function whose docstring says what somebody did. Most change the stored documents as the portal or console
would; where the fault is a consequence (a quarantine, say), its cause is set up and provisioning is run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import dns, entra, okta
from .registry import NothingToBreakError

if TYPE_CHECKING:
    from provisioner.sandbox.sandbox import Sandbox

CATALOGUE: dict[str, Callable[[Any], None]] = {**entra.CATALOGUE, **okta.CATALOGUE, **dns.CATALOGUE}

__all__ = ["CATALOGUE", "NothingToBreakError", "apply", "described"]


def apply(sandbox: Sandbox, name: str, application: str | None = None) -> str:
    """Put a fault in a tenant.

    Args:
        sandbox: the sandbox; its server must be running.
        name: which fault; its first word names the provider whose tenant it is for, or the DNS.
        application: display name or label of the application to break, or the domain; the newest by default.

    Returns:
        what was done, in one sentence.

    Raises:
        KeyError: there is no such fault.
        NothingToBreakError: the tenant has nothing to put it in.
    """
    if name in okta.CATALOGUE:
        okta.CATALOGUE[name](okta.Org(sandbox.okta, sandbox.kiro, application))
    elif name in dns.CATALOGUE:
        dns.CATALOGUE[name](dns.Net(sandbox.names.store, application))
    else:
        entra.CATALOGUE[name](entra.Tenant(sandbox.directory, sandbox.kiro, application))
    return described(name)


def described(name: str) -> str:
    """What a fault does, in one sentence."""
    return " ".join((CATALOGUE[name].__doc__ or name).split())
