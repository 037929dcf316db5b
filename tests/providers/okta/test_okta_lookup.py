"""Which remote object a playbook means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.base.lookup import Match, duplicate_entries
from provisioner.providers.okta import lookup
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.lookup import Selector

OURS = "provisioner-kiro"
SELECTOR = Selector("okta-application/kiro", "OIDC application", "Kiro", "application: id", marker=OURS)
PINNED = Selector("okta-application/kiro", "OIDC application", "Kiro", "application: id", "0oa2", marker=OURS)


def app(key: str, label: str = "Kiro", admin: str | None = None, **more: Any) -> dict[str, Any]:
    """An application, with an administrator's note."""
    return {
        "id": key,
        "label": label,
        "status": "ACTIVE",
        "created": "2026-01-01",
        "settings": {"notes": {"admin": admin}},
        **more,
    }


def match_app(objects: list[dict[str, Any]], selector: Selector = SELECTOR) -> Match:
    return lookup.match_object(selector, objects, lambda data: str(data.get("label")))


def labelled(selector, objects):
    return lookup.match_object(selector, objects, lambda data: data["label"])


class TestApplicationsAndServers:
    def test_no_object_matches(self):
        assert match_app([]) == Match()

    def test_the_only_object_with_the_label_is_adopted(self):
        assert match_app([app("0oa1")]) == Match(app("0oa1"))

    @pytest.mark.parametrize("label", ["Kiro 2", "kiro", " Kiro", ""])
    def test_a_similar_label_does_not_match(self, label):
        assert match_app([app("0oa1", label)]) == Match()

    def test_several_matches_are_refused_with_their_ids(self):
        objects = [app("0oa1"), app("0oa2", status="INACTIVE"), app("0oa3", "Other")]
        match = match_app(objects)
        assert match.chosen is None
        assert match.others == tuple(objects[:2])
        assert match.problem == Problem(
            kind=ProblemKind.AMBIGUOUS,
            address="okta-application/kiro",
            message="2 OIDC applications are called 'Kiro'",
            hint="select one with application: id: in the playbook",
            candidates=("id: 0oa1  ACTIVE  created 2026-01-01", "id: 0oa2  INACTIVE  created 2026-01-01"),
        )

    def test_a_pinned_object_matches_under_any_label(self):
        assert match_app([app("0oa2", "Another")], PINNED) == Match(app("0oa2", "Another"))

    @pytest.mark.parametrize("objects", [[], [app("0oa1")]])
    def test_a_pinned_object_that_does_not_exist_is_missing(self, objects):
        match = match_app(objects, PINNED)
        assert match.chosen is None
        assert match.problem is not None
        assert (match.problem.kind, match.problem.address) == (ProblemKind.MISSING, "okta-application/kiro")
        assert "0oa2" in match.problem.message
        assert "application: id:" in match.problem.hint

    @given(labels=st.lists(st.sampled_from(["Kiro", "Other"]), max_size=4), pinned=st.none() | st.just("1"))
    def test_a_match_and_a_problem_exclude_each_other(self, labels, pinned):
        objects = [app(str(number), label) for number, label in enumerate(labels)]
        selector = Selector("a", "w", "Kiro", "k", pinned)
        match = match_app([data for data in objects if pinned in (None, data["id"])], selector)
        assert not (match.chosen and match.problem)
        if match.chosen:
            assert match.chosen["id"] == pinned or (pinned is None and labels.count("Kiro") == 1)
        elif match.problem is None:
            assert "Kiro" not in labels


class TestMarkers:
    def test_the_playbook_s_own_marker_is_no_problem(self):
        assert match_app([app("0oa1", admin=OURS)]).problem is None

    @pytest.mark.parametrize("selector", [SELECTOR, PINNED])
    def test_the_marker_of_another_playbook_is_refused(self, selector):
        other_object = app("0oa2", admin="provisioner-kiro-2")
        match = match_app([other_object], selector)
        assert match.chosen is None
        assert match.others == (other_object,)
        assert match.problem is not None
        assert match.problem.kind is ProblemKind.UNUSABLE
        assert "provisioner-kiro-2" in match.problem.message

    def test_a_server_has_the_marker_in_its_description(self):
        selector = Selector(
            "okta-authorization-server/kiro", "authorization server", "Kiro", "k", marker=OURS
        )
        other_object = {"id": "aus1", "name": "Kiro", "description": "Sign-in to Kiro (provisioner-other)"}
        match = lookup.match_object(selector, [other_object], lambda data: data["name"])
        assert match.problem is not None
        assert match.problem.kind is ProblemKind.UNUSABLE
        own_object = {**other_object, "description": "Sign-in to Kiro (provisioner-kiro)"}
        assert lookup.match_object(selector, [own_object], lambda data: data["name"]).chosen == own_object

    @pytest.mark.parametrize(
        "note",
        [
            None,
            "",
            "made by hand",
            "made by provisioner-team for Kiro",
            "see wiki (provisioner-legacy)",
            "provisioner-kiro and more",
            "my-provisioner-kiro",
        ],
    )
    def test_other_notes_are_no_marker(self, note):
        assert lookup.marker_of(app("0oa1", admin=note)) is None
        assert lookup.marker_of({"id": "aus1", "description": note}) is None

    @pytest.mark.parametrize(
        "odd", [{}, {"settings": None}, {"settings": {"notes": None}}, {"description": None}]
    )
    def test_missing_notes_are_no_marker(self, odd):
        assert lookup.marker_of(odd) is None


class TestRenamedObjects:
    def test_the_label_comes_before_the_marker(self):
        objects = [app("0oa1", "Renamed", admin=OURS), app("0oa2")]
        assert labelled(SELECTOR, objects) == Match(app("0oa2"))

    def test_a_renamed_object_is_found_by_its_marker(self):
        renamed = app("0oa1", "Renamed", admin=OURS)
        assert labelled(SELECTOR, [renamed, app("0oa2", "AWS IAM Identity Center")]).chosen == renamed

    def test_several_objects_with_the_marker_match_nothing(self):
        objects = [app("0oa1", "A", admin=OURS), app("0oa2", "B", admin=OURS)]
        assert labelled(SELECTOR, objects).chosen is None

    @pytest.mark.parametrize("note", [None, "a note", "provisioner-kiro-2"])
    def test_an_application_without_the_marker_does_not_match(self, note):
        assert labelled(SELECTOR, [app("0oa1", "AWS IAM Identity Center", admin=note)]) == Match()

    def test_two_objects_with_the_label_are_ambiguous_even_with_a_marker(self):
        match = labelled(SELECTOR, [app("0oa1", admin=OURS), app("0oa2")])
        assert match.problem is not None
        assert match.problem.kind is ProblemKind.AMBIGUOUS

    def test_a_deleted_pinned_object_has_no_fallback(self):
        match = labelled(PINNED, [app("0oa1", "Renamed", admin=OURS)])
        assert match.chosen is None
        assert match.problem is not None


def group(
    key: str, name: str = "Kiro", kind: str = "OKTA_GROUP", source: str | None = None
) -> dict[str, Any]:
    objects: dict[str, Any] = {"id": key, "type": kind, "profile": {"name": name}}
    return {**objects, "source": {"id": source}} if source else objects


class TestGroups:
    def test_the_group_with_the_name_matches(self):
        assert lookup.match_group("Kiro", [group("00g1"), group("00g2", "Kiro 2")], [], by_id=False) == group(
            "00g1"
        )

    def test_a_group_that_the_application_pushed_does_not_match(self):
        pushed = group("00g2", kind="APP_GROUP", source="0oascim")
        assert lookup.match_group("Kiro", [pushed, group("00g1")], ["0oascim"], by_id=False) == group("00g1")
        alone = lookup.match_group("Kiro", [pushed], ["0oascim"], by_id=False)
        assert isinstance(alone, Problem)
        assert alone.kind is ProblemKind.MISSING

    def test_an_okta_group_is_preferred_to_an_application_group(self):
        foreign = group("00g2", kind="APP_GROUP", source="0oaad")
        assert lookup.match_group("Kiro", [foreign, group("00g1")], ["0oascim"], by_id=False) == group("00g1")
        assert lookup.match_group("Kiro", [foreign], ["0oascim"], by_id=False) == foreign

    def test_the_built_in_group_can_be_named(self):
        everyone = group("00g1", "Everyone", "BUILT_IN")
        assert lookup.match_group("Everyone", [everyone], [], by_id=False) == everyone

    def test_no_group_is_missing(self):
        objects = lookup.match_group("Kiro", [], [], by_id=False)
        assert isinstance(objects, Problem)
        assert (objects.kind, objects.address) == (ProblemKind.MISSING, "okta-group/Kiro")

    def test_several_groups_are_ambiguous_and_listed_with_their_ids(self):
        objects = lookup.match_group("Kiro", [group("00g1"), group("00g2")], [], by_id=False)
        assert isinstance(objects, Problem)
        assert objects.kind is ProblemKind.AMBIGUOUS
        assert objects.candidates == ("id: 00g1  OKTA_GROUP", "id: 00g2  OKTA_GROUP")
        assert "id:" in objects.hint

    def test_an_id_matches_under_any_name(self):
        assert lookup.match_group("00g1", [group("00g1", "Other")], [], by_id=True) == group("00g1", "Other")

    def test_a_name_that_looks_like_an_id_is_a_name(self):
        assert isinstance(lookup.match_group("00g1", [group("00g1")], [], by_id=False), Problem)


class TestUsers:
    def test_a_user_matches_or_is_missing(self):
        user = {"id": "00u1"}
        assert lookup.match_user("alice", [user]) == user
        objects = lookup.match_user("alice", [])
        assert isinstance(objects, Problem)
        assert (objects.kind, objects.address) == (ProblemKind.MISSING, "okta-user/alice")


class TestDuplicateEntries:
    def test_a_group_listed_by_name_and_by_id_is_a_problem(self):
        objects = [
            kinds.Group(key="Kiro", id="00g1"),
            kinds.User(key="u", id="00u1"),
            kinds.Group(key="00g1", id="00g1"),
        ]
        (problem,) = duplicate_entries(objects, kinds.Group, kinds.User)
        assert (problem.kind, problem.address) == (ProblemKind.AMBIGUOUS, "okta-group/00g1")
        assert problem.message == "'Kiro' and '00g1' are the same group"

    def test_different_groups_and_a_repeated_resource_are_no_problem(self):
        one = kinds.Group(key="a", id="00g1")
        assert (
            list(
                duplicate_entries(
                    [one, one, kinds.Group(key="b", id="00g2"), kinds.Application(key="x", id="00g1")],
                    kinds.Group,
                    kinds.User,
                )
            )
            == []
        )


def test_a_missing_object_is_reported_with_a_hint():
    problem = lookup.missing_object(
        Selector("okta-authentication-policy/x", "authentication policy", "x", "application: p")
    )
    assert (problem.kind, problem.address) == (ProblemKind.MISSING, "okta-authentication-policy/x")
    assert "'x'" in problem.message
    assert "application: p:" in problem.hint
