"""Which remote object a playbook means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.entra import lookup, parse
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.playbook import DirectoryEntry, EntraPlaybook

PINNED = "99999999-8888-7777-6666-555555555555"
OTHER = "00000000-8888-7777-6666-555555555555"


def playbook(**application: Any) -> EntraPlaybook:
    """A playbook called kiro, whose application is called Kiro."""
    return EntraPlaybook.model_validate(
        {
            "version": 1,
            "name": "kiro",
            "provider": "entra",
            "connection": {"tenant": "contoso.com"},
            "application": {"display_name": "Kiro", **application},
        }
    )


def app(object_id: str, name: str = "Kiro", **changed: Any) -> dict[str, Any]:
    """A Graph application."""
    return {
        "id": object_id,
        "appId": f"app-of-{object_id}",
        "displayName": name,
        "createdDateTime": "2026-01-01T00:00:00Z",
        **changed,
    }


def stray(object_id: str, **changed: Any) -> dict[str, Any]:
    return app(object_id, "provisioner:kiro:new:abc", **changed)


class TestChoosingTheApplication:
    def test_none_is_there(self):
        assert lookup.choose(playbook(), [], []) == lookup.Choice(None)

    def test_one_of_that_name_is_adopted(self):
        assert lookup.choose(playbook(), [app("1")], []).application == app("1")

    def test_one_that_carries_our_marker_is_preferred_to_any_that_only_has_the_name(self):
        ours, other = app("2", uniqueName="provisioner-kiro"), app("1")
        choice = lookup.choose(playbook(), [other, ours], [ours])
        assert choice.application == ours
        assert choice.problem is None
        (namesake,) = choice.others
        assert namesake == seen.OtherApplication(
            key="1", id="1", app_id="app-of-1", display_name="Kiro", created="2026-01-01T00:00:00Z"
        )

    def test_what_this_machine_created_comes_after_what_carries_the_marker(self):
        marked, noted = app("1"), app("2")
        assert lookup.choose(playbook(), [noted, marked], [marked, noted]).application == marked

    def test_several_of_that_name_are_refused_with_their_client_ids(self):
        choice = lookup.choose(playbook(), [app("2", createdDateTime="2025-01-01T00:00:00Z"), app("1")], [])
        assert choice.application is None
        assert choice.problem is not None
        assert choice.problem.kind is ProblemKind.AMBIGUOUS
        assert choice.problem.address == "entra-application/kiro"
        assert choice.problem.candidates == (
            "client_id: app-of-2  created 2025-01-01T00:00:00Z",
            "client_id: app-of-1  created 2026-01-01T00:00:00Z",
        )
        assert len(choice.others) == 2

    def test_one_of_that_name_that_another_playbook_made_is_refused(self):
        choice = lookup.choose(playbook(), [app("1", uniqueName="provisioner-other")], [])
        assert choice.application is None
        assert choice.problem is not None
        assert choice.problem.kind is ProblemKind.UNUSABLE
        assert "'provisioner-other'" in choice.problem.message

    def test_one_that_an_interrupted_run_left_is_taken_up_oldest_first(self):
        strays = [stray("2"), stray("1"), stray("3", createdDateTime="2025-01-01T00:00:00Z")]
        choice = lookup.choose(playbook(), strays, [])
        assert choice.application == strays[2]
        assert [type(other) for other in choice.others] == [seen.OrphanedApplication] * 2
        assert [other.key for other in choice.others] == ["1", "2"]

    def test_one_that_an_interrupted_run_left_is_preferred_to_a_namesake(self):
        choice = lookup.choose(playbook(), [app("1"), stray("2")], [])
        assert choice.application == stray("2")
        assert choice.problem is None

    def test_what_an_interrupted_run_of_another_playbook_left_is_not_ours(self):
        choice = lookup.choose(playbook(), [app("1", "provisioner:kiro-2:new:abc"), stray("2")], [])
        assert choice.application == stray("2")
        assert [type(other) for other in choice.others] == [seen.OtherApplication]

    def test_the_pinned_one_wins(self):
        pinned = app("1", appId=PINNED)
        choice = lookup.choose(playbook(client_id=PINNED), [app("2"), pinned], [pinned])
        assert choice.application == pinned
        assert choice.problem is None

    def test_a_pinned_one_that_is_not_there_is_refused_whatever_else_is(self):
        choice = lookup.choose(playbook(client_id=PINNED), [app("1"), stray("2")], [])
        assert choice.application is None
        assert choice.problem is not None
        assert choice.problem.kind is ProblemKind.MISSING
        assert PINNED in choice.problem.message
        assert {other.key for other in choice.others} == {"1", "2"}

    def test_a_pinned_one_whose_marker_is_elsewhere_is_refused(self):
        pinned, marked = app("1", appId=PINNED), app("2", appId=OTHER, uniqueName="provisioner-kiro")
        choice = lookup.choose(playbook(client_id=PINNED), [pinned, marked], [pinned, marked])
        assert choice.application is None
        assert choice.problem is not None
        assert choice.problem.kind is ProblemKind.AMBIGUOUS
        assert OTHER in choice.problem.message

    def test_a_pinned_one_that_carries_the_marker_is_fine(self):
        pinned = app("1", appId=PINNED, uniqueName="provisioner-kiro")
        assert lookup.choose(playbook(client_id=PINNED), [pinned], [pinned]).problem is None

    @given(
        found=st.lists(
            st.builds(
                lambda number, make, marker: make(str(number), uniqueName=marker),
                st.integers(0, 9),
                st.sampled_from([app, stray]),
                st.sampled_from([None, "provisioner-kiro", "provisioner-other"]),
            ),
            unique_by=lambda data: data["id"],
            max_size=5,
        )
    )
    def test_an_application_is_either_the_one_or_another_and_a_problem_means_none(self, found):
        owned = [data for data in found if data["uniqueName"] == "provisioner-kiro"]
        choice = lookup.choose(playbook(), found, owned)
        chosen = {choice.application["id"]} if choice.application else set()
        others = [other.id for other in choice.others]
        assert len(set(others)) == len(others)
        assert chosen.isdisjoint(others)
        assert chosen | set(others) | {data["id"] for data in owned} == {data["id"] for data in found}
        assert not (choice.problem and chosen)
        if found and not choice.problem:
            assert chosen


class TestGroupsAndUsers:
    KEYS = DirectoryEntry(name="Kiro-Users")

    def test_one_match_is_the_one(self):
        found = lookup.matched(self.KEYS, "group", [{"id": "g1"}], parse.group)
        assert found == kinds.Group(key="Kiro-Users", id="g1")

    @pytest.mark.parametrize("what", ["group", "user"])
    def test_none_is_missing(self, what):
        found = lookup.matched(self.KEYS, what, [], parse.group)
        assert isinstance(found, Problem)
        assert (found.kind, found.address) == (ProblemKind.MISSING, f"entra-{what}/Kiro-Users")
        assert f"{what}s:" in found.hint

    def test_several_are_ambiguous_and_told_by_their_ids(self):
        matches = [{"id": "g1", "displayName": "Kiro-Users"}, {"id": "g2", "displayName": "kiro-users"}]
        found = lookup.matched(self.KEYS, "group", matches, parse.group)
        assert isinstance(found, Problem)
        assert found.kind is ProblemKind.AMBIGUOUS
        assert found.candidates == ("id: g1  Kiro-Users", "id: g2  kiro-users")

    def test_one_that_is_named_by_its_id_has_the_id_as_its_key(self):
        keys = DirectoryEntry(id="18D14569-C3BD-439B-9A66-3A2AEE01D14F")
        assert keys.key == "18d14569-c3bd-439b-9a66-3a2aee01d14f"
        assert lookup.matched(keys, "user", [{"id": keys.key}], parse.user) == kinds.User(
            key=keys.key, id=keys.key
        )


def test_of_the_members_of_a_group_only_users_count():
    entries = [
        {"@odata.type": "#microsoft.graph.user", "id": "u1"},
        {"@odata.type": "#microsoft.graph.group", "id": "g1"},
        {"@odata.type": "#microsoft.graph.device", "id": "d1"},
        {"@odata.type": "#microsoft.graph.user", "id": "u2"},
        {"id": "x"},
    ]
    assert lookup.user_ids(entries) == ["u1", "u2"]


def test_a_copy_in_the_recycle_bin():
    data = app("1", uniqueName="provisioner-kiro", deletedDateTime="2026-11-01T00:00:00Z")
    assert lookup.deleted(data) == seen.DeletedApplication(
        key="1",
        id="1",
        app_id="app-of-1",
        display_name="Kiro",
        unique_name="provisioner-kiro",
        deleted="2026-11-01T00:00:00Z",
    )


def test_the_first_scim_job_is_the_playbooks_and_others_go_by_their_id():
    entries = [{"id": "j1", "templateId": "customappsso"}, {"id": "j2", "templateId": "SCIM"}, {"id": "j3"}]
    assert [(job.key, job.id) for job in lookup.jobs("kiro", entries)] == [
        ("kiro", "j2"),
        ("j1", "j1"),
        ("j3", "j3"),
    ]
    assert lookup.jobs("kiro", []) == ()
