"""The users of the two applications, collected page by page: only ids, names and e-mail domains are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from provisioner.providers.base.wire import Json
from provisioner.providers.dns.email_domains import EmailDomains

from .observations import UserComparison

MAX_NAMES: Final = 20
"""The maximum number of names in one list of an observation."""

SAMPLE_SIZE: Final = 5000
"""The number of users whose e-mail domains are read when nothing else needs all users."""

_INACTIVE: Final = frozenset({"SUSPENDED", "DEPROVISIONED", "INACTIVE", "REVOKED"})


@dataclass
class AppUsers:
    """The users of one application.

    Attributes:
        names: user names by id.
        inactive: user names with their status, by id.
        sync_errors: names of the users whose last synchronization failed, by id.
        email_domains: domains of their e-mail addresses.
    """

    names: dict[str, str] = field(default_factory=dict)
    inactive: dict[str, str] = field(default_factory=dict)
    sync_errors: dict[str, str] = field(default_factory=dict)
    email_domains: EmailDomains = field(default_factory=EmailDomains)

    def add(self, user: Json) -> None:
        """Add an application user."""
        key = str(user["id"])
        name = str((user.get("credentials") or {}).get("userName") or key)
        self.names[key] = name
        if user.get("status") in _INACTIVE:
            self.inactive[key] = f"{name} ({str(user['status']).lower()})"
        if user.get("syncState") == "ERROR":
            self.sync_errors[key] = name
        self.email_domains.add(key, (user.get("profile") or {}).get("email") or name)


def compare_users(key: str, sign_in: AppUsers, provisioned: AppUsers | None) -> UserComparison:
    """Compare the users of the two applications, by id.

    Args:
        key: key of the observation.
        sign_in: users of the OIDC application.
        provisioned: users of the SCIM application, or None when there is no such application.
    """
    scim = provisioned or AppUsers()
    only_scim = sorted(name for user, name in scim.names.items() if user not in sign_in.names)
    only_oidc = sorted(name for user, name in sign_in.names.items() if provisioned and user not in scim.names)
    inactive = sorted({**scim.inactive, **sign_in.inactive}.values())
    sync_errors = sorted(scim.sync_errors.values())
    return UserComparison(
        key=key,
        sign_in=len(sign_in.names),
        provisioned=len(scim.names),
        only_provisioned=tuple(only_scim[:MAX_NAMES]),
        only_provisioned_count=len(only_scim),
        only_sign_in=tuple(only_oidc[:MAX_NAMES]),
        only_sign_in_count=len(only_oidc),
        inactive=tuple(inactive[:MAX_NAMES]),
        inactive_count=len(inactive),
        sync_errors=tuple(sync_errors[:MAX_NAMES]),
        sync_error_count=len(sync_errors),
    )
