"""Misconfigurations of a domain's DNS.

Checks of the playbook itself have none: a private domain or a public suffix, too many domains, a domain below another one,
an unusual label, a value that was issued too long ago.
"""

from . import location, resolvers, servers, values
from .domain import VerifiedDomain, misconfiguration

MISCONFIGURATIONS = misconfiguration

__all__ = ["MISCONFIGURATIONS", "VerifiedDomain", "location", "resolvers", "servers", "values"]
