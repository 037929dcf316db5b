"""What holds for the misconfigurations of every vendor and of the DNS."""

from __future__ import annotations

import re

import pytest

from provisioner.sandbox import control
from provisioner.sandbox.misconfigurations import NothingToBreakError

SENTENCE = re.compile(r"[A-Z][^.]+(\.[a-z][^.]*)*\.")


def test_every_description_is_one_short_sentence() -> None:
    descriptions = control.misconfigurations()
    assert len(descriptions) > 100
    unclear = {
        name: text for name, text in descriptions.items() if not SENTENCE.fullmatch(text) or len(text) >= 120
    }
    assert unclear == {}


@pytest.fixture
def assigned(graph, sandbox, kiro, group_id):
    """The sandbox with an application in its Entra tenant, to which Kiro-Users is assigned."""
    body = {"principalId": group_id, "resourceId": kiro.principal["id"], "appRoleId": kiro.user_role}
    assert graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=body).status_code == 201
    return sandbox


@pytest.mark.parametrize(
    ("name", "kept_groups", "message"),
    [
        ("dns-email-domain-uncovered", {"Kiro-Users"}, "the assigned group has no members"),
        ("entra-nested-groups", {"Kiro-Users"}, "there is no other group"),
        ("entra-sign-in-errors", {"Kiro-Users"}, "there are no users"),
        ("entra-direct-user-assignment", {"Kiro-Users"}, "every user is a member of the assigned group"),
        ("entra-group-missing", set(), "no group is assigned yet"),
    ],
)
def test_what_a_misconfiguration_needs_may_be_missing(assigned, name, kept_groups, message):
    store = assigned.directory
    for group in store.all("group"):
        if group["displayName"] in kept_groups:
            store.put("group", group["id"], {**group, "_members": []})
        else:
            store.delete("group", group["id"])
    store.delete_many("user", store.keys("user"))
    with pytest.raises(NothingToBreakError, match=message):
        control.misconfigure(assigned, name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("entra-token-version", "there is no application named 'Other'"),
        ("okta-application-inactive", "there is no application named 'Other'"),
        ("dns-record-missing", "the domain 'Other' has no verification record"),
    ],
)
def test_the_message_names_a_target_that_does_not_exist(assigned, name, message):
    with pytest.raises(NothingToBreakError, match=message):
        control.misconfigure(assigned, name, "Other")


def test_a_malformed_domain_is_no_target(sandbox):
    with pytest.raises(NothingToBreakError, match="is not a domain name"):
        control.misconfigure(sandbox, "dns-record-missing", "a..b")
