"""Every operation that the emulated Management API has."""

from __future__ import annotations

import re

from provisioner.sandbox.okta.management import (
    app_groups,
    app_users,
    apps,
    authorization_servers,
    client_secrets,
    connections,
    group_push,
    group_rules,
    groups,
    logs,
    mappings,
    org,
    schemas,
    server_policies,
    sign_in_policies,
    users,
)
from provisioner.sandbox.okta.management.call import Route
from provisioner.sandbox.okta.management.errors import OktaError, method_not_allowed

ROUTES: tuple[Route, ...] = (
    *apps.ROUTES,
    *app_groups.ROUTES,
    *app_users.ROUTES,
    *authorization_servers.ROUTES,
    *client_secrets.ROUTES,
    *connections.ROUTES,
    *group_push.ROUTES,
    *group_rules.ROUTES,
    *groups.ROUTES,
    *logs.ROUTES,
    *mappings.ROUTES,
    *org.ROUTES,
    *schemas.ROUTES,
    *server_policies.ROUTES,
    *sign_in_policies.ROUTES,
    *users.ROUTES,
)
_NAME = re.compile(r"\{(\w+)\}")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub(r"(?P<\1>[^/]+)", path))


_COMPILED = [(_pattern(route.path), route) for route in ROUTES]


def match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The operation that a request means, and the names in its path.

    Raises:
        OktaError: 405 for a known path, 404 for an unknown one (how Okta words that was not seen).
    """
    known = False
    for pattern, route in _COMPILED:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if route.method == method:
            return route, found.groupdict()
        known = True
    if known:
        raise method_not_allowed()
    raise OktaError(404, "E0000007", f"Not found: Resource not found: {path} (Endpoint)")
