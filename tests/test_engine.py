"""The engine: manual steps during an apply (waiting changes continue, no step is requested twice), and the limits of a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from provisioner import engine
from provisioner.core.errors import RefusedError
from provisioner.core.guards import Guards
from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import Action, Change, DesiredState, Plan, make_plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionSummary, RequestCounts
from provisioner.core.resource import Reference, Resource, resolve
from provisioner.core.snapshot import Snapshot
from tests.core.sample_resources import Thing


@dataclass
class InMemoryTenant:
    """A provider with a tenant in memory. Things get an id when they are created.

    Attributes:
        desired: the desired state of the playbook.
        resources: the resources that apply manages, by address.
        proofs: the resources that prove manual steps; refresh returns them, and an admin can change them.
        limits: the playbook's guards.
        calls: what was called, in order.
    """

    desired: DesiredState
    resources: dict[str, Resource] = field(default_factory=dict)
    proofs: dict[str, Resource] = field(default_factory=dict)
    limits: Guards = field(default_factory=Guards)
    calls: list[str] = field(default_factory=list)

    name = "memory"
    title = "Memory"
    checks = ()
    destroy_kinds: frozenset[str] = frozenset()
    tenant = "memory"
    convergence_timeout = 0.0

    def desired_state(self) -> DesiredState:
        return self.desired

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        return DesiredState(absent=tuple(resource.address for resource in snapshot.resources))

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        return ()

    def guards(self) -> Guards:
        return self.limits

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterable[str]:
        return ()

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        self.calls.append("read")
        return Snapshot(resources=(*self.resources.values(), *self.proofs.values()))

    async def refresh(self, steps: Iterable[ManualStep], state: Snapshot) -> tuple[Resource, ...]:
        self.calls.append(f"refresh after {', '.join(step.key for step in steps)}")
        return tuple(self.proofs.values())

    async def permissions(self) -> PermissionSummary:
        raise NotImplementedError

    async def check_permissions(self, plan: Plan) -> None:
        self.calls.append(f"check permissions for {', '.join(change.address for change in plan.pending)}")

    async def apply(self, change: Change, state: Snapshot) -> Outcome:
        self.calls.append(f"{change.action} {change.address}")
        if change.after is None:
            del self.resources[change.address]
            return Outcome()
        written = resolve(change.after, state.by_address)
        assert not written.references()
        written = written.model_copy(update={"id": f"id-{written.key}"})
        self.resources[change.address] = written
        return Outcome(resources=(written,))

    def requests(self) -> RequestCounts:
        return RequestCounts()

    async def close(self) -> None: ...

    def next_steps(self, snapshot: Snapshot) -> Iterable[str]:
        return ()


class SilentListener:
    """A progress listener that shows nothing."""

    def starting(self, change: Change) -> None: ...

    def finished(self, change: Change, outcome: Outcome) -> None: ...

    def waiting(self, reason: str) -> None: ...


@dataclass
class Admin:
    """Runs manual steps.

    Attributes:
        actions: what the admin does for a step, by its key. The admin skips other steps.
        requested: the steps that the engine requested.
    """

    actions: dict[str, Callable[[], None]]
    requested: list[ManualStep] = field(default_factory=list)

    def __call__(self, step: ManualStep) -> ManualStep | None:
        self.requested.append(step)
        if step.key not in self.actions:
            return None
        self.actions[step.key]()
        return step

    @property
    def requested_keys(self) -> list[str]:
        return [step.key for step in self.requested]


def switch_with(title: str, **fields: object) -> Thing:
    """The resource that proves manual steps."""
    return Thing.model_validate({"key": "switch", "title": title, **fields})


def step(key: str, *depends_on: str, proof: str = "title", **fields: object) -> ManualStep:
    """A manual step that a field of the switch proves."""
    proofs = (StepProof(address="test-thing/switch", field=proof),)
    return ManualStep.model_validate(
        {"key": key, "title": key, "depends_on": depends_on, "proofs": proofs, **fields}
    )


def turn_on(tenant: InMemoryTenant) -> Callable[[], None]:
    """The action of an admin that proves a step."""
    return lambda: tenant.proofs.update(switch=switch_with("on"))


def no_effect() -> None:
    """The action of an admin that proves nothing."""


def apply(tenant: InMemoryTenant, admin: Admin | None) -> engine.ApplyResult:
    """Plan and apply."""

    async def plan_and_apply() -> engine.ApplyResult:
        plan_result = await engine.plan(tenant)
        return await engine.apply(
            tenant, plan_result, SilentListener(), engine.ApplyResult(), run_manual_step=admin
        )

    return asyncio.run(plan_and_apply())


def changed(result: engine.ApplyResult) -> list[str]:
    """The addresses of the applied changes, in order."""
    return [change.address for change, _ in result.done]


def final_plan(result: engine.ApplyResult) -> Plan:
    """The plan after the last read."""
    assert result.after is not None
    return result.after.plan


FIRST = Thing(key="first", title="t")
LAST = Thing(key="last", title="t", depends_on=("step/profile",))


def test_waiting_changes_continue_when_the_step_is_done():
    tenant = InMemoryTenant(DesiredState(resources=(FIRST, step("profile", FIRST.address), LAST)))
    result = apply(tenant, Admin({"profile": turn_on(tenant)}))
    assert changed(result) == ["test-thing/first", "test-thing/last"]
    assert final_plan(result).waiting == ()
    assert tenant.calls == [
        "read",
        "check permissions for test-thing/first",
        "create test-thing/first",
        "refresh after profile",
        "check permissions for test-thing/last",
        "create test-thing/last",
        "read",
    ]


def test_without_an_admin_the_step_stays_pending():
    tenant = InMemoryTenant(DesiredState(resources=(FIRST, step("profile", FIRST.address), LAST)))
    result = apply(tenant, None)
    assert changed(result) == ["test-thing/first"]
    assert [pending.key for pending in final_plan(result).pending_steps] == ["profile"]
    assert not [call for call in tenant.calls if call.startswith("refresh")]


def test_steps_are_requested_in_their_order_with_resolved_values():
    value = Reference(address=FIRST.address, field="id", template="paste {}")
    profile = step("profile", FIRST.address, instructions=(value,))
    tenant = InMemoryTenant(DesiredState(resources=(step("token", profile.address), profile, FIRST)))
    admin = Admin({"profile": no_effect, "token": turn_on(tenant)})
    apply(tenant, admin)
    assert admin.requested_keys == ["profile", "token"]
    assert admin.requested[0].instructions == ("paste id-first",)


def test_after_a_skipped_step_no_other_step_is_requested():
    tenant = InMemoryTenant(
        DesiredState(resources=(step("profile"), step("token", "step/profile"), step("domain", "step/token")))
    )
    admin = Admin({"profile": no_effect, "domain": no_effect})
    result = apply(tenant, admin)
    assert admin.requested_keys == ["profile", "token"]
    assert [pending.key for pending in final_plan(result).pending_steps] == ["profile", "token", "domain"]


def test_a_step_without_effect_is_not_requested_twice():
    tenant = InMemoryTenant(DesiredState(resources=(step("profile"), LAST)))
    admin = Admin({"profile": no_effect})
    result = apply(tenant, admin)
    assert admin.requested_keys == ["profile"]
    assert changed(result) == []
    assert [change.address for change in final_plan(result).waiting] == ["step/profile", "test-thing/last"]


def test_a_step_without_effect_does_not_block_changes_that_wait_for_another():
    tenant = InMemoryTenant(
        DesiredState(
            resources=(
                step("profile", proof="region"),
                step("token", "step/profile"),
                Thing(key="last", title="t", depends_on=("step/token",)),
            )
        )
    )
    admin = Admin({"profile": no_effect, "token": turn_on(tenant)})
    result = apply(tenant, admin)
    assert admin.requested_keys == ["profile", "token"]
    assert changed(result) == ["test-thing/last"]


def test_a_step_that_depends_on_a_waiting_change_is_requested_afterwards():
    profile, token = step("profile"), step("token", "test-thing/last", proof="region")
    tenant = InMemoryTenant(DesiredState(resources=(profile, LAST, token)))
    admin = Admin(
        {
            "profile": turn_on(tenant),
            "token": lambda: tenant.proofs.update(switch=switch_with("on", region="here")),
        }
    )
    result = apply(tenant, admin)
    assert admin.requested_keys == ["profile", "token"]
    assert changed(result) == ["test-thing/last"]
    assert (final_plan(result).pending, final_plan(result).waiting) == ((), ())


def test_a_proven_step_is_not_requested():
    tenant = InMemoryTenant(
        DesiredState(resources=(step("profile"), LAST)), proofs={"switch": switch_with("on")}
    )
    admin = Admin({})
    assert changed(apply(tenant, admin)) == ["test-thing/last"]
    assert admin.requested == []


def test_changes_that_appear_after_a_step_are_guarded():
    tenant = InMemoryTenant(
        DesiredState(resources=(step("profile"),), exhaustive=frozenset({"test-thing"})),
        limits=Guards(protected={"test-thing": "no"}),
    )
    with pytest.raises(RefusedError, match="test-thing/switch would be deleted"):
        apply(tenant, Admin({"profile": turn_on(tenant)}))
    assert not [call for call in tenant.calls if call.startswith("delete")]


def test_the_tenant_is_read_again_after_a_step_even_if_nothing_was_written():
    tenant = InMemoryTenant(DesiredState(resources=(step("profile"),)))
    result = apply(tenant, Admin({"profile": turn_on(tenant)}))
    assert tenant.calls.count("read") == 2
    assert final_plan(result).waiting == ()


def test_without_pending_steps_the_admin_is_not_asked():
    tenant = InMemoryTenant(DesiredState(resources=(FIRST,)))
    admin = Admin({})
    assert changed(apply(tenant, admin)) == ["test-thing/first"]
    assert admin.requested == []
    plan = make_plan(tenant.desired, asyncio.run(tenant.read()))
    assert [change.action for change in plan.changes] == [Action.NOOP]


def test_a_deletion_before_a_step_is_not_repeated_after_it():
    old = Thing(key="old", title="t")
    resources = (FIRST, step("profile", FIRST.address), LAST)
    tenant = InMemoryTenant(
        DesiredState(resources=resources, absent=(old.address,)), resources={old.address: old}
    )
    result = apply(tenant, Admin({"profile": turn_on(tenant)}))
    assert changed(result) == ["test-thing/first", "test-thing/old", "test-thing/last"]


def test_an_update_before_a_step_is_not_repeated_after_it():
    tenant = InMemoryTenant(
        DesiredState(resources=(FIRST, step("profile", FIRST.address), LAST)),
        resources={FIRST.address: Thing(key="first", title="other", id="id-first")},
    )
    assert changed(apply(tenant, Admin({"profile": turn_on(tenant)}))) == [
        "test-thing/first",
        "test-thing/last",
    ]


def test_the_limits_of_a_plan_hold_when_it_is_made_again():
    """`--max-removals 100%` on a terminal: the tenant is read again after the answer."""
    old = {f"test-thing/{key}": Thing(key=key, title="t") for key in ("a", "b", "c")}
    tenant = InMemoryTenant(
        DesiredState(exhaustive=frozenset({"test-thing"})),
        resources=dict(old),
        limits=Guards(max_removals=0.3),
    )

    async def plan_and_apply() -> engine.ApplyResult:
        plan_result = await engine.plan(tenant, guards=Guards(max_removals=1))
        return await engine.apply(tenant, plan_result, SilentListener(), engine.ApplyResult(), fresh=False)

    assert set(changed(asyncio.run(plan_and_apply()))) == set(old)
