"""doctor, checks, permissions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import (
    SnapshotFiles,
    at_once_option,
    output_options,
    playbook_argument,
    playbooks_argument,
    report_options,
    sandbox_option,
    shard_option,
    snapshot_options,
)
from provisioner.cli.surveying import failures, sole_error, surveyed
from provisioner.core.errors import ExitCode, ProvisionerError, UsageError
from provisioner.providers import CHECK_PREFIXES, checks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.cli.printing import Printer
    from provisioner.cli.session import Session
    from provisioner.core.check import Check
    from provisioner.core.provider import PermissionSummary, Provider
    from provisioner.fleet import Shard
    from provisioner.providers import Playbook
    from provisioner.reports.models import AuditReport, DoctorReport, FindingReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

_LEVELS = ("low", "medium", "high")


@click.command()
@playbooks_argument
@sandbox_option
@click.option("--check", "wanted", multiple=True, metavar="ID", help="Only this check; may be repeated.")
@click.option(
    "--fail-on",
    type=click.Choice([*_LEVELS, "security", "never"]),
    default="low",
    show_default=True,
    help="Exit 3 for findings of at least this severity, or only for those of security.",
)
@click.option(
    "--fix", is_flag=True, help="Repair what can be repaired, by the same way as apply; asks first."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before repairing.")
@shard_option
@at_once_option
@snapshot_options
@report_options
def doctor(
    playbook: tuple[Path, ...],
    sandbox: bool,
    wanted: tuple[str, ...],
    fail_on: str,
    fix: bool,
    yes: bool,
    shard: Shard | None,
    at_once: int,
    snapshots: SnapshotFiles,
    printer: Printer,
) -> int:
    """Audit tenants, by the troubleshooting tables and beyond.

    Every row of the vendor's tables is a check. Files, folders and patterns; without any, every playbook in ./playbooks, or
    here. What may not be read is skipped, and the missing permission named; a tenant that cannot be read at all hides none
    of the others.

    \b
    Examples:
      provisioner doctor
      provisioner doctor entra.yaml --check entra-token-version
      provisioner doctor entra.yaml --fix
      provisioner doctor tenants/ --fail-on high --report html=doctor.html
      provisioner doctor entra.yaml --save-snapshot entra.json --scrub-names
    """
    from provisioner.reports.building import doctor_report
    from provisioner.reports.text import doctor_text

    async def work(session: Session, provider: Provider) -> AuditReport:
        chosen = _chosen(session.loaded.playbook, wanted)
        return await _audited(session, provider, chosen, fix=fix, yes=yes or sandbox)

    if fix and snapshots.source:
        raise UsageError("a saved snapshot can only be looked at", hint="leave --fix out")
    results = surveyed(
        playbook,
        printer,
        work,
        sandbox=sandbox,
        at_once=1 if fix else at_once,
        shard=shard,
        snapshots=snapshots,
        wait=fix,
    )
    audits = tuple(result.value for result in results if result.value is not None)
    report = doctor_report(audits, failures(results), str(shard) if shard else None)
    sole = sole_error(results, shard)
    printer.report(report, doctor_text(report, verbose=printer.verbose), failed=sole is not None)
    flags = f"{' --sandbox' if sandbox else ''} --fix"
    repairable = (audit for audit in audits if any(found.fix == "automatic" for found in audit.findings))
    if not fix:
        printer.next(*(f"provisioner doctor {audit.target.playbook}{flags}" for audit in repairable))
    return verdict(report, fail_on, sole)


def verdict(report: DoctorReport, fail_on: str, sole: ProvisionerError | None = None) -> int:
    """One exit code for all: what could not be looked at outweighs what was found; see :func:`.surveying.verdict`."""
    from provisioner.cli.failing import report_error

    if sole is not None:
        report_error(sole)
        return sole.exit_code
    if report.errors or report.summary["error"]:
        return ExitCode.ERROR
    return ExitCode.FINDINGS if any(_counts(found, fail_on) for found in report.findings) else ExitCode.DONE


def _counts(finding: FindingReport, fail_on: str) -> bool:
    """Whether a finding is one that the exit code tells of."""
    from provisioner.reports.models import is_waived

    if finding.status != "fail" or is_waived(finding):
        return False
    if fail_on == "security":
        return finding.category == "security"
    return fail_on != "never" and finding.severity in _LEVELS[_LEVELS.index(fail_on) :]


def _chosen(playbook: Playbook, wanted: Sequence[str]) -> tuple[Check, ...]:
    """The checks to run: those wanted, or all that are about what the playbook has."""
    about = ("dns",) if playbook.domains is not None else ()
    if not wanted:
        return tuple(check for name in (playbook.provider, *about) for check in checks_of(name))
    known = {check.id: check for name in (playbook.provider, "dns") for check in checks_of(name)}
    for identifier in wanted:
        if identifier not in known:
            raise _no_such_check(identifier)
    return tuple(known[identifier] for identifier in wanted)


def _no_such_check(identifier: str) -> UsageError:
    return UsageError(f"there is no check {identifier!r}", hint="list them: provisioner checks list")


async def _audited(
    session: Session, provider: Provider, checks: tuple[Check, ...], *, fix: bool, yes: bool
) -> AuditReport:
    from provisioner import engine
    from provisioner.cli.changing import confirm, show_plan
    from provisioner.reports.building import applied_changes, audit_report

    planned, findings = await engine.audit(provider, checks)
    applied = engine.ApplyResult()
    wished = engine.fixes(findings)
    if fix and (wished.resources or wished.absent or wished.exhaustive):
        repair = engine.replan(provider, planned, wished)
        show_plan(session, provider, repair)
        if repair.plan.pending and not yes and not repair.plan.refusals:
            confirm(session.printer)
        await engine.apply(
            provider, repair, session.printer, applied, fresh=yes, run_manual_step=session.person()
        )
        _, findings = await engine.audit(provider, checks)
    return audit_report(
        session.target(provider),
        findings,
        applied_changes(applied.done),
        provider.requests(),
        checks=checks,
        context=session.context(),
    )


@click.group()
def checks() -> None:
    """List and explain the checks of doctor."""


@checks.command("list")
@click.option(
    "--provider", type=click.Choice(CHECK_PREFIXES), help="Only this provider's, or those of domains."
)
def list_checks(provider: str | None) -> None:
    """One line for each check."""
    listed = [check for name in ([provider] if provider else CHECK_PREFIXES) for check in checks_of(name)]
    width = max(len(check.id) for check in listed)
    for check in listed:
        click.echo(f"{check.id:<{width}}  {check.severity.label:<6}  {check.title}")


@checks.command("show")
@click.argument("identifier")
def show_check(identifier: str) -> None:
    """Explain a check: symptom, why, fix, source."""
    whose = identifier.partition("-")[0]  # every id begins with it
    known = {check.id: check for check in (checks_of(whose) if whose in CHECK_PREFIXES else ())}
    if identifier not in known:
        raise _no_such_check(identifier)
    check = known[identifier]
    click.echo(f"{click.style(check.id, bold=True)}  {check.severity.label}\n\n{check.title}\n")
    for heading, text in check.sections.items():
        click.echo(f"{click.style(heading, bold=True)}: {text}")


@click.command()
@playbook_argument
@sandbox_option
@output_options
def permissions(playbook: Path, sandbox: bool, printer: Printer) -> int:
    """Show what the playbook needs, and whether it is granted.

    API permissions, the admin role, the AWS policy.
    Exits 3 when a permission is missing.
    """
    from provisioner.cli.session import opened
    from provisioner.providers.kiro import iam_policy
    from provisioner.reports.building import permissions_report
    from provisioner.reports.text import permissions_text

    async def work(provider: Provider) -> tuple[PermissionSummary, Provider]:
        return await provider.permissions(), provider

    with opened(playbook, printer, sandbox=sandbox) as session:
        needed, provider = session.run(work)
        report = permissions_report(session.target(provider), needed, iam_policy())
        printer.report(report, permissions_text(report))
        return ExitCode.FINDINGS if report.missing else ExitCode.DONE
