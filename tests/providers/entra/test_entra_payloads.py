"""Request bodies for Graph."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from provisioner.providers.base.wire import build_body
from provisioner.providers.entra import payloads
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.parse import scope_id

APP_ID = "99999999-8888-7777-6666-555555555555"


def raw_scope(value: str, **changed: Any) -> dict[str, Any]:
    """A permissionScope as Graph returns it."""
    return {
        "id": f"id-of-{value}",
        "value": value,
        "type": "User",
        "isEnabled": True,
        "adminConsentDisplayName": f"Access {value}",
        "adminConsentDescription": "long",
        "userConsentDisplayName": "mine",
        "userConsentDescription": None,
        **changed,
    }


class TestApplicationPatches:
    def test_every_managed_field_can_be_written(self):
        for name in kinds.Application.writable_fields():
            value = {"access_token_version": 2, "disabled": False}.get(name, ())
            assert payloads.application_patches({name: value}, APP_ID, []), name

    def test_name_and_marker_come_first_and_alone(self):
        desired = {
            "sign_in_audience": "AzureADMyOrg",
            "display_name": "Kiro",
            "unique_name": "provisioner-kiro",
            "tags": ("a", "b"),
        }
        assert payloads.application_patches(desired, APP_ID, []) == [
            {"displayName": "Kiro", "uniqueName": "provisioner-kiro", "tags": ["a", "b"]},
            {"signInAudience": "AzureADMyOrg"},
        ]

    def test_members_of_one_object_share_a_body(self):
        desired = {"access_token_version": 2, "scopes": (), "redirect_uris": ("kiro://x",), "disabled": True}
        assert payloads.application_patches(desired, APP_ID, []) == [
            {
                "api": {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": []},
                "publicClient": {"redirectUris": ["kiro://x"]},
                "isDisabled": True,
            }
        ]

    @pytest.mark.parametrize(
        ("field", "platform"),
        [("redirect_uris", "publicClient"), ("web_redirect_uris", "web"), ("spa_redirect_uris", "spa")],
    )
    def test_redirect_uris_go_to_their_platform(self, field, platform):
        patches = payloads.application_patches({field: ("http://x",)}, APP_ID, [])
        assert patches == [{platform: {"redirectUris": ["http://x"]}}]

    def test_the_default_identifier_uri_stays_when_the_others_go(self):
        patches = payloads.application_patches({"other_identifier_uris": ()}, APP_ID, [])
        assert patches == [{"identifierUris": [f"api://{APP_ID}"]}]

    def test_a_scope_to_be_removed_is_disabled_first(self):
        raw = [raw_scope("old"), raw_scope("kept")]
        claim, first, last = payloads.application_patches(
            {"display_name": "Kiro", "scopes": (kinds.Scope(value="kept"),)}, APP_ID, raw
        )
        assert claim == {"displayName": "Kiro"}
        assert first["api"]["oauth2PermissionScopes"] == [raw[1], {**raw[0], "isEnabled": False}]
        assert last["api"]["oauth2PermissionScopes"] == [raw[1]]

    def test_nothing_to_write_is_no_request(self):
        assert payloads.application_patches({}, APP_ID, []) == []


class TestScopes:
    def test_a_new_scope_is_enabled_for_admins_and_users_and_has_a_stable_id(self):
        disabling, (scope,) = payloads.scope_lists((kinds.Scope(value="a:b"),), APP_ID, [])
        assert disabling is None
        assert scope == {
            "id": scope_id(APP_ID, "a:b"),
            "value": "a:b",
            "type": "User",
            "isEnabled": True,
            "adminConsentDisplayName": "a:b",
            "adminConsentDescription": "a:b",
            "userConsentDisplayName": None,
            "userConsentDescription": None,
        }

    def test_an_existing_scope_keeps_its_id_and_unmanaged_members(self):
        _, (scope,) = payloads.scope_lists((kinds.Scope(value="a", type="Admin"),), APP_ID, [raw_scope("a")])
        assert scope == raw_scope("a", type="Admin")

    def test_a_disabled_scope_is_removed_at_once(self):
        raw = [raw_scope("old", isEnabled=False)]
        assert payloads.scope_lists((), APP_ID, raw) == (None, [])

    @settings(deadline=None)
    @given(
        existing=st.dictionaries(st.sampled_from("abcde"), st.booleans()),
        desired=st.lists(st.sampled_from("abcdefg"), unique=True),
    )
    def test_no_request_removes_an_enabled_scope_and_the_last_has_the_desired_ones(self, existing, desired):
        raw = [raw_scope(value, isEnabled=enabled) for value, enabled in existing.items()]
        scopes = tuple(kinds.Scope(value=value, enabled=True) for value in desired)
        disabling, final = payloads.scope_lists(scopes, APP_ID, raw)
        before = {scope["id"]: scope for scope in raw}
        for request in filter(None, (disabling, final)):
            after = {scope["id"]: scope for scope in request}
            assert not [scope for scope in before.values() if scope["isEnabled"] and scope["id"] not in after]
            before = after
        assert [scope["value"] for scope in final] == desired
        assert all(scope["isEnabled"] for scope in final)


def test_every_managed_field_of_a_service_principal_can_be_written():
    desired = {"account_enabled": True, "assignment_required": False, "tags": ("a",)}
    assert set(desired) == set(kinds.ServicePrincipal.writable_fields())
    assert build_body(kinds.ServicePrincipal, desired) == {
        "accountEnabled": True,
        "appRoleAssignmentRequired": False,
        "tags": ["a"],
    }


class TestSecrets:
    CREDENTIALS = (
        {"key": "BaseAddress", "value": "https://x"},
        {"key": "SecretToken", "value": "hunter2"},
    )

    @staticmethod
    def desired(**changed: Any) -> kinds.ProvisioningSecrets:
        defaults = {"endpoint": "https://x", "token": SecretStr("hunter2")}
        return kinds.ProvisioningSecrets(key="k", **{**defaults, **changed})

    @pytest.mark.parametrize("field", sorted(payloads.CREDENTIALS))
    def test_the_endpoint_is_never_written_without_its_token(self, field):
        assert payloads.secret_values(self.desired(), {field}, None) == list(self.CREDENTIALS)

    def test_without_a_token_the_endpoint_is_written_alone(self):
        assert payloads.secret_values(self.desired(token=None), {"endpoint"}, None) == [self.CREDENTIALS[0]]

    def test_without_an_endpoint_the_token_is_not_written(self):
        assert payloads.secret_values(self.desired(endpoint=None), {"endpoint", "token"}, None) == []

    def test_fields_that_do_not_differ_are_not_written(self):
        desired = self.desired(assigned_only=True, delete_threshold=5, notify=("a@x",))
        assert payloads.secret_values(desired, set(), None) == []

    @pytest.mark.parametrize(("only", "text"), [(True, "false"), (False, "true")])
    def test_the_scope_of_provisioning_is_a_string(self, only, text):
        values = payloads.secret_values(self.desired(assigned_only=only), {"assigned_only"}, None)
        assert values == [{"key": "SyncAll", "value": text}]

    @pytest.mark.parametrize(
        ("changed", "field", "before", "after"),
        [
            pytest.param(
                {"delete_threshold": 5},
                "delete_threshold",
                None,
                {"Enabled": False, "DeleteThresholdEnabled": True, "DeleteThresholdValue": 5},
                id="a threshold where nothing was set",
            ),
            pytest.param(
                {"delete_threshold": 5},
                "delete_threshold",
                {"Enabled": True, "Recipients": "a@x", "HumanReadable": 1},
                {
                    "Enabled": True,
                    "Recipients": "a@x",
                    "HumanReadable": 1,
                    "DeleteThresholdEnabled": True,
                    "DeleteThresholdValue": 5,
                },
                id="a threshold in addition to other settings",
            ),
            pytest.param(
                {"notify": ("a@x", "b@y")},
                "notify",
                {"Enabled": False, "DeleteThresholdEnabled": True, "DeleteThresholdValue": 7},
                {
                    "Enabled": True,
                    "Recipients": "a@x,b@y",
                    "DeleteThresholdEnabled": True,
                    "DeleteThresholdValue": 7,
                },
                id="recipients in addition to a threshold",
            ),
            pytest.param(
                {"notify": ()},
                "notify",
                {"Enabled": True, "Recipients": "a@x"},
                {"Enabled": False, "Recipients": ""},
                id="no recipients",
            ),
        ],
    )
    def test_notification_settings_are_merged_into_their_json_text(self, changed, field, before, after):
        text = None if before is None else json.dumps(before)
        (value,) = payloads.secret_values(self.desired(**changed), {field}, text)
        assert value["key"] == "SyncNotificationSettings"
        assert json.loads(value["value"]) == after

    def test_every_managed_field_can_be_written(self):
        desired = self.desired(accepted_by_kiro=True, assigned_only=True, delete_threshold=1, notify=())
        for field in kinds.ProvisioningSecrets.writable_fields():
            assert payloads.secret_values(desired, {field}, None), field


class TestOnDemand:
    def test_the_subject_is_the_group_with_links_to_its_members(self):
        assert payloads.on_demand_body("rule#V2", "g", ["u1", "u2"]) == {
            "parameters": [
                {
                    "ruleId": "rule#V2",
                    "subjects": [
                        {
                            "objectId": "g",
                            "objectTypeName": "Group",
                            "links": {
                                "members": [
                                    {"objectId": "u1", "objectTypeName": "User"},
                                    {"objectId": "u2", "objectTypeName": "User"},
                                ]
                            },
                        }
                    ],
                }
            ]
        }

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ({"result": "Success", "details": {}}, ("Success", "", "")),
            (
                {"result": "Skipped", "details": {"errorCode": "RedundantExport", "errorMessage": "same"}},
                ("Skipped", "RedundantExport", "same"),
            ),
            ({"result": "Failure", "details": {"message": "no"}}, ("Failure", "", "no")),
            ({"result": "Failure", "details": "text"}, ("Failure", "", "")),
            ({"result": None}, ("", "", "")),
            ([], ("", "", "")),
        ],
    )
    def test_the_response_is_json_in_a_json_string(self, key, expected):
        assert payloads.on_demand_result({"key": json.dumps(key), "value": "{}"}) == expected

    @pytest.mark.parametrize("response", [{}, {"key": None}, {"key": ""}, {"key": "no json"}, {"key": 5}])
    def test_a_malformed_response_has_no_result(self, response):
        assert payloads.on_demand_result(response) == ("", "", "")
