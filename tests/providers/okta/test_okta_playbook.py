"""What an Okta playbook asks for, as resources and as a plan."""

from __future__ import annotations

from typing import Any

import pytest
from click import unstyle

from provisioner.core.drift import Category, drift_category
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, DesiredState, make_plan
from provisioner.core.resource import Reference, resolve
from provisioner.core.snapshot import Snapshot
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.playbook import OktaPlaybook
from provisioner.reports.building import plan_report
from provisioner.reports.json import dumps
from provisioner.reports.models import Target
from provisioner.reports.text import plan_text
from tests.golden_files import assert_golden
from tests.providers.okta.okta_checks import HEALTHY
from tests.simulated_apply import apply_to_snapshot

ENDPOINT = "https://scim.example.com/v2/"
TARGET = Target(
    playbook="okta.yaml",
    name="kiro",
    provider="okta",
    title="Okta",
    tenant="https://acme.okta.com",
    sandbox=False,
)
SWITCHED_ON = observations.Provisioning(
    key="kiro", integrated=True, create_users=True, update_users=True, deactivate_users=True, complete=True
)


def playbook(**keys: Any) -> OktaPlaybook:
    """A playbook called kiro."""
    base = {
        "version": 1,
        "name": "kiro",
        "provider": "okta",
        "connection": {"org_url": "https://acme.okta.com"},
    }
    return OktaPlaybook.model_validate({**base, **keys})


def by_address(desired: DesiredState) -> dict[str, Any]:
    return {resource.address: resource for resource in desired.resources}


WHOLE = playbook(
    application={"label": "Kiro-OIDC", "authentication_policy": "Any two factors"},
    authorization_server={
        "audience": "api://kiro",
        "openid": True,
        "access_token_minutes": 30,
        "refresh_token_minutes": 43200,
        "refresh_window_minutes": 1440,
        "issuer_mode": "ORG_URL",
    },
    scim={"endpoint": ENDPOINT},
    groups=[{"name": "Kiro-Users"}],
    users=[{"name": "alice@acme.example"}],
    push=[{"name": "Kiro-Pro"}],
)


class TestDesiredState:
    def test_the_smallest_playbook_follows_the_guide(self):
        found = by_address(playbook().desired_state())
        assert list(found) == [
            "okta-application/kiro",
            "okta-authorization-server/kiro",
            "okta-scope/codewhisperer:completions",
            "okta-scope/codewhisperer:conversations",
            "okta-access-policy/kiro",
            "okta-policy-rule/kiro",
        ]
        assert found["okta-application/kiro"] == kinds.Application(
            key="kiro",
            label="kiro",
            active=True,
            application_type="native",
            authentication="none",
            pkce_required=True,
            grant_types=("authorization_code", "refresh_token"),
            response_types=("code",),
            redirect_uris=(
                "kiro://kiro.oauth/callback",
                *(
                    f"http://localhost:{port}/oauth/callback"
                    for port in (3128, 4649, 6588, 8008, 9091, 49153, 50153, 51153, 52153, 53153)
                ),
            ),
            wildcard_redirect="DISABLED",
            notes="provisioner-kiro",
        )

    def test_the_server_and_what_is_in_it(self):
        found = by_address(playbook().desired_state())
        assert found["okta-authorization-server/kiro"] == kinds.AuthorizationServer(
            key="kiro",
            name="Kiro",
            description="Sign-in to Kiro (provisioner-kiro)",
            audience="kiro",
            active=True,
        )
        assert found["okta-scope/codewhisperer:completions"] == kinds.Scope(
            key="codewhisperer:completions",
            depends_on=("okta-authorization-server/kiro",),
            consent="IMPLICIT",
        )
        assert found["okta-access-policy/kiro"] == kinds.AccessPolicy(
            key="kiro",
            depends_on=("okta-authorization-server/kiro",),
            name="Kiro",
            active=True,
            clients=(Reference(address="okta-application/kiro", field="client_id"),),
        )
        assert found["okta-policy-rule/kiro"] == kinds.PolicyRule(
            key="kiro",
            depends_on=(
                "okta-access-policy/kiro",
                "okta-scope/codewhisperer:completions",
                "okta-scope/codewhisperer:conversations",
            ),
            name="Kiro",
            active=True,
            grant_types=("authorization_code",),
            scopes=("codewhisperer:completions", "codewhisperer:conversations", "offline_access"),
            groups=("EVERYONE",),
        )

    def test_every_resource_of_a_complete_playbook(self):
        assert list(by_address(WHOLE.desired_state())) == [
            "okta-application/kiro",
            "okta-authentication-policy/Any two factors",
            "okta-authentication-policy-assignment/kiro",
            "okta-authorization-server/kiro",
            "okta-scope/codewhisperer:completions",
            "okta-scope/codewhisperer:conversations",
            "okta-access-policy/kiro",
            "okta-policy-rule/kiro",
            "okta-group/Kiro-Users",
            "okta-user/alice@acme.example",
            "okta-group/Kiro-Pro",
            "okta-group-assignment/Kiro-Users",
            "okta-user-assignment/alice@acme.example",
            "okta-scim-application/kiro",
            "okta-attribute-mapping/kiro",
            "step/kiro-profile",
            "step/kiro-scim-token",
            "step/okta-api-integration",
            "step/okta-to-app",
            "okta-scim-group-assignment/Kiro-Users",
            "okta-scim-user-assignment/alice@acme.example",
            "okta-group-push/Kiro-Pro",
        ]

    def test_lifetimes_that_are_not_written_are_not_managed(self):
        rule = by_address(playbook().desired_state())["okta-policy-rule/kiro"]
        assert (rule.access_token_minutes, rule.refresh_token_minutes, rule.refresh_window_minutes) == (
            None,
            None,
            None,
        )
        rule = by_address(WHOLE.desired_state())["okta-policy-rule/kiro"]
        assert (rule.access_token_minutes, rule.refresh_token_minutes, rule.refresh_window_minutes) == (
            30,
            43200,
            1440,
        )

    def test_openid_is_allowed_on_request_and_never_created(self):
        found = by_address(WHOLE.desired_state())
        assert found["okta-policy-rule/kiro"].scopes[-2:] == ("offline_access", "openid")
        assert not {"okta-scope/openid", "okta-scope/offline_access"} & set(found)

    def test_the_authentication_policy_is_looked_up_and_assigned_by_id(self):
        assert by_address(WHOLE.desired_state())[
            "okta-authentication-policy-assignment/kiro"
        ] == kinds.AuthenticationPolicyAssignment(
            key="kiro",
            depends_on=("okta-application/kiro",),
            policy=Reference(address="okta-authentication-policy/Any two factors", field="id"),
        )

    @pytest.mark.parametrize(
        ("keys", "exhaustive"),
        [
            ({}, set()),
            ({"groups": []}, {"okta-group-assignment"}),
            ({"users": []}, {"okta-user-assignment"}),
            ({"scim": {}}, set()),
            ({"scim": {}, "groups": []}, {"okta-group-assignment", "okta-scim-group-assignment"}),
            ({"scim": {}, "users": []}, {"okta-user-assignment", "okta-scim-user-assignment"}),
            ({"scim": {}, "push": []}, {"okta-group-push"}),
            ({"push": []}, set()),
        ],
    )
    def test_assignments_and_pushes_are_exhaustive_where_they_are_written(self, keys, exhaustive):
        assert playbook(**keys).desired_state().exhaustive == exhaustive

    def test_an_assignment_refers_to_the_id_of_the_group(self):
        found = by_address(WHOLE.desired_state())
        reference = Reference(address="okta-group/Kiro-Users", field="id")
        assert found["okta-group-assignment/Kiro-Users"] == kinds.GroupAssignment(
            key="Kiro-Users", depends_on=("okta-application/kiro",), principal=reference
        )
        assert found["okta-scim-group-assignment/Kiro-Users"] == kinds.ScimGroupAssignment(
            key="Kiro-Users", depends_on=("step/okta-to-app",), principal=reference
        )

    def test_groups_are_pushed_after_all_assignments(self):
        assert by_address(WHOLE.desired_state())["okta-group-push/Kiro-Pro"] == kinds.GroupPush(
            key="Kiro-Pro",
            depends_on=(
                "step/okta-to-app",
                "okta-scim-group-assignment/Kiro-Users",
                "okta-scim-user-assignment/alice@acme.example",
            ),
            group=Reference(address="okta-group/Kiro-Pro", field="id"),
            active=True,
        )

    @pytest.mark.parametrize(
        ("mapping", "addresses"), [("guide", {"okta-attribute-mapping/kiro"}), ("unmanaged", set())]
    )
    def test_the_mapping_is_managed_unless_the_playbook_excludes_it(self, mapping, addresses):
        found = by_address(playbook(scim={"mapping": mapping}).desired_state())
        assert {address for address in found if "mapping" in address} == addresses

    def test_the_scim_application_has_its_own_label(self):
        found = by_address(playbook(scim={}).desired_state())["okta-scim-application/kiro"]
        assert found == kinds.ScimApplication(
            key="kiro", label="Kiro-SCIM", active=True, notes="provisioner-kiro"
        )

    def test_the_marker_has_the_playbook_s_name(self):
        other = playbook(name="kiro-2")
        assert (other.marker, other.server_description) == (
            "provisioner-kiro-2",
            "Sign-in to Kiro (provisioner-kiro-2)",
        )


class TestManualSteps:
    def steps(self, **scim: Any) -> dict[str, ManualStep]:
        found = playbook(scim=scim).desired_state().resources
        return {step.key: step for step in found if isinstance(step, ManualStep)}

    def test_there_are_four_each_after_the_previous_one(self):
        steps = self.steps()
        assert list(steps) == ["kiro-profile", "kiro-scim-token", "okta-api-integration", "okta-to-app"]
        for one, other in zip(list(steps.values()), list(steps.values())[1:], strict=False):
            assert one.address in other.depends_on

    @pytest.mark.parametrize(
        ("mapping", "before"),
        [("guide", "okta-attribute-mapping/kiro"), ("unmanaged", "okta-scim-application/kiro")],
    )
    def test_provisioning_is_not_enabled_before_the_mapping_is_right(self, mapping, before):
        assert before in self.steps(mapping=mapping)["okta-api-integration"].depends_on

    def test_the_profile_comes_after_sign_in_is_ready(self):
        assert set(self.steps()["kiro-profile"].depends_on) == {
            "okta-application/kiro",
            "okta-policy-rule/kiro",
        }

    @pytest.mark.parametrize(
        ("scim", "given"),
        [
            ({}, [False, False, False, False]),
            ({"endpoint": ENDPOINT}, [True, False, False, False]),
            ({"manual_steps": "confirmed"}, [True, True, True, True]),
        ],
    )
    def test_steps_that_the_playbook_completes(self, scim, given):
        assert [step.completed for step in self.steps(**scim).values()] == given

    @pytest.mark.parametrize(
        ("shown", "waiting"),
        [
            (None, ["kiro-profile", "kiro-scim-token", "okta-api-integration", "okta-to-app"]),
            (
                observations.Provisioning(key="kiro"),
                ["kiro-profile", "kiro-scim-token", "okta-api-integration", "okta-to-app"],
            ),
            (observations.Provisioning(key="kiro", integrated=True), ["okta-to-app"]),
            (observations.Provisioning(key="kiro", integrated=True, create_users=True), ["okta-to-app"]),
            (SWITCHED_ON, []),
        ],
    )
    def test_what_the_application_shows_proves_them(self, shown, waiting):
        there = Snapshot(resources=(shown,) if shown else ())
        plan = make_plan(playbook(scim={}).desired_state(), there)
        assert [step.key for step in plan.pending_steps] == waiting

    def test_the_values_to_paste_are_shown(self):
        profile, _, integration, _ = (
            resolve(step, HEALTHY.snapshot.by_address) for step in self.steps(endpoint=ENDPOINT).values()
        )
        assert "Issuer URI: https://acme.okta.com/oauth2/ausserver" in profile.instructions
        assert "Client ID: 0oaclient" in profile.instructions
        assert (
            "Base URL: https://scim.example.com/v2 (without a slash at the end)" in integration.instructions
        )
        assert "Kiro-SCIM, Provisioning, Integration" in integration.location

    def test_without_an_endpoint_the_step_says_where_to_find_it(self):
        (line,) = (
            str(line) for line in self.steps()["okta-api-integration"].instructions if "Base URL" in str(line)
        )
        assert "SCIM endpoint of the Kiro console" in line

    def test_no_step_returns_a_variable(self):
        assert [step.outputs for step in self.steps().values()] == [(), (), (), ()]


class TestPlans:
    @pytest.mark.parametrize(
        ("name", "of"),
        [
            ("okta-plan-smallest", playbook()),
            ("okta-plan-whole", WHOLE),
            ("okta-plan-before-the-kiro-profile", playbook(scim={}, groups=[{"name": "Kiro-Users"}])),
        ],
    )
    def test_for_an_empty_organization(self, name, of):
        report = plan_report(TARGET, make_plan(of.desired_state(), Snapshot()))
        assert_golden(f"{name}.txt", unstyle(plan_text(report, verbose=True)))
        assert_golden(f"{name}.json", dumps(report))

    def test_no_one_is_provisioned_before_the_mapping_is_right_and_the_settings_are_enabled(self):
        plan = make_plan(WHOLE.desired_state(), Snapshot())
        order = [change.address for change in plan.changes]
        mapping, switches = order.index("okta-attribute-mapping/kiro"), order.index("step/okta-to-app")
        assert mapping < order.index("step/okta-api-integration") < switches
        for later in ("okta-scim-group-assignment/Kiro-Users", "okta-group-push/Kiro-Pro"):
            assert order.index(later) > switches
        waiting = {change.address for change in plan.waiting}
        assert {"okta-scim-group-assignment/Kiro-Users", "okta-group-push/Kiro-Pro"} <= waiting

    @pytest.mark.parametrize("of", [playbook(), WHOLE], ids=["smallest", "whole"])
    def test_once_applied_nothing_is_left(self, of):
        there = Snapshot(
            resources=(
                kinds.Group(key="Kiro-Users", id="00g1", name="Kiro-Users"),
                kinds.Group(key="Kiro-Pro", id="00g2", name="Kiro-Pro"),
                kinds.User(key="alice@acme.example", id="00u1"),
                kinds.AuthenticationPolicy(key="Any two factors", id="rst1"),
                SWITCHED_ON,
            )
        )
        after = apply_to_snapshot(make_plan(of.desired_state(), there), there)
        again = make_plan(of.desired_state(), after)
        assert (again.pending, again.waiting, again.refusals) == ((), (), ())

    def test_a_resolved_reference_is_in_the_plan(self):
        there = Snapshot(resources=(HEALTHY.snapshot.require(kinds.Application, "kiro"),))
        plan = make_plan(playbook().desired_state(), there)
        (policy,) = (change for change in plan.changes if change.address == "okta-access-policy/kiro")
        assert policy.desired(kinds.AccessPolicy).clients == ("0oaclient",)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("priority", 7), ("name", "Renamed"), ("rotation", "MANUAL"), ("description", "theirs")],
    )
    def test_unmanaged_fields_are_no_difference(self, field, value):
        changed = [
            found.model_copy(update={field: value})
            for found in HEALTHY.snapshot.resources
            if field in type(found).model_fields
            and isinstance(found, kinds.AccessPolicy | kinds.PolicyRule | kinds.AuthorizationServer)
        ]
        assert changed
        assert make_plan(HEALTHY.context.desired_state, HEALTHY.snapshot.updated(changed)).pending == ()

    def test_a_label_that_cannot_be_changed_is_refused(self):
        renamed = HEALTHY.snapshot.require(kinds.ScimApplication, "kiro").model_copy(
            update={"label": "Other"}
        )
        plan = make_plan(HEALTHY.context.desired_state, HEALTHY.snapshot.updated([renamed]))
        (refusal,) = plan.refusals
        assert "okta-scim-application/kiro would have to be replaced: label" in refusal.reason

    def test_an_application_of_another_type_is_not_changed_to_native(self):
        web = HEALTHY.snapshot.require(kinds.Application, "kiro").model_copy(
            update={"application_type": "web"}
        )
        assert make_plan(HEALTHY.context.desired_state, HEALTHY.snapshot.updated([web])).refusals


class TestGuards:
    LEFT = kinds.ScimGroupAssignment(key="Old (00g9)", principal="00g9")

    def plan(self, left: Any, **keys: Any) -> Any:
        of = playbook(scim={}, groups=[], users=[], push=[], **keys)
        return make_plan(of.desired_state(), Snapshot(resources=(left, SWITCHED_ON)), of.guards)

    @pytest.mark.parametrize("kind", [kinds.ScimGroupAssignment, kinds.ScimUserAssignment])
    def test_no_one_is_removed_from_kiro_without_permission_in_the_playbook(self, kind):
        left = kind(key="Old (00g9)", principal="00g9")
        (refusal,) = self.plan(left).refusals
        assert refusal.reason == f"{left.address} would be deleted"
        assert "safety: deprovision: true" in refusal.hint
        assert self.plan(left, safety={"deprovision": True}).refusals == ()

    @pytest.mark.parametrize(
        "left",
        [
            kinds.GroupAssignment(key="Old (00g9)", principal="00g9"),
            kinds.UserAssignment(key="Old (00u9)", principal="00u9"),
            kinds.GroupPush(key="00g9", group="00g9", active=True, id="gPm1"),
        ],
        ids=lambda left: left.kind,
    )
    def test_other_assignments_are_removed(self, left):
        plan = self.plan(left)
        assert plan.refusals == ()
        (change,) = [change for change in plan.pending if change.action is Action.DELETE]
        assert change.address == left.address
        assert drift_category(change) is Category.SECURITY

    def test_the_limit_comes_from_the_playbook(self):
        assert playbook().guards.max_removals == 0.3
        assert playbook(safety={"max_removals": 1}).guards.max_removals == 1


class TestForSandbox:
    VALUES = {"OKTA_ORG_URL": "http://127.0.0.1:9", "KIRO_SCIM_ENDPOINT": "http://127.0.0.1:9/scim"}  # noqa: RUF012

    def test_the_sandbox_replaces_the_organization_and_the_credentials(self):
        connection = {"org_url": "https://acme.okta.com", "token": "hunter2"}
        found = playbook(connection=connection).for_sandbox(self.VALUES)
        assert found.connection.org_url == "http://127.0.0.1:9"
        assert found.connection.token is None
        assert found.desired_state() == playbook().desired_state()

    def test_an_endpoint_on_another_machine_is_replaced(self):
        found = playbook(scim={"endpoint": ENDPOINT}).for_sandbox(self.VALUES).scim
        assert found is not None
        assert found.endpoint == "http://127.0.0.1:9/scim"

    def test_it_is_absent_while_the_sandbox_has_none(self):
        found = playbook(scim={"endpoint": ENDPOINT}).for_sandbox({"OKTA_ORG_URL": "http://127.0.0.1:9"}).scim
        assert found is not None
        assert found.endpoint is None

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
    def test_an_endpoint_on_this_machine_stays(self, host):
        found = playbook(scim={"endpoint": f"http://{host}:7/scim"}).for_sandbox(self.VALUES).scim
        assert found is not None
        assert found.endpoint == f"http://{host}:7/scim"

    @pytest.mark.parametrize("scim", [None, {}])
    def test_where_there_is_no_endpoint_there_is_nothing_to_replace(self, scim):
        before = playbook(scim=scim)
        assert before.for_sandbox(self.VALUES).scim == before.scim
