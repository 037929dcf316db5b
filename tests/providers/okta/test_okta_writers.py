"""The requests that each change sends to Okta, in order."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from provisioner.core.errors import RefusedError, RemoteError
from provisioner.core.plan import Action, Change, DesiredState, make_plan
from provisioner.core.provider import Outcome
from provisioner.core.resource import Resource, resolve
from provisioner.core.retry import RetryPolicy
from provisioner.core.snapshot import Snapshot
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken
from provisioner.providers.okta.provider import OktaProvider
from tests.providers.okta.okta_checks import HEALTHY
from tests.providers.okta.stub_server import Reply, StubServer, error

API = "/api/v1"
OIDC, SCIM = f"{API}/apps/0oaoidc", f"{API}/apps/0oascim"
SERVER = f"{API}/authorizationServers/ausserver"
POLICY = f"{SERVER}/policies/00ppolicy"
RULE = f"{POLICY}/rules/0prrule"
PUSHES = f"{SCIM}/group-push/mappings"
UPDATED = "2026-11-01T00:00:00.000Z"


def healthy(kind: Any, key: str = "kiro") -> Any:
    return HEALTHY.snapshot.require(kind, key)


def applied(
    server: StubServer, change: Change, state: Snapshot = HEALTHY.snapshot, *, settle: float = 0
) -> Outcome:
    async def applying() -> Outcome:
        policy = RetryPolicy(budget=5, initial_delay=0.01, max_delay=0.01, consistency_window=settle)
        client = OktaClient(root=server.url, credentials=ApiToken("t"), direct=True, retry_policy=policy)
        try:
            return await OktaProvider(HEALTHY.playbook, client).apply(change, state)
        finally:
            await client.close()

    return asyncio.run(applying())


def change_to(**fields: Any) -> Any:
    """The change that sets fields of a healthy resource, as in a plan."""

    def of(kind: Any, key: str = "kiro", **was: Any) -> tuple[Change, Snapshot]:
        before = healthy(kind, key).model_copy(update=was)
        state = HEALTHY.snapshot.updated([before])
        (change,) = make_plan(DesiredState(resources=(kind(key=key, **fields),)), state).changes
        return change, state

    return of


def creation(kind: Any, key: str = "kiro") -> Change:
    """The change that creates a resource of the playbook, references resolved."""
    (desired,) = (
        each for each in HEALTHY.context.desired_state.resources if isinstance(each, kind) and each.key == key
    )
    after = resolve(desired, HEALTHY.snapshot.by_address)
    return Change(action=Action.CREATE, address=desired.address, after=after)


def deletion(resource: Resource) -> Change:
    return Change(action=Action.DELETE, address=resource.address, before=resource)


def calls(server: StubServer) -> list[str]:
    """Methods and paths of the received requests."""
    return [f"{request.method} {request.path}" for request in server.received]


class TestTheOidcApplication:
    MADE: ClassVar = {"id": "0oanew", "name": "oidc_client", "label": "Kiro-OIDC", "status": "ACTIVE"}

    def test_a_new_application_is_active_and_has_a_client_id(self, server):
        made = {**self.MADE, "credentials": {"oauthClient": {"client_id": "new"}}}
        server.respond("POST", f"{API}/apps", Reply(body=made))
        (application,) = applied(server, creation(kinds.Application)).resources
        assert calls(server) == [f"POST {API}/apps?activate=true"]
        assert server.received[0].json["settings"]["notes"]["admin"] == "provisioner-kiro"
        assert application.client_id == "new"

    def test_after_a_lost_response_the_application_is_found_and_not_created_twice(self, server):
        server.respond("POST", f"{API}/apps", Reply(drop=True))
        others = [
            {**self.MADE, "id": "0oa1", "label": "Kiro-OIDC 2"},
            {**self.MADE, "id": "0oa2", "name": "saml"},
        ]
        server.respond("GET", f"{API}/apps", Reply(body=[*others, self.MADE]))
        (application,) = applied(server, creation(kinds.Application)).resources
        assert application.id == "0oanew"
        assert len(server.requests("POST")) == 1

    def read(self, server: StubServer, updated: str = UPDATED) -> None:
        existing = {**self.MADE, "id": "0oaoidc", "lastUpdated": updated, "visibility": {"x": 1}}
        server.respond("GET", OIDC, Reply(body=existing))
        server.respond("PUT", OIDC, lambda request: Reply(body=request.json))
        server.respond("POST", f"{OIDC}/lifecycle/activate", Reply(body={}))
        server.respond("POST", f"{OIDC}/lifecycle/deactivate", Reply(body={}))

    def test_a_change_sends_the_whole_object(self, server):
        self.read(server)
        applied(server, *change_to(pkce_required=True)(kinds.Application, pkce_required=False))
        (put,) = server.requests("PUT")
        assert put.json == {
            "name": "oidc_client",
            "label": "Kiro-OIDC",
            "visibility": {"x": 1},
            "credentials": {"oauthClient": {"pkce_required": True}},
        }

    def test_an_application_changed_by_another_admin_is_not_written(self, server):
        self.read(server, "2026-11-02T00:00:00.000Z")
        with pytest.raises(RefusedError, match="another admin"):
            applied(server, *change_to(pkce_required=True)(kinds.Application, pkce_required=False))
        assert server.requests("PUT") == []

    def test_its_status_is_set_by_its_lifecycle(self, server):
        self.read(server)
        applied(server, *change_to(active=True)(kinds.Application, active=False))
        assert calls(server) == [f"POST {OIDC}/lifecycle/activate", f"GET {OIDC}"]

    def test_it_is_activated_before_it_is_put(self, server):
        self.read(server, "later")
        change = change_to(active=True, pkce_required=True)
        applied(server, *change(kinds.Application, active=False, pkce_required=False))
        assert [call for call in calls(server) if not call.startswith("GET")] == [
            f"POST {OIDC}/lifecycle/activate",
            f"PUT {OIDC}",
        ]

    @pytest.mark.parametrize(
        ("active", "expected"),
        [
            (True, [f"POST {OIDC}/lifecycle/deactivate", f"DELETE {OIDC}"]),
            (False, [f"DELETE {OIDC}"]),
        ],
    )
    def test_it_is_deactivated_before_it_is_deleted(self, server, active, expected):
        self.read(server)
        server.respond("DELETE", OIDC, Reply(204))
        applied(server, deletion(healthy(kinds.Application).model_copy(update={"active": active})))
        assert calls(server) == expected

    def test_its_authentication_policy_is_put_without_a_body(self, server):
        server.respond("PUT", f"{OIDC}/policies/rst1", Reply(204))
        desired = kinds.AuthenticationPolicyAssignment(key="kiro", policy="rst1")
        applied(server, Change(action=Action.CREATE, address=desired.address, after=desired))
        assert (calls(server), server.received[0].body) == ([f"PUT {OIDC}/policies/rst1"], b"")


class TestTheScimApplication:
    MADE: ClassVar = {
        "id": "0oascim",
        "name": "amazon_aws_sso",
        "label": "Kiro-SCIM",
        "status": "ACTIVE",
        "features": [],
    }

    def test_a_new_scim_application_shows_no_enabled_settings(self, server):
        server.respond("POST", f"{API}/apps", Reply(body=self.MADE))
        application, provisioning = applied(server, creation(kinds.ScimApplication)).resources
        assert application.id == "0oascim"
        assert (provisioning.kind, provisioning.integrated) == ("okta-provisioning", None)

    def test_a_refusal_of_the_catalog_names_the_manual_way(self, server):
        server.respond(
            "POST", f"{API}/apps", error(400, "E0000001", "Api validation failed", "acsURL: required")
        )
        with pytest.raises(RemoteError, match="acsURL: required") as raised:
            applied(server, creation(kinds.ScimApplication))
        assert "add 'AWS IAM Identity Center' in the Admin Console" in raised.value.hint
        assert "'Kiro-SCIM'" in raised.value.hint
        assert (raised.value.status, raised.value.code, raised.value.request_id) == (400, "E0000001", "oae1")

    def test_it_is_never_put(self, server):
        server.respond("POST", f"{SCIM}/lifecycle/activate", Reply(body={}))
        server.respond("GET", SCIM, Reply(body=self.MADE))
        applied(server, *change_to(active=True)(kinds.ScimApplication, active=False))
        assert calls(server) == [f"POST {SCIM}/lifecycle/activate", f"GET {SCIM}"]


class TestAssignments:
    @pytest.mark.parametrize(
        ("kind", "expected", "body"),
        [
            (kinds.GroupAssignment, f"PUT {OIDC}/groups/00g1", {"profile": {}}),
            (kinds.ScimGroupAssignment, f"PUT {SCIM}/groups/00g1", {"profile": {}}),
            (kinds.UserAssignment, f"POST {OIDC}/users", {"id": "00g1", "scope": "USER"}),
            (kinds.ScimUserAssignment, f"POST {SCIM}/users", {"id": "00g1", "scope": "USER"}),
        ],
    )
    def test_a_group_is_put_and_a_user_posted(self, server, kind, expected, body):
        method, _, path = expected.partition(" ")
        server.respond(method, path, Reply(body={}))
        desired = kind(key="x", principal="00g1")
        outcome = applied(server, Change(action=Action.CREATE, address=desired.address, after=desired))
        assert calls(server) == [expected]
        assert server.received[0].json == body
        assert outcome.resources == (desired,)

    @pytest.mark.parametrize(
        ("kind", "path"),
        [
            (kinds.GroupAssignment, f"{OIDC}/groups/00g1"),
            (kinds.ScimGroupAssignment, f"{SCIM}/groups/00g1"),
            (kinds.UserAssignment, f"{OIDC}/users/00g1"),
            (kinds.ScimUserAssignment, f"{SCIM}/users/00g1"),
        ],
    )
    @pytest.mark.parametrize("reply", [Reply(204), error(404, "E0000007")])
    def test_it_is_deleted_even_if_it_no_longer_exists(self, server, kind, path, reply):
        server.respond("DELETE", path, reply)
        applied(server, deletion(kind(key="x", principal="00g1")))
        assert calls(server) == [f"DELETE {path}"]


class TestTheServer:
    def test_after_a_lost_response_the_server_is_found_by_its_exact_name(self, server):
        server.respond("POST", f"{API}/authorizationServers", Reply(502, "<html>"))
        listed = [{"id": "aus0", "name": "Kiro 2"}, {"id": "aus1", "name": "Kiro"}]
        server.respond("GET", f"{API}/authorizationServers", Reply(body=listed))
        (made,) = applied(server, creation(kinds.AuthorizationServer)).resources
        assert made.id == "aus1"

    def test_it_is_deactivated_before_it_is_deleted(self, server):
        server.respond("POST", f"{SERVER}/lifecycle/deactivate", Reply(204))
        server.respond("DELETE", SERVER, Reply(204))
        applied(server, deletion(healthy(kinds.AuthorizationServer)))
        assert calls(server) == [f"POST {SERVER}/lifecycle/deactivate", f"DELETE {SERVER}"]

    def test_a_change_is_put_and_read(self, server):
        existing = {
            "id": "ausserver",
            "name": "Kiro",
            "audiences": ["old"],
            "lastUpdated": UPDATED,
            "status": "ACTIVE",
        }
        server.respond("GET", SERVER, Reply(body=existing))
        server.respond("PUT", SERVER, Reply(body={}))
        applied(server, *change_to(audience="kiro")(kinds.AuthorizationServer, audience="old"))
        assert [request.method for request in server.received] == ["GET", "PUT", "GET"]
        assert server.received[1].json["audiences"] == ["kiro"]
        assert not {"id", "status", "lastUpdated"} & set(server.received[1].json)

    def test_a_scope(self, server):
        where = f"{SERVER}/scopes/scp1"
        existing = {
            "id": "scp1",
            "name": "codewhisperer:completions",
            "consent": "REQUIRED",
            "description": "d",
        }
        server.respond("GET", where, Reply(body={**existing, "system": False}))
        server.respond("PUT", where, lambda request: Reply(body={"id": "scp1", **request.json}))
        change = change_to(consent="IMPLICIT")
        (scope,) = applied(
            server, *change(kinds.Scope, "codewhisperer:completions", consent="REQUIRED")
        ).resources
        assert scope.consent == "IMPLICIT"
        assert server.requests("PUT")[0].json == {
            "name": "codewhisperer:completions",
            "consent": "IMPLICIT",
            "description": "d",
        }

    @pytest.mark.parametrize(("kind", "where"), [(kinds.AccessPolicy, POLICY), (kinds.PolicyRule, RULE)])
    def test_the_status_of_a_policy_and_a_rule_is_set_by_their_lifecycle(self, server, kind, where):
        server.respond("POST", f"{where}/lifecycle/activate", Reply(204))
        server.respond("GET", where, Reply(body={"id": "x", "status": "ACTIVE"}))
        (existing,) = applied(server, *change_to(active=True)(kind, active=False)).resources
        assert calls(server) == [f"POST {where}/lifecycle/activate", f"GET {where}"]
        assert existing.active is True

    def test_a_new_rule_is_created_in_the_own_policy(self, server):
        rules = f"{POLICY}/rules"
        server.respond("POST", rules, error(423, "E0000239"), Reply(201, {"id": "0prnew", "name": "Kiro"}))
        (rule,) = applied(server, creation(kinds.PolicyRule)).resources
        assert rule.id == "0prnew"
        assert calls(server) == [f"POST {rules}"] * 2

    def test_a_rule_keeps_its_other_members(self, server):
        existing = {
            "id": "0prrule",
            "name": "Kiro",
            "status": "ACTIVE",
            "system": False,
            "priority": 3,
            "actions": {"token": {"inlineHook": {"id": "cal1"}}},
            "conditions": {"scopes": {"include": ["*"]}},
        }
        server.respond("GET", RULE, Reply(body=existing))
        server.respond("PUT", RULE, Reply(body=existing))
        applied(server, *change_to(scopes=("a",))(kinds.PolicyRule, scopes=("*",)))
        (put,) = server.requests("PUT")
        assert put.json == {
            "name": "Kiro",
            "status": "ACTIVE",
            "priority": 3,
            "actions": {"token": {"inlineHook": {"id": "cal1"}}},
            "conditions": {"scopes": {"include": ["a"]}},
        }


class TestTheMapping:
    WHERE = f"{API}/mappings/prm1"

    def listed(self, server: StubServer, *properties: str) -> None:
        entry = {"id": "prm1", "source": {"type": "user"}, "target": {"id": "0oascim"}}
        server.respond("GET", f"{API}/mappings", Reply(body=[entry]))
        for name in properties:
            names = filter(None, name.split())
            server.respond(
                "GET", self.WHERE, Reply(body={"id": "prm1", "properties": {key: {} for key in names}})
            )

    def test_unsupported_attributes_are_sent_as_null_and_read_back(self, server):
        self.listed(server, "email department employeeNumber", "email")
        server.respond("POST", self.WHERE, Reply(body={}))
        (mapping,) = applied(server, creation(kinds.AttributeMapping)).resources
        assert server.requests("POST")[0].json == {"properties": {"department": None, "employeeNumber": None}}
        assert (mapping.unsupported, mapping.mapped) == ((), ("email",))

    def test_without_unsupported_attributes_nothing_is_written(self, server):
        self.listed(server, "email")
        applied(server, creation(kinds.AttributeMapping))
        assert server.requests("POST") == []

    def test_a_removal_without_effect_is_an_error(self, server):
        self.listed(server, "department")
        server.respond("POST", self.WHERE, Reply(body={}))
        with pytest.raises(RemoteError, match="still maps department") as raised:
            applied(server, creation(kinds.AttributeMapping))
        assert "Admin Console" in raised.value.hint

    def test_a_lagging_read_is_waited_for(self, server):
        self.listed(server, "department", "department", "")
        server.respond("POST", self.WHERE, Reply(body={}))
        (mapping,) = applied(server, creation(kinds.AttributeMapping), settle=30).resources
        assert mapping.unsupported == ()

    def test_a_missing_mapping_is_reported(self, server):
        server.respond("GET", f"{API}/mappings", Reply(body=[]))
        with pytest.raises(RemoteError, match="no attribute mapping") as raised:
            applied(server, creation(kinds.AttributeMapping))
        assert "mapping: unmanaged" in raised.value.hint


class TestGroupPush:
    WHERE = f"{PUSHES}/gPmpush"

    def answering(self, server: StubServer) -> None:
        server.respond("PATCH", self.WHERE, Reply(body={}))
        body = {"id": "gPmpush", "sourceGroupId": "00gpro", "status": "ACTIVE"}
        server.respond("GET", self.WHERE, Reply(body=body))
        server.respond("DELETE", self.WHERE, Reply(200))

    def test_a_group_is_pushed_under_its_own_name(self, server):
        server.respond(
            "POST", PUSHES, Reply(body={"id": "gPmnew", "sourceGroupId": "00gpro", "status": "ACTIVE"})
        )
        (push,) = applied(server, creation(kinds.GroupPush, "Kiro-Pro")).resources
        assert push.id == "gPmnew"
        assert server.received[0].json == {
            "sourceGroupId": "00gpro",
            "targetGroupName": "Kiro-Pro",
            "status": "ACTIVE",
        }

    def test_after_a_lost_response_the_push_is_found_by_its_group(self, server):
        server.respond("POST", PUSHES, Reply(504))
        listed = [{"id": "gPm1", "sourceGroupId": "00gother"}, {"id": "gPm2", "sourceGroupId": "00gpro"}]
        server.respond("GET", PUSHES, Reply(body=listed))
        (push,) = applied(server, creation(kinds.GroupPush, "Kiro-Pro")).resources
        assert push.id == "gPm2"

    def test_a_group_that_is_already_in_kiro_is_linked_by_its_id(self, server):
        made = {"id": "gPmnew", "sourceGroupId": "00gpro", "status": "ACTIVE"}
        refusal = {"errorCode": "E0000001", "errorSummary": "Api validation failed", "errorCauses": []}
        server.respond("POST", PUSHES, Reply(400, body=refusal), Reply(body=made))
        listed = [
            {"id": "00gelse", "profile": {"name": "Kiro-Pro"}, "source": {"id": "0oaother"}},
            {"id": "00gmade", "profile": {"name": "Kiro-Pro"}, "source": {"id": SCIM.rpartition("/")[2]}},
        ]
        server.respond("GET", f"{API}/groups", Reply(body=listed))
        (push,) = applied(server, creation(kinds.GroupPush, "Kiro-Pro")).resources
        assert push.id == "gPmnew"
        assert server.requests("POST")[1].json["targetGroupId"] == "00gmade"

    def test_a_refusal_for_another_reason_is_raised(self, server):
        refusal = {"errorCode": "E0000001", "errorSummary": "no", "errorCauses": []}
        server.respond("POST", PUSHES, Reply(400, body=refusal))
        server.respond("GET", f"{API}/groups", Reply(body=[]))
        with pytest.raises(RemoteError, match="no"):
            applied(server, creation(kinds.GroupPush, "Kiro-Pro"))

    def test_a_failed_push_is_deactivated_and_activated(self, server):
        self.answering(server)
        change = change_to(healthy=True)
        applied(server, *change(kinds.GroupPush, "Kiro-Pro", healthy=False, status="ERROR"))
        assert [request.json["status"] for request in server.requests("PATCH")] == ["INACTIVE", "ACTIVE"]

    def test_an_inactive_push_is_activated(self, server):
        self.answering(server)
        change = change_to(active=True)
        applied(server, *change(kinds.GroupPush, "Kiro-Pro", active=False, status="INACTIVE"))
        assert [request.json["status"] for request in server.requests("PATCH")] == ["ACTIVE"]

    def test_a_push_is_deactivated_before_its_deletion_and_the_group_stays_in_kiro(self, server):
        self.answering(server)
        outcome = applied(server, deletion(healthy(kinds.GroupPush, "Kiro-Pro")))
        assert calls(server) == [f"PATCH {self.WHERE}", f"DELETE {self.WHERE}?deleteTargetGroup=false"]
        assert server.received[0].json == {"status": "INACTIVE"}
        assert "stays in Kiro" in outcome.note


def test_there_is_a_writer_for_every_kind_that_can_be_desired():
    handled = {row.kind.kind for row in OktaProvider.managed_kinds if row.write}
    every = {
        kind.kind
        for kind in vars(kinds).values()
        if isinstance(kind, type) and issubclass(kind, Resource) and kind.kind and kind.writable_fields()
    }
    assert handled == every
