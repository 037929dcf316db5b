"""Resources from Okta's JSON."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.providers.base.wire import parse_resource
from provisioner.providers.okta import observations, parse
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
        assert parse.parse_application("kiro", APPLICATION) == kinds.Application(
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

    def test_absent_members_are_empty_collections_and_defaults(self):
        resource = parse.parse_application(
            "kiro", {"id": "0oa1", "settings": None, "credentials": {"oauthClient": None}}
        )
        assert (resource.grant_types, resource.redirect_uris, resource.pkce_required) == ((), (), False)
        assert (resource.active, resource.wildcard_redirect, resource.policy_id) == (False, "DISABLED", None)

    def test_the_scim_application(self):
        data = {
            "id": "0oa2",
            "label": "Kiro-SCIM",
            "status": "INACTIVE",
            "settings": {"notes": {"admin": "x"}},
        }
        assert parse.parse_with_status(kinds.ScimApplication, "kiro", data) == kinds.ScimApplication(
            key="kiro", label="Kiro-SCIM", active=False, notes="x", id="0oa2"
        )

    def test_another_application(self):
        assert parse_resource(
            observations.OtherApplication, APPLICATION["id"], APPLICATION
        ) == observations.OtherApplication(
            key="0oa1", id="0oa1", label="Kiro", name="oidc_client", status="ACTIVE"
        )


class TestProvisioning:
    @pytest.mark.parametrize(
        ("features", "shown"),
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
    def test_features_show_enabled_settings_and_never_disabled_ones(self, features, shown):
        resource = parse.parse_provisioning("kiro", {"id": "0oa2", "features": features})
        switches = (resource.create_users, resource.update_users, resource.deactivate_users)
        assert (resource.integrated, *switches, resource.complete) == shown
        assert resource.features == tuple(features or ())


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
        assert parse.parse_authorization_server("kiro", data) == kinds.AuthorizationServer(
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

    def test_a_server_without_an_audience(self):
        assert parse.parse_authorization_server("kiro", {"id": "aus1", "audiences": []}).audience is None

    @pytest.mark.parametrize(
        ("publish", "published"), [("ALL_CLIENTS", True), ("NO_CLIENTS", False), (None, False)]
    )
    def test_a_scope(self, publish, published):
        data = {"id": "scp1", "name": "a:b", "consent": "FLEXIBLE", "metadataPublish": publish}
        expected = kinds.Scope(key="a:b", consent="FLEXIBLE", default=False, id="scp1", published=published)
        assert parse.parse_scope(data) == expected

    def test_the_own_policy_and_another(self):
        data = {
            "id": "00p1",
            "name": "Kiro",
            "status": "INACTIVE",
            "priority": 3,
            "conditions": {"clients": {"include": ["c"]}},
        }
        assert parse.parse_with_status(kinds.AccessPolicy, "kiro", data) == kinds.AccessPolicy(
            key="kiro", name="Kiro", active=False, clients=("c",), priority=3, id="00p1"
        )
        assert parse.parse_with_status(
            observations.OtherPolicy, data["id"], data
        ) == observations.OtherPolicy(key="00p1", name="Kiro", active=False, clients=("c",), priority=3)

    def test_a_policy_without_conditions_is_for_no_client(self):
        assert parse.parse_with_status(kinds.AccessPolicy, "kiro", {"id": "00p1"}).clients == ()

    def test_the_own_rule_and_another(self):
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
        assert parse.parse_with_status(kinds.PolicyRule, "kiro", data) == kinds.PolicyRule(
            key="kiro",
            name="Kiro",
            active=True,
            access_token_minutes=60,
            refresh_token_minutes=0,
            refresh_window_minutes=10080,
            priority=1,
            id="0pr1",
            **conditions,
        )
        assert parse.parse_with_status(
            observations.OtherRule, data["id"], data, policy="00p1"
        ) == observations.OtherRule(
            key="0pr1", policy="00p1", name="Kiro", active=True, priority=1, **conditions
        )

    @pytest.mark.parametrize(
        "data", [{}, {"conditions": None, "actions": None}, {"conditions": {"people": None}}]
    )
    def test_a_rule_without_conditions(self, data):
        resource = parse.parse_with_status(kinds.PolicyRule, "kiro", {"id": "0pr1", **data})
        assert (resource.groups, resource.scopes, resource.grant_types, resource.access_token_minutes) == (
            (),
            (),
            (),
            None,
        )

    def test_a_scope_without_consent_is_implicit(self):
        """Okta Management API, OAuth2Scope: IMPLICIT is the default; some organizations leave it out."""
        assert parse.parse_scope({"id": "scp1", "name": "a:b"}).consent == "IMPLICIT"

    def test_a_discovery_document(self):
        data = {"issuer": "i", "scopes_supported": ["openid"], "code_challenge_methods_supported": ["S256"]}
        assert parse_resource(
            observations.DiscoveryDocument, "openid-configuration", data, url="u"
        ) == observations.DiscoveryDocument(
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
        return parse.parse_assignment(kinds.GroupAssignment, self.NAMES, data)

    def test_an_assignment_has_the_playbook_s_name_of_the_group(self):
        resource = self.assigned("00g1", type="OKTA_GROUP", profile={"name": "Renamed"})
        assert resource == kinds.GroupAssignment(key="Kiro-Users", principal="00g1", name="Renamed")

    def test_other_groups_have_their_name_and_id_as_key(self):
        resource = self.assigned("00g9", type="OKTA_GROUP", profile={"name": "Sales"})
        assert (resource.key, resource.principal, resource.name) == ("Sales (00g9)", "00g9", "Sales")

    def test_groups_with_the_same_name_have_different_addresses(self):
        groups = [self.assigned(key, profile={"name": "Kiro-Users"}) for key in ("00g1", "00g2", "00g3")]
        assert len({resource.address for resource in groups}) == 3

    def test_a_group_of_unknown_name_has_its_id_as_key(self):
        assert parse.parse_assignment(kinds.GroupAssignment, {}, {"id": "00g9"}).key == "00g9"

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

    def test_users_are_named_in_the_same_way(self):
        def user(key: str, name: str | None) -> kinds.Assignment:
            data = {"id": key, "scope": "USER", "credentials": {"userName": name} if name else None}
            return parse.parse_assignment(kinds.UserAssignment, self.NAMES, data)

        assert user("00u1", "alice@acme.example").key == "alice"
        assert user("00u2", "bob@acme.example").key == "bob@acme.example (00u2)"
        assert user("00u3", None).key == "00u3"

    def test_a_group_and_a_user(self):
        group = {"id": "00g1", "type": "APP_GROUP", "profile": {"name": "N"}}
        user = {"id": "00u1", "status": "SUSPENDED", "profile": {"login": "a@acme.example"}}
        assert parse_resource(kinds.Group, "k", group) == kinds.Group(
            key="k", id="00g1", name="N", type="APP_GROUP"
        )
        assert parse_resource(kinds.User, "k", user) == kinds.User(
            key="k", id="00u1", login="a@acme.example", status="SUSPENDED"
        )


class TestProvisioningObjects:
    def test_mapped_attributes_that_kiro_does_not_support(self):
        properties = {"employeeNumber": {"expression": "x"}, "email": {}, "department": {}}
        resource = parse.parse_attribute_mapping("kiro", {"id": "prm1", "properties": properties})
        assert set(resource.unsupported) == {"department", "employeeNumber"}
        assert resource.mapped == ("employeeNumber", "email", "department")

    @pytest.mark.parametrize("properties", [None, {}, {"email": {}}])
    def test_a_mapping_without_unsupported_attributes(self, properties):
        assert (
            parse.parse_attribute_mapping("kiro", {"id": "prm1", "properties": properties}).unsupported == ()
        )

    @pytest.mark.parametrize(
        ("status", "active", "healthy"),
        [("ACTIVE", True, True), ("INACTIVE", False, True), ("ERROR", True, False)],
    )
    def test_a_push(self, status, active, healthy):
        data = {"id": "gPm1", "sourceGroupId": "00g1", "status": status, "errorSummary": "e", "lastPush": "l"}
        assert parse.parse_group_push("k", data) == kinds.GroupPush(
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
        resource = parse.parse_custom_domain({"domain": "login.acme.com", "validationStatus": status})
        assert resource == observations.CustomDomain(
            key="login.acme.com", domain="login.acme.com", verified=verified
        )

    def test_an_api_token(self):
        data = {"id": "00T1", "name": "ci", "expiresAt": "e", "userId": "00u1"}
        resource = parse_resource(observations.ApiToken, "00T1", data)
        assert resource == observations.ApiToken(key="00T1", name="ci", expires="e")


class TestRecordedObjects:
    """What Okta really sent (terraform-provider-okta and okta-sdk-python) can be read."""

    def test_oidc_applications(self):
        resource = [data for data in objects("/api/v1/apps/*") if data.get("name") == "oidc_client"]
        assert len(resource) > 5
        for data in resource:
            application = parse.parse_application("k", data)
            assert application.id
            assert application.client_id
            assert application.grant_types
            assert application.authentication

    def test_every_application_is_parsed_as_another_application(self):
        resource = [data for data in objects("/api/v1/apps/*") if "label" in data]
        assert resource
        assert all(parse_resource(observations.OtherApplication, data["id"], data).label for data in resource)

    def test_authorization_servers(self):
        resource = [data for data in objects("/api/v1/authorizationServers/*") if "issuer" in data]
        assert resource
        for data in resource:
            server = parse.parse_authorization_server("k", data)
            assert (server.issuer or "").rpartition("/")[2] in (server.id, "default")
            assert server.audience
            assert server.rotation in ("AUTO", "MANUAL")

    def test_scopes(self):
        resource = objects("/api/v1/authorizationServers/*/scopes/*")
        assert resource
        assert {parse.parse_scope(data).consent for data in resource} <= {"IMPLICIT", "REQUIRED", "FLEXIBLE"}
        assert any(parse.parse_scope(data).published for data in resource)

    def test_policies_and_rules(self):
        policies = objects("/api/v1/authorizationServers/*/policies/*")
        rules = objects("/api/v1/authorizationServers/*/policies/*/rules/*")
        assert policies
        assert rules
        assert all(parse.parse_with_status(kinds.AccessPolicy, "k", data).priority for data in policies)
        assert any(parse.parse_with_status(kinds.AccessPolicy, "k", data).clients for data in policies)
        for data in rules:
            assert parse.parse_with_status(kinds.PolicyRule, "k", data).grant_types
            assert parse.parse_with_status(observations.OtherRule, data["id"], data, policy="p").priority
        assert any(
            "EVERYONE" in (parse.parse_with_status(kinds.PolicyRule, "k", data).groups or ())
            for data in rules
        )

    def test_assignments_and_pushes(self):
        groups = objects("/api/v1/apps/*/groups/*")
        pushes = objects("/api/v1/apps/*/group-push/mappings/*")
        assert groups
        assert pushes
        for data in groups:
            assert parse.parse_assignment(kinds.GroupAssignment, {}, data).principal == data["id"]
        for data in pushes:
            push = parse.parse_group_push("k", data)
            assert push.id
            assert push.group
            assert push.status in ("ACTIVE", "INACTIVE", "ERROR")

    def test_the_group_everyone(self):
        resource = [data for data in objects("/api/v1/groups/*") if data["type"] == "BUILT_IN"]
        assert "Everyone" in {parse_resource(kinds.Group, "k", data).name for data in resource}

    def test_mappings(self):
        resource = [data for data in objects("/api/v1/mappings/*") if "properties" in data]
        assert resource
        assert all(parse.parse_attribute_mapping("k", data).id for data in resource)
