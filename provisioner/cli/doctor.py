"""provisioner doctor: audit tenants, and fix findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.exit_codes import SEVERITIES
from provisioner.cli.options import (
    concurrency_option,
    playbooks_argument,
    report_options,
    sandbox_option,
    shard_option,
    snapshot_options,
)
from provisioner.core.errors import UsageError
from provisioner.core.untrusted import shell_argument
from provisioner.providers import checks_of

if TYPE_CHECKING:
    from provisioner.cli.fleet import Shard, SnapshotFiles
    from provisioner.cli.output import Output
    from provisioner.cli.session import Session
    from provisioner.core.check import Check
    from provisioner.core.provider import Provider
    from provisioner.providers import Playbook
    from provisioner.reports.models import AuditReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@playbooks_argument
@sandbox_option
@click.option(
    "--check", "check_ids", multiple=True, metavar="ID", help="Run only this check; may be repeated."
)
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "security", "never"]),
    default=SEVERITIES[0],
    show_default=True,
    help="Exit 3 for findings of at least this severity, or only for security findings.",
)
@click.option("--fix", is_flag=True, help="Fix what can be fixed, in the same way as apply. Asks first.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before fixing.")
@shard_option
@concurrency_option
@snapshot_options
@report_options
def doctor(
    playbooks: tuple[Path, ...],
    sandbox: bool,
    check_ids: tuple[str, ...],
    fail_on: str,
    fix: bool,
    yes: bool,
    shard: Shard | None,
    concurrency: int,
    snapshots: SnapshotFiles,
    output: Output,
) -> int:
    """Audit tenants, and fix what can be fixed.

    There is a check for every row of Kiro's troubleshooting tables, and more.

    PLAYBOOK is a file, a folder or a glob pattern. Default: every playbook in ./playbooks, or in the current folder. A check
    that lacks a permission is skipped, and names it. If one tenant cannot be read, the others are still reported.

    \b
    Examples:
      provisioner doctor
      provisioner doctor entra.yaml --check entra-token-version
      provisioner doctor entra.yaml --fix
      provisioner doctor tenants/ --fail-on high --report html=doctor.html
      provisioner doctor entra.yaml --save-snapshot entra.json --scrub-names
    """
    from provisioner.cli.exit_codes import doctor_exit_code
    from provisioner.cli.fleet import error_reports, for_each_playbook, only_error
    from provisioner.reports.building import doctor_report
    from provisioner.reports.text import doctor_text

    if fix and snapshots.source:
        raise UsageError("a saved snapshot can only be read", hint="remove --fix")

    async def make_report(session: Session, provider: Provider) -> AuditReport:
        checks = _select_checks(session.loaded.playbook, check_ids)
        return await _audit(session, provider, checks, fix=fix, yes=yes or sandbox)

    results = for_each_playbook(
        playbooks,
        output,
        make_report,
        sandbox=sandbox,
        concurrency=1 if fix else concurrency,
        shard=shard,
        snapshots=snapshots,
        wait_for_dns=fix,
    )
    audits = tuple(result.value for result in results if result.value is not None)
    report = doctor_report(audits, error_reports(results), str(shard) if shard else None)
    error = only_error(results, shard)
    output.report(report, doctor_text(report, verbose=output.verbose), failed=error is not None)
    if not fix:
        output.next_commands(*_fix_commands(audits, sandbox=sandbox))
    if error is not None:
        raise error
    return doctor_exit_code(report, fail_on)


def _fix_commands(audits: Sequence[AuditReport], *, sandbox: bool) -> list[str]:
    """The commands that fix findings, one for each playbook that has some."""
    flags = f"{' --sandbox' if sandbox else ''} --fix"
    return [
        f"provisioner doctor {shell_argument(audit.target.playbook)}{flags}"
        for audit in audits
        if any(finding.fix == "automatic" for finding in audit.findings)
    ]


def _select_checks(playbook: Playbook, check_ids: Sequence[str]) -> tuple[Check, ...]:
    """The checks with these ids; if there are none, all checks for what the playbook contains.

    Raises:
        UsageError: there is no such check.
    """
    if not check_ids:
        prefixes = (playbook.provider,) if playbook.domains is None else (playbook.provider, "dns")
        return tuple(check for prefix in prefixes for check in checks_of(prefix))
    checks = {check.id: check for prefix in (playbook.provider, "dns") for check in checks_of(prefix)}
    for check_id in check_ids:
        if check_id not in checks:
            raise UsageError(
                f"there is no check {check_id!r}", hint="list the checks: provisioner checks list"
            )
    return tuple(checks[check_id] for check_id in check_ids)


async def _audit(
    session: Session, provider: Provider, checks: tuple[Check, ...], *, fix: bool, yes: bool
) -> AuditReport:
    """Run checks. If requested, fix their findings and run them again."""
    from provisioner import engine
    from provisioner.cli.changes import confirm, show_plan
    from provisioner.reports.building import applied_changes, audit_report

    planned, findings = await engine.audit(provider, checks)
    applied = engine.ApplyResult()
    fixed_state = engine.combined_fix(findings)
    if fix and (fixed_state.resources or fixed_state.absent or fixed_state.exhaustive):
        planned = engine.plan_fix(planned, fixed_state)
        show_plan(session, provider, planned)
        if planned.plan.pending and not yes and not planned.plan.refusals:
            confirm(session.output)
        await engine.apply(
            provider,
            planned,
            session.output,
            applied,
            fresh=yes,
            run_manual_step=session.manual_step_runner(),
        )
        _, findings = await engine.audit(provider, checks)
    return audit_report(
        session.target(provider),
        findings,
        applied_changes(applied.done),
        provider.requests(),
        checks=checks,
        context=session.report_context(),
    )
