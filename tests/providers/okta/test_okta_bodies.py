"""What writes send to Okta."""

from __future__ import annotations

import copy
import json
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
    """Everything that is no object, by its path; an empty object is a leaf."""
    if not isinstance(data, dict) or not data:
        return {path: data}
    return {
        place: leaf for name, value in data.items() for place, leaf in leaves(value, (*path, name)).items()
    }


def wanted(kind: Any) -> Any:
    """What the healthy playbook asks for, references resolved."""
    (found,) = (each for each in HEALTHY.context.desired_state.resources if isinstance(each, kind))
    return resolve(found, HEALTHY.snapshot.by_address)


class TestLayingOver:
    @given(base=OBJECTS)
    def test_nothing_changes_nothing(self, base):
        assert payloads.laid_over(base, {}) == base

    @given(base=OBJECTS, changes=OBJECTS)
    def test_only_nothings_change_nothing(self, base, changes):
        def emptied(data: Any) -> Any:
            return {name: emptied(value) for name, value in data.items()} if isinstance(data, dict) else None

        assert payloads.laid_over(base, emptied(changes)) == base

    @given(base=OBJECTS, changes=OBJECTS)
    def test_twice_is_once(self, base, changes):
        once = payloads.laid_over(base, changes)
        assert payloads.laid_over(once, changes) == once

    @given(base=OBJECTS, changes=OBJECTS)
    def test_what_is_said_is_there_afterwards(self, base, changes):
        told = leaves(payloads.laid_over(base, changes))
        for place, value in leaves(changes).items():
            if value is not None and value != {}:
                assert told[place] == value

    @given(base=OBJECTS, changes=OBJECTS)
    def test_what_is_not_said_stays(self, base, changes):
        told, said = leaves(payloads.laid_over(base, changes)), leaves(changes)
        for place, value in leaves(base).items():
            touched = any(place[: len(other)] == other or other[: len(place)] == place for other in said)
            if not touched:
                assert told[place] == value

    @given(base=OBJECTS, changes=OBJECTS)
    def test_neither_is_changed_itself(self, base, changes):
        before = copy.deepcopy((base, changes))
        payloads.laid_over(base, changes)
        assert (base, changes) == before

    def test_an_empty_list_is_said_and_nothing_is_not(self):
        assert payloads.laid_over({"a": [1], "b": [1]}, {"a": [], "b": None}) == {"a": [], "b": [1]}


class TestANewOne:
    def test_application(self):
        assert payloads.application_body(wanted(kinds.Application), {}) == {
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

    def test_application_from_the_catalogue(self):
        body = payloads.scim_application_body("Kiro-SCIM", "provisioner-kiro", "https://a", "https://e")
        assert (body["name"], body["label"], body["signOnMode"]) == (
            "amazon_aws_sso",
            "Kiro-SCIM",
            "SAML_2_0",
        )
        assert body["settings"]["app"] == {"acsURL": "https://a", "entityID": "https://e"}
        assert body["settings"]["notes"]["admin"] == "provisioner-kiro"

    def test_server(self):
        assert payloads.server_body(wanted(kinds.AuthorizationServer), {}) == {
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
        assert payloads.policy_body(wanted(kinds.AccessPolicy), {}) == {
            "type": "OAUTH_AUTHORIZATION_POLICY",
            "name": "Kiro",
            "description": "Kiro",
            "status": "ACTIVE",
            "priority": 1,
            "conditions": {"clients": {"include": ["0oaclient"]}},
        }

    def test_rule_with_the_console_s_lifetimes(self):
        assert payloads.rule_body(wanted(kinds.PolicyRule), {}) == {
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
        rule = wanted(kinds.PolicyRule).model_copy(update={"access_minutes": 5, "refresh_minutes": 20})
        assert payloads.rule_body(rule, {})["actions"]["token"] == {
            "accessTokenLifetimeMinutes": 5,
            "refreshTokenLifetimeMinutes": 20,
            "refreshTokenWindowMinutes": 10080,
        }

    def test_what_is_sent_reads_as_it_was_wanted(self):
        made: list[tuple[Any, Any, Any]] = [
            (kinds.Application, payloads.application_body, parse.application),
            (kinds.AuthorizationServer, payloads.server_body, parse.server),
            (kinds.AccessPolicy, payloads.policy_body, parse.policy),
            (kinds.PolicyRule, payloads.rule_body, parse.rule),
        ]
        for kind, body, parsed in made:
            resource = wanted(kind)
            read = parsed("kiro", {"status": "ACTIVE", "id": "x", **body(resource, {})})
            for name in resource.managed_fields():
                if getattr(resource, name) is not None:
                    assert getattr(read, name) == getattr(resource, name), (kind.kind, name)

    def test_it_is_json_without_references(self):
        for kind, body in (
            (kinds.Application, payloads.application_body),
            (kinds.AccessPolicy, payloads.policy_body),
        ):
            assert "known after apply" not in json.dumps(body(wanted(kind), {}))


class TestAChangedOne:
    BASE = {  # noqa: RUF012 - read only
        "name": "oidc_client",
        "label": "Old",
        "orn": "orn:x",
        "profile": {"theirs": 1},
        "visibility": {"hide": {"iOS": True}},
        "credentials": {
            "oauthClient": {"client_id": "c", "token_endpoint_auth_method": "client_secret_basic"}
        },
        "settings": {
            "notes": {"admin": "theirs", "enduser": "hello"},
            "oauthClient": {
                "redirect_uris": ["https://theirs.example/"],
                "post_logout_redirect_uris": ["https://theirs.example/out"],
                "refresh_token": {"rotation_type": "ROTATE", "leeway": 30},
                "consent_method": "REQUIRED",
                "jwks": {"keys": []},
            },
        },
    }

    def test_what_the_product_does_not_own_stays(self):
        body = payloads.application_body(wanted(kinds.Application), self.BASE)
        assert (body["orn"], body["profile"], body["visibility"]) == (
            "orn:x",
            {"theirs": 1},
            {"hide": {"iOS": True}},
        )
        assert body["settings"]["notes"] == {"admin": "theirs", "enduser": "hello"}
        client = body["settings"]["oauthClient"]
        assert client["post_logout_redirect_uris"] == ["https://theirs.example/out"]
        assert client["refresh_token"] == {"rotation_type": "ROTATE", "leeway": 30}
        assert client["consent_method"] == "REQUIRED"
        assert client["jwks"] == {"keys": []}
        assert body["credentials"]["oauthClient"]["client_id"] == "c"

    def test_what_it_owns_is_set(self):
        body = payloads.application_body(wanted(kinds.Application), self.BASE)
        assert body["label"] == "Kiro-OIDC"
        assert body["credentials"]["oauthClient"]["token_endpoint_auth_method"] == "none"
        assert body["settings"]["oauthClient"]["redirect_uris"] == list(HEALTHY.playbook.redirect_uris)

    def test_a_fix_of_one_field_sets_that_one(self):
        body = payloads.application_body(kinds.Application(key="k", pkce_required=True), self.BASE)
        expected = copy.deepcopy(self.BASE)
        expected["credentials"]["oauthClient"]["pkce_required"] = True
        assert body == expected

    def test_a_server_keeps_its_name_and_description(self):
        signing = {"signing": {"rotationMode": "MANUAL"}}
        base = {"name": "Theirs", "description": "d", "audiences": ["a"], "issuerMode": "DYNAMIC", "x": 1}
        body = payloads.server_body(wanted(kinds.AuthorizationServer), {**base, "credentials": signing})
        assert body == {**base, "credentials": signing, "audiences": ["kiro"]}

    def test_what_is_read_only_of_a_server_s_keys_is_not_sent_back(self):
        signing = {
            "kid": "k",
            "rotationMode": "MANUAL",
            "lastRotated": "l",
            "nextRotation": "n",
            "use": "sig",
        }
        base = {"name": "Theirs", "credentials": {"signing": signing}}
        body = payloads.server_body(kinds.AuthorizationServer(key="k", rotation="AUTO"), base)
        assert body == {"name": "Theirs", "credentials": {"signing": {"rotationMode": "AUTO", "use": "sig"}}}

    def test_a_scope_keeps_its_description_and_publication(self):
        base = {"name": "a", "description": "theirs", "consent": "REQUIRED", "metadataPublish": "ALL_CLIENTS"}
        assert payloads.scope_body(kinds.Scope(key="a", consent="IMPLICIT"), base) == {
            **base,
            "consent": "IMPLICIT",
        }

    def test_a_policy_keeps_its_name_status_and_priority(self):
        base = {
            "name": "Theirs",
            "description": "d",
            "status": "INACTIVE",
            "priority": 4,
            "conditions": {"clients": {"include": ["x"]}, "theirs": 1},
        }
        body = payloads.policy_body(wanted(kinds.AccessPolicy), base)
        assert body == {**base, "conditions": {"clients": {"include": ["0oaclient"]}, "theirs": 1}}
        assert payloads.policy_body(kinds.AccessPolicy(key="k", priority=1), base) == {**base, "priority": 1}

    def test_a_rule_keeps_its_inline_hook_and_lifetimes(self):
        token = {"accessTokenLifetimeMinutes": 5, "inlineHook": {"id": "cal1"}}
        base = {
            "name": "Theirs",
            "priority": 2,
            "conditions": {"people": {"users": {"include": ["u"]}}, "scopes": {"include": ["*"]}},
            "actions": {"token": token},
        }
        body = payloads.rule_body(wanted(kinds.PolicyRule), base)
        assert body["actions"] == {"token": token}
        assert body["conditions"]["people"]["users"] == {"include": ["u"]}
        assert (body["name"], body["priority"]) == ("Theirs", 2)

    def test_an_exclusion_that_is_lifted_is_sent_as_an_empty_list(self):
        base = {"conditions": {"people": {"groups": {"include": ["EVERYONE"], "exclude": ["g"]}}}}
        body = payloads.rule_body(kinds.PolicyRule(key="k", excluded_groups=()), base)
        assert body["conditions"]["people"]["groups"] == {"include": ["EVERYONE"], "exclude": []}

    def test_attributes_are_removed_by_nulls(self):
        assert payloads.unmapped_body(["a", "b"]) == {"properties": {"a": None, "b": None}}


class TestRecordedObjects:
    """Writing back what Okta told changes nothing of it."""

    @pytest.mark.parametrize(
        ("pattern", "body", "parsed", "belongs"),
        [
            pytest.param(
                "/api/v1/authorizationServers/*",
                payloads.server_body,
                lambda data: parse.server("k", data),
                "issuer",
                id="servers",
            ),
            pytest.param(
                "/api/v1/authorizationServers/*/scopes/*",
                payloads.scope_body,
                parse.scope,
                "consent",
                id="scopes",
            ),
            pytest.param(
                "/api/v1/authorizationServers/*/policies/*",
                payloads.policy_body,
                lambda data: parse.policy("k", data),
                "conditions",
                id="policies",
            ),
            pytest.param(
                "/api/v1/authorizationServers/*/policies/*/rules/*",
                payloads.rule_body,
                lambda data: parse.rule("k", data),
                "actions",
                id="rules",
            ),
        ],
    )
    def test_authorization(self, pattern, body, parsed, belongs):
        found = [data for data in objects(pattern) if belongs in data]
        assert found
        for data in found:
            written = leaves(body(parsed(data), data))
            for place, value in leaves(data).items():
                if place[:2] != ("credentials", "signing") or place[-1] == "rotationMode":
                    assert written[place] == value
            added = {place: value for place, value in written.items() if place not in leaves(data)}
            assert all(value == [] for value in added.values())

    def test_applications(self):
        found = [data for data in objects("/api/v1/apps/*") if data.get("name") == "oidc_client"]
        assert found
        for data in found:
            written = leaves(payloads.application_body(parse.application("k", data), data))
            changed = {place[-1] for place, value in leaves(data).items() if written.get(place) != value}
            added = {place[-1] for place in written if place not in leaves(data)}
            assert changed == set()
            assert added <= {"wildcard_redirect", "pkce_required"}
