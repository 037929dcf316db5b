"""What the provider decides without a request: destroyed state, handoff, warnings, permissions."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.core.errors import RefusedError
from provisioner.core.plan import Action, make_plan
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra import observations
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.client import GraphClient
from provisioner.providers.entra.permissions import PERMISSIONS
from provisioner.providers.entra.provider import EntraProvider
from tests.providers.entra.check_cases import HEALTHY, case


class Nothing:
    """A local store, and a credential, that must not be used here."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def provider(**playbook: Any) -> EntraProvider:
    """The provider of the healthy playbook, with sections laid over it, that cannot reach anything."""
    graph = GraphClient(root="http://127.0.0.1:1/v1.0", credential=Nothing(), scope="none")
    return EntraProvider(case(playbook=playbook).playbook, graph, Nothing())


def healthy_except(*changed: Resource) -> Snapshot:
    return HEALTHY.snapshot.updated(changed)


APPLICATION = HEALTHY.snapshot.require(kinds.Application, "kiro")
JOB = HEALTHY.snapshot.require(kinds.ProvisioningJob, "kiro")
MAPPING = HEALTHY.snapshot.require(kinds.AttributeMapping, "kiro")


class TestDestroyedState:
    def test_provisioning_is_switched_off_before_anything_is_deleted(self):
        snapshot = HEALTHY.snapshot
        plan = make_plan(provider().destroyed_state(snapshot, purge=False), snapshot)
        assert [(change.action, change.address) for stage in plan.stages() for change in stage] == [
            (Action.UPDATE, "entra-provisioning-status/kiro"),
            (Action.DELETE, "entra-service-principal/kiro"),
            (Action.DELETE, "entra-application/kiro"),
        ]
        assert plan.refusals == ()

    def test_an_application_of_another_owner_is_refused(self):
        snapshot = healthy_except(APPLICATION.model_copy(update={"unique_name": None}))
        with pytest.raises(RefusedError, match="does not carry the marker provisioner-kiro"):
            provider().destroyed_state(snapshot, purge=False)

    def test_an_empty_tenant_needs_no_changes(self):
        assert make_plan(provider().destroyed_state(Snapshot(), purge=True), Snapshot()).pending == ()

    @pytest.mark.parametrize(("purge", "deleted"), [(False, []), (True, ["entra-deleted-application/old"])])
    def test_copies_in_the_recycle_bin_are_deleted_only_with_purge(self, purge, deleted):
        copy = observations.DeletedApplication(key="old", id="old", unique_name="provisioner-kiro")
        desired = provider().destroyed_state(healthy_except(copy), purge=purge)
        assert [address for address in desired.absent if "deleted" in address] == deleted

    def test_a_copy_of_another_owner_is_not_purged(self):
        copy = observations.DeletedApplication(
            key="old", id="old", display_name="Kiro-Entra", unique_name="other"
        )
        desired = provider().destroyed_state(healthy_except(copy), purge=True)
        assert copy.address not in desired.absent

    def test_orphaned_applications_are_deleted_too(self):
        orphaned = observations.OrphanedApplication(key="s", id="s", display_name="provisioner:kiro:new:1")
        snapshot = healthy_except(orphaned)
        plan = make_plan(provider().destroyed_state(snapshot, purge=False), snapshot)
        assert orphaned.address in [change.address for change in plan.pending]


def test_an_orphaned_application_is_deleted_by_apply():
    orphaned = observations.OrphanedApplication(key="s", id="s", display_name="provisioner:kiro:new:1")
    plan = make_plan(provider().desired_state(), healthy_except(orphaned))
    assert [(change.action, change.address) for change in plan.pending] == [(Action.DELETE, orphaned.address)]


def test_several_orphaned_applications_do_not_exceed_the_limit_of_removals():
    orphaned = [
        observations.OrphanedApplication(key=key, id=key, display_name="provisioner:kiro:new:1")
        for key in ("s", "t")
    ]
    of = provider()
    assert make_plan(of.desired_state(), healthy_except(*orphaned), of.guards()).refusals == ()


class TestHandoff:
    def test_it_contains_the_four_values_of_the_guide_and_hides_the_token(self):
        found = {value.name: value.value for value in provider().handoff(HEALTHY.snapshot)}
        assert found == {
            "Application (client) ID": "99999999-8888-7777-6666-555555555555",
            "Directory (tenant) ID": "11111111-2222-3333-4444-555555555555",
            "SCIM endpoint": "https://scim.example.com/v2",
            "Access token": "(secret)",
        }

    def test_without_an_application_the_values_are_unknown(self):
        assert [value.value for value in provider().handoff(Snapshot())] == [None, None, None, None]


class TestWarnings:
    def warnings_for(self, *changed: Resource, **playbook: Any) -> list[str]:
        of, snapshot = provider(**playbook), healthy_except(*changed)
        return list(of.warnings(snapshot, make_plan(of.desired_state(), snapshot)))

    def test_a_healthy_tenant_has_none(self):
        assert self.warnings_for() == []

    def test_directly_assigned_users(self):
        (warning,) = self.warnings_for(users=[{"name": "alice@example.com"}, {"name": "bob@example.com"}])
        assert warning.startswith("2 users are assigned directly")

    def test_users_with_a_wrong_external_id_stay_wrong(self):
        (warning,) = self.warnings_for(MAPPING.model_copy(update={"external_id": "mailNickname"}))
        assert warning.startswith("3 users already have an externalId from 'mailNickname'")
        assert warning.endswith("provisioner checks show entra-wrong-external-id")

    def test_before_the_first_cycle_no_user_has_a_wrong_external_id(self):
        never_ran = JOB.model_copy(update={"synced_users": 0, "last_success": None})
        assert self.warnings_for(MAPPING.model_copy(update={"external_id": "mailNickname"}), never_ran) == []

    def test_other_changes_of_the_mapping_give_no_warning(self):
        assert self.warnings_for(MAPPING.model_copy(update={"unsupported": ("x",)})) == []


DIRECT = "find directly assigned users"
CONSENT = "grant admin consent"
DOMAINS = {"read the domains of users' e-mail addresses", "read the tenant's verified domains"}


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
def test_a_playbook_requires_only_the_permissions_that_it_uses(playbook, absent):
    needed = {need.purpose for need in provider(**playbook).required_permissions()}
    assert {need.purpose for need in PERMISSIONS} - needed == absent
