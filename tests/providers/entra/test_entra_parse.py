"""From Graph's JSON to resources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from provisioner.core.resource import Resource, WriteOnlySecret
from provisioner.providers.base.wire import parse_resource, select
from provisioner.providers.entra import parse
from provisioner.providers.entra import resources as kinds

APP_ID = "99999999-8888-7777-6666-555555555555"
USER_ROLE = "18d14569-c3bd-439b-9a66-3a2aee01d14f"


OWN_SCOPE_ID = parse.scope_id(APP_ID, "codewhisperer:completions")
APPLICATION = {
    "id": "o1",
    "appId": APP_ID,
    "displayName": "Kiro-Entra",
    "uniqueName": "provisioner-kiro",
    "tags": ["provisioner:kiro"],
    "signInAudience": "AzureADMyOrg",
    "identifierUris": [f"api://{APP_ID}", "api://contoso.com/kiro"],
    "api": {
        "requestedAccessTokenVersion": 2,
        "oauth2PermissionScopes": [
            {"id": OWN_SCOPE_ID, "value": "codewhisperer:completions", "isEnabled": True, "type": "User"},
            {
                "id": "random",
                "value": "user_impersonation",
                "isEnabled": False,
                "type": "Admin",
                "adminConsentDisplayName": "Access Kiro",
            },
        ],
    },
    "publicClient": {"redirectUris": ["kiro://kiro.oauth/callback"]},
    "web": {"redirectUris": ["https://web"]},
    "spa": {"redirectUris": ["https://spa"]},
    "isDisabled": True,
    "applicationTemplateId": "t1",
    "createdDateTime": "2026-01-01T00:00:00Z",
    "passwordCredentials": [{"displayName": "old", "endDateTime": "2027-01-01T00:00:00Z"}],
    "keyCredentials": [{"displayName": None, "endDateTime": "2028-01-01T00:00:00Z"}],
}
PRINCIPAL = {
    "id": "s1",
    "appId": APP_ID,
    "accountEnabled": True,
    "appRoleAssignmentRequired": False,
    "tags": ["t"],
    "appOwnerOrganizationId": "tenant",
    "appRoles": [
        {"id": USER_ROLE, "displayName": "User"},
        {"id": "r2", "displayName": None, "isEnabled": False},
    ],
}


def selected(kind: type[Resource], data: dict[str, Any]) -> dict[str, Any]:
    """The members of an object that ``$select`` requests."""
    return {member: data[member] for member in select(kind).split(",") if member in data}


class TestApplications:
    def test_an_instantiated_application(self):
        assert parse.parse_application("kiro", APPLICATION) == kinds.Application(
            key="kiro",
            id="o1",
            app_id=APP_ID,
            display_name="Kiro-Entra",
            unique_name="provisioner-kiro",
            tags=("provisioner:kiro",),
            sign_in_audience="AzureADMyOrg",
            identifier_uris=(f"api://{APP_ID}", "api://contoso.com/kiro"),
            other_identifier_uris=("api://contoso.com/kiro",),
            access_token_version=2,
            scopes=(
                kinds.Scope(
                    value="codewhisperer:completions", id=OWN_SCOPE_ID, enabled=True, type="User", owned=True
                ),
                kinds.Scope(
                    value="user_impersonation",
                    id="random",
                    enabled=False,
                    type="Admin",
                    display_name="Access Kiro",
                ),
            ),
            redirect_uris=("kiro://kiro.oauth/callback",),
            web_redirect_uris=("https://web",),
            spa_redirect_uris=("https://spa",),
            disabled=True,
            template_id="t1",
            created="2026-01-01T00:00:00Z",
            password_credentials=(kinds.Credential(name="old", ends="2027-01-01T00:00:00Z"),),
            key_credentials=(kinds.Credential(ends="2028-01-01T00:00:00Z"),),
        )

    @pytest.mark.parametrize(
        "nothing", [{}, dict.fromkeys(("api", "publicClient", "web", "tags", "keyCredentials"))]
    )
    def test_what_is_absent_is_none_or_empty(self, nothing):
        parsed = parse.parse_application("kiro", {"id": "o1", "appId": APP_ID, **nothing})
        assert parsed == kinds.Application(
            key="kiro",
            id="o1",
            app_id=APP_ID,
            tags=(),
            identifier_uris=(),
            other_identifier_uris=(),
            scopes=(),
            redirect_uris=(),
            web_redirect_uris=(),
            spa_redirect_uris=(),
            disabled=False,
        )

    def test_select_covers_every_member_that_is_parsed(self):
        """A member that ``$select`` lacks would be absent in every tenant."""
        whole = parse.parse_application("kiro", APPLICATION)
        assert parse.parse_application("kiro", selected(kinds.Application, APPLICATION)) == whole


def test_the_id_of_a_scope_depends_on_the_application_and_the_value_only():
    assert parse.scope_id(APP_ID, "a") == parse.scope_id(APP_ID, "a")
    other_app = "00000000-8888-7777-6666-555555555555"
    assert len({parse.scope_id(app, value) for app in (APP_ID, other_app) for value in "ab"}) == 4


class TestServicePrincipals:
    def test_a_service_principal_with_roles(self):
        parsed = parse_resource(kinds.ServicePrincipal, "kiro", selected(kinds.ServicePrincipal, PRINCIPAL))
        assert parsed == kinds.ServicePrincipal(
            key="kiro",
            id="s1",
            app_id=APP_ID,
            account_enabled=True,
            assignment_required=False,
            tags=("t",),
            tenant_id="tenant",
            app_roles=(
                kinds.AppRole(id=USER_ROLE, display_name="User"),
                kinds.AppRole(id="r2", display_name="", enabled=False),
            ),
        )

    def test_a_service_principal_without_anything(self):
        data = {"id": "s1", "tags": None, "appRoles": None}
        parsed = parse_resource(kinds.ServicePrincipal, "kiro", data)
        assert parsed == kinds.ServicePrincipal(key="kiro", id="s1", tags=())


def test_groups_and_users():
    data = {"id": "g1", "displayName": "Kiro-Users", "securityEnabled": True}
    group = parse_resource(kinds.Group, "Kiro-Users", data)
    assert group == kinds.Group(key="Kiro-Users", id="g1", display_name="Kiro-Users", security_enabled=True)
    assert parse_resource(kinds.User, "a@x", {"id": "u1"}) == kinds.User(key="a@x", id="u1")


class TestAssignments:
    PRINCIPAL = kinds.ServicePrincipal(
        key="kiro", app_roles=(kinds.AppRole(id=USER_ROLE, display_name="User"),)
    )

    def parsed(self, names: dict[str, str] | None = None, **changed: Any) -> kinds.Assignment | None:
        data = {
            "id": "a1",
            "principalId": "g1",
            "principalType": "Group",
            "principalDisplayName": "Kiro-Users",
            "appRoleId": USER_ROLE,
            **changed,
        }
        return parse.parse_assignment(data, self.PRINCIPAL, names or {})

    def test_an_assignment_has_the_name_that_the_playbook_uses(self):
        assert self.parsed({"g1": "users of kiro"}) == kinds.GroupAssignment(
            key="users of kiro",
            id="a1",
            principal="g1",
            principal_name="Kiro-Users",
            role="User",
            role_id=USER_ROLE,
        )

    def test_an_assignment_that_the_playbook_does_not_name_is_known_by_name_and_id(self):
        parsed = self.parsed()
        assert parsed is not None
        assert parsed.address == "entra-group-assignment/Kiro-Users (g1)"

    def test_users_have_a_kind_of_their_own(self):
        assert isinstance(self.parsed(principalType="User"), kinds.UserAssignment)

    @pytest.mark.parametrize("principal_type", ["ServicePrincipal", None, "Device"])
    def test_other_principals_are_left_out(self, principal_type):
        assert self.parsed(principalType=principal_type) is None

    @pytest.mark.parametrize(
        ("role_id", "role"), [(kinds.ZERO_ROLE, "(default access)"), ("unheard-of", "unheard-of")]
    )
    def test_a_role_without_a_name(self, role_id, role):
        parsed = self.parsed(appRoleId=role_id)
        assert parsed is not None
        assert parsed.role == role


class TestJobs:
    NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def parsed(self, **job: Any) -> kinds.ProvisioningJob:
        return parse.parse_job("kiro", {"id": "scim.1", "templateId": "scim", **job}, self.NOW)

    def test_a_healthy_job(self):
        parsed = self.parsed(
            schedule={"state": "Active", "interval": "PT40M"},
            status={
                "code": "Active",
                "lastExecution": {
                    "state": "EntryLevelErrors",
                    "timeEnded": "2026-11-21T11:30:00.1234567Z",
                    "countEscrowed": 2,
                },
                "lastSuccessfulExecution": {"timeEnded": "2026-11-21T10:50:00Z"},
                "synchronizedEntryCountByType": [
                    {"key": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "value": 12},
                    {"key": "Group", "value": "3"},
                ],
            },
        )
        assert parsed == kinds.ProvisioningJob(
            key="kiro",
            id="scim.1",
            template_id="scim",
            status="Active",
            schedule="Active",
            interval_seconds=2400.0,
            last_run="2026-11-21T11:30:00.1234567Z",
            last_state="EntryLevelErrors",
            last_success="2026-11-21T10:50:00Z",
            escrowed=2,
            synced_users=12,
            synced_groups=3,
        )

    @pytest.mark.parametrize(
        "status",
        [
            None,
            {"code": "NotConfigured"},
            {"lastExecution": None, "lastSuccessfulExecution": None, "quarantine": None},
            {
                "lastExecution": {"timeEnded": parse.NEVER},
                "lastSuccessfulExecution": {"timeEnded": parse.NEVER},
            },
        ],
    )
    def test_a_job_that_never_ran(self, status):
        parsed = self.parsed(status=status, schedule={"interval": "P10675199DT2H48M5.4775807S"})
        assert (parsed.last_run, parsed.last_success, parsed.quarantine, parsed.overdue) == (
            None,
            None,
            None,
            False,
        )
        assert (parsed.synced_users, parsed.escrowed) == (0, 0)

    @pytest.mark.parametrize(
        ("quarantine", "last_error", "reason"),
        [
            ({"code": "Bad", "message": "token"}, None, "Bad: token"),
            ({"code": "Bad"}, {"code": "Other"}, "Bad"),
            (None, {"message": "only this"}, "only this"),
            (None, None, None),
        ],
    )
    def test_the_reason_for_a_quarantine(self, quarantine, last_error, reason):
        parsed = self.parsed(
            status={
                "code": "Quarantine",
                "quarantine": {"reason": "EncounteredQuarantineException", "error": quarantine},
                "lastExecution": {"error": last_error},
            }
        )
        assert (parsed.quarantine, parsed.quarantine_error) == ("EncounteredQuarantineException", reason)

    @pytest.mark.parametrize(
        ("state", "ended", "interval", "overdue"),
        [
            ("Active", "2026-11-21T11:00:00Z", "PT40M", False),
            ("Active", "2026-11-21T10:40:00Z", "PT40M", False),
            ("Active", "2026-11-21T10:39:59Z", "PT40M", True),
            ("Disabled", "2026-11-20T00:00:00Z", "PT40M", False),
            ("Active", None, "PT40M", False),
            ("Active", "2026-11-20T00:00:00Z", None, False),
        ],
    )
    def test_a_job_is_overdue_when_it_is_on_and_two_cycles_did_not_run(self, state, ended, interval, overdue):
        parsed = self.parsed(
            schedule={"state": state, "interval": interval}, status={"lastExecution": {"timeEnded": ended}}
        )
        assert parsed.overdue is overdue

    def test_without_a_time_the_current_time_counts(self):
        data = {
            "id": "x",
            "schedule": {"state": "Active", "interval": "PT40M"},
            "status": {"lastExecution": {"timeEnded": "2020-01-01T00:00:00Z"}},
        }
        assert parse.parse_job("kiro", data).overdue


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT40M", 2400),
        ("PT1H30M", 5400),
        ("P1D", 86400),
        ("P2DT3H4M5.5S", 183845.5),
        ("PT0S", 0),
        ("P", None),
        ("PT", None),
        ("P1M", None),
        ("40M", None),
        ("", None),
        (None, None),
    ],
)
def test_durations(text, expected):
    assert parse.parse_duration(text) == expected


class TestSecrets:
    JOB = kinds.ProvisioningJob(key="kiro", id="scim.1")
    TOKEN = WriteOnlySecret(fingerprint="00$00")

    def parsed(self, *pairs: tuple[str, Any]) -> kinds.ProvisioningSecrets | None:
        data = {"value": [{"key": key, "value": value} for key, value in pairs]}
        return parse.parse_secrets(self.JOB, data, self.TOKEN)

    def test_everything_that_graph_returns(self):
        text = (
            '{"Enabled":true,"Recipients":"a@x,b@y","DeleteThresholdEnabled":true,"DeleteThresholdValue":500}'
        )
        parsed = self.parsed(
            ("BaseAddress", "https://x"),
            ("SecretToken", "*"),
            ("SyncAll", "False"),
            ("SyncNotificationSettings", text),
        )
        assert parsed == kinds.ProvisioningSecrets(
            key="kiro",
            endpoint="https://x",
            token=self.TOKEN,
            accepted_by_kiro=True,
            assigned_only=True,
            delete_threshold=500,
            notify=("a@x", "b@y"),
        )

    @pytest.mark.parametrize("settings", [None, "", "no json", "[]", '{"Enabled":false,"Recipients":"a@x"}'])
    def test_settings_that_are_off_or_not_json_are_none(self, settings):
        parsed = self.parsed(("BaseAddress", "https://x"), ("SyncNotificationSettings", settings))
        assert parsed is not None
        assert (parsed.delete_threshold, parsed.notify) == (None, ())

    @pytest.mark.parametrize(("text", "only"), [("false", True), ("true", False), ("", False), (None, False)])
    def test_the_scope_is_all_users_by_default(self, text, only):
        parsed = self.parsed(("BaseAddress", "https://x"), ("SyncAll", text))
        assert parsed is not None
        assert parsed.assigned_only is only

    def test_a_token_that_was_never_set_is_missing(self):
        parsed = self.parsed(("BaseAddress", "https://x"))
        assert parsed is not None
        assert parsed.token is None

    @pytest.mark.parametrize("pairs", [(), (("BaseAddress", ""),), (("SyncAll", "false"),)])
    def test_without_an_endpoint_nothing_is_configured(self, pairs):
        assert self.parsed(*pairs) is None

    def test_an_empty_response_is_nothing(self):
        assert parse.parse_secrets(self.JOB, {}, self.TOKEN) is None

    @pytest.mark.parametrize(
        ("quarantine", "error", "accepted"),
        [
            (
                "EncounteredQuarantineException",
                "SystemForCrossDomainIdentityManagementInvalidCredentials: x",
                False,
            ),
            ("EncounteredQuarantineException", "SomethingElse", True),
            ("EncounteredQuarantineException", None, True),
            (None, "SystemForCrossDomainIdentityManagementInvalidCredentials: x", True),
        ],
    )
    def test_credentials_are_accepted_unless_the_job_is_in_quarantine_for_them(
        self, quarantine, error, accepted
    ):
        job = kinds.ProvisioningJob(key="k", quarantine=quarantine, quarantine_error=error)
        assert parse.accepted_by_kiro(job) is accepted


class TestPolicies:
    @staticmethod
    def policy(**changed: Any) -> dict[str, Any]:
        return {
            "id": "p1",
            "displayName": "Block",
            "state": "enabled",
            "conditions": {"applications": {"includeApplications": ["All"]}},
            "grantControls": {"builtInControls": ["block"]},
            **changed,
        }

    @pytest.mark.parametrize(
        ("changed", "covered"),
        [
            ({}, True),
            ({"conditions": {"applications": {"includeApplications": [APP_ID]}}}, True),
            ({"conditions": {"applications": {"includeApplications": ["other"]}}}, False),
            (
                {
                    "conditions": {
                        "applications": {"includeApplications": ["All"], "excludeApplications": [APP_ID]}
                    }
                },
                False,
            ),
            ({"state": "disabled"}, False),
            ({"state": "enabledForReportingButNotEnforced"}, False),
            ({"conditions": None}, False),
        ],
    )
    def test_a_policy_counts_when_it_is_on_and_covers_the_application(self, changed, covered):
        assert bool(list(parse.parse_conditional_access([self.policy(**changed)], APP_ID))) is covered

    def test_a_policy_has_its_id_name_and_controls(self):
        (parsed,) = parse.parse_conditional_access(
            [self.policy(displayName=None, grantControls=None)], APP_ID
        )
        assert (parsed.key, parsed.display_name, parsed.controls) == ("p1", "p1", ())

    @pytest.mark.parametrize(
        ("assigned", "may"),
        [
            (["ManagePermissionGrantsForSelf.microsoft-user-default-low"], True),
            (["managePermissionGrantsForOwnedResource.x"], False),
            ([], False),
            (None, False),
        ],
    )
    def test_users_can_consent_when_a_policy_for_themselves_is_assigned(self, assigned, may):
        data = {"defaultUserRolePermissions": {"permissionGrantPoliciesAssigned": assigned}}
        assert parse.parse_consent_policy("k", data).user_consent is may

    def test_without_the_policy_they_cannot(self):
        assert not parse.parse_consent_policy("k", {}).user_consent


def test_licences_are_the_enabled_entra_plans_once_each():
    def sku(status: str, *plans: str) -> dict[str, Any]:
        return {"capabilityStatus": status, "servicePlans": [{"servicePlanName": plan} for plan in plans]}

    parsed = parse.parse_licences(
        "k",
        [
            sku("Enabled", "AAD_PREMIUM", "EXCHANGE"),
            sku("Enabled", "AAD_PREMIUM", "AAD_BASIC"),
            sku("Suspended", "AAD_PREMIUM_P2"),
            {"capabilityStatus": "Enabled", "servicePlans": None},
            {"capabilityStatus": "Enabled", "servicePlans": [{}]},
        ],
    )
    assert parsed.plans == ("AAD_BASIC", "AAD_PREMIUM")
