"""The OAuth scopes that each operation needs.

Source: the ``security`` of each operation in the Okta Management API description. A manage scope does not include the
read scope, so both are requested. A service app also needs an admin role (Okta developer documentation, Implement OAuth
for Okta with a service app).
"""

from __future__ import annotations

from typing import Final

from provisioner.providers.base.permissions import WRITE_METHODS, RequiredPermission

ADMIN_ROLE: Final = (
    "Application Administrator and API Access Management Administrator (Read-only Administrator for doctor)"
)

_WRITING: Final = ("apply", "destroy")
_AUDITING: Final = ("doctor",)
_API: Final = "/api/v1"

READ_APPS: Final = RequiredPermission(
    "find and read the applications and their assignments",
    ("okta.apps.read",),
    (("GET", f"{_API}/apps(?!.*group-push)"),),
)
READ_SERVERS: Final = RequiredPermission(
    "read the authorization server, its scopes and policies",
    ("okta.authorizationServers.read",),
    (("GET", f"{_API}/authorizationServers"),),
)
READ_GROUPS: Final = RequiredPermission(
    "find groups and read group push",
    ("okta.groups.read",),
    (("GET", f"{_API}/groups"), ("GET", f"{_API}/apps/.*/group-push")),
)
READ_USERS: Final = RequiredPermission("find users", ("okta.users.read",), (("GET", f"{_API}/users"),))
READ_MAPPINGS: Final = RequiredPermission(
    "read the attribute mapping",
    ("okta.profileMappings.read",),
    (("GET", f"{_API}/mappings"),),
)
READ_POLICIES: Final = RequiredPermission(
    "find the authentication policy",
    ("okta.policies.read",),
    (("GET", f"{_API}/policies"),),
)
READ_LOGS: Final = RequiredPermission(
    "read the system log", ("okta.logs.read",), (("GET", f"{_API}/logs"),), commands=_AUDITING
)
READ_DOMAINS: Final = RequiredPermission(
    "read the custom domains",
    ("okta.domains.read",),
    (("GET", f"{_API}/domains"),),
    commands=_AUDITING,
)
READ_TOKENS: Final = RequiredPermission(
    "read when the API token expires",
    ("okta.apiTokens.read",),
    (("GET", f"{_API}/api-tokens"),),
    commands=_AUDITING,
)
WRITE_GROUP_PUSH: Final = RequiredPermission(
    "push groups",
    ("okta.groups.manage",),
    ((WRITE_METHODS, f"{_API}/apps/.*/group-push"),),
    commands=_WRITING,
)
WRITE_APPS: Final = RequiredPermission(
    "create and configure the applications, and assign groups and users",
    ("okta.apps.manage",),
    ((WRITE_METHODS, f"{_API}/apps"),),
    commands=_WRITING,
)
WRITE_SERVERS: Final = RequiredPermission(
    "create and configure the authorization server",
    ("okta.authorizationServers.manage",),
    ((WRITE_METHODS, f"{_API}/authorizationServers"),),
    commands=_WRITING,
)
WRITE_MAPPINGS: Final = RequiredPermission(
    "remove attribute mappings",
    ("okta.profileMappings.manage",),
    ((WRITE_METHODS, f"{_API}/mappings"),),
    commands=_WRITING,
)

PERMISSIONS: Final = (
    READ_APPS,
    READ_SERVERS,
    READ_GROUPS,
    READ_USERS,
    READ_MAPPINGS,
    READ_POLICIES,
    READ_LOGS,
    READ_DOMAINS,
    READ_TOKENS,
    WRITE_GROUP_PUSH,
    WRITE_APPS,
    WRITE_SERVERS,
    WRITE_MAPPINGS,
)
