"""The desired state of an Entra playbook, and its plan."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click import unstyle
from pydantic import SecretStr

from provisioner.core.drift import Category, drift_category
from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import Action, DesiredState, make_plan
from provisioner.core.resource import Reference
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.playbook import EntraPlaybook
from provisioner.reports.building import plan_report
from provisioner.reports.json import dumps
from provisioner.reports.models import Target
from provisioner.reports.text import plan_text
from tests.golden_files import assert_golden
from tests.simulated_apply import apply_to_snapshot

SCIM = {"endpoint": "https://scim.example.com/v2", "token": "hunter2"}
TARGET = Target(
    playbook="kiro.yaml",
    name="kiro",
    provider="entra",
    title="Microsoft Entra ID",
    tenant="contoso.com",
    sandbox=False,
)


def playbook(**keys: Any) -> EntraPlaybook:
    """A playbook called kiro."""
    base = {"version": 1, "name": "kiro", "provider": "entra", "connection": {"tenant": "contoso.com"}}
    return EntraPlaybook.model_validate({**base, **keys})


def by_address(desired: DesiredState) -> dict[str, Any]:
    return {resource.address: resource for resource in desired.resources}


COMPLETE = playbook(
    application={"display_name": "Kiro-Entra", "admin_consent": True},
    scim={**SCIM, "notify": ["ops@example.com"]},
    groups=[{"name": "Kiro-Users"}],
    users=[{"name": "alice@example.com"}],
)


class TestDesiredState:
    def test_the_smallest_playbook_is_the_application_of_the_guide(self):
        application, principal = playbook().desired_state().resources
        assert application == kinds.Application(
            key="kiro",
            display_name="kiro",
            unique_name="provisioner-kiro",
            tags=("provisioner:kiro",),
            sign_in_audience="AzureADMyOrg",
            identifier_uris=(
                Reference(address="entra-application/kiro", field="app_id", template="api://{}"),
            ),
            access_token_version=2,
            scopes=(
                kinds.Scope(
                    value="codewhisperer:completions",
                    enabled=True,
                    type="User",
                    display_name="codewhisperer:completions",
                ),
                kinds.Scope(
                    value="codewhisperer:conversations",
                    enabled=True,
                    type="User",
                    display_name="codewhisperer:conversations",
                ),
            ),
            redirect_uris=(
                "kiro://kiro.oauth/callback",
                "http://localhost/oauth/callback",
                *(
                    f"http://localhost:{port}/oauth/callback"
                    for port in (3128, 4649, 6588, 8008, 9091, 49153, 50153, 51153, 52153, 53153)
                ),
            ),
        )
        assert principal == kinds.ServicePrincipal(
            key="kiro",
            depends_on=("entra-application/kiro",),
            account_enabled=True,
            assignment_required=True,
            tags=(
                "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
                "WindowsAzureActiveDirectoryIntegratedApp",
            ),
        )

    def test_the_resources_of_a_complete_playbook(self):
        assert [resource.address for resource in COMPLETE.desired_state().resources] == [
            "entra-application/kiro",
            "entra-service-principal/kiro",
            "entra-admin-consent/kiro",
            "entra-group/Kiro-Users",
            "entra-group-assignment/Kiro-Users",
            "entra-user/alice@example.com",
            "entra-user-assignment/alice@example.com",
            "entra-provisioning-job/kiro",
            "entra-attribute-mapping/kiro",
            "step/kiro-profile",
            "step/kiro-scim-token",
            "entra-provisioning-secrets/kiro",
            "entra-provisioning-status/kiro",
            "entra-provision-on-demand/Kiro-Users",
        ]

    def test_no_loopback_ports_leave_the_portless_uri(self):
        (application, _) = playbook(application={"loopback_ports": []}).desired_state().resources
        assert application.redirect_uris == (
            "kiro://kiro.oauth/callback",
            "http://localhost/oauth/callback",
        )

    @pytest.mark.parametrize(
        ("keys", "exhaustive"),
        [
            ({}, set()),
            ({"groups": []}, {"entra-group-assignment"}),
            ({"users": []}, {"entra-user-assignment"}),
            ({"groups": [{"name": "g"}], "users": []}, {"entra-group-assignment", "entra-user-assignment"}),
        ],
    )
    def test_assignments_are_exhaustive_when_they_are_listed(self, keys, exhaustive):
        assert playbook(**keys).desired_state().exhaustive == exhaustive

    def test_a_group_is_looked_up_and_assigned_by_its_id(self):
        resources = by_address(playbook(groups=[{"name": "Kiro-Users"}]).desired_state())
        assert resources["entra-group/Kiro-Users"] == kinds.Group(key="Kiro-Users")
        assert resources["entra-group-assignment/Kiro-Users"] == kinds.GroupAssignment(
            key="Kiro-Users",
            depends_on=("entra-service-principal/kiro",),
            principal=Reference(address="entra-group/Kiro-Users", field="id"),
            role="User",
        )

    def test_consent_is_desired_only_when_it_is_requested(self):
        assert "entra-admin-consent/kiro" not in by_address(playbook().desired_state())
        consent = by_address(COMPLETE.desired_state())["entra-admin-consent/kiro"]
        assert consent.scopes == ("codewhisperer:completions", "codewhisperer:conversations")

    @pytest.mark.parametrize(("mapping", "other"), [("guide", None), ("minimal", ())])
    def test_the_minimal_mapping_has_no_other_attributes(self, mapping, other):
        resources = by_address(playbook(scim={"mapping": mapping}).desired_state())[
            "entra-attribute-mapping/kiro"
        ]
        assert resources == kinds.AttributeMapping(
            key="kiro",
            depends_on=("entra-provisioning-job/kiro",),
            external_id="objectId",
            unsupported=(),
            missing=(),
            other=other,
            disabled=(),
        )

    def test_secrets_come_after_the_mapping_and_the_manual_steps(self):
        resources = by_address(COMPLETE.desired_state())["entra-provisioning-secrets/kiro"]
        assert resources == kinds.ProvisioningSecrets(
            key="kiro",
            depends_on=(
                "entra-provisioning-job/kiro",
                "entra-attribute-mapping/kiro",
                "step/kiro-scim-token",
            ),
            endpoint="https://scim.example.com/v2",
            token=SecretStr("hunter2"),
            accepted_by_kiro=True,
            assigned_only=True,
            delete_threshold=500,
            notify=("ops@example.com",),
        )

    def test_without_a_token_its_acceptance_is_not_managed(self):
        resources = by_address(playbook(scim={}).desired_state())["entra-provisioning-secrets/kiro"]
        assert (resources.endpoint, resources.token, resources.accepted_by_kiro, resources.notify) == (
            None,
            None,
            None,
            None,
        )

    def test_provisioning_is_switched_on_last_after_the_assignments(self):
        resources = by_address(COMPLETE.desired_state())["entra-provisioning-status/kiro"]
        assert resources.depends_on == (
            "entra-attribute-mapping/kiro",
            "entra-provisioning-secrets/kiro",
            "entra-group-assignment/Kiro-Users",
        )
        assert resources.on is True

    def test_provisioning_on_demand_can_be_switched_off(self):
        keys = {"scim": {**SCIM, "on_demand": False}, "groups": [{"name": "g"}]}
        assert not [
            resources
            for resources in playbook(**keys).desired_state().resources
            if isinstance(resources, kinds.ProvisionOnDemand)
        ]

    @pytest.mark.parametrize(
        ("scim", "completed"),
        [
            ({}, False),
            ({"endpoint": SCIM["endpoint"]}, False),
            ({"token": SCIM["token"]}, False),
            (SCIM, True),
        ],
    )
    def test_the_manual_steps_are_completed_when_both_values_are_known(self, scim, completed):
        steps = [
            resources
            for resources in playbook(scim=scim).desired_state().resources
            if isinstance(resources, ManualStep)
        ]
        assert [step.completed for step in steps] == [completed, completed]
        assert {step.proofs for step in steps} == {
            (StepProof(address="entra-provisioning-secrets/kiro", field="endpoint"),)
        }

    @pytest.mark.parametrize("cloud", ["global", "usgov", "usgov-dod", "china"])
    def test_it_is_the_same_in_every_cloud(self, cloud):
        connection = {"tenant": "contoso.com", "cloud": cloud}
        assert playbook(connection=connection).desired_state() == playbook().desired_state()

    def test_the_token_is_never_plain_text(self):
        assert "hunter2" not in repr(COMPLETE.desired_state())


class TestPlans:
    @pytest.mark.parametrize(
        ("name", "example"),
        [
            ("entra-plan-smallest", playbook()),
            ("entra-plan-whole", COMPLETE),
            ("entra-plan-before-the-kiro-profile", playbook(scim={}, groups=[{"name": "Kiro-Users"}])),
        ],
    )
    def test_for_an_empty_tenant(self, name, example):
        report = plan_report(TARGET, make_plan(example.desired_state(), Snapshot()))
        assert_golden(f"{name}.txt", unstyle(plan_text(report, verbose=True)))
        assert_golden(f"{name}.json", dumps(report))

    def test_the_mapping_comes_before_everything_that_provisions_users(self):
        plan = make_plan(COMPLETE.desired_state(), Snapshot())
        order = [change.address.partition("/")[0] for change in plan.changes]
        mapping = order.index("entra-attribute-mapping")
        assert mapping < order.index("entra-provisioning-secrets")
        assert mapping < order.index("entra-provisioning-status") < order.index("entra-provision-on-demand")

    def test_before_the_kiro_profile_nothing_that_could_start_provisioning_is_written(self):
        plan = make_plan(playbook(scim={}, groups=[{"name": "g"}]).desired_state(), Snapshot())
        written = {change.address.partition("/")[0] for change in plan.pending}
        assert written.isdisjoint(
            {"entra-provisioning-secrets", "entra-provisioning-status", "entra-provision-on-demand"}
        )

    @pytest.mark.parametrize("example", [playbook(), COMPLETE])
    def test_after_apply_nothing_is_pending(self, example):
        existing = Snapshot(
            resources=(kinds.Group(key="Kiro-Users", id="g1"), kinds.User(key="alice@example.com", id="u1"))
        )
        after = apply_to_snapshot(make_plan(example.desired_state(), existing), existing)
        again = make_plan(example.desired_state(), after)
        assert (again.pending, again.waiting) == ((), ())

    def test_stored_values_are_not_needed_in_the_environment_again(self):
        with_values, without = playbook(scim=SCIM), playbook(scim={})
        after = apply_to_snapshot(make_plan(with_values.desired_state(), Snapshot()), Snapshot())
        again = make_plan(without.desired_state(), after)
        assert (again.pending, again.waiting) == ((), ())

    def test_another_token_is_written_and_its_value_is_not_shown(self):
        after = apply_to_snapshot(make_plan(COMPLETE.desired_state(), Snapshot()), Snapshot())
        other = playbook(
            **{**_complete_keys(), "scim": {**SCIM, "token": "hunter3", "notify": ["ops@example.com"]}}
        )
        (change,) = make_plan(other.desired_state(), after).pending
        assert change.address == "entra-provisioning-secrets/kiro"
        assert [(field.name, field.after) for field in change.fields] == [("token", "(secret, changed)")]
        assert "hunter" not in json.dumps(
            plan_report(TARGET, make_plan(other.desired_state(), after)).model_dump()
        )

    def test_a_group_that_is_no_longer_listed_loses_its_assignment(self):
        existing = Snapshot(resources=(kinds.GroupAssignment(key="Old (g9)", id="a9", principal="g9"),))
        plan = make_plan(playbook(groups=[]).desired_state(), existing)
        assert [change.address for change in plan.pending][-1] == "entra-group-assignment/Old (g9)"
        assert plan.refusals == ()

    @pytest.mark.parametrize(
        ("listed", "assignment"), [("groups", kinds.GroupAssignment), ("users", kinds.UserAssignment)]
    )
    def test_an_assignment_that_is_not_listed_is_security_drift(self, listed, assignment):
        existing = Snapshot(resources=(assignment(key="Old (1)", id="a1", principal="1"),))
        plan = make_plan(playbook(**{listed: []}).desired_state(), existing)
        (change,) = [change for change in plan.pending if change.action is Action.DELETE]
        assert drift_category(change) is Category.SECURITY

    def test_the_limits_are_those_of_the_playbook(self):
        assert playbook(safety={"max_removals": 0.5}).guards.max_removals == 0.5
        assert playbook().guards.max_removals == 0.3


def _complete_keys() -> dict[str, Any]:
    return {
        "application": {"display_name": "Kiro-Entra", "admin_consent": True},
        "groups": [{"name": "Kiro-Users"}],
        "users": [{"name": "alice@example.com"}],
    }


SANDBOX_VALUES = {
    "ENTRA_TENANT_ID": "t",
    "KIRO_SCIM_ENDPOINT": "http://127.0.0.1:1/scim",
    "KIRO_SCIM_TOKEN": "sandbox",
}


class TestSandbox:
    def test_the_tenant_of_the_sandbox_replaces_the_real_one(self):
        resources = playbook().for_sandbox({**SANDBOX_VALUES, "ENTRA_TENANT_ID": "sandbox-tenant"})
        assert resources.connection.tenant == "sandbox-tenant"
        assert resources.desired_state() == playbook().desired_state()

    def test_an_endpoint_on_another_machine_and_its_token_are_replaced(self):
        resources = playbook(scim=SCIM).for_sandbox(SANDBOX_VALUES).scim
        assert resources is not None
        assert (resources.endpoint, resources.token) == ("http://127.0.0.1:1/scim", SecretStr("sandbox"))

    def test_they_are_absent_when_the_sandbox_has_none_yet(self):
        resources = playbook(scim=SCIM).for_sandbox({"ENTRA_TENANT_ID": "t"}).scim
        assert resources is not None
        assert (resources.endpoint, resources.token) == (None, None)

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
    def test_an_endpoint_on_this_machine_stays(self, host):
        local = {"endpoint": f"http://{host}:9/scim", "token": "mine"}
        resources = playbook(scim=local).for_sandbox(SANDBOX_VALUES).scim
        assert resources is not None
        assert (resources.endpoint, resources.token) == (f"http://{host}:9/scim", SecretStr("mine"))

    @pytest.mark.parametrize("scim", [None, {}, {"token": "mine"}])
    def test_without_an_endpoint_nothing_is_replaced(self, scim):
        before = playbook(scim=scim)
        assert before.for_sandbox(SANDBOX_VALUES).scim == before.scim
