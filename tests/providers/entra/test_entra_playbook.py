"""What an Entra playbook asks for, as resources and as a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click import unstyle
from pydantic import SecretStr

from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import DesiredState, make_plan
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


WHOLE = playbook(
    application={"display_name": "Kiro-Entra", "admin_consent": True},
    scim={**SCIM, "notify": ["ops@example.com"]},
    groups=[{"name": "Kiro-Users"}],
    users=[{"name": "alice@example.com"}],
)


class TestDesired:
    def test_the_smallest_playbook_is_the_application_as_the_guide_wants_it(self):
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

    def test_a_whole_one_as_a_list(self):
        assert [resource.address for resource in WHOLE.desired_state().resources] == [
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
    def test_assignments_are_exhaustive_where_they_are_written(self, keys, exhaustive):
        assert playbook(**keys).desired_state().exhaustive == exhaustive

    def test_a_group_is_looked_up_and_assigned_by_the_id_that_is_found(self):
        found = by_address(playbook(groups=[{"name": "Kiro-Users"}]).desired_state())
        assert found["entra-group/Kiro-Users"] == kinds.Group(key="Kiro-Users")
        assert found["entra-group-assignment/Kiro-Users"] == kinds.GroupAssignment(
            key="Kiro-Users",
            depends_on=("entra-service-principal/kiro",),
            principal=Reference(address="entra-group/Kiro-Users", field="id"),
            role="User",
        )

    def test_consent_is_only_asked_for_where_it_is_written(self):
        assert "entra-admin-consent/kiro" not in by_address(playbook().desired_state())
        consent = by_address(WHOLE.desired_state())["entra-admin-consent/kiro"]
        assert consent.scopes == ("codewhisperer:completions", "codewhisperer:conversations")

    @pytest.mark.parametrize(("mapping", "other"), [("guide", None), ("minimal", ())])
    def test_the_minimal_mapping_has_no_other_attributes(self, mapping, other):
        found = by_address(playbook(scim={"mapping": mapping}).desired_state())[
            "entra-attribute-mapping/kiro"
        ]
        assert found == kinds.AttributeMapping(
            key="kiro",
            depends_on=("entra-provisioning-job/kiro",),
            external_id="objectId",
            unsupported=(),
            missing=(),
            other=other,
            disabled=(),
        )

    def test_secrets_come_after_the_mapping_and_the_human_steps(self):
        found = by_address(WHOLE.desired_state())["entra-provisioning-secrets/kiro"]
        assert found == kinds.ProvisioningSecrets(
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
            recipients=("ops@example.com",),
        )

    def test_without_a_token_nothing_is_said_about_whether_it_works(self):
        found = by_address(playbook(scim={}).desired_state())["entra-provisioning-secrets/kiro"]
        assert (found.endpoint, found.token, found.accepted_by_kiro, found.recipients) == (
            None,
            None,
            None,
            None,
        )

    def test_provisioning_is_switched_on_last_after_the_assignments(self):
        found = by_address(WHOLE.desired_state())["entra-provisioning-status/kiro"]
        assert found.depends_on == (
            "entra-attribute-mapping/kiro",
            "entra-provisioning-secrets/kiro",
            "entra-group-assignment/Kiro-Users",
        )
        assert found.on is True

    def test_groups_are_not_provisioned_on_demand_where_that_is_not_wanted(self):
        keys = {"scim": {**SCIM, "on_demand": False}, "groups": [{"name": "g"}]}
        assert not [
            found
            for found in playbook(**keys).desired_state().resources
            if isinstance(found, kinds.FirstSync)
        ]

    @pytest.mark.parametrize(
        ("scim", "given"),
        [
            ({}, False),
            ({"endpoint": SCIM["endpoint"]}, False),
            ({"token": SCIM["token"]}, False),
            (SCIM, True),
        ],
    )
    def test_the_human_steps_are_done_when_both_values_are_at_hand(self, scim, given):
        steps = [
            found for found in playbook(scim=scim).desired_state().resources if isinstance(found, ManualStep)
        ]
        assert [step.completed for step in steps] == [given, given]
        assert {step.proofs for step in steps} == {
            (StepProof(address="entra-provisioning-secrets/kiro", field="endpoint"),)
        }

    @pytest.mark.parametrize("cloud", ["global", "usgov", "usgov-dod", "china"])
    def test_it_is_the_same_in_every_cloud(self, cloud):
        connection = {"tenant": "contoso.com", "cloud": cloud}
        assert playbook(connection=connection).desired_state() == playbook().desired_state()

    def test_the_token_is_in_none_of_it_as_text(self):
        assert "hunter2" not in repr(WHOLE.desired_state())


class TestPlans:
    @pytest.mark.parametrize(
        ("name", "of"),
        [
            ("entra-plan-smallest", playbook()),
            ("entra-plan-whole", WHOLE),
            ("entra-plan-before-the-kiro-profile", playbook(scim={}, groups=[{"name": "Kiro-Users"}])),
        ],
    )
    def test_for_an_empty_tenant(self, name, of):
        report = plan_report(TARGET, make_plan(of.desired_state(), Snapshot()))
        assert_golden(f"{name}.txt", unstyle(plan_text(report, verbose=True)))
        assert_golden(f"{name}.json", dumps(report))

    def test_in_the_order_that_keeps_a_wrong_external_id_out_of_kiro(self):
        plan = make_plan(WHOLE.desired_state(), Snapshot())
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

    @pytest.mark.parametrize("of", [playbook(), WHOLE])
    def test_once_applied_nothing_is_left(self, of):
        there = Snapshot(
            resources=(kinds.Group(key="Kiro-Users", id="g1"), kinds.User(key="alice@example.com", id="u1"))
        )
        after = apply_to_snapshot(make_plan(of.desired_state(), there), there)
        again = make_plan(of.desired_state(), after)
        assert (again.pending, again.waiting) == ((), ())

    def test_once_the_values_are_stored_they_are_not_needed_in_the_environment_any_more(self):
        with_values, without = playbook(scim=SCIM), playbook(scim={})
        after = apply_to_snapshot(make_plan(with_values.desired_state(), Snapshot()), Snapshot())
        again = make_plan(without.desired_state(), after)
        assert (again.pending, again.waiting) == ((), ())

    def test_another_token_is_written_and_its_value_is_not_shown(self):
        after = apply_to_snapshot(make_plan(WHOLE.desired_state(), Snapshot()), Snapshot())
        other = playbook(
            **{**_keys_of_whole(), "scim": {**SCIM, "token": "hunter3", "notify": ["ops@example.com"]}}
        )
        (change,) = make_plan(other.desired_state(), after).pending
        assert change.address == "entra-provisioning-secrets/kiro"
        assert [(field.name, field.after) for field in change.fields] == [("token", "(secret, changed)")]
        assert "hunter" not in json.dumps(
            plan_report(TARGET, make_plan(other.desired_state(), after)).model_dump()
        )

    def test_a_group_that_is_not_listed_any_more_loses_its_assignment(self):
        there = Snapshot(resources=(kinds.GroupAssignment(key="Old (g9)", id="a9", principal="g9"),))
        plan = make_plan(playbook(groups=[]).desired_state(), there)
        assert [change.address for change in plan.pending][-1] == "entra-group-assignment/Old (g9)"
        assert plan.refusals == ()

    def test_the_limits_are_those_of_the_playbook(self):
        assert playbook(safety={"max_removals": 0.5}).guards.max_removals == 0.5
        assert playbook().guards.max_removals == 0.3


def _keys_of_whole() -> dict[str, Any]:
    return {
        "application": {"display_name": "Kiro-Entra", "admin_consent": True},
        "groups": [{"name": "Kiro-Users"}],
        "users": [{"name": "alice@example.com"}],
    }


OF_THE_SANDBOX = {
    "ENTRA_TENANT_ID": "t",
    "KIRO_SCIM_ENDPOINT": "http://127.0.0.1:1/scim",
    "KIRO_SCIM_TOKEN": "sandbox",
}


class TestRehearsal:
    def test_the_sandboxs_tenant_stands_in_for_the_real_one(self):
        found = playbook().for_sandbox({**OF_THE_SANDBOX, "ENTRA_TENANT_ID": "sandbox-tenant"})
        assert found.connection.tenant == "sandbox-tenant"
        assert found.desired_state() == playbook().desired_state()

    def test_an_endpoint_on_another_machine_and_its_token_are_replaced(self):
        found = playbook(scim=SCIM).for_sandbox(OF_THE_SANDBOX).scim
        assert found is not None
        assert (found.endpoint, found.token) == ("http://127.0.0.1:1/scim", SecretStr("sandbox"))

    def test_they_are_awaited_where_the_sandbox_has_none_yet(self):
        found = playbook(scim=SCIM).for_sandbox({"ENTRA_TENANT_ID": "t"}).scim
        assert found is not None
        assert (found.endpoint, found.token) == (None, None)

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
    def test_an_endpoint_on_this_machine_stays(self, host):
        local = {"endpoint": f"http://{host}:9/scim", "token": "mine"}
        found = playbook(scim=local).for_sandbox(OF_THE_SANDBOX).scim
        assert found is not None
        assert (found.endpoint, found.token) == (f"http://{host}:9/scim", SecretStr("mine"))

    @pytest.mark.parametrize("scim", [None, {}, {"token": "mine"}])
    def test_where_there_is_no_endpoint_there_is_nothing_to_replace(self, scim):
        before = playbook(scim=scim)
        assert before.for_sandbox(OF_THE_SANDBOX).scim == before.scim
