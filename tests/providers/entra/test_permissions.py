"""The Microsoft Graph permission that each task needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.plan import Action, Change, Plan
from provisioner.providers.base.kinds import permissions_for_plan
from provisioner.providers.base.permissions import missing_permissions, permissions_for
from provisioner.providers.entra import audit_kinds, permissions
from provisioner.providers.entra.permissions import PERMISSIONS, granted_permissions
from provisioner.providers.entra.provider import MANAGED_KINDS

SP = "/servicePrincipals/1"
JOB = f"{SP}/synchronization/jobs/scim.1"

CALLS = [
    ("GET", "/applications?$filter=displayName eq 'x'", permissions.READ_APPLICATIONS),
    ("GET", "/applications(uniqueName='x')", permissions.READ_APPLICATIONS),
    ("GET", "/applicationTemplates/1", permissions.READ_APPLICATIONS),
    ("GET", "/servicePrincipals(appId='x')", permissions.READ_APPLICATIONS),
    ("GET", f"{SP}/appRoleAssignedTo?$top=999", permissions.READ_APPLICATIONS),
    ("GET", "/directory/deletedItems/microsoft.graph.application", permissions.READ_APPLICATIONS),
    ("POST", "/applicationTemplates/1/instantiate", permissions.WRITE_APPLICATIONS),
    ("PATCH", "/applications/1", permissions.WRITE_APPLICATIONS),
    ("DELETE", "/applications/1", permissions.WRITE_APPLICATIONS),
    ("POST", "/servicePrincipals", permissions.WRITE_APPLICATIONS),
    ("PATCH", SP, permissions.WRITE_APPLICATIONS),
    ("POST", f"{SP}/appRoleAssignedTo", permissions.ASSIGN),
    ("DELETE", f"{SP}/appRoleAssignedTo/1", permissions.ASSIGN),
    ("GET", f"{SP}/synchronization/jobs", permissions.READ_PROVISIONING),
    ("GET", f"{JOB}/schema", permissions.READ_PROVISIONING),
    ("PUT", f"{JOB}/schema", permissions.WRITE_PROVISIONING),
    ("PUT", f"{SP}/synchronization/secrets", permissions.WRITE_PROVISIONING),
    ("POST", f"{JOB}/start", permissions.WRITE_PROVISIONING),
    ("POST", f"{JOB}/provisionOnDemand", permissions.WRITE_PROVISIONING),
    ("DELETE", JOB, permissions.WRITE_PROVISIONING),
    ("GET", "/groups?$filter=displayName eq 'x'", permissions.READ_GROUPS),
    ("GET", "/groups/1/members/microsoft.graph.user", permissions.READ_GROUPS),
    ("GET", "/groups/1/members?$select=id", permissions.READ_GROUPS),
    ("GET", "/users?$filter=userPrincipalName eq 'x'&$select=id,displayName", permissions.READ_USERS),
    ("GET", "/users/1", permissions.READ_USERS),
    ("GET", "/oauth2PermissionGrants?$filter=x", permissions.READ_CONSENT),
    ("GET", f"{SP}/oauth2PermissionGrants", permissions.READ_CONSENT),
    ("POST", "/oauth2PermissionGrants", permissions.CONSENT),
    ("PATCH", "/oauth2PermissionGrants/1", permissions.CONSENT),
]


def test_a_refused_request_names_the_permission_that_it_needs():
    for method, path, permission in CALLS:
        assert permissions_for(PERMISSIONS, method, path) == permission.any_of, (method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/directory/deletedItems/1/restore"),
        pytest.param("DELETE", "/directory/deletedItems/1"),
    ],
)
def test_a_refused_request_to_the_recycle_bin_names_one_too(method, path):
    assert "Application.ReadWrite.All" in permissions_for(PERMISSIONS, method, path)


@pytest.mark.parametrize(("method", "path"), [("POST", "/$batch"), ("GET", "/me"), ("HEAD", "/applications")])
def test_an_unknown_request_names_none(method, path):
    assert permissions_for(PERMISSIONS, method, path) == ()


def test_every_permission_is_named_by_its_requests_or_by_its_audit_read():
    """See test_entra_reading.py for the gaps that audit reads leave."""
    reads = (*audit_kinds.TENANT_READS, *audit_kinds.APPLICATION_READS, *audit_kinds.JOB_READS)
    by_request = {permission for _, _, permission in CALLS}
    by_read = {read.permission for read in reads} | {permissions.READ_EMAIL_ADDRESSES}
    assert by_request == {permission for permission in PERMISSIONS if permission.calls}
    assert by_request | by_read == set(PERMISSIONS)


def test_every_permission_is_complete():
    for permission in PERMISSIONS:
        assert permission.purpose
        assert permission.any_of
        assert set(permission.commands) <= {"plan", "apply", "drift", "doctor", "destroy"}


class TestPermissionsOfAToken:
    @pytest.mark.parametrize(
        ("claims", "expected"),
        [
            ({"roles": ["A.Read", "B.Read"]}, {"A.Read", "B.Read"}),
            ({"scp": "A.Read B.Read"}, {"A.Read", "B.Read"}),
            ({"scp": "A.Read", "roles": ["B.Read"]}, {"A.Read", "B.Read"}),
            ({"roles": []}, set()),
            ({"scp": ""}, set()),
            ({"roles": "A.Read", "scp": "B.Read"}, {"B.Read"}),
        ],
    )
    def test_roles_are_application_permissions_and_scp_delegated_ones(self, claims, expected):
        assert granted_permissions(claims) == expected

    @pytest.mark.parametrize("claims", [{}, {"tid": "x"}, {"roles": "A.Read"}, {"scp": ["A.Read"]}])
    def test_without_either_they_are_unknown(self, claims):
        assert granted_permissions(claims) is None

    @given(
        granted=st.frozensets(
            st.sampled_from([name for permission in PERMISSIONS for name in permission.any_of])
        )
    )
    def test_a_permission_is_missing_when_none_of_its_alternatives_is_granted(self, granted):
        absent = missing_permissions(PERMISSIONS, granted)
        for permission in PERMISSIONS:
            assert (permission in absent) is not any(name in granted for name in permission.any_of)


class TestPermissionsOfAPlan:
    @pytest.mark.parametrize(
        ("address", "permission"),
        [
            ("entra-application/k", permissions.WRITE_APPLICATIONS),
            ("entra-orphaned-application/1", permissions.WRITE_APPLICATIONS),
            ("entra-service-principal/k", permissions.WRITE_APPLICATIONS),
            ("entra-group-assignment/g", permissions.ASSIGN),
            ("entra-user-assignment/u", permissions.ASSIGN),
            ("entra-admin-consent/k", permissions.CONSENT),
            ("entra-provisioning-job/k", permissions.WRITE_PROVISIONING),
            ("entra-provisioning-secrets/k", permissions.WRITE_PROVISIONING),
            ("entra-attribute-mapping/k", permissions.WRITE_PROVISIONING),
            ("entra-provisioning-status/k", permissions.WRITE_PROVISIONING),
            ("entra-provision-on-demand/g", permissions.WRITE_PROVISIONING),
        ],
    )
    def test_every_write_needs_its_permission(self, address, permission):
        assert permissions_for_plan(
            MANAGED_KINDS, Plan(changes=(Change(action=Action.UPDATE, address=address),))
        ) == (permission,)

    def test_what_does_not_write_needs_none(self):
        changes = tuple(
            Change(action=action, address="entra-application/k") for action in (Action.NOOP, Action.WAITING)
        )
        assert permissions_for_plan(MANAGED_KINDS, Plan(changes=changes)) == ()

    def test_each_is_named_once(self):
        changes = tuple(
            Change(action=Action.CREATE, address=f"entra-group-assignment/{number}") for number in range(3)
        )
        assert permissions_for_plan(MANAGED_KINDS, Plan(changes=changes)) == (permissions.ASSIGN,)
