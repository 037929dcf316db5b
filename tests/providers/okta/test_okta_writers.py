"""What each change sends to Okta, and in which order."""

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
from tests.providers.okta.loopback import Loopback, Reply, error
from tests.providers.okta.okta_checks import HEALTHY

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
    server: Loopback, change: Change, world: Snapshot = HEALTHY.snapshot, *, settle: float = 0
) -> Outcome:
    async def applying() -> Outcome:
        patience = RetryPolicy(budget=5, initial_delay=0.01, max_delay=0.01, consistency_window=settle)
        org = OktaClient(root=server.url, credentials=ApiToken("t"), direct=True, retry_policy=patience)
        try:
            return await OktaProvider(HEALTHY.playbook, org).apply(change, world)
        finally:
            await org.close()

    return asyncio.run(applying())


def change_to(**fields: Any) -> Any:
    """The change that sets fields of a healthy resource, as a plan has it."""

    def of(kind: Any, key: str = "kiro", **was: Any) -> tuple[Change, Snapshot]:
        before = healthy(kind, key).model_copy(update=was)
        world = HEALTHY.snapshot.updated([before])
        (change,) = make_plan(DesiredState(resources=(kind(key=key, **fields),)), world).changes
        return change, world

    return of


def creation(kind: Any, key: str = "kiro") -> Change:
    """The change that makes what the playbook wants, references resolved."""
    (wanted,) = (
        each for each in HEALTHY.context.desired_state.resources if isinstance(each, kind) and each.key == key
    )
    after = resolve(wanted, HEALTHY.snapshot.by_address)
    return Change(action=Action.CREATE, address=wanted.address, after=after)


def deletion(resource: Resource) -> Change:
    return Change(action=Action.DELETE, address=resource.address, before=resource)


def calls(server: Loopback) -> list[str]:
    """The requests, shortly."""
    return [f"{asked.method} {asked.path}" for asked in server.asked]


class TestTheOidcApplication:
    MADE: ClassVar = {"id": "0oanew", "name": "oidc_client", "label": "Kiro-OIDC", "status": "ACTIVE"}

    def test_a_new_one_is_made_active_and_tells_its_client_id(self, server):
        made = {**self.MADE, "credentials": {"oauthClient": {"client_id": "new"}}}
        server.answers("POST", f"{API}/apps", Reply(body=made))
        (application,) = applied(server, creation(kinds.Application)).resources
        assert calls(server) == [f"POST {API}/apps?activate=true"]
        assert server.asked[0].json["settings"]["notes"]["admin"] == "provisioner-kiro"
        assert application.client_id == "new"

    def test_one_whose_answer_was_lost_is_found_and_not_made_twice(self, server):
        server.answers("POST", f"{API}/apps", Reply(drop=True))
        others = [
            {**self.MADE, "id": "0oa1", "label": "Kiro-OIDC 2"},
            {**self.MADE, "id": "0oa2", "name": "saml"},
        ]
        server.answers("GET", f"{API}/apps", Reply(body=[*others, self.MADE]))
        (application,) = applied(server, creation(kinds.Application)).resources
        assert application.id == "0oanew"
        assert len(server.requests("POST")) == 1

    def read(self, server: Loopback, updated: str = UPDATED) -> None:
        found = {**self.MADE, "id": "0oaoidc", "lastUpdated": updated, "visibility": {"x": 1}}
        server.answers("GET", OIDC, Reply(body=found))
        server.answers("PUT", OIDC, lambda asked: Reply(body=asked.json))
        server.answers("POST", f"{OIDC}/lifecycle/activate", Reply(body={}))
        server.answers("POST", f"{OIDC}/lifecycle/deactivate", Reply(body={}))

    def test_a_change_puts_it_back_whole(self, server):
        self.read(server)
        applied(server, *change_to(pkce_required=True)(kinds.Application, pkce_required=False))
        (put,) = server.requests("PUT")
        assert put.json == {
            "name": "oidc_client",
            "label": "Kiro-OIDC",
            "visibility": {"x": 1},
            "credentials": {"oauthClient": {"pkce_required": True}},
        }

    def test_what_somebody_changed_meanwhile_is_not_written(self, server):
        self.read(server, "2026-11-02T00:00:00.000Z")
        with pytest.raises(RefusedError, match="somebody else"):
            applied(server, *change_to(pkce_required=True)(kinds.Application, pkce_required=False))
        assert server.requests("PUT") == []

    def test_it_is_switched_by_its_lifecycle_and_not_put(self, server):
        self.read(server)
        applied(server, *change_to(active=True)(kinds.Application, active=False))
        assert calls(server) == [f"POST {OIDC}/lifecycle/activate", f"GET {OIDC}"]

    def test_it_is_active_before_it_is_put(self, server):
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
    def test_it_is_inactive_before_it_is_deleted(self, server, active, expected):
        self.read(server)
        server.answers("DELETE", OIDC, Reply(204))
        applied(server, deletion(healthy(kinds.Application).model_copy(update={"active": active})))
        assert calls(server) == expected

    def test_its_authentication_policy_is_put_without_a_body(self, server):
        server.answers("PUT", f"{OIDC}/policies/rst1", Reply(204))
        wanted = kinds.AuthenticationPolicy(key="kiro", policy="rst1")
        applied(server, Change(action=Action.CREATE, address=wanted.address, after=wanted))
        assert (calls(server), server.asked[0].body) == ([f"PUT {OIDC}/policies/rst1"], b"")


class TestTheScimApplication:
    MADE: ClassVar = {
        "id": "0oascim",
        "name": "amazon_aws_sso",
        "label": "Kiro-SCIM",
        "status": "ACTIVE",
        "features": [],
    }

    def test_a_new_one_shows_that_nothing_is_switched_on(self, server):
        server.answers("POST", f"{API}/apps", Reply(body=self.MADE))
        application, provisioning = applied(server, creation(kinds.ScimApplication)).resources
        assert application.id == "0oascim"
        assert (provisioning.kind, provisioning.integrated) == ("okta-provisioning", None)

    def test_where_the_catalogue_refuses_the_way_by_hand_is_told(self, server):
        server.answers(
            "POST", f"{API}/apps", error(400, "E0000001", "Api validation failed", "acsURL: required")
        )
        with pytest.raises(RemoteError, match="acsURL: required") as raised:
            applied(server, creation(kinds.ScimApplication))
        assert "add 'AWS IAM Identity Center' by hand" in raised.value.hint
        assert "'Kiro-SCIM'" in raised.value.hint
        assert (raised.value.status, raised.value.code, raised.value.request_id) == (400, "E0000001", "oae1")

    def test_it_is_never_put(self, server):
        server.answers("POST", f"{SCIM}/lifecycle/activate", Reply(body={}))
        server.answers("GET", SCIM, Reply(body=self.MADE))
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
        server.answers(method, path, Reply(body={}))
        wanted = kind(key="x", principal="00g1")
        outcome = applied(server, Change(action=Action.CREATE, address=wanted.address, after=wanted))
        assert calls(server) == [expected]
        assert server.asked[0].json == body
        assert outcome.resources == (wanted,)

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
    def test_it_is_deleted_and_may_be_gone_already(self, server, kind, path, reply):
        server.answers("DELETE", path, reply)
        applied(server, deletion(kind(key="x", principal="00g1")))
        assert calls(server) == [f"DELETE {path}"]


class TestTheServer:
    def test_a_new_one_is_looked_for_by_its_exact_name_after_a_lost_answer(self, server):
        server.answers("POST", f"{API}/authorizationServers", Reply(502, "<html>"))
        listed = [{"id": "aus0", "name": "Kiro 2"}, {"id": "aus1", "name": "Kiro"}]
        server.answers("GET", f"{API}/authorizationServers", Reply(body=listed))
        (made,) = applied(server, creation(kinds.AuthorizationServer)).resources
        assert made.id == "aus1"

    def test_it_is_inactive_before_it_is_deleted(self, server):
        server.answers("POST", f"{SERVER}/lifecycle/deactivate", Reply(204))
        server.answers("DELETE", SERVER, Reply(204))
        applied(server, deletion(healthy(kinds.AuthorizationServer)))
        assert calls(server) == [f"POST {SERVER}/lifecycle/deactivate", f"DELETE {SERVER}"]

    def test_a_change_is_put_and_read(self, server):
        found = {
            "id": "ausserver",
            "name": "Kiro",
            "audiences": ["old"],
            "lastUpdated": UPDATED,
            "status": "ACTIVE",
        }
        server.answers("GET", SERVER, Reply(body=found))
        server.answers("PUT", SERVER, Reply(body={}))
        applied(server, *change_to(audience="kiro")(kinds.AuthorizationServer, audience="old"))
        assert [asked.method for asked in server.asked] == ["GET", "PUT", "GET"]
        assert server.asked[1].json["audiences"] == ["kiro"]
        assert not {"id", "status", "lastUpdated"} & set(server.asked[1].json)

    def test_a_scope(self, server):
        where = f"{SERVER}/scopes/scp1"
        found = {"id": "scp1", "name": "codewhisperer:completions", "consent": "REQUIRED", "description": "d"}
        server.answers("GET", where, Reply(body={**found, "system": False}))
        server.answers("PUT", where, lambda asked: Reply(body={"id": "scp1", **asked.json}))
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
    def test_a_policy_and_a_rule_are_switched_without_being_put(self, server, kind, where):
        server.answers("POST", f"{where}/lifecycle/activate", Reply(204))
        server.answers("GET", where, Reply(body={"id": "x", "status": "ACTIVE"}))
        (found,) = applied(server, *change_to(active=True)(kind, active=False)).resources
        assert calls(server) == [f"POST {where}/lifecycle/activate", f"GET {where}"]
        assert found.active is True

    def test_a_new_rule_is_made_in_our_policy(self, server):
        rules = f"{POLICY}/rules"
        server.answers("POST", rules, error(423, "E0000239"), Reply(201, {"id": "0prnew", "name": "Kiro"}))
        (rule,) = applied(server, creation(kinds.PolicyRule)).resources
        assert rule.id == "0prnew"
        assert calls(server) == [f"POST {rules}"] * 2

    def test_a_rule_keeps_what_it_has_besides(self, server):
        found = {
            "id": "0prrule",
            "name": "Kiro",
            "status": "ACTIVE",
            "system": False,
            "priority": 3,
            "actions": {"token": {"inlineHook": {"id": "cal1"}}},
            "conditions": {"scopes": {"include": ["*"]}},
        }
        server.answers("GET", RULE, Reply(body=found))
        server.answers("PUT", RULE, Reply(body=found))
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

    def listed(self, server: Loopback, *properties: str) -> None:
        entry = {"id": "prm1", "source": {"type": "user"}, "target": {"id": "0oascim"}}
        server.answers("GET", f"{API}/mappings", Reply(body=[entry]))
        for name in properties:
            names = filter(None, name.split())
            server.answers(
                "GET", self.WHERE, Reply(body={"id": "prm1", "properties": {key: {} for key in names}})
            )

    def test_what_is_not_supported_is_sent_as_null_and_read_back(self, server):
        self.listed(server, "email department employeeNumber", "email")
        server.answers("POST", self.WHERE, Reply(body={}))
        (mapping,) = applied(server, creation(kinds.ScimAttributeMapping)).resources
        assert server.requests("POST")[0].json == {"properties": {"department": None, "employeeNumber": None}}
        assert (mapping.unsupported, mapping.mapped) == ((), ("email",))

    def test_where_there_is_nothing_to_remove_nothing_is_written(self, server):
        self.listed(server, "email")
        applied(server, creation(kinds.ScimAttributeMapping))
        assert server.requests("POST") == []

    def test_what_okta_says_it_did_and_did_not_is_an_error(self, server):
        self.listed(server, "department")
        server.answers("POST", self.WHERE, Reply(body={}))
        with pytest.raises(RemoteError, match="still maps department") as raised:
            applied(server, creation(kinds.ScimAttributeMapping))
        assert "by hand" in raised.value.hint

    def test_what_is_read_late_is_waited_for(self, server):
        self.listed(server, "department", "department", "")
        server.answers("POST", self.WHERE, Reply(body={}))
        (mapping,) = applied(server, creation(kinds.ScimAttributeMapping), settle=30).resources
        assert mapping.unsupported == ()

    def test_where_there_is_none_that_is_told(self, server):
        server.answers("GET", f"{API}/mappings", Reply(body=[]))
        with pytest.raises(RemoteError, match="no attribute mapping") as raised:
            applied(server, creation(kinds.ScimAttributeMapping))
        assert "mapping: unmanaged" in raised.value.hint


class TestGroupPush:
    WHERE = f"{PUSHES}/gPmpush"

    def answering(self, server: Loopback) -> None:
        server.answers("PATCH", self.WHERE, Reply(body={}))
        body = {"id": "gPmpush", "sourceGroupId": "00gpro", "status": "ACTIVE"}
        server.answers("GET", self.WHERE, Reply(body=body))
        server.answers("DELETE", self.WHERE, Reply(200))

    def test_a_group_is_pushed_under_its_own_name(self, server):
        server.answers(
            "POST", PUSHES, Reply(body={"id": "gPmnew", "sourceGroupId": "00gpro", "status": "ACTIVE"})
        )
        (push,) = applied(server, creation(kinds.GroupPush, "Kiro-Pro")).resources
        assert push.id == "gPmnew"
        assert server.asked[0].json == {
            "sourceGroupId": "00gpro",
            "targetGroupName": "Kiro-Pro",
            "status": "ACTIVE",
        }

    def test_one_whose_answer_was_lost_is_found_by_its_group(self, server):
        server.answers("POST", PUSHES, Reply(504))
        listed = [{"id": "gPm1", "sourceGroupId": "00gother"}, {"id": "gPm2", "sourceGroupId": "00gpro"}]
        server.answers("GET", PUSHES, Reply(body=listed))
        (push,) = applied(server, creation(kinds.GroupPush, "Kiro-Pro")).resources
        assert push.id == "gPm2"

    def test_one_that_is_in_kiro_already_is_linked_by_its_id_where_its_name_is_refused(self, server):
        made = {"id": "gPmnew", "sourceGroupId": "00gpro", "status": "ACTIVE"}
        refusal = {"errorCode": "E0000001", "errorSummary": "Api validation failed", "errorCauses": []}
        server.answers("POST", PUSHES, Reply(400, body=refusal), Reply(body=made))
        listed = [
            {"id": "00gelse", "profile": {"name": "Kiro-Pro"}, "source": {"id": "0oaother"}},
            {"id": "00gmade", "profile": {"name": "Kiro-Pro"}, "source": {"id": SCIM.rpartition("/")[2]}},
        ]
        server.answers("GET", f"{API}/groups", Reply(body=listed))
        (push,) = applied(server, creation(kinds.GroupPush, "Kiro-Pro")).resources
        assert push.id == "gPmnew"
        assert server.requests("POST")[1].json["targetGroupId"] == "00gmade"

    def test_a_refusal_for_another_reason_is_told(self, server):
        refusal = {"errorCode": "E0000001", "errorSummary": "no", "errorCauses": []}
        server.answers("POST", PUSHES, Reply(400, body=refusal))
        server.answers("GET", f"{API}/groups", Reply(body=[]))
        with pytest.raises(RemoteError, match="no"):
            applied(server, creation(kinds.GroupPush, "Kiro-Pro"))

    def test_a_failed_one_is_switched_off_and_on_again(self, server):
        self.answering(server)
        change = change_to(healthy=True)
        applied(server, *change(kinds.GroupPush, "Kiro-Pro", healthy=False, status="ERROR"))
        assert [asked.json["status"] for asked in server.requests("PATCH")] == ["INACTIVE", "ACTIVE"]

    def test_one_that_is_off_is_switched_on(self, server):
        self.answering(server)
        change = change_to(active=True)
        applied(server, *change(kinds.GroupPush, "Kiro-Pro", active=False, status="INACTIVE"))
        assert [asked.json["status"] for asked in server.requests("PATCH")] == ["ACTIVE"]

    def test_it_is_off_before_it_is_deleted_and_the_group_stays_in_kiro(self, server):
        self.answering(server)
        outcome = applied(server, deletion(healthy(kinds.GroupPush, "Kiro-Pro")))
        assert calls(server) == [f"PATCH {self.WHERE}", f"DELETE {self.WHERE}?deleteTargetGroup=false"]
        assert server.asked[0].json == {"status": "INACTIVE"}
        assert "stays in Kiro" in outcome.note


def test_there_is_a_writer_for_every_kind_that_can_be_desired():
    handled = {row.kind.kind for row in OktaProvider.managed_kinds if row.write}
    every = {
        kind.kind
        for kind in vars(kinds).values()
        if isinstance(kind, type) and issubclass(kind, Resource) and kind.kind and kind.managed_fields()
    }
    assert handled == every
