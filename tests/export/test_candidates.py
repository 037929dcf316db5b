"""Which application is exported, under which name, and how its groups are named."""

from __future__ import annotations

import asyncio

import pytest

from provisioner.core.errors import PermissionDeniedError, RefusedError, UsageError
from provisioner.providers.base.discovery import explorer
from provisioner.providers.base.export import (
    Candidate,
    choose_candidate,
    entries_by_name,
    playbook_name,
    ports,
    principal_entry,
    read_permitted,
)
from provisioner.providers.entra.playbook import DirectoryEntry, EntraPlaybook

A_GUID = "18d14569-c3bd-439b-9a66-3a2aee01d14f"


def candidate(name="Kiro", owner=None, key="1"):
    return Candidate(key, f"client-{key}", name, owner=owner)


@pytest.mark.parametrize(
    ("called", "owner", "wanted", "name"),
    [
        ("Kiro-Entra", "kiro-prod", None, "kiro-prod"),
        ("Kiro-Entra", "kiro-prod", "kiro-prod", "kiro-prod"),
        ("Kiro-Entra", None, "mine", "mine"),
        ("Kiro (Prod) — Entra", None, None, "kiro-prod-entra"),
        ("漢字", None, None, "kiro-entra"),
        ("x" * 47 + " y", None, None, "x" * 47),
    ],
)
def test_a_playbook_is_called_as_the_marker_says_or_after_the_application(called, owner, wanted, name):
    assert playbook_name(candidate(called, owner), wanted, "entra") == name


@pytest.mark.parametrize(
    ("wanted", "error"), [("other", RefusedError), ("Not a name", UsageError), ("x" * 49, UsageError)]
)
def test_a_name_that_cannot_be(wanted, error):
    with pytest.raises(error):
        playbook_name(candidate(owner="kiro"), wanted, "entra")


def test_the_marker_tells_applications_apart():
    both = (candidate(owner="a", key="1"), candidate(owner="b", key="2"))
    assert choose_candidate(both, "b") == both[1]
    assert choose_candidate(both, None) is None
    assert choose_candidate(both, "c") is None
    assert choose_candidate(both[:1], None) == both[0]
    assert choose_candidate((), None) is None


def test_a_name_that_leads_elsewhere_is_not_used():
    assert principal_entry(DirectoryEntry, "Kiro", A_GUID, {"Kiro": A_GUID}).name == "Kiro"
    assert principal_entry(DirectoryEntry, "Kiro", A_GUID, {"Kiro": "another"}).id == A_GUID
    assert principal_entry(DirectoryEntry, None, A_GUID, {}).id == A_GUID


def test_only_names_that_stay_as_they_are_can_be_used():
    names = {"1": "Kiro", "2": "Kiro", "3": " Kiro", "4": "x" * 121, "5": None, "6": ""}
    assert [keys.name for keys in entries_by_name(DirectoryEntry, names)] == ["Kiro"]


def test_ports_are_those_of_exactly_the_loopback_uris():
    uris = ("http://localhost:2/oauth/callback", "http://localhost:1/oauth/callback")
    others = (
        "http://localhost/oauth/callback",
        "http://localhost:0/oauth/callback",
        "https://localhost:3/oauth/callback",
    )
    assert ports((*uris, *others, *uris), (1, 2)) == (1, 2)
    assert ports(uris, (3,)) == (2, 1)


def test_an_unknown_provider_has_no_explorer():
    with pytest.raises(KeyError):
        explorer("../entra")


class TestPermitted:
    """Reading goes on without what may not be read."""

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

    def test_what_may_be_read_is_read(self):
        found, refused = self.permitted(("groups", "Groups"))
        assert (found.groups, found.users) == (None, ())
        assert [error.permissions for error in refused] == [("Groups",)]

    def test_one_after_the_other(self):
        found, refused = self.permitted(("groups", "Groups"), ("users", "Users"))
        assert (found.groups, found.users) == (None, None)
        assert len(refused) == 2

    def test_what_no_export_can_do_without_is_an_error(self):
        with pytest.raises(PermissionDeniedError):
            self.permitted(("connection", "Applications"))

    def test_what_is_refused_again_without_the_section_is_an_error(self):
        with pytest.raises(PermissionDeniedError):
            self.permitted(("connection", "Groups"))
