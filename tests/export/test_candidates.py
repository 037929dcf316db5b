"""The application that is exported, the name of its playbook, and the names of its groups."""

from __future__ import annotations

import asyncio

import pytest

from provisioner.core.errors import PermissionDeniedError, RefusedError, UsageError
from provisioner.providers.base.discovery import discovery_module
from provisioner.providers.base.export import (
    Candidate,
    choose_candidate,
    entries_by_name,
    loopback_ports,
    playbook_name,
    principal_entry,
    read_permitted,
)
from provisioner.providers.entra.playbook import DirectoryEntry, EntraPlaybook

A_GUID = "18d14569-c3bd-439b-9a66-3a2aee01d14f"


def candidate(name="Kiro", owner=None, key="1"):
    return Candidate(key, f"client-{key}", name, owner=owner)


@pytest.mark.parametrize(
    ("application", "owner", "requested", "name"),
    [
        ("Kiro-Entra", "kiro-prod", None, "kiro-prod"),
        ("Kiro-Entra", "kiro-prod", "kiro-prod", "kiro-prod"),
        ("Kiro-Entra", None, "mine", "mine"),
        ("Kiro (Prod) — Entra", None, None, "kiro-prod-entra"),
        ("漢字", None, None, "kiro-entra"),
        ("x" * 47 + " y", None, None, "x" * 47),
    ],
)
def test_a_playbook_has_the_name_of_the_marker_or_of_the_application(application, owner, requested, name):
    assert playbook_name(candidate(application, owner), requested, "entra") == name


@pytest.mark.parametrize(
    ("requested", "error"), [("other", RefusedError), ("Not a name", UsageError), ("x" * 49, UsageError)]
)
def test_an_invalid_name(requested, error):
    with pytest.raises(error):
        playbook_name(candidate(owner="kiro"), requested, "entra")


def test_the_marker_decides_between_candidates():
    both = (candidate(owner="a", key="1"), candidate(owner="b", key="2"))
    assert choose_candidate(both, "b") == both[1]
    assert choose_candidate(both, None) is None
    assert choose_candidate(both, "c") is None
    assert choose_candidate(both[:1], None) == both[0]
    assert choose_candidate((), None) is None


def test_a_name_of_another_group_is_not_used():
    assert principal_entry(DirectoryEntry, "Kiro", A_GUID, {"Kiro": A_GUID}).name == "Kiro"
    assert principal_entry(DirectoryEntry, "Kiro", A_GUID, {"Kiro": "another"}).id == A_GUID
    assert principal_entry(DirectoryEntry, None, A_GUID, {}).id == A_GUID


def test_only_names_that_need_no_change_are_used():
    names = {"1": "Kiro", "2": "Kiro", "3": " Kiro", "4": "x" * 121, "5": None, "6": ""}
    assert [keys.name for keys in entries_by_name(DirectoryEntry, names)] == ["Kiro"]


def test_ports_are_those_of_exactly_the_loopback_uris():
    uris = ("http://localhost:2/oauth/callback", "http://localhost:1/oauth/callback")
    others = (
        "http://localhost/oauth/callback",
        "http://localhost:0/oauth/callback",
        "https://localhost:3/oauth/callback",
    )
    assert loopback_ports((*uris, *others, *uris), (1, 2)) == (1, 2)
    assert loopback_ports(uris, (3,)) == (2, 1)


def test_an_unknown_provider_has_no_discovery_module():
    with pytest.raises(KeyError):
        discovery_module("../entra")


class TestPermitted:
    """An export omits what the credentials may not read."""

    PLAYBOOK = EntraPlaybook(
        version=1, name="a", provider="entra", connection={"tenant": A_GUID}, groups=(), users=()
    )

    def read(self, *denied):
        async def reading(playbook):
            for section, needs in denied:
                if getattr(playbook, section) is not None:
                    raise PermissionDeniedError("no", permissions=(needs,))
            return playbook

        return reading

    def permitted(self, *denied):
        without = {
            ("Groups",): lambda playbook: playbook.model_copy(update={"groups": None}),
            ("Users",): lambda playbook: playbook.model_copy(update={"users": None}),
        }
        return asyncio.run(read_permitted(self.read(*denied), self.PLAYBOOK, without))

    def test_a_section_that_is_refused_is_omitted(self):
        permitted = self.permitted(("groups", "Groups"))
        assert (permitted.result.groups, permitted.result.users) == (None, ())
        assert permitted.playbook == permitted.result
        assert [error.permissions for error in permitted.refused] == [("Groups",)]

    def test_several_sections_are_omitted(self):
        permitted = self.permitted(("groups", "Groups"), ("users", "Users"))
        assert (permitted.result.groups, permitted.result.users) == (None, None)
        assert len(permitted.refused) == 2

    def test_a_permission_that_every_export_needs(self):
        with pytest.raises(PermissionDeniedError):
            self.permitted(("connection", "Applications"))

    def test_a_read_that_is_refused_without_the_section_too(self):
        with pytest.raises(PermissionDeniedError):
            self.permitted(("connection", "Groups"))
