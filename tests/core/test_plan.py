"""Plans: what would change, in which order, behind which human step, and within which limits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.core.diff import FieldChange
from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import WRITES, Action, Change, DesiredState, Guards, Plan, make_plan
from provisioner.core.resource import Reference
from provisioner.core.snapshot import Problem, ProblemKind, Snapshot
from tests.core.specimens import Landmark, Part, Thing, desired_things, observed_things
from tests.made_true import made_true


def planned(*resources, snapshot=(), **desired):
    """The plan for these resources, given what is there."""
    return make_plan(DesiredState(resources=resources, **desired), Snapshot(resources=snapshot))


def actions(plan):
    return {change.address: change.action.value for change in plan.changes}


def addresses(changes):
    return [change.address for change in changes]


@st.composite
def situations(draw: st.DrawFn, *, steps: bool = True) -> tuple[DesiredState, Snapshot]:
    """Things that depend on each other without a circle, in any order, some of them there already, and others."""
    keys = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=6))
    wished = []
    for number, key in enumerate(keys):
        earlier = [resource.address for resource in wished]
        after = tuple(draw(st.lists(st.sampled_from(earlier), unique=True))) if earlier else ()
        if steps and draw(st.integers(0, 4)) == 0:
            given_ = draw(st.booleans())
            wished.append(ManualStep(key=key, title=f"step {number}", depends_on=after, completed=given_))
            continue
        thing = draw(desired_things(key)).model_copy(update={"after": after})
        owners = [resource.address for resource in wished if isinstance(resource, Thing)]
        if owners and draw(st.booleans()):
            owner = Reference(address=draw(st.sampled_from(owners)), field="id", template="by {}")
            thing = thing.model_copy(update={"owner": owner})
        wished.append(thing)
    there = draw(st.lists(st.sampled_from("abcdefghijk"), unique=True, max_size=8))
    snapshot = Snapshot(resources=tuple(draw(observed_things(key)) for key in there))
    named = {resource.address for resource in wished}
    unnamed = [resource.address for resource in snapshot.resources if resource.address not in named]
    absent = tuple(draw(st.lists(st.sampled_from(unnamed), unique=True))) if unnamed else ()
    desired = DesiredState(
        resources=tuple(draw(st.permutations(wished))),
        exhaustive=frozenset(draw(st.sets(st.just("test-thing")))),
        absent=(*absent, "test-thing/never-there"),
    )
    return desired, snapshot


class TestActions:
    def test_what_is_not_there_is_created(self):
        (change,) = planned(Thing(key="a", title="t")).changes
        assert change.action is Action.CREATE
        assert change.fields == (FieldChange(name="title", after="t"),)

    def test_it_is_created_even_where_no_field_is_managed(self):
        assert actions(planned(Thing(key="a"))) == {"test-thing/a": "create"}

    def test_what_differs_is_updated(self):
        (change,) = planned(Thing(key="a", title="new"), snapshot=[Thing(key="a", title="old")]).changes
        assert change.action is Action.UPDATE
        assert change.fields == (FieldChange(name="title", before="old", after="new"),)
        assert change.before == Thing(key="a", title="old")

    def test_what_is_right_stays_in_the_plan_as_no_change(self):
        plan = planned(Thing(key="a", title="t"), snapshot=[Thing(key="a", title="t")])
        assert actions(plan) == {"test-thing/a": "noop"}
        assert plan.pending == ()

    def test_what_is_only_looked_up_is_never_created(self):
        assert actions(planned(Landmark(key="north"))) == {"test-landmark/north": "noop"}

    def test_what_is_not_managed_is_left_alone(self):
        assert planned(snapshot=[Thing(key="stranger")]).changes == ()

    def test_others_of_an_exhaustive_kind_are_deleted(self):
        plan = planned(
            Thing(key="a"),
            snapshot=[Thing(key="a"), Thing(key="b"), Landmark(key="north")],
            exhaustive=frozenset({"test-thing"}),
        )
        assert actions(plan) == {"test-thing/a": "noop", "test-thing/b": "delete"}

    def test_what_should_be_absent_is_deleted_in_the_order_given(self):
        there = [Thing(key="a"), Thing(key="b"), Thing(key="c")]
        plan = planned(
            snapshot=there,
            absent=("test-thing/c", "test-thing/a", "test-thing/gone"),
            exhaustive=frozenset({"test-thing"}),
        )
        assert addresses(plan.changes) == ["test-thing/b", "test-thing/c", "test-thing/a"]
        assert all(change.action is Action.DELETE for change in plan.changes)

    def test_deletions_come_last_one_after_the_other(self):
        plan = planned(
            Thing(key="new", title="t"),
            snapshot=[Thing(key="x"), Thing(key="y")],
            absent=("test-thing/x", "test-thing/y"),
        )
        assert [addresses(stage) for stage in plan.stages()] == [
            ["test-thing/new"],
            ["test-thing/x"],
            ["test-thing/y"],
        ]

    @pytest.mark.parametrize("action", list(Action))
    def test_only_actions_that_write_are_pending(self, action):
        change = Change(action=action, address="x/y")
        assert change.writes is (action in WRITES)
        assert Plan(changes=(change,)).pending == ((change,) if action in WRITES else ())

    def test_the_summary_counts_every_action_in_their_order(self):
        plan = planned(Thing(key="a"), Thing(key="b"), snapshot=[Thing(key="a")])
        assert list(plan.summary.items()) == [
            ("create", 1),
            ("update", 0),
            ("replace", 0),
            ("delete", 0),
            ("noop", 1),
            ("waiting", 0),
        ]

    def test_a_change_hands_out_what_is_wanted_as_the_expected_kind(self):
        (change,) = planned(Thing(key="a", title="t")).changes
        assert change.desired(Thing).title == "t"
        with pytest.raises(TypeError, match="test-thing/a: expected Landmark, got Thing"):
            change.desired(Landmark)


class TestOrder:
    def test_what_is_needed_comes_first(self):
        plan = planned(
            Thing(key="c", depends_on=("test-thing/b",)),
            Thing(key="b", owner=Reference(address="test-thing/a", field="id")),
            Thing(key="a"),
        )
        assert addresses(plan.changes) == ["test-thing/a", "test-thing/b", "test-thing/c"]
        assert [addresses(stage) for stage in plan.stages()] == [
            ["test-thing/a"],
            ["test-thing/b"],
            ["test-thing/c"],
        ]

    def test_what_does_not_depend_on_each_other_is_one_stage_in_the_order_given(self):
        plan = planned(Thing(key="b"), Thing(key="a"), Thing(key="c", depends_on=("test-thing/a",)))
        assert [addresses(stage) for stage in plan.stages()] == [
            ["test-thing/b", "test-thing/a"],
            ["test-thing/c"],
        ]

    def test_what_is_right_already_holds_nothing_up(self):
        plan = planned(
            Thing(key="b", title="t", depends_on=("test-thing/a",)), Thing(key="a"), snapshot=[Thing(key="a")]
        )
        assert [addresses(stage) for stage in plan.stages()] == [["test-thing/b"]]

    def test_what_is_right_already_keeps_those_on_its_sides_in_order(self):
        plan = planned(
            Thing(key="c", depends_on=("test-thing/b",)),
            Thing(key="b", depends_on=("test-thing/a",)),
            Thing(key="a"),
            snapshot=[Thing(key="b")],
        )
        assert [addresses(stage) for stage in plan.stages()] == [["test-thing/a"], ["test-thing/c"]]

    def test_a_need_outside_the_plan_is_remembered_but_holds_nothing_up(self):
        (change,) = planned(Thing(key="a", depends_on=("test-thing/elsewhere",))).changes
        assert change.depends_on == ("test-thing/elsewhere",)

    def test_a_resource_may_refer_to_itself(self):
        myself = Reference(address="test-thing/a", field="id", template="thing:{}")
        plan = planned(Thing(key="a", labels=(myself,)))
        assert plan.changes[0].depends_on == ()
        there = Snapshot(resources=(Thing(key="a", id="7", labels=("thing:7",)),))
        assert not make_plan(DesiredState(resources=(Thing(key="a", labels=(myself,)),)), there).pending

    def test_a_circle_is_told_as_one(self):
        with pytest.raises(ValueError, match=r"depend on each other: .*test-thing/a"):
            planned(
                Thing(key="a", depends_on=("test-thing/b",)), Thing(key="b", depends_on=("test-thing/a",))
            )

    @settings(deadline=None, max_examples=30)
    @given(situation=situations())
    def test_every_change_comes_after_those_it_needs(self, situation):
        done: set[str] = set()
        plan = make_plan(*situation)
        for change in plan.changes:
            assert {need for need in change.depends_on if need in actions(plan)} <= done
            done.add(change.address)

    @settings(deadline=None, max_examples=30)
    @given(situation=situations())
    def test_the_stages_are_the_pending_changes_each_after_those_it_needs(self, situation):
        plan = make_plan(*situation)
        pending, done = set(addresses(plan.pending)), set()
        for stage in plan.stages():
            for change in stage:
                assert {need for need in change.depends_on if need in pending} <= done
            done |= set(addresses(stage))
        assert done == pending


class TestHumanSteps:
    STEP = ManualStep(
        key="click", title="click there", proofs=(StepProof(address="test-thing/a", field="id"),)
    )

    def test_an_open_one_waits_and_says_what_for(self):
        plan = planned(self.STEP)
        assert actions(plan) == {"step/click": "waiting"}
        assert plan.changes[0].why == "click there"
        assert plan.pending_steps == (self.STEP,)

    def test_what_would_write_behind_it_waits_for_it_however_far_behind(self):
        plan = planned(
            self.STEP,
            Thing(key="b", depends_on=("step/click",)),
            Thing(key="c", depends_on=("test-thing/b",)),
            Thing(key="free"),
        )
        assert actions(plan) == {
            "step/click": "waiting",
            "test-thing/b": "waiting",
            "test-thing/c": "waiting",
            "test-thing/free": "create",
        }
        assert [change.why for change in plan.waiting] == [
            "click there",
            "waits for step/click",
            "waits for step/click",
        ]
        assert plan.pending_steps == (self.STEP,)

    def test_one_behind_another_waits_for_the_first(self):
        plan = planned(self.STEP, ManualStep(key="then", title="next", depends_on=("step/click",)))
        assert [step.key for step in plan.pending_steps] == ["click", "then"]

    def test_what_is_right_already_does_not_wait(self):
        plan = planned(self.STEP, Thing(key="b", depends_on=("step/click",)), snapshot=[Thing(key="b")])
        assert actions(plan)["test-thing/b"] == "noop"

    def test_what_should_go_does_not_wait(self):
        plan = planned(self.STEP, snapshot=[Thing(key="b")], absent=("test-thing/b",))
        assert actions(plan)["test-thing/b"] == "delete"

    def test_it_is_done_when_what_it_brings_is_at_hand(self):
        plan = planned(
            self.STEP.model_copy(update={"completed": True}), Thing(key="b", depends_on=("step/click",))
        )
        assert actions(plan) == {"step/click": "noop", "test-thing/b": "create"}

    def test_it_is_done_when_its_proof_can_be_read(self):
        assert actions(planned(self.STEP, snapshot=[Thing(key="a", id="7")])) == {"step/click": "noop"}

    def test_a_proof_without_a_value_proves_nothing(self):
        assert actions(planned(self.STEP, snapshot=[Thing(key="a")])) == {"step/click": "waiting"}

    @settings(deadline=None, max_examples=30)
    @given(situation=situations())
    def test_nothing_is_written_behind_an_open_one(self, situation):
        plan = make_plan(*situation)
        waiting = set(addresses(plan.waiting))
        for change in plan.pending:
            assert change.action is Action.DELETE or waiting.isdisjoint(change.depends_on)


class TestApplying:
    @settings(deadline=None, max_examples=80)
    @given(situation=situations())
    def test_a_plan_that_was_applied_leaves_nothing_pending(self, situation):
        desired, snapshot = situation
        after = made_true(make_plan(desired, snapshot), snapshot)
        assert make_plan(desired, after).pending == ()

    @settings(deadline=None, max_examples=10)
    @given(desired=desired_things(secrets=True), observed=observed_things())
    def test_a_secret_that_was_written_is_not_written_again(self, desired, observed):
        wish, snapshot = DesiredState(resources=(desired,)), Snapshot(resources=(observed,))
        after = made_true(make_plan(wish, snapshot), snapshot)
        assert make_plan(wish, after).pending == ()

    @settings(deadline=None, max_examples=30)
    @given(situation=situations())
    def test_only_what_is_desired_absent_or_of_an_exhaustive_kind_is_touched(self, situation):
        desired, snapshot = situation
        named = {resource.address for resource in desired.resources} | {*desired.absent}
        for change in make_plan(desired, snapshot).pending:
            assert change.address in named or change.address.partition("/")[0] in desired.exhaustive

    @settings(deadline=None, max_examples=30)
    @given(situation=situations(steps=False))
    def test_the_order_in_which_things_are_named_decides_nothing(self, situation):
        desired, snapshot = situation
        reordered = desired.model_copy(update={"resources": desired.resources[::-1]})
        assert actions(make_plan(reordered, snapshot)) == actions(make_plan(desired, snapshot))


class TestFingerprints:
    WISH = DesiredState(resources=(Thing(key="a", title="new"), Thing(key="b", title="t")))

    @settings(deadline=None, max_examples=30)
    @given(situation=situations(), data=st.data())
    def test_what_does_not_change_makes_no_difference_wherever_it_stands(self, situation, data):
        plan = make_plan(*situation)
        same = [Change(action=Action.NOOP, address=f"test-thing/same-{number}") for number in range(3)]
        changes = list(plan.changes)
        for change in same:
            changes.insert(data.draw(st.integers(0, len(changes))), change)
        assert Plan(changes=tuple(changes)).fingerprint == plan.fingerprint

    @settings(deadline=None, max_examples=30)
    @given(situation=situations())
    def test_the_same_plan_again_has_the_same_one(self, situation):
        assert make_plan(*situation).fingerprint == make_plan(*situation).fingerprint

    @pytest.mark.parametrize(
        "there",
        [
            pytest.param([Thing(key="a", title="other")], id="another value before"),
            pytest.param([Thing(key="a", title="new")], id="one change less"),
            pytest.param([], id="another action"),
        ],
    )
    def test_another_plan_has_another_one(self, there):
        usual = make_plan(self.WISH, Snapshot(resources=(Thing(key="a", title="old"),)))
        assert make_plan(self.WISH, Snapshot(resources=tuple(there))).fingerprint != usual.fingerprint

    def test_a_plan_of_nothing_has_one_too(self):
        assert Plan().fingerprint == planned(Thing(key="a"), snapshot=[Thing(key="a")]).fingerprint


class TestGuards:
    @settings(deadline=None, max_examples=80)
    @given(
        there=st.integers(0, 12),
        kept=st.integers(0, 12),
        share=st.floats(0, 1, allow_nan=False),
    )
    def test_more_than_one_removal_must_be_within_the_share(self, there, kept, share):
        snapshot = Snapshot(resources=tuple(Thing(key=str(number)) for number in range(there)))
        wish = DesiredState(resources=snapshot.resources[:kept], exhaustive=frozenset({"test-thing"}))
        removed = max(0, there - kept)
        refusals = make_plan(wish, snapshot, Guards(max_removals=share)).refusals
        assert bool(refusals) is (removed > 1 and removed > share * there)

    def test_the_refusal_says_how_many_of_how_many_and_how_to_allow_it(self):
        snapshot = [Thing(key=key) for key in "abcd"]
        (refusal,) = planned(snapshot=snapshot, exhaustive=frozenset({"test-thing"})).refusals
        assert (
            refusal.reason
            == "4 of 4 existing test-thing resources would be deleted, more than the allowed 30%"
        )
        assert "--max-removals" in refusal.hint
        assert not refusal.missing

    def test_what_is_protected_is_not_deleted_and_the_refusal_says_how_to_allow_it(self):
        guards = Guards(protected={"test-thing": "people lose it: allow it with x"})
        plan = make_plan(
            DesiredState(exhaustive=frozenset({"test-thing"})), Snapshot(resources=(Thing(key="a"),)), guards
        )
        (refusal,) = plan.refusals
        assert refusal.reason == "test-thing/a would be deleted"
        assert refusal.hint == "people lose it: allow it with x"
        assert not refusal.missing

    @settings(deadline=None, max_examples=60)
    @given(situation=situations())
    def test_whatever_is_wished_nothing_protected_goes_unrefused(self, situation):
        guards = Guards(max_removals=1, protected={"test-thing": "no"})
        plan = make_plan(*situation, guards)
        gone = [change for change in plan.changes if change.action is Action.DELETE]
        refused = [refusal.reason for refusal in plan.refusals]
        assert refused == [f"{change.address} would be deleted" for change in gone]

    def test_what_is_protected_may_be_made_and_changed(self):
        guards = Guards(protected={"test-thing": "no"})
        wish = DesiredState(resources=(Thing(key="a", title="new"), Thing(key="b", title="new")))
        assert make_plan(wish, Snapshot(resources=(Thing(key="a", title="old"),)), guards).refusals == ()

    def test_every_kind_is_counted_by_itself(self):
        snapshot = [Thing(key="a"), Landmark(key="a")]
        plan = planned(snapshot=snapshot, absent=("test-thing/a", "test-landmark/a"))
        assert plan.refusals == ()

    @pytest.mark.parametrize("fault", list(ProblemKind))
    def test_what_cannot_be_told_apart_is_refused_with_its_candidates(self, fault):
        problem = Problem(
            kind=fault, address="test-landmark/x", message="which?", hint="say", candidates=("1", "2")
        )
        plan = make_plan(DesiredState(resources=(Landmark(key="x"),)), Snapshot(problems=(problem,)))
        (refusal,) = plan.refusals
        assert (refusal.reason, refusal.hint, refusal.candidates) == ("which?", "say", ("1", "2"))
        assert refusal.missing is (fault is ProblemKind.MISSING)

    def test_a_problem_of_something_else_is_not_ours(self):
        problem = Problem(kind=ProblemKind.MISSING, address="test-landmark/y", message="gone")
        plan = make_plan(DesiredState(resources=(Landmark(key="x"),)), Snapshot(problems=(problem,)))
        assert plan.refusals == ()


class TestCombiningWishes:
    def test_both_are_wanted(self):
        both = DesiredState(
            resources=(Thing(key="a"),), absent=("x/1",), exhaustive=frozenset({"k"})
        ) | DesiredState(resources=(Thing(key="b"),), absent=("x/2", "x/1"), exhaustive=frozenset({"l"}))
        assert addresses(both.resources) == ["test-thing/a", "test-thing/b"]
        assert (both.absent, both.exhaustive) == (("x/1", "x/2"), frozenset({"k", "l"}))

    def test_where_both_speak_of_one_resource_the_fields_are_united_and_the_second_wins(self):
        first = Thing(key="a", title="first", pages=("p",), tags=("x",), depends_on=("x/1",))
        second = Thing(key="a", title="second", tags=("y",), depends_on=("x/2", "x/1"))
        (thing,) = (DesiredState(resources=(first,)) | DesiredState(resources=(second,))).resources
        assert thing == Thing(key="a", title="second", pages=("p",), tags=("y",), depends_on=("x/1", "x/2"))

    def test_collections_that_collect_are_united(self):
        first = Thing(key="a", labels=("x",), parts=(Part(name="p", size=1),))
        second = Thing(key="a", labels=("y", "x"), parts=(Part(name="q"), Part(name="p", note="n")))
        (thing,) = (DesiredState(resources=(first,)) | DesiredState(resources=(second,))).resources
        assert thing == Thing(
            key="a", labels=("x", "y"), parts=(Part(name="p", size=1, note="n"), Part(name="q"))
        )

    def test_an_empty_list_that_was_written_wins(self):
        (thing,) = (
            DesiredState(resources=(Thing(key="a", tags=("x",)),))
            | DesiredState(resources=(Thing(key="a", tags=()),))
        ).resources
        assert thing.tags == ()

    @settings(deadline=None)
    @given(first=desired_things(), second=desired_things(), observed=observed_things(ours=False))
    def test_a_wish_that_wins_over_another_holds_once_both_are_applied(self, first, second, observed):
        both = DesiredState(resources=(first,)) | DesiredState(resources=(second,))
        snapshot = Snapshot(resources=(observed,))
        after = made_true(make_plan(both, snapshot), snapshot)
        assert make_plan(DesiredState(resources=(second,)), after).pending == ()
