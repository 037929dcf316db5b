"""Okta's JSON to resources."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import parse
from provisioner.providers.okta import resources as kinds
from tests.providers.okta.recordings import objects

APPLICATION = {
    "id": "0oa1",
    "name": "oidc_client",
    "label": "Kiro",
    "status": "ACTIVE",
    "lastUpdated": "2026-11-01T00:00:00.000Z",
    "features": [],
    "credentials": {
        "oauthClient": {
            "client_id": "client1",
            "token_endpoint_auth_method": "none",
            "pkce_required": True,
            "autoKeyRotation": True,
        }
    },
    "settings": {
        "app": {},
        "notes": {"admin": "provisioner-kiro", "enduser": None},
        "oauthClient": {
            "application_type": "native",
            "grant_types": ["refresh_token", "authorization_code"],
            "response_types": ["code"],
            "redirect_uris": ["kiro://kiro.oauth/callback"],
            "wildcard_redirect": "SUBDOMAIN",
            "refresh_token": {"rotation_type": "STATIC"},
        },
    },
    "_links": {"accessPolicy": {"href": "https://acme.okta.com/api/v1/policies/rst1"}},
}


class TestApplications:
    def test_every_field_comes_from_its_member(self):
        assert parse.application("kiro", APPLICATION) == kinds.Application(
            key="kiro",
            label="Kiro",
            active=True,
            application_type="native",
            authentication="none",
            pkce_required=True,
            grant_types=("refresh_token", "authorization_code"),
            response_types=("code",),
            redirect_uris=("kiro://kiro.oauth/callback",),
            wildcard_redirect="SUBDOMAIN",
            notes="provisioner-kiro",
            id="0oa1",
            client_id="client1",
            refresh_rotation="STATIC",
            policy_id="rst1",
            last_updated="2026-11-01T00:00:00.000Z",
        )

    def test_one_of_which_little_is_told_has_empty_collections(self):
        found = parse.application(
            "kiro", {"id": "0oa1", "settings": None, "credentials": {"oauthClient": None}}
        )
        assert (found.grant_types, found.redirect_uris, found.pkce_required) == ((), (), False)
        assert (found.active, found.wildcard_redirect, found.policy_id) == (False, "DISABLED", None)

    def test_the_one_from_the_catalogue(self):
        data = {
            "id": "0oa2",
            "label": "Kiro-SCIM",
            "status": "INACTIVE",
            "settings": {"notes": {"admin": "x"}},
        }
        assert parse.scim_application("kiro", data) == kinds.ScimApplication(
            key="kiro", label="Kiro-SCIM", active=False, notes="x", id="0oa2"
        )

    def test_another_one(self):
        assert parse.other_application(APPLICATION) == seen.OtherApplication(
            key="0oa1", id="0oa1", label="Kiro", name="oidc_client", status="ACTIVE"
        )


class TestProvisioning:
    @pytest.mark.parametrize(
        ("features", "told"),
        [
            ([], (None, None, None, None, None)),
            (None, (None, None, None, None, None)),
            (["GROUP_PUSH"], (True, None, None, None, None)),
            (["PUSH_NEW_USERS"], (True, True, None, None, None)),
            (["PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES"], (True, True, True, None, None)),
            (
                ["PUSH_USER_DEACTIVATION", "PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES", "X"],
                (True, True, True, True, True),
            ),
        ],
    )
    def test_the_switches_are_told_by_the_features_and_never_said_to_be_off(self, features, told):
        found = parse.provisioning("kiro", {"id": "0oa2", "features": features})
        switches = (found.create_users, found.update_users, found.deactivate_users)
        assert (found.integrated, *switches, found.complete) == told
        assert found.features == tuple(features or ())


class TestTheServer:
    def test_a_server(self):
        data = {
            "id": "aus1",
            "name": "Kiro",
            "description": None,
            "audiences": ["kiro"],
            "issuer": "https://acme.okta.com/oauth2/aus1",
            "issuerMode": "DYNAMIC",
            "status": "ACTIVE",
            "lastUpdated": "u",
            "credentials": {"signing": {"rotationMode": "AUTO", "nextRotation": "n"}},
        }
        assert parse.server("kiro", data) == kinds.AuthorizationServer(
            key="kiro",
            name="Kiro",
            audience="kiro",
            active=True,
            issuer_mode="DYNAMIC",
            rotation="AUTO",
            id="aus1",
            issuer="https://acme.okta.com/oauth2/aus1",
            next_rotation="n",
            last_updated="u",
        )

    def test_one_without_an_audience(self):
        assert parse.server("kiro", {"id": "aus1", "audiences": []}).audience is None

    @pytest.mark.parametrize(
        ("publish", "published"), [("ALL_CLIENTS", True), ("NO_CLIENTS", False), (None, False)]
    )
    def test_a_scope(self, publish, published):
        data = {"id": "scp1", "name": "a:b", "consent": "FLEXIBLE", "metadataPublish": publish}
        expected = kinds.Scope(key="a:b", consent="FLEXIBLE", default=False, id="scp1", published=published)
        assert parse.scope(data) == expected

    def test_a_policy_ours_and_another(self):
        data = {
            "id": "00p1",
            "name": "Kiro",
            "status": "INACTIVE",
            "priority": 3,
            "conditions": {"clients": {"include": ["c"]}},
        }
        assert parse.policy("kiro", data) == kinds.AccessPolicy(
            key="kiro", name="Kiro", active=False, clients=("c",), priority=3, id="00p1"
        )
        assert parse.other_policy(data) == seen.OtherPolicy(
            key="00p1", name="Kiro", active=False, clients=("c",), priority=3
        )

    def test_a_policy_without_conditions_is_for_nobody(self):
        assert parse.policy("kiro", {"id": "00p1"}).clients == ()

    def test_a_rule_ours_and_another(self):
        people = {
            "groups": {"include": ["EVERYONE"], "exclude": ["g"]},
            "users": {"include": ["u"], "exclude": ["v"]},
        }
        data = {
            "id": "0pr1",
            "name": "Kiro",
            "status": "ACTIVE",
            "priority": 1,
            "conditions": {
                "people": people,
                "grantTypes": {"include": ["authorization_code"]},
                "scopes": {"include": ["*"]},
            },
            "actions": {
                "token": {
                    "accessTokenLifetimeMinutes": 60,
                    "refreshTokenLifetimeMinutes": 0,
                    "refreshTokenWindowMinutes": 10080,
                }
            },
        }
        conditions = {
            "grant_types": ("authorization_code",),
            "scopes": ("*",),
            "groups": ("EVERYONE",),
            "users": ("u",),
            "excluded_groups": ("g",),
            "excluded_users": ("v",),
        }
        assert parse.rule("kiro", data) == kinds.PolicyRule(
            key="kiro",
            name="Kiro",
            active=True,
            access_minutes=60,
            refresh_minutes=0,
            refresh_window_minutes=10080,
            priority=1,
            id="0pr1",
            **conditions,
        )
        assert parse.other_rule("00p1", data) == seen.OtherRule(
            key="0pr1", policy="00p1", name="Kiro", active=True, priority=1, **conditions
        )

    @pytest.mark.parametrize(
        "data", [{}, {"conditions": None, "actions": None}, {"conditions": {"people": None}}]
    )
    def test_a_rule_of_which_little_is_told(self, data):
        found = parse.rule("kiro", {"id": "0pr1", **data})
        assert (found.groups, found.scopes, found.grant_types, found.access_minutes) == ((), (), (), None)

    def test_a_scope_that_does_not_tell_asks_nobody(self):
        """Okta Management API, OAuth2Scope: IMPLICIT is the default; some organizations leave it out."""
        assert parse.scope({"id": "scp1", "name": "a:b"}).consent == "IMPLICIT"

    def test_a_discovery_document(self):
        data = {"issuer": "i", "scopes_supported": ["openid"], "code_challenge_methods_supported": ["S256"]}
        assert parse.discovery("openid-configuration", "u", data) == seen.Discovery(
            key="openid-configuration", url="u", issuer="i", scopes=("openid",), challenge_methods=("S256",)
        )


class TestGroupsAndUsers:
    NAMES = {"00g1": "Kiro-Users", "00u1": "alice"}  # noqa: RUF012 - read only

    def assigned(self, group_id: str, **group: Any) -> kinds.Assignment:
        data: dict[str, Any] = {
            "id": group_id,
            "priority": 0,
            "_embedded": {"group": {"id": group_id, **group}},
        }
        return parse.group_assignment(kinds.GroupAssignment, self.NAMES, data)

    def test_one_that_the_playbook_names_has_its_name(self):
        found = self.assigned("00g1", type="OKTA_GROUP", profile={"name": "Renamed"})
        assert found == kinds.GroupAssignment(key="Kiro-Users", principal="00g1", name="Renamed")

    def test_one_that_it_does_not_name_is_told_by_its_own_and_its_id(self):
        found = self.assigned("00g9", type="OKTA_GROUP", profile={"name": "Sales"})
        assert (found.key, found.principal, found.name) == ("Sales (00g9)", "00g9", "Sales")

    def test_two_of_one_name_are_two(self):
        groups = [self.assigned(key, profile={"name": "Kiro-Users"}) for key in ("00g1", "00g2", "00g3")]
        assert len({found.address for found in groups}) == 3

    def test_one_of_unknown_name_is_told_by_its_id(self):
        assert parse.group_assignment(kinds.GroupAssignment, {}, {"id": "00g9"}).key == "00g9"

    @pytest.mark.parametrize(
        ("group", "everyone"),
        [
            ({"type": "BUILT_IN", "profile": {"name": "Everyone"}}, True),
            ({"type": "OKTA_GROUP", "profile": {"name": "Everyone"}}, False),
            ({"type": "BUILT_IN", "profile": {"name": "Okta Administrators"}}, False),
            ({}, False),
        ],
    )
    def test_everyone_is_the_built_in_group_of_that_name(self, group, everyone):
        assert self.assigned("00g9", **group).everyone is everyone

    def test_users_are_named_likewise(self):
        def user(key: str, name: str | None) -> kinds.Assignment:
            data = {"id": key, "scope": "USER", "credentials": {"userName": name} if name else None}
            return parse.user_assignment(kinds.UserAssignment, self.NAMES, data)

        assert user("00u1", "alice@acme.example").key == "alice"
        assert user("00u2", "bob@acme.example").key == "bob@acme.example (00u2)"
        assert user("00u3", None).key == "00u3"

    def test_a_group_and_a_user(self):
        group = {"id": "00g1", "type": "APP_GROUP", "profile": {"name": "N"}}
        user = {"id": "00u1", "status": "SUSPENDED", "profile": {"login": "a@acme.example"}}
        assert parse.group("k", group) == kinds.Group(key="k", id="00g1", name="N", type="APP_GROUP")
        assert parse.user("k", user) == kinds.User(
            key="k", id="00u1", login="a@acme.example", status="SUSPENDED"
        )


class TestWhatProvisions:
    def test_unsupported_attributes_are_those_that_are_mapped(self):
        properties = {"employeeNumber": {"expression": "x"}, "email": {}, "department": {}}
        found = parse.attribute_mapping("kiro", {"id": "prm1", "properties": properties})
        assert set(found.unsupported) == {"department", "employeeNumber"}
        assert found.mapped == ("employeeNumber", "email", "department")

    @pytest.mark.parametrize("properties", [None, {}, {"email": {}}])
    def test_a_mapping_without_them_has_none(self, properties):
        assert parse.attribute_mapping("kiro", {"id": "prm1", "properties": properties}).unsupported == ()

    @pytest.mark.parametrize(
        ("status", "active", "healthy"),
        [("ACTIVE", True, True), ("INACTIVE", False, True), ("ERROR", True, False)],
    )
    def test_a_push(self, status, active, healthy):
        data = {"id": "gPm1", "sourceGroupId": "00g1", "status": status, "errorSummary": "e", "lastPush": "l"}
        assert parse.group_push("k", data) == kinds.GroupPush(
            key="k",
            group="00g1",
            active=active,
            healthy=healthy,
            id="gPm1",
            status=status,
            error="e",
            last_push="l",
        )

    @pytest.mark.parametrize(
        ("status", "verified"),
        [
            ("VERIFIED", True),
            ("COMPLETED", True),
            ("NOT_STARTED", False),
            ("IN_PROGRESS", False),
            (None, False),
        ],
    )
    def test_a_custom_domain(self, status, verified):
        found = parse.custom_domain({"domain": "login.acme.com", "validationStatus": status})
        assert found == seen.CustomDomain(key="login.acme.com", domain="login.acme.com", verified=verified)

    def test_an_api_token(self):
        found = parse.api_token({"id": "00T1", "name": "ci", "expiresAt": "e", "userId": "00u1"})
        assert found == seen.ApiToken(key="00T1", name="ci", expires="e")


def event(
    kind: str, reason: str | None, published: str, *targets: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "eventType": kind,
        "outcome": {"result": "FAILURE", "reason": reason},
        "published": published,
        "target": list(targets),
        **more,
    }


APP = {"id": "0oa2", "type": "AppInstance", "alternateId": "Kiro-SCIM"}
ALICE = {"id": "00u1", "type": "User", "alternateId": "alice@acme.example", "displayName": "Alice"}
BOB = {"id": "00u2", "type": "AppUser", "alternateId": None, "displayName": "Bob"}


class TestFailures:
    def test_they_are_grouped_by_kind_and_reason_and_the_newest_is_told(self):
        events = [
            event("push", "Unauthorized", "3", APP, ALICE),
            event("push", "Unauthorized", "2", BOB),
            event("push", "Conflict", "1", BOB, APP),
        ]
        assert parse.failures(seen.ProvisioningFailure, events) == (
            seen.ProvisioningFailure(
                key="push: Unauthorized",
                event="push",
                reason="Unauthorized",
                count=2,
                who="alice@acme.example",
                called=("Alice",),
                last="3",
            ),
            seen.ProvisioningFailure(
                key="push: Conflict",
                event="push",
                reason="Conflict",
                count=1,
                who="Bob",
                called=("Bob",),
                last="1",
            ),
        )

    def test_one_that_is_about_nobody_is_told_by_who_did_it(self):
        actor = {"id": "00u9", "alternateId": "system@okta.com"}
        (found,) = parse.failures(seen.SignInFailure, [event("x", None, "1", APP, actor=actor)])
        assert (found.key, found.reason, found.who, found.called) == ("x", None, "system@okta.com", ())

    @pytest.mark.parametrize(
        "odd", [{}, {"eventType": "x"}, {"eventType": "x", "target": None, "outcome": None}]
    )
    def test_one_of_which_little_is_told_still_counts(self, odd):
        (found,) = parse.failures(seen.SignInFailure, [odd])
        assert (found.count, found.who, found.last) == (1, None, None)

    @given(
        events=st.lists(
            st.builds(
                event,
                st.sampled_from(["a", "b"]),
                st.sampled_from([None, "", "x", "y"]),
                st.sampled_from(["1", "2"]),
            )
        )
    )
    def test_every_failure_counts_once_and_addresses_are_unique(self, events):
        found = parse.failures(seen.ProvisioningFailure, events)
        assert sum(failure.count for failure in found) == len(events)
        assert len({failure.address for failure in found}) == len(found)


class TestWhatIsOver:
    def left(self, failed: list[dict[str, Any]], succeeded: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return parse.unresolved(failed, succeeded, "0oa2")

    def test_a_failure_after_which_the_same_user_succeeded_is_over(self):
        failed = [event("push", "x", "2026-01-01T00:00:01.000Z", APP, ALICE)]
        assert self.left(failed, [event("push", None, "2026-01-01T00:00:02.000Z", APP, ALICE)]) == []

    def test_one_after_which_only_another_user_succeeded_is_not(self):
        failed = [event("push", "x", "2026-01-01T00:00:01.000Z", APP, ALICE)]
        assert self.left(failed, [event("push", None, "2026-01-01T00:00:02.000Z", APP, BOB)]) == failed

    def test_one_that_came_after_the_success_is_not(self):
        failed = [event("push", "x", "2026-01-01T00:00:03.000Z", APP, ALICE)]
        assert self.left(failed, [event("push", None, "2026-01-01T00:00:02.000Z", APP, ALICE)]) == failed

    def test_one_about_the_application_only_is_over_when_anything_succeeded(self):
        failed = [event("authentication_failure", "x", "2026-01-01T00:00:01.000Z", APP)]
        succeeded = [event("push", None, "2026-01-01T00:00:02.000Z", APP, BOB)]
        assert self.left(failed, succeeded) == []
        assert self.left(failed, []) == failed


class TestRecordedObjects:
    """What Okta really sent (terraform-provider-okta and okta-sdk-python) can be read."""

    def test_oidc_applications(self):
        found = [data for data in objects("/api/v1/apps/*") if data.get("name") == "oidc_client"]
        assert len(found) > 5
        for data in found:
            application = parse.application("k", data)
            assert application.id
            assert application.client_id
            assert application.grant_types
            assert application.authentication

    def test_every_application_can_be_another_one(self):
        found = [data for data in objects("/api/v1/apps/*") if "label" in data]
        assert found
        assert all(parse.other_application(data).label for data in found)

    def test_authorization_servers(self):
        found = [data for data in objects("/api/v1/authorizationServers/*") if "issuer" in data]
        assert found
        for data in found:
            server = parse.server("k", data)
            assert (server.issuer or "").rpartition("/")[2] in (server.id, "default")
            assert server.audience
            assert server.rotation in ("AUTO", "MANUAL")

    def test_scopes(self):
        found = objects("/api/v1/authorizationServers/*/scopes/*")
        assert found
        assert {parse.scope(data).consent for data in found} <= {"IMPLICIT", "REQUIRED", "FLEXIBLE"}
        assert any(parse.scope(data).published for data in found)

    def test_policies_and_rules(self):
        policies = objects("/api/v1/authorizationServers/*/policies/*")
        rules = objects("/api/v1/authorizationServers/*/policies/*/rules/*")
        assert policies
        assert rules
        assert all(parse.policy("k", data).priority for data in policies)
        assert any(parse.policy("k", data).clients for data in policies)
        for data in rules:
            assert parse.rule("k", data).grant_types
            assert parse.other_rule("p", data).priority
        assert any("EVERYONE" in (parse.rule("k", data).groups or ()) for data in rules)

    def test_assignments_and_pushes(self):
        groups = objects("/api/v1/apps/*/groups/*")
        pushes = objects("/api/v1/apps/*/group-push/mappings/*")
        assert groups
        assert pushes
        for data in groups:
            assert parse.group_assignment(kinds.GroupAssignment, {}, data).principal == data["id"]
        for data in pushes:
            push = parse.group_push("k", data)
            assert push.id
            assert push.group
            assert push.status in ("ACTIVE", "INACTIVE", "ERROR")

    def test_the_group_everyone(self):
        found = [data for data in objects("/api/v1/groups/*") if data["type"] == "BUILT_IN"]
        assert "Everyone" in {parse.group("k", data).name for data in found}

    def test_mappings(self):
        found = [data for data in objects("/api/v1/mappings/*") if "properties" in data]
        assert found
        assert all(parse.attribute_mapping("k", data).id for data in found)
