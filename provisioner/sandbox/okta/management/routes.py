"""The operations of the emulated Management API."""

from __future__ import annotations

import re

from provisioner.sandbox.okta.management import (
    app_connections,
    app_grants,
    app_groups,
    app_users,
    apps,
    authorization_server_policies,
    authorization_server_scopes,
    authorization_servers,
    client_secrets,
    group_push_mappings,
    groups,
    org,
    policies,
    profile_mappings,
    schemas,
    system_log,
    users,
)
from provisioner.sandbox.okta.management.errors import method_not_allowed, not_found
from provisioner.sandbox.okta.management.request import Route

ROUTES: tuple[Route, ...] = (
    *app_connections.ROUTES,
    *app_grants.ROUTES,
    *app_groups.ROUTES,
    *app_users.ROUTES,
    *apps.ROUTES,
    *authorization_server_policies.ROUTES,
    *authorization_server_scopes.ROUTES,
    *authorization_servers.ROUTES,
    *client_secrets.ROUTES,
    *group_push_mappings.ROUTES,
    *groups.ROUTES,
    *org.ROUTES,
    *policies.ROUTES,
    *profile_mappings.ROUTES,
    *schemas.ROUTES,
    *system_log.ROUTES,
    *users.ROUTES,
)
_PARAMETER = re.compile(r"\{(\w+)\}")
_PATTERNS = [(re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", route.path)), route) for route in ROUTES]


def match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request, and the values of the parameters in its path.

    Raises:
        OktaError: 405 for a known path, 404 for an unknown one (Okta's text for it is not recorded).
    """
    path_exists = False
    for pattern, route in _PATTERNS:
        path_match = pattern.fullmatch(path)
        if path_match is None:
            continue
        if route.method == method:
            return route, path_match.groupdict()
        path_exists = True
    if path_exists:
        raise method_not_allowed()
    raise not_found(path, "Endpoint")
