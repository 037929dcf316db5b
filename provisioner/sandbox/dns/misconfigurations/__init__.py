"""Misconfigurations of a domain's DNS.

Checks of the playbook itself have none: a private domain or a public suffix, too many domains, a domain below another one,
an unusual label, a value that was issued too long ago.
"""

from provisioner.sandbox.misconfigurations import Misconfigurations

from . import location, resolvers, servers, values
from .domain import VerifiedDomain

MISCONFIGURATIONS: Misconfigurations[VerifiedDomain] = Misconfigurations(
    {
        **location.misconfiguration,
        **values.misconfiguration,
        **servers.misconfiguration,
        **resolvers.misconfiguration,
    }
)

__all__ = ["MISCONFIGURATIONS", "VerifiedDomain"]
