"""Which remote object a playbook means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.base.lookup import Match
from provisioner.providers.entra import audit_kinds, lookup, observations, parse
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


def orphaned(object_id: str, **changed: Any) -> dict[str, Any]:
    return app(object_id, "provisioner:kiro:new:abc", **changed)


class TestApplication:
    def test_there_is_none(self):
        assert lookup.match_application(playbook(), [], []) == Match()

    def test_a_single_application_with_the_name_is_adopted(self):
        assert lookup.match_application(playbook(), [app("1")], []).chosen == app("1")

    def test_an_application_with_the_marker_is_preferred_to_one_with_the_name(self):
        own, other = app("2", uniqueName="provisioner-kiro"), app("1")
        match = lookup.match_application(playbook(), [other, own], [own])
        assert match.chosen == own
        assert match.problem is None
        (other_application,) = match.others
        assert other_application == observations.OtherApplication(
            key="1", id="1", app_id="app-of-1", display_name="Kiro", created="2026-01-01T00:00:00Z"
        )

    def test_the_marker_is_preferred_to_the_hint_of_this_machine(self):
        marked, hinted = app("1"), app("2")
        assert lookup.match_application(playbook(), [hinted, marked], [marked, hinted]).chosen == marked

    def test_several_applications_with_the_name_are_refused_with_their_client_ids(self):
        match = lookup.match_application(
            playbook(), [app("2", createdDateTime="2025-01-01T00:00:00Z"), app("1")], []
        )
        assert match.chosen is None
        assert match.problem is not None
        assert match.problem.kind is ProblemKind.AMBIGUOUS
        assert match.problem.address == "entra-application/kiro"
        assert match.problem.candidates == (
            "client_id: app-of-2  created 2025-01-01T00:00:00Z",
            "client_id: app-of-1  created 2026-01-01T00:00:00Z",
        )
        assert len(match.others) == 2

    def test_an_application_of_another_owner_is_refused(self):
        match = lookup.match_application(playbook(), [app("1", uniqueName="provisioner-other")], [])
        assert match.chosen is None
        assert match.problem is not None
        assert match.problem.kind is ProblemKind.UNUSABLE
        assert "'provisioner-other'" in match.problem.message

    def test_the_oldest_orphaned_application_is_used(self):
        orphaneds = [orphaned("2"), orphaned("1"), orphaned("3", createdDateTime="2025-01-01T00:00:00Z")]
        match = lookup.match_application(playbook(), orphaneds, [])
        assert match.chosen == orphaneds[2]
        assert [type(other) for other in match.others] == [observations.OrphanedApplication] * 2
        assert [other.key for other in match.others] == ["1", "2"]

    def test_an_orphaned_application_is_preferred_to_one_with_the_name(self):
        match = lookup.match_application(playbook(), [app("1"), orphaned("2")], [])
        assert match.chosen == orphaned("2")
        assert match.problem is None

    def test_an_orphaned_application_of_another_playbook_is_not_used(self):
        match = lookup.match_application(
            playbook(), [app("1", "provisioner:kiro-2:new:abc"), orphaned("2")], []
        )
        assert match.chosen == orphaned("2")
        assert [type(other) for other in match.others] == [observations.OtherApplication]

    def test_the_pinned_application_is_preferred(self):
        pinned = app("1", appId=PINNED)
        match = lookup.match_application(playbook(client_id=PINNED), [app("2"), pinned], [pinned])
        assert match.chosen == pinned
        assert match.problem is None

    def test_a_missing_pinned_application_is_refused(self):
        match = lookup.match_application(playbook(client_id=PINNED), [app("1"), orphaned("2")], [])
        assert match.chosen is None
        assert match.problem is not None
        assert match.problem.kind is ProblemKind.MISSING
        assert PINNED in match.problem.message
        assert {other.key for other in match.others} == {"1", "2"}

    def test_a_pinned_application_is_refused_if_another_carries_the_marker(self):
        pinned, marked = app("1", appId=PINNED), app("2", appId=OTHER, uniqueName="provisioner-kiro")
        match = lookup.match_application(playbook(client_id=PINNED), [pinned, marked], [pinned, marked])
        assert match.chosen is None
        assert match.problem is not None
        assert match.problem.kind is ProblemKind.AMBIGUOUS
        assert OTHER in match.problem.message

    def test_a_pinned_application_may_carry_the_marker(self):
        pinned = app("1", appId=PINNED, uniqueName="provisioner-kiro")
        assert lookup.match_application(playbook(client_id=PINNED), [pinned], [pinned]).problem is None

    @given(
        applications=st.lists(
            st.builds(
                lambda number, make, marker: make(str(number), uniqueName=marker),
                st.integers(0, 9),
                st.sampled_from([app, orphaned]),
                st.sampled_from([None, "provisioner-kiro", "provisioner-other"]),
            ),
            unique_by=lambda data: data["id"],
            max_size=5,
        )
    )
    def test_an_application_is_either_chosen_or_another_and_a_problem_means_none_is_chosen(
        self, applications
    ):
        owned = [data for data in applications if data["uniqueName"] == "provisioner-kiro"]
        match = lookup.match_application(playbook(), applications, owned)
        chosen = {match.chosen["id"]} if match.chosen else set()
        others = [other.id for other in match.others]
        assert len(set(others)) == len(others)
        assert chosen.isdisjoint(others)
        assert chosen | set(others) | {data["id"] for data in owned} == {data["id"] for data in applications}
        assert not (match.problem and chosen)
        if applications and not match.problem:
            assert chosen


class TestGroupsAndUsers:
    ENTRY = DirectoryEntry(name="Kiro-Users")

    def test_a_single_match_is_chosen(self):
        match = lookup.match_principal(self.ENTRY, kinds.Group, [{"id": "g1"}])
        assert match == kinds.Group(key="Kiro-Users", id="g1")

    @pytest.mark.parametrize(("kind", "noun"), [(kinds.Group, "group"), (kinds.User, "user")])
    def test_none_is_missing(self, kind, noun):
        problem = lookup.match_principal(self.ENTRY, kind, [])
        assert isinstance(problem, Problem)
        assert (problem.kind, problem.address) == (ProblemKind.MISSING, f"entra-{noun}/Kiro-Users")
        assert f"{noun}s:" in problem.hint

    def test_several_are_ambiguous_and_listed_with_their_ids(self):
        matches = [{"id": "g1", "displayName": "Kiro-Users"}, {"id": "g2", "displayName": "kiro-users"}]
        match = lookup.match_principal(self.ENTRY, kinds.Group, matches)
        assert isinstance(match, Problem)
        assert match.kind is ProblemKind.AMBIGUOUS
        assert match.candidates == ("id: g1  Kiro-Users", "id: g2  kiro-users")

    def test_an_entry_by_id_has_the_id_as_its_key(self):
        keys = DirectoryEntry(id="18D14569-C3BD-439B-9A66-3A2AEE01D14F")
        assert keys.key == "18d14569-c3bd-439b-9a66-3a2aee01d14f"
        user = lookup.match_principal(keys, kinds.User, [{"id": keys.key}])
        assert user == kinds.User(key=keys.key, id=keys.key)


def test_of_the_members_of_a_group_only_users_count():
    entries = [
        {"@odata.type": "#microsoft.graph.user", "id": "u1"},
        {"@odata.type": "#microsoft.graph.group", "id": "g1"},
        {"@odata.type": "#microsoft.graph.device", "id": "d1"},
        {"@odata.type": "#microsoft.graph.user", "id": "u2"},
        {"id": "x"},
    ]
    assert parse.user_ids(entries) == ["u1", "u2"]


def test_a_copy_in_the_recycle_bin():
    data = app("1", uniqueName="provisioner-kiro", deletedDateTime="2026-11-01T00:00:00Z")
    assert audit_kinds.parse_deleted([data]) == [
        observations.DeletedApplication(
            key="1",
            id="1",
            app_id="app-of-1",
            display_name="Kiro",
            unique_name="provisioner-kiro",
            deleted="2026-11-01T00:00:00Z",
        )
    ]


def test_the_first_scim_job_has_the_playbook_s_key_and_others_their_id():
    entries = [{"id": "j1", "templateId": "customappsso"}, {"id": "j2", "templateId": "SCIM"}, {"id": "j3"}]
    assert [(job.key, job.id) for job in parse.parse_jobs("kiro", entries)] == [
        ("kiro", "j2"),
        ("j1", "j1"),
        ("j3", "j3"),
    ]
    assert parse.parse_jobs("kiro", []) == ()
