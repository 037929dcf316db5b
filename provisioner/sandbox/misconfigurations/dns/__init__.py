"""What people do to a domain's DNS, each under the id of the check that finds it.

Some checks are of what a playbook says, and no fault of the DNS could fail them: a private domain or a public suffix,
too many domains, one below another, an unusual label, a value that was issued too long ago.
"""

from provisioner.sandbox.misconfigurations.registry import Faults

from . import location, resolvers, servers, values
from .domain import Net

CATALOGUE: Faults[Net] = Faults({**location.fault, **values.fault, **servers.fault, **resolvers.fault})

__all__ = ["CATALOGUE", "Net"]
