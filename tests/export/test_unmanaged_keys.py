"""The unmanaged list of an exported playbook."""

from __future__ import annotations

from provisioner.core.plan import DesiredState, make_plan
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra import resources as kinds
from provisioner.reports.export import UnmanagedDifference, unmanaged_differences, unmanaged_section


def difference(address, field="", effect="?"):
    return UnmanagedDifference(address=address, field=field, effect=effect)


def test_the_fields_of_a_resource_are_one_entry():
    section, comments = unmanaged_section(
        [difference("x/a", "one", "1"), difference("y/[b]", effect="2"), difference("x/a", "two", "3")]
    )
    assert section == [{"resource": "x/a", "fields": ["one", "two"]}, {"resource": "y/[[]b]"}]
    del comments[("unmanaged",)]
    assert comments == {
        ("unmanaged", 0, "fields", 0): "1",
        ("unmanaged", 0, "fields", 1): "3",
        ("unmanaged", 1, "resource"): "2",
    }


def test_fields_of_existing_resources_and_whole_other_resources():
    existing = kinds.Application(key="a", access_token_version=1, display_name="A")
    desired_resources = (
        kinds.Application(key="a", access_token_version=2, display_name="A"),
        kinds.ProvisioningJob(key="a", template_id="scim"),
    )
    unlisted = kinds.GroupAssignment(key="Sales", principal="1", role="User")
    desired = DesiredState(resources=desired_resources, exhaustive=frozenset({unlisted.kind}))
    plan = make_plan(desired, Snapshot(resources=(existing, unlisted)))
    (deletion,) = (change for change in plan.changes if change.action == "delete")
    expected = (
        difference("entra-application/a", "access_token_version", "1 becomes 2"),
        difference("entra-provisioning-job/a", effect="would be created"),
        difference("entra-group-assignment/Sales", effect=f"would be deleted ({deletion.why})"),
    )
    assert unmanaged_differences(plan) == expected
    assert unmanaged_differences(plan, expected[:1]) == expected[1:]
