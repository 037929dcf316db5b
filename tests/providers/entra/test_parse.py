"""From Graph's JSON to resources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from provisioner.core.resource import WriteOnlySecret
from provisioner.providers.entra import parse
from provisioner.providers.entra import resources as kinds

APP_ID = "99999999-8888-7777-6666-555555555555"
USER_ROLE = "18d14569-c3bd-439b-9a66-3a2aee01d14f"


class TestApplications:
    def test_an_instantiated_one(self):
        ours = parse.scope_id(APP_ID, "codewhisperer:completions")
        found = parse.application(
            "kiro",
            {
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
                        {"id": ours, "value": "codewhisperer:completions", "isEnabled": True, "type": "User"},
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
            },
        )
        assert found == kinds.Application(
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
                    value="codewhisperer:completions", id=ours, enabled=True, type="User", owned=True
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
            credentials=(
                kinds.Credential(kind="secret", name="old", ends="2027-01-01T00:00:00Z"),
                kinds.Credential(kind="certificate", ends="2028-01-01T00:00:00Z"),
            ),
        )

    @pytest.mark.parametrize(
        "nothing", [{}, dict.fromkeys(("api", "publicClient", "web", "tags", "keyCredentials"))]
    )
    def test_what_is_absent_is_none_or_empty(self, nothing):
        found = parse.application("kiro", {"id": "o1", "appId": APP_ID, **nothing})
        assert found == kinds.Application(
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

    def test_every_member_that_is_read_is_asked_for(self):
        """A ``$select`` that lacks one would make it look absent in every tenant."""
        read = {"tags", "uniqueName", "signInAudience", "identifierUris", "isDisabled", "createdDateTime"}
        read |= {"id", "appId", "displayName", "api", "publicClient", "web", "spa", "applicationTemplateId"}
        assert set(parse.APPLICATION_FIELDS.split(",")) == read | {"passwordCredentials", "keyCredentials"}


def test_the_id_of_a_scope_depends_on_the_application_and_the_value_only():
    assert parse.scope_id(APP_ID, "a") == parse.scope_id(APP_ID, "a")
    other_app = "00000000-8888-7777-6666-555555555555"
    assert len({parse.scope_id(app, value) for app in (APP_ID, other_app) for value in "ab"}) == 4


class TestServicePrincipals:
    def test_one_with_roles(self):
        found = parse.service_principal(
            "kiro",
            {
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
            },
        )
        assert found == kinds.ServicePrincipal(
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

    def test_one_without_anything(self):
        found = parse.service_principal("kiro", {"id": "s1", "tags": None, "appRoles": None})
        assert found == kinds.ServicePrincipal(key="kiro", id="s1", tags=())


def test_groups_and_users():
    group = parse.group("Kiro-Users", {"id": "g1", "displayName": "Kiro-Users", "securityEnabled": True})
    assert group == kinds.Group(key="Kiro-Users", id="g1", display_name="Kiro-Users", security_enabled=True)
    assert parse.user("a@x", {"id": "u1"}) == kinds.User(key="a@x", id="u1")


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
        return parse.assignment(data, self.PRINCIPAL, names or {})

    def test_one_that_the_playbook_names_has_the_playbooks_name(self):
        assert self.parsed({"g1": "users of kiro"}) == kinds.GroupAssignment(
            key="users of kiro",
            id="a1",
            principal="g1",
            principal_name="Kiro-Users",
            role="User",
            role_id=USER_ROLE,
        )

    def test_one_that_nobody_named_is_known_by_name_and_id(self):
        found = self.parsed()
        assert found is not None
        assert found.address == "entra-group-assignment/Kiro-Users (g1)"

    def test_a_user_is_another_kind(self):
        assert isinstance(self.parsed(principalType="User"), kinds.UserAssignment)

    @pytest.mark.parametrize("principal_type", ["ServicePrincipal", None, "Device"])
    def test_what_is_neither_is_left_out(self, principal_type):
        assert self.parsed(principalType=principal_type) is None

    @pytest.mark.parametrize(
        ("role_id", "told"), [(kinds.ZERO_ROLE, "(default access)"), ("unheard-of", "unheard-of")]
    )
    def test_a_role_that_has_no_name_is_told_as_what_it_is(self, role_id, told):
        found = self.parsed(appRoleId=role_id)
        assert found is not None
        assert found.role == told


class TestJobs:
    NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def parsed(self, **job: Any) -> kinds.ProvisioningJob:
        return parse.job("kiro", {"id": "scim.1", "templateId": "scim", **job}, self.NOW)

    def test_one_that_works(self):
        found = self.parsed(
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
        assert found == kinds.ProvisioningJob(
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
    def test_one_that_never_ran(self, status):
        found = self.parsed(status=status, schedule={"interval": "P10675199DT2H48M5.4775807S"})
        assert (found.last_run, found.last_success, found.quarantine, found.overdue) == (
            None,
            None,
            None,
            False,
        )
        assert (found.synced_users, found.escrowed) == (0, 0)

    @pytest.mark.parametrize(
        ("quarantine", "last_error", "told"),
        [
            ({"code": "Bad", "message": "token"}, None, "Bad: token"),
            ({"code": "Bad"}, {"code": "Other"}, "Bad"),
            (None, {"message": "only this"}, "only this"),
            (None, None, None),
        ],
    )
    def test_one_in_quarantine_says_why(self, quarantine, last_error, told):
        found = self.parsed(
            status={
                "code": "Quarantine",
                "quarantine": {"reason": "EncounteredQuarantineException", "error": quarantine},
                "lastExecution": {"error": last_error},
            }
        )
        assert (found.quarantine, found.quarantine_error) == ("EncounteredQuarantineException", told)

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
    def test_one_is_overdue_when_it_is_on_and_two_cycles_did_not_come(self, state, ended, interval, overdue):
        found = self.parsed(
            schedule={"state": state, "interval": interval}, status={"lastExecution": {"timeEnded": ended}}
        )
        assert found.overdue is overdue

    def test_without_a_time_it_is_judged_by_the_present(self):
        data = {
            "id": "x",
            "schedule": {"state": "Active", "interval": "PT40M"},
            "status": {"lastExecution": {"timeEnded": "2020-01-01T00:00:00Z"}},
        }
        assert parse.job("kiro", data).overdue


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
    assert parse.seconds(text) == expected


class TestSecrets:
    JOB = kinds.ProvisioningJob(key="kiro", id="scim.1")
    SEAL = WriteOnlySecret(fingerprint="00$00")

    def parsed(self, *pairs: tuple[str, Any]) -> kinds.ProvisioningSecrets | None:
        data = {"value": [{"key": key, "value": value} for key, value in pairs]}
        return parse.secrets(self.JOB, data, self.SEAL)

    def test_what_graph_tells(self):
        text = (
            '{"Enabled":true,"Recipients":"a@x,b@y","DeleteThresholdEnabled":true,"DeleteThresholdValue":500}'
        )
        found = self.parsed(
            ("BaseAddress", "https://x"),
            ("SecretToken", "*"),
            ("SyncAll", "False"),
            ("SyncNotificationSettings", text),
        )
        assert found == kinds.ProvisioningSecrets(
            key="kiro",
            endpoint="https://x",
            token=self.SEAL,
            accepted_by_kiro=True,
            assigned_only=True,
            delete_threshold=500,
            recipients=("a@x", "b@y"),
        )

    @pytest.mark.parametrize("settings", [None, "", "no json", "[]", '{"Enabled":false,"Recipients":"a@x"}'])
    def test_settings_that_are_off_or_unreadable_are_none(self, settings):
        found = self.parsed(("BaseAddress", "https://x"), ("SyncNotificationSettings", settings))
        assert found is not None
        assert (found.delete_threshold, found.recipients) == (None, ())

    @pytest.mark.parametrize(("text", "only"), [("false", True), ("true", False), ("", False), (None, False)])
    def test_the_scope_is_everybody_unless_it_says_otherwise(self, text, only):
        found = self.parsed(("BaseAddress", "https://x"), ("SyncAll", text))
        assert found is not None
        assert found.assigned_only is only

    def test_a_token_that_was_never_set_is_missing(self):
        found = self.parsed(("BaseAddress", "https://x"))
        assert found is not None
        assert found.token is None

    @pytest.mark.parametrize("pairs", [(), (("BaseAddress", ""),), (("SyncAll", "false"),)])
    def test_without_an_endpoint_nothing_is_configured(self, pairs):
        assert self.parsed(*pairs) is None

    def test_no_answer_is_nothing(self):
        assert parse.secrets(self.JOB, {}, self.SEAL) is None

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
        assert parse.accepted(job) is accepted


def test_failed_sign_ins_are_grouped_by_code_and_the_newest_speaks():
    def sign_in(code: int | None, when: str, reason: str) -> dict[str, Any]:
        return {"createdDateTime": when, "status": {"errorCode": code, "failureReason": reason}}

    entries = [
        sign_in(50011, "2026-11-20T10:00:00Z", "older"),
        sign_in(0, "2026-11-20T11:00:00Z", "fine"),
        sign_in(50011, "2026-11-21T10:00:00Z", "newer"),
        sign_in(65001, "2026-11-19T10:00:00Z", "consent"),
        sign_in(None, "2026-11-19T10:00:00Z", "?"),
        {"status": None},
    ]
    first, second = parse.sign_in_errors(entries)
    assert (first.key, first.code, first.count, first.reason, first.last) == (
        "50011",
        50011,
        2,
        "newer",
        "2026-11-21T10:00:00Z",
    )
    assert (second.code, second.count) == (65001, 1)


class TestProvisioningLog:
    @staticmethod
    def entry(who: str, status: str, hour: int, **more: Any) -> dict[str, Any]:
        return {
            "activityDateTime": f"2026-11-21T{hour:02}:00:00Z",
            "sourceIdentity": {"id": who, "displayName": who.title(), "identityType": "user"},
            "provisioningStatusInfo": {"status": status, **more.pop("info", {})},
            **more,
        }

    @staticmethod
    def external_id(value: str) -> dict[str, Any]:
        return {"modifiedProperties": [{"displayName": "externalId", "newValue": value}]}

    def read(self, *entries: dict[str, Any]) -> dict[str, Any]:
        return {found.address: found for found in parse.provisioning_log(entries)}

    def test_failures_are_grouped_by_code_and_the_newest_speaks(self):
        info = {"info": {"errorInformation": {"errorCode": "Bad", "reason": "phone"}}}
        older = {"info": {"errorInformation": {"errorCode": "Bad", "reason": "older"}}}
        found = self.read(
            self.entry("ann", "failure", 1, **older),
            self.entry("bob", "Failure", 2, **info),
            self.entry("cy", "failure", 1),
        )
        bad = found["entra-provisioning-failure/Bad"]
        assert (bad.count, bad.reason, bad.who, bad.last) == (2, "phone", "Bob", "2026-11-21T02:00:00Z")
        assert found["entra-provisioning-failure/unknown"].reason is None

    def test_a_failure_that_a_later_success_mended_is_none(self):
        assert self.read(self.entry("ann", "failure", 1), self.entry("ann", "success", 2)) == {}

    def test_a_failure_after_a_success_is_one(self):
        assert len(self.read(self.entry("ann", "success", 1), self.entry("ann", "failure", 2))) == 1

    @pytest.mark.parametrize("status", ["skipped", "warning"])
    def test_what_is_neither_failure_nor_success_tells_nothing(self, status):
        assert self.read(self.entry("ann", status, 2, **self.external_id("x"))) == {}

    @pytest.mark.parametrize("value", ["alice", '"alice"'])
    def test_a_user_whose_external_id_is_not_the_object_id_is_told(self, value):
        found = self.read(self.entry("o1", "success", 1, **self.external_id(value)))
        wrong = found["entra-wrong-external-id/o1"]
        assert (wrong.name, wrong.external_id) == ("O1", "alice")

    @pytest.mark.parametrize(
        "properties",
        [
            {"modifiedProperties": [{"displayName": "externalId", "newValue": '"o1"'}]},
            {"modifiedProperties": [{"displayName": "userName", "newValue": "alice"}]},
            {"modifiedProperties": [{"displayName": "externalId", "newValue": None}]},
            {"modifiedProperties": None},
        ],
    )
    def test_a_user_with_a_right_or_an_untold_one_is_not(self, properties):
        assert self.read(self.entry("o1", "success", 1, **properties)) == {}

    @pytest.mark.parametrize(("first", "last", "told"), [("alice", "o1", 0), ("o1", "alice", 1)])
    def test_the_newest_external_id_counts(self, first, last, told):
        found = self.read(
            self.entry("o1", "success", 1, **self.external_id(first)),
            self.entry("o1", "success", 2, **self.external_id(last)),
        )
        assert len(found) == told

    def test_a_group_may_have_any(self):
        entry = self.entry("g1", "success", 1, **self.external_id("x"))
        entry["sourceIdentity"]["identityType"] = "group"
        assert self.read(entry) == {}

    def test_an_entry_without_anything_tells_nothing(self):
        assert self.read({}) == {}


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
        assert bool(list(parse.conditional_access([self.policy(**changed)], APP_ID))) is covered

    def test_it_is_told_with_its_controls(self):
        (found,) = parse.conditional_access([self.policy(displayName=None, grantControls=None)], APP_ID)
        assert (found.key, found.display_name, found.controls) == ("p1", "p1", ())

    @pytest.mark.parametrize(
        ("assigned", "may"),
        [
            (["ManagePermissionGrantsForSelf.microsoft-user-default-low"], True),
            (["managePermissionGrantsForOwnedResource.x"], False),
            ([], False),
            (None, False),
        ],
    )
    def test_users_may_consent_when_a_policy_for_themselves_is_assigned(self, assigned, may):
        data = {"defaultUserRolePermissions": {"permissionGrantPoliciesAssigned": assigned}}
        assert parse.consent_policy("k", data).user_consent is may

    def test_without_the_policy_they_may_not(self):
        assert not parse.consent_policy("k", {}).user_consent


def test_licences_are_the_enabled_entra_plans_once_each():
    def sku(status: str, *plans: str) -> dict[str, Any]:
        return {"capabilityStatus": status, "servicePlans": [{"servicePlanName": plan} for plan in plans]}

    found = parse.licences(
        "k",
        [
            sku("Enabled", "AAD_PREMIUM", "EXCHANGE"),
            sku("Enabled", "AAD_PREMIUM", "AAD_BASIC"),
            sku("Suspended", "AAD_PREMIUM_P2"),
            {"capabilityStatus": "Enabled", "servicePlans": None},
            {"capabilityStatus": "Enabled", "servicePlans": [{}]},
        ],
    )
    assert found.plans == ("AAD_BASIC", "AAD_PREMIUM")
