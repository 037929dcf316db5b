"""plan, apply, destroy, drift."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import output_options, playbook_argument, playbooks_argument, sandbox_option
from provisioner.core.errors import ExitCode, ProvisionerError, RefusedError

if TYPE_CHECKING:
    from provisioner.cli.printing import Printer
    from provisioner.cli.session import Session
    from provisioner.core.plan import Guards, Plan
    from provisioner.core.provider import Provider
    from provisioner.core.snapshot import Snapshot
    from provisioner.engine import Applied, Planned, Wish
    from provisioner.reports.models import PlanReport

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
@output_options
def plan(playbook: Path, sandbox: bool, max_removals: float | None, printer: Printer) -> int:
    """Show what apply would change; change nothing.

    Exits 0 when the tenant is as the playbook says, 3 when something is pending, 5 when a guard would refuse.

    \b
    Examples:
      provisioner plan entra.yaml
      provisioner plan entra.yaml --format json | jq .summary
    """
    from provisioner.cli.session import opened
    from provisioner.reports.models import plan_report
    from provisioner.reports.text import plan_text

    with opened(playbook, printer, sandbox=sandbox) as session:
        planned, provider = session.run(_planning(max_removals))
        report = plan_report(session.target(provider), planned.plan)
        printer.report(report, plan_text(report, provider.title, verbose=printer.verbose))
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
@output_options
def apply(
    playbook: Path, sandbox: bool, yes: bool, max_removals: float | None, no_wait: bool, printer: Printer
) -> int:
    """Make the tenant as the playbook says; ask first.

    Run again, it changes nothing. Steps that only a person can do are printed with the exact values; it exits 4
    while one waits, and goes on from there the next time.

    \b
    Examples:
      provisioner apply entra.yaml --sandbox
      provisioner apply entra.yaml
      provisioner apply entra.yaml --yes --format json
    """
    from provisioner.cli.session import opened

    with opened(playbook, printer, sandbox=sandbox) as session:
        return _change(session, (None,), yes=yes or sandbox, max_removals=max_removals, wait=not no_wait)


@click.command()
@playbook_argument
@sandbox_option
@_yes
@click.option("--purge", is_flag=True, help="Also delete copies in the recycle bin, for good.")
@_no_wait
@output_options
def destroy(playbook: Path, sandbox: bool, yes: bool, purge: bool, no_wait: bool, printer: Printer) -> int:
    """Take the integration down: provisioning off, the application to the recycle bin.

    Only what the playbook made. Kiro keeps the users and their subscriptions: delete those in the Kiro console.
    For 30 days, apply restores the application with the same client id.

    \b
    Examples:
      provisioner destroy entra.yaml --sandbox
      provisioner destroy entra.yaml --purge
    """
    from provisioner.cli.session import opened

    with opened(playbook, printer, sandbox=sandbox) as session:
        steps = (False, True) if purge else (False,)
        result = _change(session, steps, yes=yes or sandbox, max_removals=1.0, wait=not no_wait)
        printer.say("Kiro still has the users and their subscriptions: delete those in the Kiro console.")
        return result


@click.command()
@playbooks_argument
@sandbox_option
@output_options
def drift(playbook: tuple[Path, ...], sandbox: bool, printer: Printer) -> int:
    """Tell whether somebody changed a tenant by hand; for CI.

    Exits 0 when every tenant is as its playbook says, 3 when one is not. Without arguments: every playbook in
    ./playbooks, or here.

    \b
    Examples:
      provisioner drift
      provisioner drift entra.yaml --format json
    """
    from provisioner.cli.session import found, opened
    from provisioner.reports.models import DriftReport, plan_report
    from provisioner.reports.text import plan_text

    reports: list[PlanReport] = []
    texts: list[str] = []
    repairs: list[str] = []
    for file in found(playbook):
        with opened(file, printer, sandbox=sandbox) as session:
            planned, provider = session.run(_planning(None))
            report = plan_report(session.target(provider), planned.plan)
            reports.append(report)
            texts.append(plan_text(report, provider.title, verbose=printer.verbose))
            if not report.in_sync:
                repairs.append(f"provisioner apply {session.flags}")
    whole = DriftReport(in_sync=all(report.in_sync for report in reports), plans=tuple(reports))
    printer.report(whole, "\n\n".join(texts))
    printer.next(*repairs)
    return ExitCode.DONE if whole.in_sync else ExitCode.FINDINGS


def _planning(max_removals: float | None) -> Callable[[Provider], Awaitable[tuple[Planned, Provider]]]:
    async def work(provider: Provider) -> tuple[Planned, Provider]:
        from provisioner import engine

        return await engine.plan(provider, guards=_guards(provider, max_removals)), provider

    return work


def _guards(provider: Provider, max_removals: float | None) -> Guards:
    """The playbook's limits, with another share of removals where the command line gives one."""
    guards = provider.guards()
    return guards if max_removals is None else guards.model_copy(update={"max_removals": max_removals})


def _change(
    session: Session, steps: Sequence[bool | None], *, yes: bool, max_removals: float | None, wait: bool
) -> int:
    """Plan, show, ask, apply, step by step; and report when all steps are done.

    Args:
        session: the playbook.
        steps: what to make true, one after the other: None stands for the playbook, False for its teardown, True
            for a teardown that leaves nothing in the recycle bin.
        yes: do not ask.
        max_removals: the guard's limit, or None for the playbook's.
        wait: until every name server has the records that were made.
    """
    from provisioner import engine
    from provisioner.core.plan import Plan

    applied = engine.Applied()

    async def work(provider: Provider) -> int:
        started = time.monotonic()
        plans: list[Plan] = []
        error: ProvisionerError | None = None
        for purge in steps:
            planned = await engine.plan(
                provider,
                wish=_wish(provider, purge),
                guards=_guards(provider, max_removals),
                also=frozenset() if purge is None else provider.teardown_reads,
            )
            plans.append(planned.plan)
            asked = _agreed(session, provider, planned, yes=yes)
            if asked:
                started = time.monotonic()  # nobody wants to know how long they thought
            try:
                await engine.apply(
                    provider, planned, session.printer, applied, fresh=not asked, person=session.person()
                )
            except ProvisionerError as problem:
                error = problem
                break
        whole = Plan(
            changes=tuple(change for plan in plans for change in plan.changes), warnings=plans[0].warnings
        )
        snapshot = applied.after.snapshot if applied.after else planned.snapshot
        took = time.monotonic() - started
        outlook = () if error or steps != (None,) else tuple(provider.outlook(snapshot))
        return _finish(
            session, provider, whole, applied, snapshot, outlook=outlook, seconds=took, error=error
        )

    try:
        return session.run(work, wait=wait)
    except KeyboardInterrupt:
        made = ", ".join(change.address for change, _ in applied.done)
        session.printer.say(f"\nWritten so far: {made or 'nothing'}.")
        raise


def _agreed(session: Session, provider: Provider, planned: Planned, *, yes: bool) -> bool:
    """Show the plan, stop where a guard refuses it, and ask where there is something to ask.

    Returns:
        whether a person was asked, and so some time has passed.
    """
    from provisioner import engine

    asks = bool(planned.plan.pending) and not yes
    if asks or not session.printer.wants_json:
        show_plan(session, provider, planned)
    engine.refuse_if_unsafe(planned.plan)
    if asks:
        confirm(session.printer)
    return asks


def _wish(provider: Provider, purge: bool | None) -> Wish | None:
    return None if purge is None else lambda snapshot: provider.teardown(snapshot, purge=purge)


def show_plan(session: Session, provider: Provider, planned: Planned) -> None:
    """The plan, before anything is asked or written."""
    from provisioner.reports.models import plan_report
    from provisioner.reports.text import plan_text

    verbose = session.printer.verbose
    if planned.plan.pending or planned.plan.waiting or planned.plan.refusals or verbose:
        report = plan_report(session.target(provider), planned.plan)
        session.printer.say(plan_text(report, provider.title, verbose=verbose) + "\n")


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
    plan: Plan,
    applied: Applied,
    snapshot: Snapshot,
    *,
    outlook: tuple[str, ...],
    seconds: float,
    error: ProvisionerError | None,
) -> int:
    from provisioner.reports.models import apply_report
    from provisioner.reports.text import apply_text

    report = apply_report(
        session.target(provider),
        plan,
        applied.done,
        after=applied.after.plan if applied.after else None,
        requests=provider.requests(),
        seconds=seconds,
        handoff=provider.handoff(snapshot),
        outlook=outlook,
        error=str(error) if error else None,
    )
    session.printer.report(report, apply_text(report))
    if error:
        raise error
    waits = bool(report.steps)
    next_command = "apply" if waits else "doctor"
    session.printer.next(f"provisioner {next_command} {session.flags}")
    return ExitCode.WAITING if waits else ExitCode.DONE
