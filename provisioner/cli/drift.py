"""provisioner drift: whether tenants still match their playbooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import (
    concurrency_option,
    playbooks_argument,
    report_options,
    sandbox_option,
    shard_option,
    snapshot_options,
)
from provisioner.core.untrusted import shell_argument

if TYPE_CHECKING:
    from provisioner.cli.fleet import Shard, SnapshotFiles
    from provisioner.cli.output import Output
    from provisioner.cli.session import Session
    from provisioner.core.check import Finding
    from provisioner.core.provider import Provider
    from provisioner.engine import PlanResult
    from provisioner.reports.models import PlanReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command(short_help="Detect drift: fail when a tenant no longer matches its playbook")
@playbooks_argument
@sandbox_option
@click.option(
    "--fail-on",
    type=click.Choice(["any", "security", "never"]),
    default="any",
    show_default=True,
    help="Exit 3 for any drift, or only for security drift.",
)
@click.option("--unmanaged", is_flag=True, help="Also list the values that the playbooks do not manage.")
@shard_option
@concurrency_option
@snapshot_options
@report_options
def drift(
    playbooks: tuple[Path, ...],
    sandbox: bool,
    fail_on: str,
    unmanaged: bool,
    shard: Shard | None,
    concurrency: int,
    snapshots: SnapshotFiles,
    output: Output,
) -> int:
    """Detect drift: fail when a tenant no longer matches its playbook.

    PLAYBOOK is a file, a folder or a glob pattern. Default: every playbook in ./playbooks, or in the current folder. Exits 0
    when every tenant matches its playbook, 3 when one does not, and 1 when one cannot be read.

    \b
    Examples:
      provisioner drift
      provisioner drift tenants/ --fail-on security
      provisioner drift 'tenants/*/entra.yaml' --report sarif=drift.sarif --report markdown=drift.md
      provisioner drift tenants/ --shard 2/8 --format json > drift-2.json
    """
    from provisioner.cli.exit_codes import drift_exit_code
    from provisioner.cli.fleet import error_reports, for_each_playbook, only_error
    from provisioner.reports.building import drift_report
    from provisioner.reports.text import drift_text

    async def make_report(session: Session, provider: Provider) -> PlanReport:
        return await _plan_report(session, provider, unmanaged=unmanaged)

    results = for_each_playbook(
        playbooks,
        output,
        make_report,
        sandbox=sandbox,
        concurrency=concurrency,
        shard=shard,
        snapshots=snapshots,
    )
    plans = tuple(result.value for result in results if result.value is not None)
    report = drift_report(plans, error_reports(results), str(shard) if shard else None)
    error = only_error(results, shard)
    output.report(report, drift_text(report, verbose=output.verbose), failed=error is not None)
    flag = " --sandbox" if sandbox else ""
    output.next_commands(
        *(
            f"provisioner apply {shell_argument(plan.target.playbook)}{flag}"
            for plan in plans
            if not plan.in_sync
        )
    )
    if error is not None:
        raise error
    return drift_exit_code(report, fail_on)


async def _plan_report(session: Session, provider: Provider, *, unmanaged: bool) -> PlanReport:
    """The plan of one playbook, and the security findings that apply cannot fix."""
    from provisioner import engine
    from provisioner.core.drift import unmanaged_values
    from provisioner.reports.building import finding_reports, plan_report

    planned = await engine.plan(provider)
    checks = tuple(check for check in provider.checks if check.security)
    context = session.report_context()
    values = unmanaged_values(planned.desired, planned.snapshot) if unmanaged else ()
    return plan_report(session.target(provider), planned.plan, context).model_copy(
        update={
            "requests": provider.requests(),
            "findings": finding_reports(_unfixable_findings(provider, planned), checks, context),
            "unmanaged": tuple(values),
        }
    )


def _unfixable_findings(provider: Provider, planned: PlanResult) -> list[Finding]:
    """Security findings without a fix, in the snapshot of the plan."""
    from provisioner.core.check import CheckContext, Status

    context = CheckContext(planned.snapshot, planned.desired)
    findings = (finding for check in provider.checks if check.security for finding in check.run(context))
    return [finding for finding in findings if finding.status is Status.FAIL and finding.fix is None]
