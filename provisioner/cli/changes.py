"""Changing a tenant: show the plan, ask, apply, report. Apply and destroy share all of it, doctor --fix the asking."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import click

from provisioner import engine
from provisioner.core.errors import ExitCode, ProvisionerError, RefusedError
from provisioner.core.guards import Guards
from provisioner.core.plan import Plan
from provisioner.core.untrusted import plain
from provisioner.reports.building import apply_report, plan_report
from provisioner.reports.text import apply_text, plan_text

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.cli.session import Session
    from provisioner.core.provider import Provider
    from provisioner.core.snapshot import Snapshot
    from provisioner.reports.models import PlanReport, Target


class Goal(Enum):
    """The state that a command brings a tenant to."""

    PLAYBOOK = auto()
    """As the playbook describes it."""
    DESTROYED = auto()
    """Without what the playbook created."""
    PURGED = auto()
    """Destroyed, with nothing left in the recycle bin."""

    def desired_state_factory(self, provider: Provider) -> engine.DesiredStateFactory | None:
        """Makes the desired state, given the snapshot; None for the playbook's."""
        if self is Goal.PLAYBOOK:
            return None
        return lambda snapshot: provider.destroyed_state(snapshot, purge=self is Goal.PURGED)

    def extra_kinds(self, provider: Provider) -> frozenset[str]:
        """The kinds to read in addition to those of the playbook's plan."""
        return frozenset() if self is Goal.PLAYBOOK else provider.destroy_kinds


@dataclass(frozen=True)
class Approval:
    """How a plan is approved: in advance, by a plan file, or by asking.

    Attributes:
        yes: do not ask.
        max_removals: the limit of removals (see ``Guards``); None for the playbook's.
        approved_plan: the only plan that may be applied; None for any.
        new_profile: the users may be provisioned to another Kiro profile than before.
    """

    yes: bool
    max_removals: float | None = None
    approved_plan: PlanReport | None = None
    new_profile: bool = False

    def check(self, target: Target, plan: Plan) -> None:
        """Raise unless the plan is the approved one.

        Raises:
            RefusedError: the approved plan is for another target, or would do something else now.
        """
        if self.approved_plan is None:
            return
        for name in ("name", "provider", "tenant"):
            approved, current = getattr(self.approved_plan.target, name), getattr(target, name)
            if approved != current:
                raise RefusedError(
                    f"the approved plan has the {name} {approved!r}, this playbook has {current!r}"
                )
        if self.approved_plan.fingerprint != plan.fingerprint:
            raise RefusedError(
                f"the tenant or the playbook changed since the plan was made ({self.approved_plan.fingerprint}, now "
                f"{plan.fingerprint}); nothing was written",
                hint="make a new plan and have it approved: provisioner plan PLAYBOOK --out FILE",
            )


def guards_for(
    session: Session, provider: Provider, max_removals: float | None, *, new_profile: bool
) -> Guards:
    """The playbook's limits, as the command line changes them.

    Args:
        session: of the playbook.
        provider: of the playbook.
        max_removals: the share of removals; None for the playbook's.
        new_profile: the users may be provisioned to another Kiro profile than before.
    """
    guards = provider.guards()
    update: dict[str, object] = {} if max_removals is None else {"max_removals": max_removals}
    if new_profile:
        update["protected_fields"] = {}
    else:
        update["refusals"] = tuple(session.other_profile_refusals())
    return guards.model_copy(update=update)


def show_plan(session: Session, provider: Provider, planned: engine.PlanResult) -> None:
    """Print a plan that has something to show: changes, manual steps, or reasons to refuse it. With --verbose, any plan."""
    verbose = session.output.verbose
    if planned.plan.pending or planned.plan.waiting or planned.plan.refusals or verbose:
        report = plan_report(session.target(provider), planned.plan)
        session.output.message(plan_text(report, verbose=verbose) + "\n")


def confirm(output: Output) -> None:
    """Ask whether to apply the plan.

    Raises:
        RefusedError: there is no terminal.
        click.Abort: the answer is no.
    """
    if not sys.stdin.isatty():
        raise RefusedError(
            "there are changes to make, and no terminal to ask on; nothing was written",
            hint="check the plan, then add --yes",
        )
    output.clear_progress()
    click.confirm("Apply this plan?", abort=True, err=True)


def change_tenant(session: Session, goals: Sequence[Goal], approval: Approval, *, wait_for_dns: bool) -> int:
    """Plan, show, ask and apply, goal by goal; then report.

    Args:
        session: of the playbook.
        goals: what to reach, in this order.
        approval: how the plans are approved.
        wait_for_dns: wait until every name server returns the records that are written.

    Returns:
        the exit code.
    """
    applied = engine.ApplyResult()
    try:
        return session.run(
            lambda provider: _reach_goals(session, provider, goals, approval, applied),
            wait_for_dns=wait_for_dns,
        )
    except KeyboardInterrupt:
        written = ", ".join(plain(change.address) for change, _ in applied.done)
        session.output.message(f"\nWritten so far: {written or 'nothing'}.")
        raise


async def _reach_goals(
    session: Session,
    provider: Provider,
    goals: Sequence[Goal],
    approval: Approval,
    applied: engine.ApplyResult,
) -> int:
    started = time.monotonic()
    plans: list[Plan] = []
    error: ProvisionerError | None = None
    for goal in goals:
        planned = await engine.plan(
            provider,
            make_desired_state=goal.desired_state_factory(provider),
            guards=guards_for(
                session,
                provider,
                approval.max_removals,
                new_profile=approval.new_profile or goal is not Goal.PLAYBOOK,
            ),
            extra_kinds=goal.extra_kinds(provider),
        )
        approval.check(session.target(provider), planned.plan)
        plans.append(planned.plan)
        asked = _show_and_ask(session, provider, planned, yes=approval.yes)
        if asked:
            started = time.monotonic()  # the time to answer does not count
        try:
            await engine.apply(
                provider,
                planned,
                session.output,
                applied,
                fresh=not asked,
                run_manual_step=session.manual_step_runner(),
            )
        except ProvisionerError as problem:
            error = problem
            break
    changes = tuple(change for plan in plans for change in plan.changes)
    whole_plan = Plan(changes=changes, warnings=plans[0].warnings)
    snapshot = applied.after.snapshot if applied.after else planned.snapshot
    seconds = time.monotonic() - started
    return _report(session, provider, goal, whole_plan, applied, snapshot, seconds=seconds, error=error)


def _show_and_ask(session: Session, provider: Provider, planned: engine.PlanResult, *, yes: bool) -> bool:
    """Show a plan, check its guards, and ask if there is something to change.

    Returns:
        whether the admin was asked, so that some time has passed.
    """
    asks = bool(planned.plan.pending) and not yes
    if asks or not session.output.is_json:
        show_plan(session, provider, planned)
    engine.check_guards(planned.plan)
    if asks:
        confirm(session.output)
    return asks


def _report(
    session: Session,
    provider: Provider,
    goal: Goal,
    plan: Plan,
    applied: engine.ApplyResult,
    snapshot: Snapshot,
    *,
    seconds: float,
    error: ProvisionerError | None,
) -> int:
    """Print the report, and raise the error if there is one.

    Returns:
        the exit code.
    """
    to_playbook = goal is Goal.PLAYBOOK
    report = apply_report(
        session.target(provider),
        plan,
        applied.done,
        after=applied.after.plan if applied.after else None,
        requests=provider.requests(),
        seconds=seconds,
        command="apply" if to_playbook else "destroy",
        handoff=provider.handoff(snapshot) if to_playbook else (),
        next_steps=tuple(provider.next_steps(snapshot)) if to_playbook and not error else (),
        error=str(error) if error else None,
    )
    session.output.report(report, apply_text(report))
    if error:
        raise error
    if to_playbook:
        session.remember_profile()
        session.output.next_commands(
            f"provisioner {'apply' if report.manual_steps else 'doctor'} {session.arguments}"
        )
    return ExitCode.WAITING if report.manual_steps else ExitCode.DONE
