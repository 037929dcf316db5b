"""Which remote object a playbook means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.base.lookup import duplicate_entries
from provisioner.providers.okta import lookup
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.lookup import Choice, Sought

OURS = "provisioner-kiro"
SOUGHT = Sought("okta-application/kiro", "OIDC application", "Kiro", "application: id", marker=OURS)
PINNED = Sought("okta-application/kiro", "OIDC application", "Kiro", "application: id", "0oa2", marker=OURS)


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


def chosen(found: list[dict[str, Any]], sought: Sought = SOUGHT) -> Choice:
    return lookup.choose(sought, found, lambda data: str(data.get("label")))


def labelled(sought, found):
    return lookup.choose(sought, found, lambda data: data["label"])


class TestApplicationsAndServers:
    def test_none_is_there(self):
        assert chosen([]) == Choice()

    def test_one_of_that_label_is_adopted(self):
        assert chosen([app("0oa1")]) == Choice(app("0oa1"))

    @pytest.mark.parametrize("label", ["Kiro 2", "kiro", " Kiro", ""])
    def test_a_label_that_is_only_alike_is_not_it(self, label):
        assert chosen([app("0oa1", label)]) == Choice()

    def test_several_are_refused_with_their_ids(self):
        found = [app("0oa1"), app("0oa2", status="INACTIVE"), app("0oa3", "Other")]
        choice = chosen(found)
        assert choice.chosen is None
        assert choice.others == tuple(found[:2])
        assert choice.problem == Problem(
            kind=ProblemKind.AMBIGUOUS,
            address="okta-application/kiro",
            message="2 OIDC applications are called 'Kiro'",
            hint="say which one with application: id: in the playbook",
            candidates=("id: 0oa1  ACTIVE  created 2026-01-01", "id: 0oa2  INACTIVE  created 2026-01-01"),
        )

    def test_the_pinned_one_is_it_whatever_it_is_called(self):
        assert chosen([app("0oa2", "Another")], PINNED) == Choice(app("0oa2", "Another"))

    @pytest.mark.parametrize("found", [[], [app("0oa1")]])
    def test_a_pinned_one_that_is_not_there_is_missing_whatever_else_is(self, found):
        choice = chosen(found, PINNED)
        assert choice.chosen is None
        assert choice.problem is not None
        assert (choice.problem.kind, choice.problem.address) == (ProblemKind.MISSING, "okta-application/kiro")
        assert "0oa2" in choice.problem.message
        assert "application: id:" in choice.problem.hint

    @given(labels=st.lists(st.sampled_from(["Kiro", "Other"]), max_size=4), pinned=st.none() | st.just("1"))
    def test_a_problem_means_that_none_is_chosen(self, labels, pinned):
        found = [app(str(number), label) for number, label in enumerate(labels)]
        sought = Sought("a", "w", "Kiro", "k", pinned)
        choice = chosen([data for data in found if pinned in (None, data["id"])], sought)
        assert not (choice.chosen and choice.problem)
        if choice.chosen:
            assert choice.chosen["id"] == pinned or (pinned is None and labels.count("Kiro") == 1)
        elif choice.problem is None:
            assert "Kiro" not in labels


class TestWhoseItIs:
    def test_one_that_carries_our_marker_is_ours(self):
        assert chosen([app("0oa1", admin=OURS)]).problem is None

    @pytest.mark.parametrize("sought", [SOUGHT, PINNED])
    def test_one_that_carries_the_marker_of_another_playbook_is_refused(self, sought):
        theirs = app("0oa2", admin="provisioner-kiro-2")
        choice = chosen([theirs], sought)
        assert choice.chosen is None
        assert choice.others == (theirs,)
        assert choice.problem is not None
        assert choice.problem.kind is ProblemKind.UNUSABLE
        assert "provisioner-kiro-2" in choice.problem.message

    def test_a_server_carries_it_in_its_description(self):
        sought = Sought("okta-authorization-server/kiro", "authorization server", "Kiro", "k", marker=OURS)
        theirs = {"id": "aus1", "name": "Kiro", "description": "Sign-in to Kiro (provisioner-other)"}
        choice = lookup.choose(sought, [theirs], lambda data: data["name"])
        assert choice.problem is not None
        assert choice.problem.kind is ProblemKind.UNUSABLE
        ours = {**theirs, "description": "Sign-in to Kiro (provisioner-kiro)"}
        assert lookup.choose(sought, [ours], lambda data: data["name"]).chosen == ours

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
    def test_what_people_wrote_is_nobody_s_marker(self, note):
        assert lookup.owner_of(app("0oa1", admin=note)) is None
        assert lookup.owner_of({"id": "aus1", "description": note}) is None

    @pytest.mark.parametrize(
        "odd", [{}, {"settings": None}, {"settings": {"notes": None}}, {"description": None}]
    )
    def test_what_has_no_notes_is_nobody_s(self, odd):
        assert lookup.owner_of(odd) is None


class TestWhatWasRenamed:
    def test_it_goes_by_its_label_first(self):
        found = [app("0oa1", "Renamed", admin=OURS), app("0oa2")]
        assert labelled(SOUGHT, found) == Choice(app("0oa2"))

    def test_a_renamed_one_is_known_by_our_marker(self):
        renamed = app("0oa1", "Renamed", admin=OURS)
        assert labelled(SOUGHT, [renamed, app("0oa2", "AWS IAM Identity Center")]).chosen == renamed

    def test_several_with_our_marker_are_no_fallback(self):
        found = [app("0oa1", "A", admin=OURS), app("0oa2", "B", admin=OURS)]
        assert labelled(SOUGHT, found).chosen is None

    @pytest.mark.parametrize("note", [None, "mine", "provisioner-kiro-2"])
    def test_an_application_of_somebody_else_s_is_not_taken(self, note):
        assert labelled(SOUGHT, [app("0oa1", "AWS IAM Identity Center", admin=note)]) == Choice()

    def test_two_of_the_label_are_ambiguous_whoever_has_the_marker(self):
        choice = labelled(SOUGHT, [app("0oa1", admin=OURS), app("0oa2")])
        assert choice.problem is not None
        assert choice.problem.kind is ProblemKind.AMBIGUOUS

    def test_a_pinned_one_that_is_gone_has_no_fallback(self):
        choice = labelled(PINNED, [app("0oa1", "Renamed", admin=OURS)])
        assert choice.chosen is None
        assert choice.problem is not None


def group(
    key: str, name: str = "Kiro", kind: str = "OKTA_GROUP", source: str | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {"id": key, "type": kind, "profile": {"name": name}}
    return {**found, "source": {"id": source}} if source else found


class TestGroups:
    def test_one_of_that_name_is_it(self):
        assert lookup.group_of("Kiro", False, [group("00g1"), group("00g2", "Kiro 2")], []) == group("00g1")

    def test_one_that_our_application_pushed_is_not(self):
        pushed = group("00g2", kind="APP_GROUP", source="0oascim")
        assert lookup.group_of("Kiro", False, [pushed, group("00g1")], ["0oascim"]) == group("00g1")
        alone = lookup.group_of("Kiro", False, [pushed], ["0oascim"])
        assert isinstance(alone, Problem)
        assert alone.kind is ProblemKind.MISSING

    def test_okta_s_own_is_preferred_to_one_of_another_application(self):
        foreign = group("00g2", kind="APP_GROUP", source="0oaad")
        assert lookup.group_of("Kiro", False, [foreign, group("00g1")], ["0oascim"]) == group("00g1")
        assert lookup.group_of("Kiro", False, [foreign], ["0oascim"]) == foreign

    def test_the_built_in_group_can_be_named(self):
        everyone = group("00g1", "Everyone", "BUILT_IN")
        assert lookup.group_of("Everyone", False, [everyone], []) == everyone

    def test_none_is_missing(self):
        found = lookup.group_of("Kiro", False, [], [])
        assert isinstance(found, Problem)
        assert (found.kind, found.address) == (ProblemKind.MISSING, "okta-group/Kiro")

    def test_several_are_ambiguous_and_told_by_their_ids(self):
        found = lookup.group_of("Kiro", False, [group("00g1"), group("00g2")], [])
        assert isinstance(found, Problem)
        assert found.kind is ProblemKind.AMBIGUOUS
        assert found.candidates == ("id: 00g1  OKTA_GROUP", "id: 00g2  OKTA_GROUP")
        assert "id:" in found.hint

    def test_by_its_id_it_is_it_whatever_it_is_called(self):
        assert lookup.group_of("00g1", True, [group("00g1", "Other")], []) == group("00g1", "Other")

    def test_a_name_that_looks_like_an_id_is_a_name(self):
        assert isinstance(lookup.group_of("00g1", False, [group("00g1")], []), Problem)


class TestUsers:
    def test_one_or_none(self):
        user = {"id": "00u1"}
        assert lookup.user_of("alice", [user]) == user
        found = lookup.user_of("alice", [])
        assert isinstance(found, Problem)
        assert (found.kind, found.address) == (ProblemKind.MISSING, "okta-user/alice")


class TestTheSameTwice:
    def test_a_group_by_name_and_by_id(self):
        found = [
            kinds.Group(key="Kiro", id="00g1"),
            kinds.User(key="u", id="00u1"),
            kinds.Group(key="00g1", id="00g1"),
        ]
        (problem,) = duplicate_entries(found, kinds.Group, kinds.User)
        assert (problem.kind, problem.address) == (ProblemKind.AMBIGUOUS, "okta-group/00g1")
        assert problem.message == "'Kiro' and '00g1' are the same group"

    def test_different_ones_and_one_that_is_told_twice_are_fine(self):
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


def test_what_the_playbook_relies_on_and_is_absent_is_told_with_what_to_do():
    problem = lookup.absent(Sought("okta-sign-in-policy/x", "authentication policy", "x", "application: p"))
    assert (problem.kind, problem.address) == (ProblemKind.MISSING, "okta-sign-in-policy/x")
    assert "'x'" in problem.message
    assert "application: p:" in problem.hint
