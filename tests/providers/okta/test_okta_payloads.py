"""Request bodies for Okta."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.resource import resolve
from provisioner.providers.okta import parse, payloads
from provisioner.providers.okta import resources as kinds
from tests.providers.okta.okta_checks import HEALTHY
from tests.providers.okta.recordings import objects

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text("ab", max_size=2), JSON, max_size=4)


def leaves(data: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every value that is not an object, by its path; an empty object is a leaf."""
    if not isinstance(data, dict) or not data:
        return {path: data}
    return {
        place: leaf for name, value in data.items() for place, leaf in leaves(value, (*path, name)).items()
    }


def desired(kind: Any) -> Any:
    """The desired resource of the healthy playbook, references resolved."""
    (resource,) = (
        resource for resource in HEALTHY.context.desired_state.resources if isinstance(resource, kind)
    )
    return resolve(resource, HEALTHY.snapshot.by_address)


class TestMerge:
    @given(base=OBJECTS)
    def test_no_changes_change_nothing(self, base):
        assert payloads.merge(base, {}) == base

    @given(base=OBJECTS, changes=OBJECTS)
    def test_merging_twice_equals_merging_once(self, base, changes):
        once = payloads.merge(base, changes)
        assert payloads.merge(once, changes) == once

    @given(base=OBJECTS, changes=OBJECTS)
    def test_every_change_is_in_the_result(self, base, changes):
        result = leaves(payloads.merge(base, changes))
        for place, value in leaves(changes).items():
            if value != {}:
                assert result[place] == value

    @given(base=OBJECTS, changes=OBJECTS)
    def test_other_members_stay(self, base, changes):
        result, changed = leaves(payloads.merge(base, changes)), leaves(changes)
        for place, value in leaves(base).items():
            touched = any(place[: len(other)] == other or other[: len(place)] == place for other in changed)
            if not touched:
                assert result[place] == value

    @given(base=OBJECTS, changes=OBJECTS)
    def test_the_arguments_are_not_modified(self, base, changes):
        before = copy.deepcopy((base, changes))
        payloads.merge(base, changes)
        assert (base, changes) == before

    def test_lists_are_replaced(self):
        assert payloads.merge({"a": [1], "b": [1]}, {"a": []}) == {"a": [], "b": [1]}


class TestCreation:
    def test_application(self):
        assert payloads.application_body(desired(kinds.Application), {}) == {
            "name": "oidc_client",
            "label": "Kiro-OIDC",
            "signOnMode": "OPENID_CONNECT",
            "credentials": {
                "oauthClient": {
                    "token_endpoint_auth_method": "none",
                    "pkce_required": True,
                    "autoKeyRotation": True,
                }
            },
            "settings": {
                "notes": {"admin": "provisioner-kiro"},
                "oauthClient": {
                    "application_type": "native",
                    "grant_types": ["authorization_code", "refresh_token"],
                    "response_types": ["code"],
                    "redirect_uris": list(HEALTHY.playbook.redirect_uris),
                    "wildcard_redirect": "DISABLED",
                    "consent_method": "TRUSTED",
                    "refresh_token": {"rotation_type": "STATIC"},
                },
            },
        }

    def test_scim_application(self):
        body = payloads.scim_application_body(desired(kinds.ScimApplication), "https://a", "https://e")
        assert (body["name"], body["label"], body["signOnMode"]) == (
            "amazon_aws_sso",
            "Kiro-SCIM",
            "SAML_2_0",
        )
        assert body["settings"]["app"] == {"acsURL": "https://a", "entityID": "https://e"}
        assert body["settings"]["notes"]["admin"] == "provisioner-kiro"

    def test_server(self):
        assert payloads.server_body(desired(kinds.AuthorizationServer), {}) == {
            "name": "Kiro",
            "description": "Sign-in to Kiro (provisioner-kiro)",
            "audiences": ["kiro"],
        }

    def test_scope(self):
        scope = kinds.Scope(key="codewhisperer:completions", consent="IMPLICIT")
        assert payloads.scope_body(scope, {}) == {
            "name": "codewhisperer:completions",
            "metadataPublish": "NO_CLIENTS",
            "consent": "IMPLICIT",
        }

    def test_policy(self):
        assert payloads.policy_body(desired(kinds.AccessPolicy), {}) == {
            "type": "OAUTH_AUTHORIZATION_POLICY",
            "name": "Kiro",
            "description": "Kiro",
            "status": "ACTIVE",
            "priority": 1,
            "conditions": {"clients": {"include": ["0oaclient"]}},
        }

    def test_rule_with_the_default_lifetimes(self):
        assert payloads.rule_body(desired(kinds.PolicyRule), {}) == {
            "type": "RESOURCE_ACCESS",
            "name": "Kiro",
            "status": "ACTIVE",
            "priority": 1,
            "conditions": {
                "people": {"groups": {"include": ["EVERYONE"]}},
                "grantTypes": {"include": ["authorization_code"]},
                "scopes": {
                    "include": ["codewhisperer:completions", "codewhisperer:conversations", "offline_access"]
                },
            },
            "actions": {
                "token": {
                    "accessTokenLifetimeMinutes": 60,
                    "refreshTokenLifetimeMinutes": 0,
                    "refreshTokenWindowMinutes": 10080,
                }
            },
        }

    def test_rule_with_lifetimes_of_the_playbook(self):
        rule = desired(kinds.PolicyRule).model_copy(
            update={"access_token_minutes": 5, "refresh_token_minutes": 20}
        )
        assert payloads.rule_body(rule, {})["actions"]["token"] == {
            "accessTokenLifetimeMinutes": 5,
            "refreshTokenLifetimeMinutes": 20,
            "refreshTokenWindowMinutes": 10080,
        }

    def test_parsing_a_body_returns_the_desired_fields(self):
        bodies: list[tuple[Any, Any]] = [
            (kinds.Application, payloads.application_body),
            (kinds.AuthorizationServer, payloads.server_body),
            (kinds.AccessPolicy, payloads.policy_body),
            (kinds.PolicyRule, payloads.rule_body),
        ]
        parsers = {
            kinds.Application: parse.parse_application,
            kinds.AuthorizationServer: parse.parse_authorization_server,
        }
        for kind, body in bodies:
            resource = desired(kind)
            parse_kind = parsers.get(kind, partial(parse.parse_with_status, kind))
            read = parse_kind("kiro", {"status": "ACTIVE", "id": "x", **body(resource, {})})
            for name in resource.writable_fields():
                if getattr(resource, name) is not None:
                    assert getattr(read, name) == getattr(resource, name), (kind.kind, name)

    def test_bodies_contain_no_references(self):
        for kind, body in (
            (kinds.Application, payloads.application_body),
            (kinds.AccessPolicy, payloads.policy_body),
        ):
            assert "known after apply" not in json.dumps(body(desired(kind), {}))


class TestUpdate:
    BASE = {  # noqa: RUF012 - read only
        "name": "oidc_client",
        "label": "Old",
        "orn": "orn:x",
        "profile": {"other": 1},
        "visibility": {"hide": {"iOS": True}},
        "credentials": {
            "oauthClient": {"client_id": "c", "token_endpoint_auth_method": "client_secret_basic"}
        },
        "settings": {
            "notes": {"admin": "other", "enduser": "hello"},
            "oauthClient": {
                "redirect_uris": ["https://other.example/"],
                "post_logout_redirect_uris": ["https://other.example/out"],
                "refresh_token": {"rotation_type": "ROTATE", "leeway": 30},
                "consent_method": "REQUIRED",
                "jwks": {"keys": []},
            },
        },
    }

    def test_unmanaged_members_stay(self):
        body = payloads.application_body(desired(kinds.Application), self.BASE)
        assert (body["orn"], body["profile"], body["visibility"]) == (
            "orn:x",
            {"other": 1},
            {"hide": {"iOS": True}},
        )
        assert body["settings"]["notes"] == {"admin": "other", "enduser": "hello"}
        client = body["settings"]["oauthClient"]
        assert client["post_logout_redirect_uris"] == ["https://other.example/out"]
        assert client["refresh_token"] == {"rotation_type": "ROTATE", "leeway": 30}
        assert client["consent_method"] == "REQUIRED"
        assert client["jwks"] == {"keys": []}
        assert body["credentials"]["oauthClient"]["client_id"] == "c"

    def test_managed_members_are_set(self):
        body = payloads.application_body(desired(kinds.Application), self.BASE)
        assert body["label"] == "Kiro-OIDC"
        assert body["credentials"]["oauthClient"]["token_endpoint_auth_method"] == "none"
        assert body["settings"]["oauthClient"]["redirect_uris"] == list(HEALTHY.playbook.redirect_uris)

    def test_a_fix_of_one_field_sets_only_that_field(self):
        body = payloads.application_body(kinds.Application(key="k", pkce_required=True), self.BASE)
        expected = copy.deepcopy(self.BASE)
        expected["credentials"]["oauthClient"]["pkce_required"] = True
        assert body == expected

    def test_a_server_keeps_its_name_and_description(self):
        signing = {"signing": {"rotationMode": "MANUAL"}}
        base = {"name": "Other", "description": "d", "audiences": ["a"], "issuerMode": "DYNAMIC", "x": 1}
        body = payloads.server_body(desired(kinds.AuthorizationServer), {**base, "credentials": signing})
        assert body == {**base, "credentials": signing, "audiences": ["kiro"]}

    def test_read_only_members_of_a_server_s_signing_keys_are_not_sent(self):
        signing = {
            "kid": "k",
            "rotationMode": "MANUAL",
            "lastRotated": "l",
            "nextRotation": "n",
            "use": "sig",
        }
        base = {"name": "Other", "credentials": {"signing": signing}}
        body = payloads.server_body(kinds.AuthorizationServer(key="k", rotation="AUTO"), base)
        assert body == {"name": "Other", "credentials": {"signing": {"rotationMode": "AUTO", "use": "sig"}}}

    def test_a_scope_keeps_its_description_and_publication(self):
        base = {"name": "a", "description": "other", "consent": "REQUIRED", "metadataPublish": "ALL_CLIENTS"}
        assert payloads.scope_body(kinds.Scope(key="a", consent="IMPLICIT"), base) == {
            **base,
            "consent": "IMPLICIT",
        }

    def test_a_policy_keeps_its_name_status_and_priority(self):
        base = {
            "name": "Other",
            "description": "d",
            "status": "INACTIVE",
            "priority": 4,
            "conditions": {"clients": {"include": ["x"]}, "other": 1},
        }
        body = payloads.policy_body(desired(kinds.AccessPolicy), base)
        assert body == {**base, "conditions": {"clients": {"include": ["0oaclient"]}, "other": 1}}
        assert payloads.policy_body(kinds.AccessPolicy(key="k", priority=1), base) == {**base, "priority": 1}

    def test_a_rule_keeps_its_inline_hook_and_lifetimes(self):
        token = {"accessTokenLifetimeMinutes": 5, "inlineHook": {"id": "cal1"}}
        base = {
            "name": "Other",
            "priority": 2,
            "conditions": {"people": {"users": {"include": ["u"]}}, "scopes": {"include": ["*"]}},
            "actions": {"token": token},
        }
        body = payloads.rule_body(desired(kinds.PolicyRule), base)
        assert body["actions"] == {"token": token}
        assert body["conditions"]["people"]["users"] == {"include": ["u"]}
        assert (body["name"], body["priority"]) == ("Other", 2)

    def test_a_removed_exclusion_is_sent_as_an_empty_list(self):
        base = {"conditions": {"people": {"groups": {"include": ["EVERYONE"], "exclude": ["g"]}}}}
        body = payloads.rule_body(kinds.PolicyRule(key="k", excluded_groups=()), base)
        assert body["conditions"]["people"]["groups"] == {"include": ["EVERYONE"], "exclude": []}

    def test_attributes_are_removed_by_nulls(self):
        assert payloads.remove_attributes_body(["a", "b"]) == {"properties": {"a": None, "b": None}}


class TestRecordedObjects:
    """Writing back what Okta result changes nothing of it."""

    @pytest.mark.parametrize(
        ("pattern", "body", "parse_object", "belongs"),
        [
            pytest.param(
                "/api/v1/authorizationServers/*",
                payloads.server_body,
                lambda data: parse.parse_authorization_server("k", data),
                "issuer",
                id="servers",
            ),
            pytest.param(
                "/api/v1/authorizationServers/*/scopes/*",
                payloads.scope_body,
                parse.parse_scope,
                "consent",
                id="scopes",
            ),
            pytest.param(
                "/api/v1/authorizationServers/*/policies/*",
                payloads.policy_body,
                lambda data: parse.parse_with_status(kinds.AccessPolicy, "k", data),
                "conditions",
                id="policies",
            ),
            pytest.param(
                "/api/v1/authorizationServers/*/policies/*/rules/*",
                payloads.rule_body,
                lambda data: parse.parse_with_status(kinds.PolicyRule, "k", data),
                "actions",
                id="rules",
            ),
        ],
    )
    def test_authorization(self, pattern, body, parse_object, belongs):
        existing = [data for data in objects(pattern) if belongs in data]
        assert existing
        for data in existing:
            written = leaves(body(parse_object(data), data))
            for place, value in leaves(data).items():
                if place[:2] != ("credentials", "signing") or place[-1] == "rotationMode":
                    assert written[place] == value
            added = {place: value for place, value in written.items() if place not in leaves(data)}
            assert all(value == [] for value in added.values())

    def test_applications(self):
        existing = [data for data in objects("/api/v1/apps/*") if data.get("name") == "oidc_client"]
        assert existing
        for data in existing:
            written = leaves(payloads.application_body(parse.parse_application("k", data), data))
            changed = {place[-1] for place, value in leaves(data).items() if written.get(place) != value}
            added = {place[-1] for place in written if place not in leaves(data)}
            assert changed == set()
            assert added <= {"wildcard_redirect", "pkce_required"}
