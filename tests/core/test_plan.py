"""Plans: the changes, their order, the manual steps they wait for, and the guards."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.core.diff import FieldChange
from provisioner.core.guards import Guards
from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import WRITES, Action, Change, DesiredState, Plan, make_plan
from provisioner.core.resource import Reference
from provisioner.core.snapshot import Problem, ProblemKind, Snapshot
from tests.core.sample_resources import Landmark, Part, Thing, desired_things, existing_things
from tests.simulated_apply import apply_to_snapshot


def plan_for(*resources, existing=(), **desired):
    """The plan for desired and existing resources."""
    return make_plan(DesiredState(resources=resources, **desired), Snapshot(resources=existing))


def actions(plan):
    return {change.address: change.action.value for change in plan.changes}


def addresses(changes):
    return [change.address for change in changes]


@st.composite
def desired_and_existing(draw: st.DrawFn, *, steps: bool = True) -> tuple[DesiredState, Snapshot]:
    """A desired state with dependencies but without cycles, and a snapshot with some of its resources and with others.

    Args:
        draw: given by Hypothesis.
        steps: whether the desired state can have manual steps.
    """
    keys = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=6))
    resources = []
    for number, key in enumerate(keys):
        earlier = [resource.address for resource in resources]
        depends_on = tuple(draw(st.lists(st.sampled_from(earlier), unique=True))) if earlier else ()
        if steps and draw(st.integers(0, 4)) == 0:
            title, completed = f"step {number}", draw(st.booleans())
            resources.append(ManualStep(key=key, title=title, depends_on=depends_on, completed=completed))
            continue
        thing = draw(desired_things(key)).model_copy(update={"depends_on": depends_on})
        owners = [resource.address for resource in resources if isinstance(resource, Thing)]
        if owners and draw(st.booleans()):
            owner = Reference(address=draw(st.sampled_from(owners)), field="id", template="by {}")
            thing = thing.model_copy(update={"owner": owner})
        resources.append(thing)
    existing_keys = draw(st.lists(st.sampled_from("abcdefghijk"), unique=True, max_size=8))
    snapshot = Snapshot(resources=tuple(draw(existing_things(key)) for key in existing_keys))
    listed = {resource.address for resource in resources}
    unlisted = [resource.address for resource in snapshot.resources if resource.address not in listed]
    absent = tuple(draw(st.lists(st.sampled_from(unlisted), unique=True))) if unlisted else ()
    desired = DesiredState(
        resources=tuple(draw(st.permutations(resources))),
        exhaustive=frozenset(draw(st.sets(st.just("test-thing")))),
        absent=(*absent, "test-thing/does-not-exist"),
    )
    return desired, snapshot


class TestActions:
    def test_a_missing_resource_is_created(self):
        (change,) = plan_for(Thing(key="a", title="t")).changes
        assert change.action is Action.CREATE
        assert change.fields == (FieldChange(name="title", after="t"),)

    def test_a_missing_resource_without_managed_fields_is_created(self):
        assert actions(plan_for(Thing(key="a"))) == {"test-thing/a": "create"}

    def test_a_resource_that_differs_is_updated(self):
        (change,) = plan_for(Thing(key="a", title="new"), existing=[Thing(key="a", title="old")]).changes
        assert change.action is Action.UPDATE
        assert change.fields == (FieldChange(name="title", before="old", after="new"),)
        assert change.before == Thing(key="a", title="old")

    def test_a_resource_that_matches_is_a_noop(self):
        plan = plan_for(Thing(key="a", title="t"), existing=[Thing(key="a", title="t")])
        assert actions(plan) == {"test-thing/a": "noop"}
        assert plan.pending == ()

    def test_a_resource_with_read_only_fields_is_never_created(self):
        assert actions(plan_for(Landmark(key="north"))) == {"test-landmark/north": "noop"}

    def test_an_unlisted_resource_is_not_in_the_plan(self):
        assert plan_for(existing=[Thing(key="unlisted")]).changes == ()

    def test_unlisted_resources_of_an_exhaustive_kind_are_deleted(self):
        plan = plan_for(
            Thing(key="a"),
            existing=[Thing(key="a"), Thing(key="b"), Landmark(key="north")],
            exhaustive=frozenset({"test-thing"}),
        )
        assert actions(plan) == {"test-thing/a": "noop", "test-thing/b": "delete"}

    def test_absent_resources_are_deleted_in_the_given_order(self):
        plan = plan_for(
            existing=[Thing(key="a"), Thing(key="b"), Thing(key="c")],
            absent=("test-thing/c", "test-thing/a", "test-thing/does-not-exist"),
            exhaustive=frozenset({"test-thing"}),
        )
        assert addresses(plan.changes) == ["test-thing/b", "test-thing/c", "test-thing/a"]
        assert all(change.action is Action.DELETE for change in plan.changes)

    def test_deletions_come_last_each_in_its_own_stage(self):
        plan = plan_for(
            Thing(key="new", title="t"),
            existing=[Thing(key="x"), Thing(key="y")],
            absent=("test-thing/x", "test-thing/y"),
        )
        assert [addresses(stage) for stage in plan.stages()] == [
            ["test-thing/new"],
            ["test-thing/x"],
            ["test-thing/y"],
        ]

    @pytest.mark.parametrize("action", list(Action))
    def test_a_change_is_pending_if_its_action_writes(self, action):
        change = Change(action=action, address="x/y")
        assert change.writes is (action in WRITES)
        assert Plan(changes=(change,)).pending == ((change,) if action in WRITES else ())

    def test_the_summary_counts_every_action_in_its_order(self):
        plan = plan_for(Thing(key="a"), Thing(key="b"), existing=[Thing(key="a")])
        assert list(plan.summary.items()) == [
            ("create", 1),
            ("update", 0),
            ("replace", 0),
            ("delete", 0),
            ("noop", 1),
            ("waiting", 0),
        ]

    def test_a_change_returns_its_desired_resource_as_the_expected_kind(self):
        (change,) = plan_for(Thing(key="a", title="t")).changes
        assert change.desired(Thing).title == "t"
        with pytest.raises(TypeError, match="test-thing/a: expected Landmark, got Thing"):
            change.desired(Landmark)


class TestOrder:
    def test_dependencies_come_first(self):
        plan = plan_for(
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

    def test_independent_changes_are_one_stage_in_the_given_order(self):
        plan = plan_for(Thing(key="b"), Thing(key="a"), Thing(key="c", depends_on=("test-thing/a",)))
        assert [addresses(stage) for stage in plan.stages()] == [
            ["test-thing/b", "test-thing/a"],
            ["test-thing/c"],
        ]

    def test_a_noop_does_not_delay_dependent_changes(self):
        plan = plan_for(
            Thing(key="b", title="t", depends_on=("test-thing/a",)), Thing(key="a"), existing=[Thing(key="a")]
        )
        assert [addresses(stage) for stage in plan.stages()] == [["test-thing/b"]]

    def test_a_noop_between_two_changes_keeps_their_order(self):
        plan = plan_for(
            Thing(key="c", depends_on=("test-thing/b",)),
            Thing(key="b", depends_on=("test-thing/a",)),
            Thing(key="a"),
            existing=[Thing(key="b")],
        )
        assert [addresses(stage) for stage in plan.stages()] == [["test-thing/a"], ["test-thing/c"]]

    def test_a_dependency_outside_the_plan_is_kept(self):
        (change,) = plan_for(Thing(key="a", depends_on=("test-thing/elsewhere",))).changes
        assert change.depends_on == ("test-thing/elsewhere",)

    def test_a_resource_can_refer_to_itself(self):
        thing = Thing(key="a", labels=(Reference(address="test-thing/a", field="id", template="thing:{}"),))
        assert plan_for(thing).changes[0].depends_on == ()
        assert not plan_for(thing, existing=[Thing(key="a", id="7", labels=("thing:7",))]).pending

    def test_a_cycle_is_an_error(self):
        with pytest.raises(ValueError, match=r"depend on each other: .*test-thing/a"):
            plan_for(
                Thing(key="a", depends_on=("test-thing/b",)), Thing(key="b", depends_on=("test-thing/a",))
            )

    @settings(deadline=None, max_examples=30)
    @given(inputs=desired_and_existing())
    def test_every_change_comes_after_its_dependencies(self, inputs):
        earlier: set[str] = set()
        plan = make_plan(*inputs)
        for change in plan.changes:
            assert {address for address in change.depends_on if address in actions(plan)} <= earlier
            earlier.add(change.address)

    @settings(deadline=None, max_examples=30)
    @given(inputs=desired_and_existing())
    def test_the_stages_are_the_pending_changes_each_after_its_dependencies(self, inputs):
        plan = make_plan(*inputs)
        pending, earlier = set(addresses(plan.pending)), set()
        for stage in plan.stages():
            for change in stage:
                assert {address for address in change.depends_on if address in pending} <= earlier
            earlier |= set(addresses(stage))
        assert earlier == pending


class TestManualSteps:
    STEP = ManualStep(key="click", title="click it", proofs=(StepProof(address="test-thing/a", field="id"),))

    def test_a_pending_step_waits_with_its_title(self):
        plan = plan_for(self.STEP)
        assert actions(plan) == {"step/click": "waiting"}
        assert plan.changes[0].why == "click it"
        assert plan.pending_steps == (self.STEP,)

    def test_changes_that_depend_on_a_step_wait_for_it(self):
        plan = plan_for(
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
            "click it",
            "waits for step/click",
            "waits for step/click",
        ]
        assert plan.pending_steps == (self.STEP,)

    def test_a_step_that_depends_on_another_waits_for_it(self):
        plan = plan_for(self.STEP, ManualStep(key="then", title="next", depends_on=("step/click",)))
        assert [step.key for step in plan.pending_steps] == ["click", "then"]

    def test_a_noop_does_not_wait(self):
        plan = plan_for(self.STEP, Thing(key="b", depends_on=("step/click",)), existing=[Thing(key="b")])
        assert actions(plan)["test-thing/b"] == "noop"

    def test_a_deletion_does_not_wait(self):
        plan = plan_for(self.STEP, existing=[Thing(key="b")], absent=("test-thing/b",))
        assert actions(plan)["test-thing/b"] == "delete"

    def test_a_step_is_done_if_its_outputs_are_known(self):
        plan = plan_for(
            self.STEP.model_copy(update={"completed": True}), Thing(key="b", depends_on=("step/click",))
        )
        assert actions(plan) == {"step/click": "noop", "test-thing/b": "create"}

    def test_a_step_is_done_if_its_proof_was_read(self):
        assert actions(plan_for(self.STEP, existing=[Thing(key="a", id="7")])) == {"step/click": "noop"}

    def test_a_step_is_pending_if_its_proof_has_no_value(self):
        assert actions(plan_for(self.STEP, existing=[Thing(key="a")])) == {"step/click": "waiting"}

    @settings(deadline=None, max_examples=30)
    @given(inputs=desired_and_existing())
    def test_no_pending_change_depends_on_a_waiting_one(self, inputs):
        plan = make_plan(*inputs)
        waiting = set(addresses(plan.waiting))
        for change in plan.pending:
            assert change.action is Action.DELETE or waiting.isdisjoint(change.depends_on)


class TestApplying:
    @settings(deadline=None, max_examples=80)
    @given(inputs=desired_and_existing())
    def test_nothing_is_pending_after_the_plan_was_applied(self, inputs):
        desired, snapshot = inputs
        after = apply_to_snapshot(make_plan(desired, snapshot), snapshot)
        assert make_plan(desired, after).pending == ()

    @settings(deadline=None, max_examples=10)
    @given(desired=desired_things(secrets=True), existing=existing_things())
    def test_a_secret_is_written_only_one_time(self, desired, existing):
        desired_state, snapshot = DesiredState(resources=(desired,)), Snapshot(resources=(existing,))
        after = apply_to_snapshot(make_plan(desired_state, snapshot), snapshot)
        assert make_plan(desired_state, after).pending == ()

    @settings(deadline=None, max_examples=30)
    @given(inputs=desired_and_existing())
    def test_only_listed_resources_and_exhaustive_kinds_change(self, inputs):
        desired, snapshot = inputs
        named = {resource.address for resource in desired.resources} | {*desired.absent}
        for change in make_plan(desired, snapshot).pending:
            assert change.address in named or change.address.partition("/")[0] in desired.exhaustive

    @settings(deadline=None, max_examples=30)
    @given(inputs=desired_and_existing(steps=False))
    def test_the_order_of_the_desired_resources_does_not_change_the_actions(self, inputs):
        desired, snapshot = inputs
        reordered = desired.model_copy(update={"resources": desired.resources[::-1]})
        assert actions(make_plan(reordered, snapshot)) == actions(make_plan(desired, snapshot))


class TestFingerprints:
    DESIRED = DesiredState(resources=(Thing(key="a", title="new"), Thing(key="b", title="t")))

    @settings(deadline=None, max_examples=30)
    @given(inputs=desired_and_existing(), data=st.data())
    def test_noops_do_not_change_the_fingerprint(self, inputs, data):
        plan = make_plan(*inputs)
        noops = [Change(action=Action.NOOP, address=f"test-thing/noop-{number}") for number in range(3)]
        changes = list(plan.changes)
        for change in noops:
            changes.insert(data.draw(st.integers(0, len(changes))), change)
        assert Plan(changes=tuple(changes)).fingerprint == plan.fingerprint

    @settings(deadline=None, max_examples=30)
    @given(inputs=desired_and_existing())
    def test_the_same_plan_has_the_same_fingerprint(self, inputs):
        assert make_plan(*inputs).fingerprint == make_plan(*inputs).fingerprint

    @pytest.mark.parametrize(
        "existing",
        [
            pytest.param([Thing(key="a", title="other")], id="another value before"),
            pytest.param([Thing(key="a", title="new")], id="one change fewer"),
            pytest.param([], id="another action"),
        ],
    )
    def test_a_different_plan_has_a_different_fingerprint(self, existing):
        plan = make_plan(self.DESIRED, Snapshot(resources=(Thing(key="a", title="old"),)))
        assert make_plan(self.DESIRED, Snapshot(resources=tuple(existing))).fingerprint != plan.fingerprint

    def test_an_empty_plan_has_the_fingerprint_of_a_plan_of_noops(self):
        assert Plan().fingerprint == plan_for(Thing(key="a"), existing=[Thing(key="a")]).fingerprint


class TestGuards:
    @settings(deadline=None, max_examples=80)
    @given(
        existing=st.integers(0, 12),
        listed=st.integers(0, 12),
        share=st.floats(0, 1, allow_nan=False),
    )
    def test_more_than_one_removal_must_be_within_the_share(self, existing, listed, share):
        snapshot = Snapshot(resources=tuple(Thing(key=str(number)) for number in range(existing)))
        desired = DesiredState(resources=snapshot.resources[:listed], exhaustive=frozenset({"test-thing"}))
        removed = max(0, existing - listed)
        refusals = make_plan(desired, snapshot, Guards(max_removals=share)).refusals
        assert bool(refusals) is (removed > 1 and removed > share * existing)

    def test_the_refusal_states_the_counts_and_how_to_allow_the_removal(self):
        existing = [Thing(key=key) for key in "abcd"]
        (refusal,) = plan_for(existing=existing, exhaustive=frozenset({"test-thing"})).refusals
        assert (
            refusal.reason
            == "4 of 4 existing test-thing resources would be deleted, more than the allowed 30%"
        )
        assert "--max-removals" in refusal.hint
        assert not refusal.missing

    def test_a_protected_resource_is_not_deleted_and_the_refusal_states_how_to_allow_it(self):
        guards = Guards(protected={"test-thing": "users lose access: allow it with x"})
        plan = make_plan(
            DesiredState(exhaustive=frozenset({"test-thing"})), Snapshot(resources=(Thing(key="a"),)), guards
        )
        (refusal,) = plan.refusals
        assert refusal.reason == "test-thing/a would be deleted"
        assert refusal.hint == "users lose access: allow it with x"
        assert not refusal.missing

    @settings(deadline=None, max_examples=60)
    @given(inputs=desired_and_existing())
    def test_every_deletion_of_a_protected_resource_is_refused(self, inputs):
        guards = Guards(max_removals=1, protected={"test-thing": "no"})
        plan = make_plan(*inputs, guards)
        deletions = [change for change in plan.changes if change.action is Action.DELETE]
        refused = [refusal.reason for refusal in plan.refusals]
        assert refused == [f"{change.address} would be deleted" for change in deletions]

    def test_a_protected_resource_can_be_created_and_updated(self):
        guards = Guards(protected={"test-thing": "no"})
        desired = DesiredState(resources=(Thing(key="a", title="new"), Thing(key="b", title="new")))
        assert make_plan(desired, Snapshot(resources=(Thing(key="a", title="old"),)), guards).refusals == ()

    def test_removals_are_counted_for_each_kind(self):
        existing = [Thing(key="a"), Landmark(key="a")]
        plan = plan_for(existing=existing, absent=("test-thing/a", "test-landmark/a"))
        assert plan.refusals == ()

    @pytest.mark.parametrize("kind", list(ProblemKind))
    def test_a_problem_with_a_listed_resource_is_a_refusal_with_its_candidates(self, kind):
        problem = Problem(
            kind=kind, address="test-landmark/x", message="which?", hint="choose", candidates=("1", "2")
        )
        plan = make_plan(DesiredState(resources=(Landmark(key="x"),)), Snapshot(problems=(problem,)))
        (refusal,) = plan.refusals
        assert (refusal.reason, refusal.hint, refusal.candidates) == ("which?", "choose", ("1", "2"))
        assert refusal.missing is (kind is ProblemKind.MISSING)

    def test_a_problem_with_an_unlisted_resource_is_ignored(self):
        problem = Problem(kind=ProblemKind.MISSING, address="test-landmark/y", message="missing")
        plan = make_plan(DesiredState(resources=(Landmark(key="x"),)), Snapshot(problems=(problem,)))
        assert plan.refusals == ()


class TestCombinedDesiredStates:
    def test_a_combination_contains_both(self):
        both = DesiredState(
            resources=(Thing(key="a"),), absent=("x/1",), exhaustive=frozenset({"k"})
        ) | DesiredState(resources=(Thing(key="b"),), absent=("x/2", "x/1"), exhaustive=frozenset({"l"}))
        assert addresses(both.resources) == ["test-thing/a", "test-thing/b"]
        assert (both.absent, both.exhaustive) == (("x/1", "x/2"), frozenset({"k", "l"}))

    def test_a_resource_in_both_has_the_fields_of_both_and_the_second_takes_precedence(self):
        first = Thing(key="a", title="first", pages=("p",), tags=("x",), depends_on=("x/1",))
        second = Thing(key="a", title="second", tags=("y",), depends_on=("x/2", "x/1"))
        (thing,) = (DesiredState(resources=(first,)) | DesiredState(resources=(second,))).resources
        assert thing == Thing(key="a", title="second", pages=("p",), tags=("y",), depends_on=("x/1", "x/2"))

    def test_containing_and_keyed_collections_are_united(self):
        first = Thing(key="a", labels=("x",), parts=(Part(name="p", size=1),))
        second = Thing(key="a", labels=("y", "x"), parts=(Part(name="q"), Part(name="p", note="n")))
        (thing,) = (DesiredState(resources=(first,)) | DesiredState(resources=(second,))).resources
        assert thing == Thing(
            key="a", labels=("x", "y"), parts=(Part(name="p", size=1, note="n"), Part(name="q"))
        )

    def test_an_empty_list_in_the_second_takes_precedence(self):
        (thing,) = (
            DesiredState(resources=(Thing(key="a", tags=("x",)),))
            | DesiredState(resources=(Thing(key="a", tags=()),))
        ).resources
        assert thing.tags == ()

    @settings(deadline=None)
    @given(first=desired_things(), second=desired_things(), existing=existing_things(owned_parts=False))
    def test_the_second_state_matches_after_the_combination_was_applied(self, first, second, existing):
        both = DesiredState(resources=(first,)) | DesiredState(resources=(second,))
        snapshot = Snapshot(resources=(existing,))
        after = apply_to_snapshot(make_plan(both, snapshot), snapshot)
        assert make_plan(DesiredState(resources=(second,)), after).pending == ()
