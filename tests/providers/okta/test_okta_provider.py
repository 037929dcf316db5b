"""What the provider decides: destroyed state, handoff, warnings, permissions, and its refresh after manual steps."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from pydantic import SecretStr

from provisioner.core.errors import PermissionDeniedError, RefusedError, UsageError
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, make_plan
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers import SandboxConnection
from provisioner.providers.okta import observations
from provisioner.providers.okta import provider as entry
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken, ServiceApp
from provisioner.providers.okta.permissions import PERMISSIONS
from provisioner.providers.okta.provider import OktaProvider
from tests.providers.okta.okta_checks import HEALTHY, case
from tests.providers.okta.stub_server import Reply, running_stub_server

APPLICATION = HEALTHY.snapshot.require(kinds.Application, "kiro")
SERVER = HEALTHY.snapshot.require(kinds.AuthorizationServer, "kiro")
SCIM = HEALTHY.snapshot.require(kinds.ScimApplication, "kiro")
DEPROVISION = {"safety": {"deprovision": True}}


def provider(root: str = "http://127.0.0.1:1", **playbook: Any) -> OktaProvider:
    """The provider of the healthy playbook, with sections laid over it."""
    return OktaProvider(
        case(playbook=playbook).playbook, OktaClient(root=root, credentials=ApiToken("x"), direct=True)
    )


def healthy_but(*changed: Resource) -> Snapshot:
    return HEALTHY.snapshot.updated(changed)


class TestDestroyedState:
    def steps(self, *, purge: bool, **playbook: Any) -> list[tuple[Action, str]]:
        snapshot = HEALTHY.snapshot
        plan = make_plan(provider(**playbook).destroyed_state(snapshot, purge=purge), snapshot)
        assert plan.refusals == ()
        return [(change.action, change.address) for stage in plan.stages() for change in stage]

    def test_everything_is_deactivated(self):
        assert set(self.steps(purge=False, **DEPROVISION)) == {
            (Action.UPDATE, "okta-application/kiro"),
            (Action.UPDATE, "okta-scim-application/kiro"),
            (Action.UPDATE, "okta-authorization-server/kiro"),
        }

    def test_purge_deletes_everything(self):
        assert self.steps(purge=True, **DEPROVISION) == [
            (Action.DELETE, "okta-application/kiro"),
            (Action.DELETE, "okta-scim-application/kiro"),
            (Action.DELETE, "okta-authorization-server/kiro"),
        ]

    @pytest.mark.parametrize("purge", [False, True])
    def test_no_one_is_removed_from_kiro_without_permission_in_the_playbook(self, purge):
        with pytest.raises(RefusedError, match="from Kiro") as raised:
            provider().destroyed_state(HEALTHY.snapshot, purge=purge)
        assert raised.value.hint == "allow it with safety: deprovision: true"

    def test_an_inactive_scim_application_may_be_deleted(self):
        snapshot = healthy_but(SCIM.model_copy(update={"active": False}))
        assert provider().destroyed_state(snapshot, purge=True).absent

    @pytest.mark.parametrize(
        ("resource", "field", "problem"),
        [
            (
                APPLICATION,
                "notes",
                "the notes of the OIDC application are not exactly the marker provisioner-kiro:",
            ),
            (SERVER, "description", "is not exactly 'Sign-in to Kiro (provisioner-kiro)':"),
            (SCIM, "notes", "the notes of the SCIM application are not exactly the marker provisioner-kiro:"),
        ],
    )
    @pytest.mark.parametrize(
        "mark", [None, "", "mine", "provisioner-kiro-2", "Sign-in to Kiro (provisioner-kiro-2)"]
    )
    def test_objects_without_the_marker_are_refused(self, resource, field, problem, mark):
        snapshot = healthy_but(resource.model_copy(update={field: mark}))
        with pytest.raises(RefusedError, match=re.escape(problem)):
            provider(**DEPROVISION).destroyed_state(snapshot, purge=False)

    def test_an_empty_organization_needs_no_change(self):
        for purge in (False, True):
            plan = make_plan(provider().destroyed_state(Snapshot(), purge=purge), Snapshot())
            assert (plan.pending, plan.refusals) == ((), ())


class TestHandoff:
    def values(self, snapshot: Snapshot, **playbook: Any) -> dict[str, str | None]:
        return {value.name: value.value for value in provider(**playbook).handoff(snapshot)}

    def test_two_values_go_to_kiro_and_two_to_okta(self):
        assert self.values(HEALTHY.snapshot) == {
            "Issuer URI": "https://acme.okta.com/oauth2/ausserver",
            "Client ID": "0oaclient",
            "SCIM endpoint": "https://scim.example.com/v2",
            "Access token": "(in Okta already)",
        }

    def test_values_are_unknown_in_an_empty_organization(self):
        result = self.values(Snapshot(), scim={"endpoint": None})
        assert set(result.values()) == {None}

    def test_what_the_playbook_confirms_is_in_okta(self):
        result = self.values(Snapshot(), scim={"endpoint": None, "manual_steps": "confirmed"})
        assert (result["SCIM endpoint"], result["Access token"]) == ("(in Okta already)", "(in Okta already)")

    def test_without_provisioning_there_are_two_values(self):
        assert list(self.values(HEALTHY.snapshot, scim=None, push=None)) == ["Issuer URI", "Client ID"]

    def test_every_value_has_a_source_and_a_destination(self):
        for value in provider().handoff(HEALTHY.snapshot):
            assert {value.source.partition(",")[0], value.destination.partition(",")[0]} == {
                "Okta Admin Console",
                "Kiro console",
            }


class TestWarnings:
    def warnings(self, *changed: Resource, **playbook: Any) -> list[str]:
        of, snapshot = provider(**playbook), healthy_but(*changed)
        return list(of.warnings(snapshot, make_plan(of.desired_state(), snapshot)))

    def test_the_healthy_organization_has_none(self):
        assert self.warnings() == []

    def test_a_group_that_is_assigned_and_pushed(self):
        (warning,) = self.warnings(push=[{"name": "Kiro-Users"}, {"name": "Kiro-Pro"}])
        assert warning.startswith("the group 'Kiro-Users' is both assigned and pushed")

    def test_users_that_are_assigned_directly(self):
        (warning,) = self.warnings(users=[{"name": "alice"}, {"name": "bob"}])
        assert warning.startswith("2 users are assigned directly")

    def test_confirmed_manual_steps_that_okta_does_not_show(self):
        confirmed = {"scim": {"manual_steps": "confirmed"}}
        assert self.warnings(**confirmed) == []
        (warning,) = self.warnings(observations.Provisioning(key="kiro"), **confirmed)
        assert "Okta does not show it" in warning


@pytest.mark.parametrize(
    ("playbook", "absent"),
    [
        (
            {"users": [{"name": "a"}], "application": {"authentication_policy": "p"}},
            set(),
        ),
        ({}, {"find the authentication policy", "find users"}),
        (
            {"push": None},
            {"find the authentication policy", "find users", "push groups"},
        ),
        (
            {"scim": {"mapping": "unmanaged"}},
            {
                "find the authentication policy",
                "find users",
                "read the attribute mapping",
                "remove attribute mappings",
            },
        ),
        (
            {"scim": None, "push": None},
            {
                "find the authentication policy",
                "find users",
                "push groups",
                "read the attribute mapping",
                "remove attribute mappings",
            },
        ),
    ],
)
def test_a_playbook_needs_no_permission_that_it_does_not_use(playbook, absent):
    needed = {need.purpose for need in provider(**playbook).required_permissions()}
    assert {need.purpose for need in PERMISSIONS} - needed == absent


class TestPermissions:
    class Granting(OktaClient):
        """Grants some scopes, without a request."""

        grants: frozenset[str] = frozenset()

        async def request_scopes(self, *scopes: str) -> bool | None:
            return set(scopes) <= self.grants

        async def is_granted(self, scope: str) -> bool | None:
            return scope in self.grants

    def of(self, *grants: str) -> OktaProvider:
        client = self.Granting(root="http://127.0.0.1:1", credentials=ServiceApp("0oaserviceapp", "k", ()))
        client.grants = frozenset(grants)
        return OktaProvider(HEALTHY.playbook, client)

    def test_granted_permissions_are_reported_one_by_one(self):
        result = asyncio.run(
            self.of("okta.apps.read", "okta.groups.read", "okta.groups.manage").permissions()
        )
        granted = {need.purpose: need.granted for need in result.permissions}
        assert granted["find and read the applications and their assignments"] is True
        assert granted["find groups and read group push"] is True
        assert granted["push groups"] is True
        assert granted["read the authorization server, its scopes and policies"] is False
        assert result.problem == ""

    def test_no_granted_scope_is_not_unknown(self):
        result = asyncio.run(self.of().permissions())
        assert {need.granted for need in result.permissions} == {False}

    def test_permissions_of_an_api_token_are_unknown(self):
        result = asyncio.run(provider().permissions())
        assert {need.granted for need in result.permissions} == {None}

    def test_a_plan_that_lacks_a_permission_is_refused_before_the_first_write(self):
        plan = make_plan(HEALTHY.context.desired_state, Snapshot())
        with pytest.raises(PermissionDeniedError, match="nothing was written") as raised:
            asyncio.run(self.of("okta.apps.manage").check_permissions(plan))
        assert raised.value.permissions == ("okta.authorizationServers.manage",)

    def test_a_plan_with_all_permissions_is_allowed(self):
        plan = make_plan(HEALTHY.context.desired_state, Snapshot())
        scopes = ("okta.apps.manage", "okta.authorizationServers.manage", "okta.profileMappings.manage")
        asyncio.run(self.of(*scopes).check_permissions(plan))

    def test_a_plan_of_nothing_needs_nothing(self):
        asyncio.run(self.of().check_permissions(make_plan(HEALTHY.context.desired_state, HEALTHY.snapshot)))


class TestRefresh:
    STEPS = tuple(step for step in HEALTHY.context.desired_state.resources if isinstance(step, ManualStep))

    def looked(self, of: OktaProvider, steps: Any, state: Snapshot) -> tuple[Resource, ...]:
        async def looking() -> tuple[Resource, ...]:
            try:
                return await of.refresh(steps, state)
            finally:
                await of.close()

        return asyncio.run(looking())

    def test_the_application_s_current_settings_are_read(self):
        with running_stub_server() as server:
            features = ["GROUP_PUSH", "PUSH_NEW_USERS"]
            server.respond("GET", "/api/v1/apps/0oascim", Reply(body={"id": "0oascim", "features": features}))
            (result,) = self.looked(provider(server.url), self.STEPS, HEALTHY.snapshot)
            assert result == observations.Provisioning(
                key="kiro", features=tuple(features), integrated=True, create_users=True
            )
            assert len(server.received) == 1

    def test_nothing_is_read_for_steps_with_other_proofs(self):
        other = ManualStep(key="other", title="another step")
        assert self.looked(provider(), [other], HEALTHY.snapshot) == ()
        assert self.looked(provider(), [], HEALTHY.snapshot) == ()

    def test_nothing_is_read_without_an_application(self):
        assert self.looked(provider(), self.STEPS, Snapshot()) == ()


class TestConnecting:
    def connected(self, sandboxed: SandboxConnection | None = None, **connection: Any) -> OktaProvider:
        of = case(playbook={"connection": {"org_url": "https://acme.okta.com", "token": None, **connection}})
        return entry.connect(of.playbook, None, lambda _: None, sandboxed)

    def test_a_service_app_comes_before_a_token(self):
        result = self.connected(client_id="0oaserviceapp", private_key="k", token="t", key_id="k1", dpop=True)
        app = result.client.credentials
        assert isinstance(app, ServiceApp)
        assert (app.client_id, app.private_key, app.key_id, app.dpop) == ("0oaserviceapp", "k", "k1", True)

    def test_only_read_scopes_are_requested(self):
        app = self.connected(client_id="0oaserviceapp", private_key="k").client.credentials
        assert isinstance(app, ServiceApp)
        assert set(app.scopes) == {
            "okta.apps.read",
            "okta.authorizationServers.read",
            "okta.groups.read",
            "okta.profileMappings.read",
        }

    def test_an_api_token_is_used_as_credentials(self):
        result = self.connected(token="t")
        assert result.client.credentials == ApiToken("t")
        assert (result.client.root, result.client.direct) == ("https://acme.okta.com", False)

    def test_missing_credentials_are_reported(self):
        with pytest.raises(UsageError, match=r"no credentials for https://acme\.okta\.com") as raised:
            self.connected()
        assert "private_key" in raised.value.hint

    def test_in_the_sandbox_the_real_credentials_are_not_used(self):
        sandboxed = SandboxConnection("http://127.0.0.1:9", "sandbox-token")
        client = self.connected(sandboxed, token="t").client
        assert (client.root, client.credentials, client.direct) == (
            "http://127.0.0.1:9",
            ApiToken("sandbox-token"),
            True,
        )

    def test_no_representation_contains_a_secret(self):
        result = self.connected(client_id="0oaserviceapp", private_key="hunter2", token="hunter2")
        assert "hunter2" not in repr(result)
        assert result.playbook.connection.token == SecretStr("hunter2")
