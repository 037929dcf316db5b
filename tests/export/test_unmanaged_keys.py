"""What an export leaves alone, as keys of the playbook."""

from __future__ import annotations

from provisioner.core.plan import DesiredState, make_plan
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra import resources as kinds
from provisioner.reports.exports import LeftAloneReport, deviating, unmanaged_keys


def left(address, field="", otherwise="?"):
    return LeftAloneReport(address=address, field=field, otherwise=otherwise)


def test_what_was_found_later_joins_what_was_found_first():
    keys, remarks = unmanaged_keys(
        [left("x/a", "one", "1"), left("y/[b]", otherwise="2"), left("x/a", "two", "3")]
    )
    assert keys == [{"resource": "x/a", "fields": ["one", "two"]}, {"resource": "y/[[]b]"}]
    del remarks[("unmanaged",)]
    assert remarks == {
        ("unmanaged", 0, "fields", 0): "1",
        ("unmanaged", 0, "fields", 1): "3",
        ("unmanaged", 1, "resource"): "2",
    }


def test_fields_of_what_is_there_and_all_of_what_is_not():
    there = kinds.Application(key="a", access_token_version=1, display_name="A")
    wanted = (
        kinds.Application(key="a", access_token_version=2, display_name="A"),
        kinds.ProvisioningJob(key="a", template_id="scim"),
    )
    stranger = kinds.GroupAssignment(key="Sales", principal="1", role="User")
    desired = DesiredState(resources=wanted, exhaustive=frozenset({stranger.kind}))
    plan = make_plan(desired, Snapshot(resources=(there, stranger)))
    found = [
        left("entra-application/a", "access_token_version", "1 becomes 2"),
        left("entra-provisioning-job/a", otherwise="would be created"),
        left("entra-group-assignment/Sales", otherwise="would be removed (is there, but should not be)"),
    ]
    assert list(deviating(plan)) == found
    assert list(deviating(plan, [left("entra-application/a", "access_token_version", "0")])) == found[1:]
