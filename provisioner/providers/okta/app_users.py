"""Who is in the two applications, compared while the pages arrive: only ids, names and e-mail domains are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from provisioner.providers.dns.email_domains import EmailDomains

from . import observations as seen
from .resources import Json

SHOWN: Final = 20
"""How many names of each sort a finding may show."""

ENOUGH: Final = 5000
"""Of how many users the addresses are read, where nothing else needs all of them."""

_NOT_ACTIVE: Final = frozenset({"SUSPENDED", "DEPROVISIONED", "INACTIVE", "REVOKED"})


@dataclass
class AppUsers:
    """The users of one application.

    Attributes:
        census: the domains of their e-mail addresses.
    """

    names: dict[str, str] = field(default_factory=dict)
    not_active: dict[str, str] = field(default_factory=dict)
    in_error: dict[str, str] = field(default_factory=dict)
    census: EmailDomains = field(default_factory=EmailDomains)

    def add(self, user: Json) -> None:
        """Take an application user."""
        key = str(user["id"])
        name = str((user.get("credentials") or {}).get("userName") or key)
        self.names[key] = name
        if user.get("status") in _NOT_ACTIVE:
            self.not_active[key] = f"{name} ({str(user['status']).lower()})"
        if user.get("syncState") == "ERROR":
            self.in_error[key] = name
        self.census.add(key, (user.get("profile") or {}).get("email") or name)


def compared(key: str, signing_in: AppUsers, provisioned: AppUsers | None) -> seen.People:
    """The two applications' users against each other.

    Args:
        key: of the observation.
        signing_in: the OIDC application's.
        provisioned: the SCIM application's, or None when there is none.
    """
    scim = provisioned or AppUsers()
    only_scim = sorted(name for id_, name in scim.names.items() if id_ not in signing_in.names)
    only_oidc = (
        sorted(name for id_, name in signing_in.names.items() if id_ not in scim.names) if provisioned else []
    )
    idle = sorted({**scim.not_active, **signing_in.not_active}.values())
    broken = sorted(scim.in_error.values())
    return seen.People(
        key=key,
        signing_in=len(signing_in.names),
        provisioned=len(scim.names),
        only_provisioned=tuple(only_scim[:SHOWN]),
        only_provisioned_count=len(only_scim),
        only_signing_in=tuple(only_oidc[:SHOWN]),
        only_signing_in_count=len(only_oidc),
        not_active=tuple(idle[:SHOWN]),
        not_active_count=len(idle),
        in_error=tuple(broken[:SHOWN]),
        in_error_count=len(broken),
    )
