"""The engine: plans, applies and verifies changes, and audits.

Every write to a tenant goes through :func:`apply`, the fixes of doctor included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from provisioner.core.check import Check, CheckContext, Finding, Status
from provisioner.core.errors import RefusedError, RemoteError, RemoteNotFoundError
from provisioner.core.guards import Guards
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, DesiredState, Plan, make_plan
from provisioner.core.provider import Outcome, Provider
from provisioner.core.resource import Resource, resolve
from provisioner.core.snapshot import Snapshot
from provisioner.core.unmanaged import suggestion, unused_rules

CLEAN_READS: Final = 3
"""After a read that still shows pending changes, so many consecutive reads must show none: replicas may alternate."""

DesiredStateFactory = Callable[[Snapshot], DesiredState]
"""Makes the desired state, given the snapshot."""

ManualStepRunner = Callable[[ManualStep], ManualStep | None]
"""Does a manual step and returns it with its output, or returns None if it was not done."""


class ProgressListener(Protocol):
    """Receives the progress of an apply."""

    def starting(self, change: Change) -> None:
        """A change is about to be made."""

    def finished(self, change: Change, outcome: Outcome) -> None:
        """A change was made."""

    def waiting(self, reason: str) -> None:
        """The engine waits, for this reason."""


@dataclass(frozen=True)
class PlanResult:
    """A plan, and what it was made from, so that it can be made again after another read.

    Attributes:
        make_desired_state: makes the desired state, given the snapshot.
        extra_kinds: kinds that were read in addition to those of a plan.
    """

    snapshot: Snapshot
    desired: DesiredState
    plan: Plan
    guards: Guards
    make_desired_state: DesiredStateFactory
    extra_kinds: frozenset[str] = frozenset()


@dataclass
class ApplyResult:
    """The result of an apply.

    Attributes:
        done: the changes that were made, in order, each with its outcome.
        after: the plan for the tenant as it was read afterwards. Nothing is pending in it; manual steps, and changes
            that wait for them, may be left.
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
    """Read the tenant and plan the changes.

    Args:
        provider: the connection to the tenant.
        make_desired_state: makes the desired state, given the snapshot; None for the playbook's.
        guards: the limits; None for the playbook's.
        extra_kinds: kinds to read in addition to those of a plan.
    """
    snapshot = await provider.read(extra_kinds)
    make_desired_state = make_desired_state or (lambda _: provider.desired_state())
    desired, guards = make_desired_state(snapshot), guards or provider.guards()
    changes = make_plan(desired, snapshot, guards)
    warnings = (*_unused_rule_warnings(desired, snapshot), *provider.warnings(snapshot, changes))
    changes = changes.model_copy(update={"warnings": warnings})
    return PlanResult(snapshot, desired, changes, guards, make_desired_state, extra_kinds)


def plan_fix(planned: PlanResult, desired: DesiredState) -> PlanResult:
    """Plan a fix for the snapshot of an audit. The playbook's unmanaged rules also apply to it."""
    desired |= DesiredState(unmanaged=planned.desired.unmanaged)
    changes = make_plan(desired, planned.snapshot, planned.guards)
    extra_kinds = frozenset(resource.kind for resource in desired.resources)
    return PlanResult(planned.snapshot, desired, changes, planned.guards, lambda _: desired, extra_kinds)


def check_guards(plan: Plan) -> None:
    """Raise if a guard refuses the plan.

    Raises:
        RefusedError: the plan is unsafe.
        RemoteNotFoundError: something that the plan needs does not exist.
    """
    for refusal in plan.refusals:
        kind = RemoteNotFoundError if refusal.missing else RefusedError
        raise kind(refusal.reason, hint=refusal.hint, details=refusal.candidates)


async def apply(
    provider: Provider,
    planned: PlanResult,
    listener: ProgressListener,
    result: ApplyResult,
    *,
    fresh: bool = True,
    run_manual_step: ManualStepRunner | None = None,
) -> ApplyResult:
    """Apply a plan, then verify that nothing is pending.

    Args:
        provider: the connection to the tenant.
        planned: the plan.
        listener: receives the progress.
        result: filled as changes are made, so that the caller knows them if this raises.
        fresh: the plan was made just now; otherwise the tenant is read again first.
        run_manual_step: performs a manual step, after which the changes that waited for it are applied. If it is
            None, both stay waiting.

    Returns:
        ``result``.

    Raises:
        RefusedError: a guard refuses the plan, or the tenant changed since the plan was made.
        ProvisionerError: a permission or an object is missing, a write failed, or the tenant never returned the new
            values; ``result`` has the changes made so far.
    """
    if not fresh:
        planned = await _reread(provider, planned)
    check_guards(planned.plan)
    changes, state = planned.plan, planned.snapshot
    steps_done: list[ManualStep] = []
    while True:
        if changes.pending:
            await provider.check_permissions(changes)
        for stage in changes.stages():
            state = await _apply_stage(stage, provider, state, listener, result)
        steps = await _run_manual_steps(changes, state, run_manual_step, steps_done)
        if not steps:
            break
        steps_done += steps
        state = state.updated(await provider.refresh(steps, state))
        changes = make_plan(planned.make_desired_state(state), state, planned.guards)
        check_guards(changes)
    has_changed = result.done or steps_done
    result.after = await _verify(provider, planned, listener) if has_changed else planned
    return result


async def audit(provider: Provider, checks: Sequence[Check]) -> tuple[PlanResult, list[Finding]]:
    """Run checks against the tenant.

    Returns:
        the snapshot with the playbook's plan; and the findings, in the order of the checks.
    """
    extra_kinds = frozenset(kind.kind for check in checks for kind in check.reads)
    planned = await plan(provider, extra_kinds=extra_kinds)
    context = CheckContext(planned.snapshot, planned.desired)
    findings = (finding for check in checks for finding in check.run(context))
    return planned, [_without_excluded_fix(finding, planned) for finding in findings]


def combined_fix(findings: Iterable[Finding]) -> DesiredState:
    """The fixes of all failed checks as one desired state."""
    combined = DesiredState()
    for finding in findings:
        if finding.status is Status.FAIL and finding.fix is not None:
            combined |= finding.fix
    return combined


def _without_excluded_fix(finding: Finding, planned: PlanResult) -> Finding:
    """The finding without its fix, if the playbook excludes everything that the fix would change."""
    rules = planned.desired.unmanaged
    if finding.fix is None or not rules:
        return finding
    with_rules = finding.fix | DesiredState(unmanaged=rules)
    changes = make_plan(finding.fix, planned.snapshot).pending
    allowed = make_plan(with_rules, planned.snapshot).pending
    if changes and not allowed:
        return finding.model_copy(update={"fix": None, "unmanaged": True})
    return finding


def _unused_rule_warnings(desired: DesiredState, snapshot: Snapshot) -> Iterator[str]:
    addresses = {*snapshot.by_address, *desired.absent, *(resource.address for resource in desired.resources)}
    for rule in unused_rules(desired.unmanaged, addresses):
        yield f"unmanaged: no resource is called {rule.resource}{suggestion(rule.resource, addresses)}"


async def _plan_again(provider: Provider, planned: PlanResult) -> PlanResult:
    return await plan(
        provider,
        make_desired_state=planned.make_desired_state,
        guards=planned.guards,
        extra_kinds=planned.extra_kinds,
    )


async def _reread(provider: Provider, planned: PlanResult) -> PlanResult:
    """Read the tenant just before the first write: another admin may have changed it."""
    again = await _plan_again(provider, planned)
    if again.plan.fingerprint != planned.plan.fingerprint:
        raise RefusedError(
            "the tenant changed after the plan was shown; nothing was written",
            hint="run the same command again, then check and confirm the new plan",
        )
    return again


async def _run_manual_steps(
    changes: Plan,
    state: Snapshot,
    run_manual_step: ManualStepRunner | None,
    steps_done: Sequence[ManualStep],
) -> list[ManualStep]:
    """Run the pending manual steps one after the other, up to the first that is not done.

    Args:
        changes: the plan in which they are pending.
        state: the snapshot so far; the steps show values from it.
        run_manual_step: performs a step; nothing is done if None.
        steps_done: steps that were done before. If one of them is pending again, doing it had no effect: stop there
            instead of repeating it.

    Returns:
        the steps that were done now.
    """
    done: list[ManualStep] = []
    if run_manual_step is None:
        return done
    before = {step.address for step in steps_done}
    for step in changes.pending_steps:
        if step.address in before:
            break
        completed = await asyncio.to_thread(run_manual_step, resolve(step, state.by_address))
        if completed is None:
            break
        done.append(completed)
    return done


async def _apply_stage(
    stage: tuple[Change, ...],
    provider: Provider,
    state: Snapshot,
    listener: ProgressListener,
    result: ApplyResult,
) -> Snapshot:
    """Make the changes of one stage, which are independent of each other, concurrently."""

    async def make(change: Change) -> Outcome:
        resolved = change.model_copy(update={"after": resolve(change.after, state.by_address)})
        listener.starting(resolved)
        outcome = await provider.apply(resolved, state)
        result.done.append((resolved, outcome))
        listener.finished(resolved, outcome)
        return outcome

    outcomes = await asyncio.gather(*(make(change) for change in stage), return_exceptions=True)
    written: list[Resource] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        written += outcome.resources
    deleted = [change.address for change in stage if change.action is Action.DELETE]
    return state.updated(written, removed=deleted)


async def _verify(provider: Provider, planned: PlanResult, listener: ProgressListener) -> PlanResult:
    """Read until nothing is pending; after a read that shows pending changes, until several consecutive reads show none.

    Raises:
        RemoteError: changes are still pending after the convergence timeout.
    """
    deadline = time.monotonic() + provider.convergence_timeout
    clean, required, delay = 0, 1, 0.2
    while True:
        again = await _plan_again(provider, planned)
        pending = again.plan.pending
        if not pending:
            clean += 1
            if clean >= required:
                return again
        else:
            clean, required = 0, CLEAN_READS
            if time.monotonic() > deadline:
                addresses = ", ".join(change.address for change in pending)
                raise RemoteError(
                    f"written, but the tenant still returns other values: {addresses}",
                    hint="run apply again; if this repeats, another admin or program reverts the change",
                )
            listener.waiting(f"waiting until the tenant returns the new values of {pending[0].address}")
            delay = min(delay * 1.6, 5.0)
        await asyncio.sleep(delay)
