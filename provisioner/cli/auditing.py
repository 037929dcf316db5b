"""doctor, checks, permissions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import output_options, playbook_argument, playbooks_argument, sandbox_option
from provisioner.core.errors import ExitCode, UsageError
from provisioner.providers import CATALOGUES, catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.cli.printing import Printer
    from provisioner.cli.session import Session
    from provisioner.core.check import Check
    from provisioner.core.provider import PermissionsNeeded, Provider
    from provisioner.providers import Playbook
    from provisioner.reports.models import AuditReport, DoctorReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

_LEVELS = ("low", "medium", "high")


@click.command()
@playbooks_argument
@sandbox_option
@click.option("--check", "wanted", multiple=True, metavar="ID", help="Only this check; may be repeated.")
@click.option(
    "--fail-on",
    type=click.Choice([*_LEVELS, "never"]),
    default="low",
    show_default=True,
    help="Exit 3 for findings of at least this severity.",
)
@click.option(
    "--fix", is_flag=True, help="Repair what can be repaired, by the same way as apply; asks first."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before repairing.")
@output_options
def doctor(
    playbook: tuple[Path, ...],
    sandbox: bool,
    wanted: tuple[str, ...],
    fail_on: str,
    fix: bool,
    yes: bool,
    printer: Printer,
) -> int:
    """Audit tenants: every row of the vendor's troubleshooting table, and more.

    Without arguments: every playbook in ./playbooks, or here. What may not be read is skipped, and the missing
    permission named.

    \b
    Examples:
      provisioner doctor
      provisioner doctor entra.yaml --check entra-token-version
      provisioner doctor entra.yaml --fix
    """
    from provisioner.cli.session import Neighbours, found, opened
    from provisioner.reports.models import doctor_report
    from provisioner.reports.text import audit_text

    audits: list[AuditReport] = []
    texts: list[str] = []
    repairs: list[str] = []
    files = found(playbook)
    among = Neighbours(files)
    for file in files:
        with opened(file, printer, sandbox=sandbox, among=among) as session:
            chosen = _chosen(session.loaded.playbook, wanted)
            audit = _audit(session, chosen, fix=fix, yes=yes or sandbox)
            audits.append(audit)
            titles = {check.id: check.title for check in chosen}
            texts.append(audit_text(audit, titles, verbose=printer.verbose))
            if not fix and any(finding.fix == "automatic" for finding in audit.findings):
                repairs.append(f"provisioner doctor {session.flags} --fix")
    report = doctor_report(tuple(audits))
    printer.report(report, "\n\n".join(texts))
    printer.next(*repairs)
    return _verdict(report, fail_on)


def _verdict(report: DoctorReport, fail_on: str) -> int:
    if report.summary["error"]:
        return ExitCode.ERROR
    counted = () if fail_on == "never" else _LEVELS[_LEVELS.index(fail_on) :]
    failed = any(finding.status == "fail" and finding.severity in counted for finding in report.findings)
    return ExitCode.FINDINGS if failed else ExitCode.DONE


def _chosen(playbook: Playbook, wanted: Sequence[str]) -> tuple[Check, ...]:
    """The checks to run: those wanted, or all that are about what the playbook has."""
    about = ("dns",) if playbook.domains is not None else ()
    if not wanted:
        return tuple(check for name in (playbook.provider, *about) for check in catalogue(name))
    known = {check.id: check for name in (playbook.provider, "dns") for check in catalogue(name)}
    for identifier in wanted:
        if identifier not in known:
            raise _no_such_check(identifier)
    return tuple(known[identifier] for identifier in wanted)


def _no_such_check(identifier: str) -> UsageError:
    return UsageError(f"there is no check {identifier!r}", hint="list them: provisioner checks list")


def _audit(session: Session, checks: tuple[Check, ...], *, fix: bool, yes: bool) -> AuditReport:
    from provisioner import engine
    from provisioner.cli.changing import confirm, show_plan
    from provisioner.reports.models import audit_report, done_reports

    async def work(provider: Provider) -> AuditReport:
        planned, findings = await engine.audit(provider, checks)
        applied = engine.Applied()
        wished = engine.fixes(findings)
        if fix and (wished.resources or wished.absent or wished.exhaustive):
            repair = engine.replanned(provider, planned, wished)
            show_plan(session, provider, repair)
            if repair.plan.pending and not yes and not repair.plan.refusals:
                confirm(session.printer)
            await engine.apply(provider, repair, session.printer, applied, fresh=yes, person=session.person())
            _, findings = await engine.audit(provider, checks)
        return audit_report(
            session.target(provider), findings, done_reports(applied.done), provider.requests()
        )

    return session.run(work, wait=fix)


@click.group()
def checks() -> None:
    """List and explain the checks of doctor."""


@checks.command("list")
@click.option("--provider", type=click.Choice(CATALOGUES), help="Only this provider's, or those of domains.")
def list_checks(provider: str | None) -> None:
    """One line for each check."""
    listed = [check for name in ([provider] if provider else CATALOGUES) for check in catalogue(name)]
    width = max(len(check.id) for check in listed)
    for check in listed:
        click.echo(f"{check.id:<{width}}  {check.severity.label:<6}  {check.title}")


@checks.command("show")
@click.argument("identifier")
def show_check(identifier: str) -> None:
    """Explain a check: symptom, why, fix, source."""
    whose = identifier.partition("-")[0]  # every id begins with it
    known = {check.id: check for check in (catalogue(whose) if whose in CATALOGUES else ())}
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
    """Show what the playbook needs: API permissions (granted or missing), the admin role, the AWS policy.

    Exits 3 when a permission is missing.
    """
    from provisioner.cli.session import opened
    from provisioner.providers.kiro import iam_policy
    from provisioner.reports.models import PermissionReport, PermissionsReport
    from provisioner.reports.text import permissions_text

    async def work(provider: Provider) -> tuple[PermissionsNeeded, Provider]:
        return await provider.needed_permissions(), provider

    with opened(playbook, printer, sandbox=sandbox) as session:
        needed, provider = session.run(work)
        report = PermissionsReport(
            target=session.target(provider),
            needs=tuple(PermissionReport(**need.model_dump()) for need in needed.needs),
            missing=tuple(need.purpose for need in needed.needs if need.granted is False),
            kind=needed.kind,
            who=needed.who,
            role=needed.role,
            problem=needed.problem,
            aws_policy=iam_policy(),
        )
        printer.report(report, permissions_text(report, provider.title))
        return ExitCode.FINDINGS if report.missing else ExitCode.DONE
