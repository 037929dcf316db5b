"""plan, apply, destroy."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import output_options, playbook_argument, report_options, sandbox_option
from provisioner.core.errors import ExitCode, ProvisionerError, RefusedError, UsageError

if TYPE_CHECKING:
    from provisioner.cli.printing import Printer
    from provisioner.cli.session import Session
    from provisioner.core.plan import Guards, Plan
    from provisioner.core.provider import Provider
    from provisioner.core.snapshot import Snapshot
    from provisioner.engine import ApplyResult, DesiredStateFactory, PlanResult
    from provisioner.reports.models import PlanReport, Target

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


def _share(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """``30%`` or ``0.3``."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        raise click.BadParameter("expected a share such as 50% or 0.5") from None
    if not 0 <= share <= 1:
        raise click.BadParameter("expected a share from 0% to 100%")
    return share


_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
_no_wait = click.option(
    "--no-wait", is_flag=True, help="Do not wait until every name server has the TXT records that were made."
)
_max_removals = click.option(
    "--max-removals",
    callback=_share,
    metavar="SHARE",
    help="Allow the removal of up to this share of the existing assignments, such as 100%.",
)


@click.command()
@playbook_argument
@sandbox_option
@_max_removals
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the plan into this file, to be approved: apply --plan makes exactly that.",
)
@report_options
def plan(
    playbook: Path, sandbox: bool, max_removals: float | None, out: Path | None, printer: Printer
) -> int:
    """Show what apply would change; change nothing.

    Exits 0 when the tenant is as the playbook says, 3 when something is pending, 5 when a guard would refuse.

    \b
    Examples:
      provisioner plan entra.yaml
      provisioner plan entra.yaml --format json | jq .summary
      provisioner plan entra.yaml --out plan.json --report markdown=plan.md
    """
    from provisioner.cli.session import opened
    from provisioner.reports.building import plan_report
    from provisioner.reports.text import plan_text

    with opened(playbook, printer, sandbox=sandbox) as session:
        planned, provider = session.run(_planning(max_removals))
        report = plan_report(session.target(provider), planned.plan, session.context())
        printer.report(report, plan_text(report, verbose=printer.verbose))
        if out:
            printer.write(report, out)
        if report.refusals:
            return ExitCode.REFUSED
        if not report.in_sync:
            printer.next(f"provisioner apply {session.flags}")
        return ExitCode.DONE if report.in_sync else ExitCode.FINDINGS


@click.command()
@playbook_argument
@sandbox_option
@_yes
@_max_removals
@_no_wait
@click.option(
    "--plan",
    "approved",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Make exactly this plan, written by plan --out; refuse if the tenant moved on since. Does not ask.",
)
@output_options
def apply(
    playbook: Path,
    sandbox: bool,
    yes: bool,
    max_removals: float | None,
    no_wait: bool,
    approved: Path | None,
    printer: Printer,
) -> int:
    """Make the tenant as the playbook says; ask first.

    Run again, it changes nothing. Steps that only a person can do are printed with the exact values; it exits 4
    while one waits, and goes on from there the next time.

    \b
    Examples:
      provisioner apply entra.yaml --sandbox
      provisioner apply entra.yaml
      provisioner apply entra.yaml --yes --format json
      provisioner apply entra.yaml --plan plan.json
    """
    from provisioner.cli.session import opened

    report = read_plan(approved) if approved else None
    with opened(playbook, printer, sandbox=sandbox) as session:
        terms = _Terms(yes or sandbox or report is not None, max_removals, report)
        return _change(session, (_Goal.AS_THE_PLAYBOOK_SAYS,), terms, wait=not no_wait)


def read_plan(file: Path) -> PlanReport:
    """A plan that was written by ``plan --out``.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    from pydantic import ValidationError

    from provisioner.reports.models import PlanReport

    try:
        return PlanReport.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except (UnicodeDecodeError, ValidationError) as error:
        raise UsageError(
            f"{file} is no plan", hint="write one: provisioner plan PLAYBOOK --out FILE"
        ) from error


@click.command()
@playbook_argument
@sandbox_option
@_yes
@click.option(
    "--purge",
    is_flag=True,
    help="Delete for good: what is in the recycle bin of Entra, what is inactive in Okta.",
)
@_no_wait
@output_options
def destroy(playbook: Path, sandbox: bool, yes: bool, purge: bool, no_wait: bool, printer: Printer) -> int:
    """Take the integration down.

    Entra: provisioning off, the application to the recycle bin. Okta: everything inactive. Only what the playbook made, and
    does not leave alone. Until it is purged (Entra: by itself after 30 days), apply brings it back with the same client id.

    Kiro keeps the users and their subscriptions: delete those in the Kiro console.

    \b
    Examples:
      provisioner destroy entra.yaml --sandbox
      provisioner destroy entra.yaml --purge
    """
    from provisioner.cli.session import opened

    with opened(playbook, printer, sandbox=sandbox) as session:
        goals = (_Goal.TAKEN_DOWN, _Goal.PURGED) if purge else (_Goal.TAKEN_DOWN,)
        result = _change(session, goals, _Terms(yes or sandbox, 1.0), wait=not no_wait)
        printer.say("\nKiro still has the users and their subscriptions: delete those in the Kiro console.")
        if not purge:
            printer.say(f"To bring it back: provisioner apply {session.flags}")
        return result


def _planning(max_removals: float | None) -> Callable[[Provider], Awaitable[tuple[PlanResult, Provider]]]:
    async def work(provider: Provider) -> tuple[PlanResult, Provider]:
        from provisioner import engine

        return await engine.plan(provider, guards=_guards(provider, max_removals)), provider

    return work


def _guards(provider: Provider, max_removals: float | None) -> Guards:
    """The playbook's limits, with another share of removals where the command line gives one."""
    guards = provider.guards()
    return guards if max_removals is None else guards.model_copy(update={"max_removals": max_removals})


class _Goal(Enum):
    """What is to be made true."""

    AS_THE_PLAYBOOK_SAYS = auto()
    TAKEN_DOWN = auto()
    PURGED = auto()
    """Taken down with nothing left in the recycle bin."""

    def wish(self, provider: Provider) -> DesiredStateFactory | None:
        """What the engine is to plan for; None: what the playbook asks for."""
        if self is _Goal.AS_THE_PLAYBOOK_SAYS:
            return None
        return lambda snapshot: provider.destroyed_state(snapshot, purge=self is _Goal.PURGED)

    def reads(self, provider: Provider) -> frozenset[str]:
        """Kinds to read besides those that the playbook's plan needs."""
        return frozenset() if self is _Goal.AS_THE_PLAYBOOK_SAYS else provider.destroy_kinds


@dataclass(frozen=True)
class _Terms:
    """How a change may be made.

    Attributes:
        yes: do not ask.
        max_removals: the guard's limit, or None for the playbook's.
        approved: the plan that may be made, and no other; None: any.
    """

    yes: bool
    max_removals: float | None
    approved: PlanReport | None = None


def _change(session: Session, goals: Sequence[_Goal], terms: _Terms, *, wait: bool) -> int:
    """Plan, show, ask, apply, goal by goal; and report when all are reached.

    Args:
        session: the playbook.
        goals: what to make true, one after the other.
        terms: how.
        wait: until every name server has the records that were made.
    """
    from provisioner import engine

    applied = engine.ApplyResult()
    try:
        return session.run(lambda provider: _reach(session, provider, goals, terms, applied), wait=wait)
    except KeyboardInterrupt:
        made = ", ".join(change.address for change, _ in applied.done)
        session.printer.say(f"\nWritten so far: {made or 'nothing'}.")
        raise


async def _reach(
    session: Session, provider: Provider, goals: Sequence[_Goal], terms: _Terms, applied: ApplyResult
) -> int:
    from provisioner import engine
    from provisioner.core.plan import Plan

    started = time.monotonic()
    plans: list[Plan] = []
    error: ProvisionerError | None = None
    for goal in goals:
        planned = await engine.plan(
            provider,
            make_desired_state=goal.wish(provider),
            guards=_guards(provider, terms.max_removals),
            extra_kinds=goal.reads(provider),
        )
        if terms.approved is not None:
            _refuse_another(terms.approved, session.target(provider), planned.plan)
        plans.append(planned.plan)
        asked = _agreed(session, provider, planned, yes=terms.yes)
        if asked:
            started = time.monotonic()  # nobody wants to know how long they thought
        try:
            await engine.apply(
                provider, planned, session.printer, applied, fresh=not asked, run_manual_step=session.person()
            )
        except ProvisionerError as problem:
            error = problem
            break
    changes = tuple(change for plan in plans for change in plan.changes)
    whole = Plan(changes=changes, warnings=plans[0].warnings)
    snapshot = applied.after.snapshot if applied.after else planned.snapshot
    took = time.monotonic() - started
    return _finish(session, provider, goal, whole, applied, snapshot, seconds=took, error=error)


def _refuse_another(approved: PlanReport, target: Target, plan: Plan) -> None:
    """Let only the approved plan through.

    Raises:
        RefusedError: the plan is for something else, or would not do the same now.
    """
    for what in ("name", "provider", "tenant"):
        theirs, ours = getattr(approved.target, what), getattr(target, what)
        if theirs != ours:
            raise RefusedError(f"the approved plan is for the {what} {theirs!r}, this playbook for {ours!r}")
    if approved.fingerprint != plan.fingerprint:
        raise RefusedError(
            f"the tenant or the playbook changed since the plan was made ({approved.fingerprint}, now "
            f"{plan.fingerprint}); nothing was written",
            hint="make a new plan and have it approved: provisioner plan PLAYBOOK --out FILE",
        )


def _agreed(session: Session, provider: Provider, planned: PlanResult, *, yes: bool) -> bool:
    """Show the plan, stop where a guard refuses it, and ask where there is something to ask.

    Returns:
        whether a person was asked, and so some time has passed.
    """
    from provisioner import engine

    asks = bool(planned.plan.pending) and not yes
    if asks or not session.printer.wants_json:
        show_plan(session, provider, planned)
    engine.check_guards(planned.plan)
    if asks:
        confirm(session.printer)
    return asks


def show_plan(session: Session, provider: Provider, planned: PlanResult) -> None:
    """The plan, before anything is asked or written."""
    from provisioner.reports.building import plan_report
    from provisioner.reports.text import plan_text

    verbose = session.printer.verbose
    if planned.plan.pending or planned.plan.waiting or planned.plan.refusals or verbose:
        report = plan_report(session.target(provider), planned.plan)
        session.printer.say(plan_text(report, verbose=verbose) + "\n")


def confirm(printer: Printer) -> None:
    """Ask a person; without one, refuse."""
    if not sys.stdin.isatty():
        raise RefusedError(
            "there are changes to make and nobody to ask; nothing was written",
            hint="look at the plan, then add --yes",
        )
    printer.clear()
    click.confirm("Apply this plan?", abort=True, err=True)


def _finish(
    session: Session,
    provider: Provider,
    goal: _Goal,
    plan: Plan,
    applied: ApplyResult,
    snapshot: Snapshot,
    *,
    seconds: float,
    error: ProvisionerError | None,
) -> int:
    from provisioner.reports.building import apply_report
    from provisioner.reports.text import apply_text

    up = goal is _Goal.AS_THE_PLAYBOOK_SAYS
    report = apply_report(
        session.target(provider),
        plan,
        applied.done,
        after=applied.after.plan if applied.after else None,
        requests=provider.requests(),
        seconds=seconds,
        command="apply" if up else "destroy",
        handoff=provider.handoff(snapshot) if up else (),
        next_steps=tuple(provider.next_steps(snapshot)) if up and not error else (),
        error=str(error) if error else None,
    )
    session.printer.report(report, apply_text(report))
    if error:
        raise error
    waits = bool(report.manual_steps)
    if up:
        session.printer.next(f"provisioner {'apply' if waits else 'doctor'} {session.flags}")
    return ExitCode.WAITING if waits else ExitCode.DONE
