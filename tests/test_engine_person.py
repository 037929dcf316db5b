"""Applying while somebody does the human steps: what waits goes on, and nobody is asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from provisioner import engine
from provisioner.core.errors import RefusedError
from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import Action, Change, DesiredState, Guards, Plan, make_plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionSummary, RequestCounts
from provisioner.core.resource import Reference, Resource, resolve
from provisioner.core.snapshot import Snapshot
from tests.core.specimens import Thing


@dataclass
class Memory:
    """A tenant in memory that does as it is told. Things get an id when they are made.

    Attributes:
        wanted: what the playbook asks for.
        there: what is, by address.
        shown: what looking again tells after human steps; a person may change it.
        limits: the playbook's guards.
        asked: what was asked of it, in order.
    """

    wanted: DesiredState
    there: dict[str, Resource] = field(default_factory=dict)
    shown: dict[str, Resource] = field(default_factory=dict)
    limits: Guards = field(default_factory=Guards)
    asked: list[str] = field(default_factory=list)

    name = "memory"
    title = "Memory"
    checks = ()
    destroy_kinds: frozenset[str] = frozenset()
    tenant = "memory"
    convergence_timeout = 0.0

    def desired_state(self) -> DesiredState:
        return self.wanted

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        return DesiredState(absent=tuple(found.address for found in snapshot.resources))

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        return ()

    def guards(self) -> Guards:
        return self.limits

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterable[str]:
        return ()

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        self.asked.append("read")
        return Snapshot(resources=(*self.there.values(), *self.shown.values()))

    async def refresh(self, steps: Iterable[ManualStep], state: Snapshot) -> tuple[Resource, ...]:
        self.asked.append(f"look again after {', '.join(step.key for step in steps)}")
        return tuple(self.shown.values())

    async def permissions(self) -> PermissionSummary:
        raise NotImplementedError

    async def check_permissions(self, plan: Plan) -> None:
        self.asked.append(f"permit {', '.join(change.address for change in plan.pending)}")

    async def apply(self, change: Change, state: Snapshot) -> Outcome:
        self.asked.append(f"{change.action} {change.address}")
        if change.after is None:
            del self.there[change.address]
            return Outcome()
        made = resolve(change.after, state.by_address)
        assert not made.references()
        made = made.model_copy(update={"id": f"id-{made.key}"})
        self.there[change.address] = made
        return Outcome(resources=(made,))

    def requests(self) -> RequestCounts:
        return RequestCounts()

    async def close(self) -> None:
        """Nothing is open."""

    def next_steps(self, snapshot: Snapshot) -> Iterable[str]:
        return ()


class Nobody:
    """A watcher who does not look."""

    def starting(self, change: Change) -> None: ...

    def finished(self, change: Change, outcome: Outcome) -> None: ...

    def waiting(self, reason: str) -> None: ...


@dataclass
class Somebody:
    """A person who does steps.

    Attributes:
        does: what is done for a step, by its key; what is not here is not done.
        asked: the steps the person was shown.
    """

    does: dict[str, Callable[[], None]]
    asked: list[ManualStep] = field(default_factory=list)

    def __call__(self, step: ManualStep) -> ManualStep | None:
        self.asked.append(step)
        if step.key not in self.does:
            return None
        self.does[step.key]()
        return step

    @property
    def keys(self) -> list[str]:
        return [step.key for step in self.asked]


def switch(on: str | None) -> Thing:
    """What shows whether a human step was done."""
    return Thing(key="switch", title=on)


def step(key: str, *after: str, proof: str = "title", **more: object) -> ManualStep:
    """A human step that is proven by the switch."""
    evidence = (StepProof(address="test-thing/switch", field=proof),)
    return ManualStep.model_validate(
        {"key": key, "title": key, "depends_on": after, "proofs": evidence, **more}
    )


def applied(tenant: Memory, person: Somebody | None) -> engine.ApplyResult:
    async def doing() -> engine.ApplyResult:
        planned = await engine.plan(tenant)
        return await engine.apply(tenant, planned, Nobody(), engine.ApplyResult(), run_manual_step=person)

    return asyncio.run(doing())


def done(result: engine.ApplyResult) -> list[str]:
    return [change.address for change, _ in result.done]


FIRST = Thing(key="first", title="t")
LAST = Thing(key="last", title="t", depends_on=("step/one",))


def test_what_waits_for_a_step_goes_on_once_it_is_done():
    tenant = Memory(DesiredState(resources=(FIRST, step("one", FIRST.address), LAST)))
    person = Somebody({"one": lambda: tenant.shown.update(switch=switch("on"))})
    result = applied(tenant, person)
    assert done(result) == ["test-thing/first", "test-thing/last"]
    assert result.after is not None
    assert result.after.plan.waiting == ()
    assert tenant.asked == [
        "read",
        "permit test-thing/first",
        "create test-thing/first",
        "look again after one",
        "permit test-thing/last",
        "create test-thing/last",
        "read",
    ]


def test_without_anybody_it_waits():
    tenant = Memory(DesiredState(resources=(FIRST, step("one", FIRST.address), LAST)))
    result = applied(tenant, None)
    assert done(result) == ["test-thing/first"]
    assert result.after is not None
    assert [each.key for each in result.after.plan.pending_steps] == ["one"]
    assert not [asked for asked in tenant.asked if asked.startswith("look")]


def test_steps_are_asked_for_in_their_order_and_shown_with_their_values():
    value = Reference(address=FIRST.address, field="id", template="paste {}")
    one = step("one", FIRST.address, instructions=(value,))
    tenant = Memory(DesiredState(resources=(step("two", one.address), one, FIRST)))
    person = Somebody({"one": lambda: None, "two": lambda: tenant.shown.update(switch=switch("on"))})
    applied(tenant, person)
    assert person.keys == ["one", "two"]
    assert person.asked[0].instructions == ("paste id-first",)


def test_after_one_that_is_not_done_the_next_is_not_asked_for():
    tenant = Memory(DesiredState(resources=(step("one"), step("two", "step/one"), step("three", "step/two"))))
    person = Somebody({"one": lambda: None, "three": lambda: None})
    result = applied(tenant, person)
    assert person.keys == ["one", "two"]
    assert result.after is not None
    assert [each.key for each in result.after.plan.pending_steps] == ["one", "two", "three"]


def test_a_step_that_shows_no_effect_is_not_asked_for_twice():
    tenant = Memory(DesiredState(resources=(step("one"), LAST)))
    person = Somebody({"one": lambda: None})
    result = applied(tenant, person)
    assert person.keys == ["one"]
    assert done(result) == []
    assert result.after is not None
    assert [change.address for change in result.after.plan.waiting] == ["step/one", "test-thing/last"]


def test_a_step_without_effect_does_not_keep_what_another_lets_through():
    tenant = Memory(
        DesiredState(
            resources=(
                step("one", proof="born"),
                step("two", "step/one"),
                Thing(key="last", title="t", depends_on=("step/two",)),
            )
        )
    )
    person = Somebody({"one": lambda: None, "two": lambda: tenant.shown.update(switch=switch("on"))})
    result = applied(tenant, person)
    assert person.keys == ["one", "two"]
    assert done(result) == ["test-thing/last"]


def test_steps_that_only_appear_after_others_are_asked_for_too():
    one, two = step("one"), step("two", "test-thing/last", proof="born")
    tenant = Memory(DesiredState(resources=(one, LAST, two)))
    person = Somebody(
        {
            "one": lambda: tenant.shown.update(switch=switch("on")),
            "two": lambda: tenant.shown.update(switch=Thing(key="switch", title="on", born="now")),
        }
    )
    result = applied(tenant, person)
    assert person.keys == ["one", "two"]
    assert done(result) == ["test-thing/last"]
    assert result.after is not None
    assert (result.after.plan.pending, result.after.plan.waiting) == ((), ())


def test_a_step_that_is_proven_already_is_not_asked_for():
    tenant = Memory(DesiredState(resources=(step("one"), LAST)), shown={"switch": switch("on")})
    person = Somebody({})
    assert done(applied(tenant, person)) == ["test-thing/last"]
    assert person.asked == []


def test_what_the_steps_reveal_is_guarded_like_everything_else():
    tenant = Memory(
        DesiredState(resources=(step("one"),), exhaustive=frozenset({"test-thing"})),
        limits=Guards(protected={"test-thing": "no"}),
    )
    person = Somebody({"one": lambda: tenant.shown.update(switch=switch("on"))})
    with pytest.raises(RefusedError, match="test-thing/switch would be deleted"):
        applied(tenant, person)
    assert not [asked for asked in tenant.asked if asked.startswith("delete")]


def test_when_somebody_did_something_the_tenant_is_read_again_although_nothing_was_written():
    tenant = Memory(DesiredState(resources=(step("one"),)))
    person = Somebody({"one": lambda: tenant.shown.update(switch=switch("on"))})
    result = applied(tenant, person)
    assert tenant.asked.count("read") == 2
    assert result.after is not None
    assert result.after.plan.waiting == ()


def test_where_nothing_is_open_nobody_is_asked():
    tenant = Memory(DesiredState(resources=(FIRST,)))
    person = Somebody({})
    assert done(applied(tenant, person)) == ["test-thing/first"]
    assert person.asked == []
    plan = make_plan(tenant.wanted, asyncio.run(tenant.read()))
    assert [change.action for change in plan.changes] == [Action.NOOP]


def test_what_was_removed_before_a_step_is_not_removed_again_after_it():
    old = Thing(key="old", title="t")
    kept = (FIRST, step("one", FIRST.address), LAST)
    tenant = Memory(DesiredState(resources=kept, absent=(old.address,)), there={old.address: old})
    person = Somebody({"one": lambda: tenant.shown.update(switch=switch("on"))})
    result = applied(tenant, person)
    assert done(result) == ["test-thing/first", "test-thing/old", "test-thing/last"]


def test_what_was_changed_before_a_step_is_not_changed_again_after_it():
    tenant = Memory(
        DesiredState(resources=(FIRST, step("one", FIRST.address), LAST)),
        there={FIRST.address: Thing(key="first", title="other", id="id-first")},
    )
    person = Somebody({"one": lambda: tenant.shown.update(switch=switch("on"))})
    assert done(applied(tenant, person)) == ["test-thing/first", "test-thing/last"]
