"""Two integrations compared: names and given identifiers do not count, everything else does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from provisioner.core.comparison import Side, compare
from provisioner.core.snapshot import Snapshot
from provisioner.providers.dns import observations as dns
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.playbook import EntraPlaybook
from provisioner.providers.okta.playbook import OktaPlaybook

CASES = yaml.safe_load((Path(__file__).parent / "comparisons.yaml").read_text(encoding="utf-8"))
MODELS = {"entra": EntraPlaybook, "okta": OktaPlaybook}
SMALLEST = {
    "entra": {"connection": {"tenant": "contoso.example"}},
    "okta": {"connection": {"org_url": "https://acme.okta.com"}},
}


def wanted(keys):
    """What a playbook asks for; what a case does not say is as small as can be."""
    provider = keys.get("provider", "entra")
    model = MODELS[provider]
    playbook = model.model_validate(
        {"version": 1, "name": "kiro", **SMALLEST[provider], **keys, "provider": provider}
    )
    return Side.of_playbook(playbook.name, playbook.desired_state())


def told(differences):
    """As the cases say it: the address, on which side, and the names of the fields."""
    return {
        one.address: one.where if one.where != "both" else sorted(field.name for field in one.fields)
        for one in differences
    }


@pytest.mark.parametrize("case", [pytest.param(case, id=case["about"]) for case in CASES])
def test_two_playbooks(case):
    assert told(compare(wanted(case["left"]), wanted(case["right"]))) == case["differences"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["about"]) for case in CASES])
def test_the_other_way_round_it_is_the_same(case):
    turned = {"left": "right", "right": "left", "both": "both"}
    left, right = wanted(case["left"]), wanted(case["right"])
    back = {one.address.replace(f"/{right.name}", "/kiro"): turned[one.where] for one in compare(right, left)}
    assert back == {one.address: one.where for one in compare(left, right)}


def found(name, app_id, *more, **fields):
    """A tenant as it was read: an application, and what is given besides."""
    application = kinds.Application(
        key=name,
        id=f"id-of-{app_id}",
        app_id=app_id,
        **{
            "unique_name": f"provisioner-{name}",
            "identifier_uris": (f"api://{app_id}",),
            "redirect_uris": ("a", "b"),
        }
        | fields,
    )
    return Side.of_snapshot(name, Snapshot(resources=(application, *more)))


def test_two_tenants_that_only_have_other_identifiers_are_the_same():
    left = found("kiro", "11111111-1111-1111-1111-111111111111")
    right = found("kiro-eu", "22222222-2222-2222-2222-222222222222", redirect_uris=("b", "a"))
    assert compare(left, right) == ()


def test_an_assignment_is_of_the_group_of_the_same_name():
    def tenant(name, group_id):
        group = kinds.Group(key="Kiro-Users", id=group_id)
        assigned = kinds.GroupAssignment(key="Kiro-Users", principal=group_id, role="User")
        return found(name, f"{name}-app-{group_id}", group, assigned)

    assert compare(tenant("kiro", "1" * 20), tenant("kiro", "2" * 20)) == ()


def test_what_two_tenants_differ_in_is_told_with_both_values():
    left = found("kiro", "1" * 20, access_token_version=2)
    right = found("kiro", "2" * 20, access_token_version=None, redirect_uris=("a",))
    (difference,) = compare(left, right)
    fields = {field.name: (field.before, field.after) for field in difference.fields}
    assert fields == {"access_token_version": (2, None), "redirect_uris": (["a", "b"], ["a"])}


def test_what_was_only_looked_at_is_not_compared():
    looked = dns.VerifiedDomain(key="contoso.example", default=True)
    assert compare(found("kiro", "1" * 20, looked), found("kiro", "1" * 20)) == ()


def test_a_playbook_against_a_snapshot_is_about_what_it_manages():
    playbook = wanted({"groups": [{"name": "Kiro-Users"}]})
    group = kinds.Group(key="Kiro-Users", id="1" * 20)
    assigned = kinds.GroupAssignment(key="Kiro-Users", principal="1" * 20, role="User")
    stranger = kinds.GroupAssignment(key="Sales", principal="2" * 20, role="User")
    unmanaged = kinds.ProvisioningJob(key="kiro", template_id="scim")
    snapshot = found("kiro", "3" * 20, group, assigned, stranger, unmanaged, access_token_version=1)
    here = compare(playbook, snapshot)
    assert told(here)["entra-group-assignment/Sales"] == "right"
    assert "entra-group-assignment/Kiro-Users" not in told(here)
    assert "entra-provisioning-job/kiro" not in told(here)
    assert told(here)["entra-service-principal/kiro"] == "left"
    (version,) = [
        field for field in here[0].fields if field.name == "access_token_version"
    ]  # the playbook's value is on the left
    assert (version.before, version.after) == (2, 1)
    back = compare(snapshot, playbook)
    assert told(back)["entra-group-assignment/Sales"] == "left"
    (version,) = [field for field in back[0].fields if field.name == "access_token_version"]
    assert (version.before, version.after) == (1, 2)


def test_secrets_are_compared_and_not_shown():
    scim = {"endpoint": "https://scim.example"}
    left = wanted({"scim": {**scim, "token": "first-secret"}})
    right = wanted({"scim": {**scim, "token": "other-secret"}})
    (difference,) = compare(left, right)
    assert [field.model_dump() for field in difference.fields] == [
        {"name": "token", "before": "(secret)", "after": "(secret, changed)"}
    ]
    assert compare(left, left) == ()


def test_what_a_playbook_leaves_alone_is_not_compared():
    keys = {
        "groups": [],
        "unmanaged": [
            {"resource": "entra-application/kiro", "fields": ["access_token_version"]},
            {"resource": "entra-group-assignment/Sales"},
            {"resource": "entra-service-principal/*"},
        ],
    }
    sales, others = (
        kinds.GroupAssignment(key=name, principal=name, role="User") for name in ("Sales", "Others")
    )
    snapshot = found("kiro", "3" * 20, sales, others, access_token_version=1)
    (application, assignment) = compare(wanted(keys), snapshot)
    assert application.address == "entra-application/kiro"
    assert "access_token_version" not in {field.name for field in application.fields}
    assert (assignment.address, assignment.where) == ("entra-group-assignment/Others", "right")
    smaller = {one.address for one in compare(wanted(keys), wanted({"groups": []}))}
    assert smaller == {"entra-application/kiro", "entra-service-principal/kiro"}
