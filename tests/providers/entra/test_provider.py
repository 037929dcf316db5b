"""What the provider decides without asking anybody: teardown, handoff, advice."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.core.errors import RefusedError
from provisioner.core.plan import Action, make_plan
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.client import GraphClient
from provisioner.providers.entra.permissions import PERMISSIONS
from provisioner.providers.entra.provider import EntraProvider
from tests.providers.entra.check_cases import HEALTHY, case


class Nothing:
    """A notebook, and a credential, that nobody may use here."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def provider(**playbook: Any) -> EntraProvider:
    """The provider of the healthy playbook, with sections laid over it, that cannot reach anything."""
    graph = GraphClient(root="http://127.0.0.1:1/v1.0", credential=Nothing(), scope="none")
    return EntraProvider(case(playbook=playbook).playbook, graph, Nothing())


def healthy_but(*changed: Resource) -> Snapshot:
    return HEALTHY.snapshot.updated(changed)


APPLICATION = HEALTHY.snapshot.require(kinds.Application, "kiro")
JOB = HEALTHY.snapshot.require(kinds.ProvisioningJob, "kiro")
MAPPING = HEALTHY.snapshot.require(kinds.AttributeMapping, "kiro")


class TestTeardown:
    def test_provisioning_goes_off_before_anything_is_deleted(self):
        snapshot = HEALTHY.snapshot
        plan = make_plan(provider().destroyed_state(snapshot, purge=False), snapshot)
        assert [(change.action, change.address) for stage in plan.stages() for change in stage] == [
            (Action.UPDATE, "entra-provisioning-status/kiro"),
            (Action.DELETE, "entra-service-principal/kiro"),
            (Action.DELETE, "entra-application/kiro"),
        ]
        assert plan.refusals == ()

    def test_what_this_playbook_did_not_make_is_refused(self):
        snapshot = healthy_but(APPLICATION.model_copy(update={"unique_name": None}))
        with pytest.raises(RefusedError, match="does not carry the marker provisioner-kiro"):
            provider().destroyed_state(snapshot, purge=False)

    def test_where_nothing_is_left_there_is_nothing_to_do(self):
        assert make_plan(provider().destroyed_state(Snapshot(), purge=True), Snapshot()).pending == ()

    @pytest.mark.parametrize(("purge", "gone"), [(False, []), (True, ["entra-deleted-application/old"])])
    def test_copies_in_the_recycle_bin_only_go_when_that_is_asked_for(self, purge, gone):
        copy = seen.DeletedApplication(key="old", id="old", unique_name="provisioner-kiro")
        wished = provider().destroyed_state(healthy_but(copy), purge=purge)
        assert [address for address in wished.absent if "deleted" in address] == gone

    def test_a_copy_that_somebody_else_deleted_is_not_purged(self):
        copy = seen.DeletedApplication(key="old", id="old", display_name="Kiro-Entra", unique_name="theirs")
        wished = provider().destroyed_state(healthy_but(copy), purge=True)
        assert copy.address not in wished.absent

    def test_what_an_interrupted_run_left_goes_too(self):
        stray = seen.OrphanedApplication(key="s", id="s", display_name="provisioner:kiro:new:1")
        snapshot = healthy_but(stray)
        plan = make_plan(provider().destroyed_state(snapshot, purge=False), snapshot)
        assert stray.address in [change.address for change in plan.pending]


def test_what_an_interrupted_run_left_is_not_desired():
    stray = seen.OrphanedApplication(key="s", id="s", display_name="provisioner:kiro:new:1")
    plan = make_plan(provider().desired_state(), healthy_but(stray))
    assert [(change.action, change.address) for change in plan.pending] == [(Action.DELETE, stray.address)]


def test_what_several_interrupted_runs_left_does_not_stop_the_next_one():
    strays = [
        seen.OrphanedApplication(key=key, id=key, display_name="provisioner:kiro:new:1") for key in ("s", "t")
    ]
    of = provider()
    assert make_plan(of.desired_state(), healthy_but(*strays), of.guards()).refusals == ()


class TestHandoff:
    def test_it_is_the_four_values_of_the_guide_the_secret_one_hidden(self):
        found = {value.name: value.value for value in provider().handoff(HEALTHY.snapshot)}
        assert found == {
            "Application (client) ID": "99999999-8888-7777-6666-555555555555",
            "Directory (tenant) ID": "11111111-2222-3333-4444-555555555555",
            "SCIM endpoint": "https://scim.example.com/v2",
            "Access token": "(secret)",
        }

    def test_before_there_is_an_application_they_are_not_known(self):
        assert [value.value for value in provider().handoff(Snapshot())] == [None, None, None, None]


class TestAdvice:
    def advice(self, *changed: Resource, **playbook: Any) -> list[str]:
        of, snapshot = provider(**playbook), healthy_but(*changed)
        return list(of.warnings(snapshot, make_plan(of.desired_state(), snapshot)))

    def test_there_is_none_where_all_is_well(self):
        assert self.advice() == []

    def test_users_that_are_assigned_directly_are_advised_against(self):
        (told,) = self.advice(users=[{"name": "alice@example.com"}, {"name": "bob@example.com"}])
        assert told.startswith("2 users are assigned directly")

    def test_an_external_id_that_comes_too_late_is_told_with_the_way_out(self):
        (told,) = self.advice(MAPPING.model_copy(update={"external_id": "mailNickname"}))
        assert told.startswith("3 users were already provisioned with an externalId from 'mailNickname'")
        assert "delete all subscriptions in the Kiro console" in told

    def test_an_external_id_that_comes_in_time_is_not(self):
        never_ran = JOB.model_copy(update={"synced_users": 0, "last_success": None})
        assert self.advice(MAPPING.model_copy(update={"external_id": "mailNickname"}), never_ran) == []

    def test_another_change_of_the_mapping_is_not(self):
        assert self.advice(MAPPING.model_copy(update={"unsupported": ("x",)})) == []


DIRECT = "find directly assigned users"
CONSENT = "grant admin consent"
DOMAINS = {"read the domains of people's e-mail addresses", "read the tenant's verified domains"}


@pytest.mark.parametrize(
    ("playbook", "absent"),
    [
        ({"users": [{"name": "a@x.example"}], "application": {"admin_consent": True}}, DOMAINS),
        ({"users": None}, {DIRECT, CONSENT, *DOMAINS}),
        ({"scim": None}, {"set up and start provisioning", DIRECT, CONSENT, *DOMAINS}),
        ({"groups": None}, {"assign groups and users", DIRECT, CONSENT, *DOMAINS}),
        ({"domains": [{"name": "contoso.com"}]}, {DIRECT, CONSENT}),
    ],
)
def test_a_playbook_needs_no_permission_that_it_does_not_use(playbook, absent):
    needed = {need.purpose for need in provider(**playbook).required_permissions()}
    assert {need.purpose for need in PERMISSIONS} - needed == absent
