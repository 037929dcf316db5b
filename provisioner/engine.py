"""The one way: read, plan, guard, apply, read again until the plan is empty. And the audit.

Every write of the product goes through :func:`apply`; a doctor's fix does too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from provisioner.core.check import Check, CheckContext, Finding, Status
from provisioner.core.errors import RefusedError, RemoteError, RemoteNotFoundError
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, DesiredState, Guards, Plan, make_plan
from provisioner.core.provider import Outcome, Provider
from provisioner.core.resource import resolve
from provisioner.core.snapshot import Snapshot
from provisioner.core.unmanaged import suggestion, unused_rules

AGREEING_READS: Final = 3
"""Reads in a row that must agree, once one has disagreed: replicas flip-flop."""


DesiredStateFactory = Callable[[Snapshot], DesiredState]
"""What should be, given what is."""


class ProgressListener(Protocol):
    """Somebody who looks on while changes are made."""

    def starting(self, change: Change) -> None:
        """A change is about to be made."""

    def finished(self, change: Change, outcome: Outcome) -> None:
        """A change was made."""

    def waiting(self, reason: str) -> None:
        """Nothing happens for the moment, and why."""


ManualStepRunner = Callable[[ManualStep], ManualStep | None]
"""Somebody who does human steps while apply waits; returns the step with what it brought, or None if it was not done."""


@dataclass(frozen=True)
class PlanResult:
    """A plan and how it was made, so that it can be made again.

    Attributes:
        also: kinds that were read besides those a plan needs.
    """

    snapshot: Snapshot
    desired: DesiredState
    plan: Plan
    make_desired_state: DesiredStateFactory
    extra_kinds: frozenset[str] = frozenset()


@dataclass
class ApplyResult:
    """What came of applying a plan.

    Attributes:
        done: the changes made, in order, each with its outcome.
        after: the plan made from what was read afterwards; empty but for human steps.
    """

    done: list[tuple[Change, Outcome]] = field(default_factory=list)
    after: PlanResult | None = None


async def plan(
    provider: Provider,
    *,
    make_desired_state: DesiredStateFactory | None = None,
    guards: Guards | None = None,
    extra_kinds: frozenset[str] = frozenset(),
) -> PlanResult:
    """Read the tenant and decide what to change.

    Args:
        provider: whose tenant.
        make_desired_state: the desired state, given the snapshot; that of the playbook when None.
        guards: limits; the playbook's when None.
        extra_kinds: kinds to read in addition to those of a plan.
    """
    snapshot = await provider.read(extra_kinds)
    make_desired_state = make_desired_state or (lambda _: provider.desired_state())
    wanted = make_desired_state(snapshot)
    decided = make_plan(wanted, snapshot, guards or provider.guards())
    advice = (*_of_nothing(wanted, snapshot), *provider.warnings(snapshot, decided))
    return PlanResult(
        snapshot, wanted, decided.model_copy(update={"warnings": advice}), make_desired_state, extra_kinds
    )


def replan(provider: Provider, planned: PlanResult, desired: DesiredState) -> PlanResult:
    """A plan for another desired state, from the same snapshot; what the playbook leaves alone is left alone."""
    desired |= DesiredState(unmanaged=planned.desired.unmanaged)
    decided = make_plan(desired, planned.snapshot, provider.guards())
    also = frozenset(resource.kind for resource in desired.resources)
    return PlanResult(planned.snapshot, desired, decided, lambda _: desired, also)


def check_guards(decided: Plan) -> None:
    """Let a plan through, or say why not.

    Raises:
        RefusedError: a guard refuses it.
        NotFoundRemotelyError: something it relies on does not exist.
    """
    for refusal in decided.refusals:
        candidates = "".join(f"\n    {candidate}" for candidate in refusal.candidates)
        kind = RemoteNotFoundError if refusal.missing else RefusedError
        raise kind(refusal.reason + candidates, hint=refusal.hint)


async def apply(
    provider: Provider,
    planned: PlanResult,
    listener: ProgressListener,
    applied: ApplyResult,
    *,
    fresh: bool = True,
    run_manual_step: ManualStepRunner | None = None,
) -> ApplyResult:
    """Make a plan true and prove it.

    Args:
        provider: whose tenant.
        planned: what to do.
        listener: notified of progress.
        applied: filled while it goes on, so that the caller knows what was done if this raises.
        fresh: the plan was made just now; otherwise the tenant is read again first.
        run_manual_step: does the manual steps, if possible; the changes that wait for them are then made.

    Raises:
        RefusedError: a guard refuses, or the tenant changed since the plan was made.
        ProvisionerError: a write failed; what was done before is in ``applied``.
    """
    if not fresh:
        planned = await _read_again(provider, planned)
    check_guards(planned.plan)
    decided, world = planned.plan, planned.snapshot
    helped: list[ManualStep] = []
    while True:
        if decided.pending:
            await provider.check_permissions(decided)
        for stage in decided.stages():
            world = await _make(stage, provider, world, listener, applied)
        steps = await _helped(decided, world, run_manual_step, helped)
        if not steps:
            break
        helped += steps
        world = world.updated(await provider.refresh(steps, world))
        decided = make_plan(planned.make_desired_state(world), world, provider.guards())
        check_guards(decided)
    changed = applied.done or helped
    applied.after = await _converged(provider, planned, listener) if changed else planned
    return applied


async def audit(provider: Provider, checks: Sequence[Check]) -> tuple[PlanResult, list[Finding]]:
    """Run checks against the tenant.

    Returns:
        what was read, with the playbook's plan; and the findings in the order of the checks.
    """
    also = frozenset(kind.kind for check in checks for kind in check.reads)
    planned = await plan(provider, extra_kinds=also)
    look = CheckContext(planned.snapshot, planned.desired)
    found = (finding for check in checks for finding in check.run(look))
    return planned, [_with_what_may_be_fixed(finding, planned) for finding in found]


def fixes(findings: Iterable[Finding]) -> DesiredState:
    """Everything that the findings would have repaired, as one desired state."""
    combined = DesiredState()
    for finding in findings:
        if finding.status is Status.FAIL and finding.fix is not None:
            combined |= finding.fix
    return combined


def _with_what_may_be_fixed(finding: Finding, planned: PlanResult) -> Finding:
    """A finding; without its fix, if the playbook leaves alone all that it would change."""
    left_alone = planned.desired.unmanaged
    if finding.fix is None or not left_alone:
        return finding
    would, will = (
        make_plan(fix, planned.snapshot).pending
        for fix in (finding.fix, finding.fix | DesiredState(unmanaged=left_alone))
    )
    return finding.model_copy(update={"fix": None, "unmanaged": True}) if would and not will else finding


def _of_nothing(desired: DesiredState, snapshot: Snapshot) -> Iterator[str]:
    """A word about everything that is left alone and does not exist; it may be misspelt."""
    addresses = {*snapshot.by_address, *desired.absent, *(one.address for one in desired.resources)}
    for one in unused_rules(desired.unmanaged, addresses):
        yield f"unmanaged: there is no {one.resource}, and the playbook asks for none{suggestion(one.resource, addresses)}"


async def _read_again(provider: Provider, planned: PlanResult) -> PlanResult:
    """Read again just before writing: two admins may be at it."""
    again = await plan(
        provider, make_desired_state=planned.make_desired_state, extra_kinds=planned.extra_kinds
    )
    if again.plan.fingerprint != planned.plan.fingerprint:
        raise RefusedError(
            "the tenant changed after the plan was shown; nothing was written",
            hint="look at the new plan and confirm it: run the same command again",
        )
    return again


async def _helped(
    decided: Plan, world: Snapshot, person: ManualStepRunner | None, earlier: Sequence[ManualStep]
) -> list[ManualStep]:
    """Let a person do the open steps, one after the other.

    Args:
        decided: the plan in which they are open.
        world: everything known by now: the steps show values from it.
        person: who does them, if there is somebody.
        earlier: steps that were done already; what they did not bring about, doing them again will not either.

    Returns:
        the steps that were done.
    """
    done: list[ManualStep] = []
    for step in decided.pending_steps if person else ():
        known = any(step.address == other.address for other in earlier)
        if known or person is None:
            break
        did = await asyncio.to_thread(person, resolve(step, world.by_address))
        if did is None:
            break
        done.append(did)
    return done


async def _make(
    stage: tuple[Change, ...],
    provider: Provider,
    world: Snapshot,
    watcher: ProgressListener,
    applied: ApplyResult,
) -> Snapshot:
    """Make the changes of one stage, which do not depend on each other, at the same time."""

    async def one(change: Change) -> Outcome:
        resolved = change.model_copy(update={"after": resolve(change.after, world.by_address)})
        watcher.starting(resolved)
        outcome = await provider.apply(resolved, world)
        applied.done.append((resolved, outcome))
        watcher.finished(resolved, outcome)
        return outcome

    results = await asyncio.gather(*(one(change) for change in stage), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    outcomes = [result for result in results if isinstance(result, Outcome)]
    made = [resource for outcome in outcomes for resource in outcome.resources]
    return world.updated(made, removed=[change.address for change in stage if change.action is Action.DELETE])


async def _converged(provider: Provider, planned: PlanResult, watcher: ProgressListener) -> PlanResult:
    """Read until nothing is pending any more; after a disagreement, until several reads in a row agree."""
    deadline = time.monotonic() + provider.convergence_timeout
    agreeing, needed, pause = 0, 1, 0.2
    while True:
        again = await plan(
            provider, make_desired_state=planned.make_desired_state, extra_kinds=planned.extra_kinds
        )
        pending = again.plan.pending
        if not pending:
            agreeing += 1
            if agreeing >= needed:
                return again
        else:
            agreeing, needed = 0, AGREEING_READS
            if time.monotonic() > deadline:
                raise RemoteError(
                    f"written, but still reads differently: {', '.join(change.address for change in pending)}",
                    hint="run apply again; if it stays so, somebody or something changes it back",
                )
            watcher.waiting(f"waiting until {pending[0].address} reads as it was written")
            pause = min(pause * 1.6, 5.0)
        if needed > 1:
            await asyncio.sleep(pause)
