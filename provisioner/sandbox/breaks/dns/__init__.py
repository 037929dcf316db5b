"""What people do to a domain's DNS, each under the id of the check that finds it.

Some checks are of what a playbook says, and no fault of the DNS could fail them: a private domain or a public suffix,
too many domains, one below another, an unusual label, a value that was issued too long ago.
"""

from provisioner.sandbox.breaks.catalogue import Faults

from . import placement, resolvers, servers, values
from .net import Net

CATALOGUE: Faults[Net] = Faults({**placement.fault, **values.fault, **servers.fault, **resolvers.fault})

__all__ = ["CATALOGUE", "Net"]
