"""Which OAuth scope each operation needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from provisioner.core.plan import Action, Change, Plan
from provisioner.providers.base.kinds import permissions_for_plan
from provisioner.providers.base.permissions import permissions_for
from provisioner.providers.okta import permissions
from provisioner.providers.okta.permissions import PERMISSIONS
from provisioner.providers.okta.provider import MANAGED_KINDS

APP = "/api/v1/apps/0oa1"
SERVER = "/api/v1/authorizationServers/aus1"
PUSH = f"{APP}/group-push/mappings"

CALLS = [
    ("GET", "/api/v1/apps?q=Kiro&limit=200", permissions.READ_APPS),
    ("GET", APP, permissions.READ_APPS),
    ("GET", f"{APP}/groups?expand=group", permissions.READ_APPS),
    ("GET", f"{APP}/users?limit=500", permissions.READ_APPS),
    ("POST", "/api/v1/apps?activate=true", permissions.WRITE_APPS),
    ("PUT", APP, permissions.WRITE_APPS),
    ("DELETE", APP, permissions.WRITE_APPS),
    ("POST", f"{APP}/lifecycle/deactivate", permissions.WRITE_APPS),
    ("PUT", f"{APP}/policies/rst1", permissions.WRITE_APPS),
    ("PUT", f"{APP}/groups/00g1", permissions.WRITE_APPS),
    ("DELETE", f"{APP}/users/00u1", permissions.WRITE_APPS),
    ("GET", PUSH, permissions.READ_GROUPS),
    ("POST", PUSH, permissions.WRITE_GROUP_PUSH),
    ("PATCH", f"{PUSH}/gPm1", permissions.WRITE_GROUP_PUSH),
    ("DELETE", f"{PUSH}/gPm1", permissions.WRITE_GROUP_PUSH),
    ("GET", "/api/v1/authorizationServers?q=Kiro", permissions.READ_SERVERS),
    ("GET", f"{SERVER}/policies/00p1/rules", permissions.READ_SERVERS),
    ("POST", "/api/v1/authorizationServers", permissions.WRITE_SERVERS),
    ("PUT", f"{SERVER}/scopes/scp1", permissions.WRITE_SERVERS),
    ("POST", f"{SERVER}/policies/00p1/rules/0pr1/lifecycle/activate", permissions.WRITE_SERVERS),
    ("GET", "/api/v1/groups?search=x", permissions.READ_GROUPS),
    ("GET", "/api/v1/groups/00g1/users", permissions.READ_GROUPS),
    ("GET", "/api/v1/users/alice", permissions.READ_USERS),
    ("GET", "/api/v1/mappings?targetId=0oa1", permissions.READ_MAPPINGS),
    ("POST", "/api/v1/mappings/prm1", permissions.WRITE_MAPPINGS),
    ("GET", "/api/v1/policies?type=ACCESS_POLICY", permissions.READ_POLICIES),
    ("GET", "/api/v1/logs?filter=x", permissions.READ_LOGS),
    ("GET", "/api/v1/domains", permissions.READ_DOMAINS),
    ("GET", "/api/v1/api-tokens", permissions.READ_TOKENS),
]


@pytest.mark.parametrize(("method", "path", "permission"), CALLS)
def test_a_refused_request_names_the_missing_permission(method, path, permission):
    assert permissions_for(PERMISSIONS, method, path) == permission.any_of


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/oauth2/v1/token"),
        ("HEAD", APP),
        ("GET", "/oauth2/aus1/.well-known/x"),
        ("GET", "/api/v2/apps"),
    ],
)
def test_an_unknown_request_has_no_permission(method, path):
    assert permissions_for(PERMISSIONS, method, path) == ()


def test_every_permission_covers_a_request():
    assert {permission for _, _, permission in CALLS} == set(PERMISSIONS)


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda permission: permission.purpose)
def test_every_permission_is_complete(permission):
    assert permission.purpose
    assert all(re.fullmatch(r"okta\.[a-zA-Z]+\.(read|manage)", scope) for scope in permission.any_of)
    assert set(permission.commands) <= {"plan", "apply", "drift", "doctor", "destroy"}


CONTRACT = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "okta-subset.yaml"


def test_permissions_follow_okta_s_api_description():
    """The ``security`` of each operation in the Okta Management API."""
    if not CONTRACT.exists():
        pytest.skip("the API description is not beside the repository")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    paths = yaml.load(CONTRACT.read_text(encoding="utf-8"), loader)["paths"]
    compared = 0
    for method, path, permission in CALLS:
        operation = _operation(paths, method.lower(), path.partition("?")[0])
        if operation is None:
            continue
        compared += 1
        documented = {
            scope for alternative in operation["security"] for scope in alternative.get("oauth2", ())
        }
        assert documented & set(permission.any_of), (method, path)
    assert compared > 20


def _operation(paths, method, path):
    for template, methods in paths.items():
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path) and method in methods:
            return methods[method]
    return None


class TestPermissionsForAPlan:
    @pytest.mark.parametrize(
        ("address", "permissions_"),
        [
            ("okta-application/k", (permissions.WRITE_APPS,)),
            ("okta-authentication-policy-assignment/k", (permissions.WRITE_APPS,)),
            ("okta-scim-application/k", (permissions.WRITE_APPS,)),
            ("okta-group-assignment/g", (permissions.WRITE_APPS,)),
            ("okta-user-assignment/u", (permissions.WRITE_APPS,)),
            ("okta-scim-group-assignment/g", (permissions.WRITE_APPS,)),
            ("okta-scim-user-assignment/u", (permissions.WRITE_APPS,)),
            ("okta-authorization-server/k", (permissions.WRITE_SERVERS,)),
            ("okta-scope/s", (permissions.WRITE_SERVERS,)),
            ("okta-access-policy/k", (permissions.WRITE_SERVERS,)),
            ("okta-policy-rule/k", (permissions.WRITE_SERVERS,)),
            ("okta-attribute-mapping/k", (permissions.WRITE_MAPPINGS,)),
            ("okta-group-push/g", (permissions.WRITE_APPS, permissions.WRITE_GROUP_PUSH)),
        ],
    )
    def test_every_write_needs_its_permission(self, address, permissions_):
        assert (
            permissions_for_plan(
                MANAGED_KINDS, Plan(changes=(Change(action=Action.UPDATE, address=address),))
            )
            == permissions_
        )

    def test_changes_that_do_not_write_need_none(self):
        changes = tuple(
            Change(action=action, address="okta-application/k") for action in (Action.NOOP, Action.WAITING)
        )
        assert permissions_for_plan(MANAGED_KINDS, Plan(changes=changes)) == ()

    def test_each_permission_is_listed_once(self):
        changes = tuple(
            Change(action=Action.CREATE, address=f"okta-group-assignment/{number}") for number in range(3)
        )
        assert permissions_for_plan(MANAGED_KINDS, Plan(changes=changes)) == (permissions.WRITE_APPS,)
