"""provisioner plan: what apply would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import (
    max_removals_option,
    new_profile_option,
    playbook_argument,
    report_options,
    sandbox_option,
)
from provisioner.core.errors import ExitCode

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.core.provider import Provider
    from provisioner.reports.models import PlanReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@playbook_argument
@sandbox_option
@max_removals_option
@new_profile_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the plan into this file. Once it is approved, apply --plan makes exactly these changes.",
)
@report_options
def plan(
    playbook: Path,
    sandbox: bool,
    max_removals: float | None,
    new_profile: bool,
    out: Path | None,
    output: Output,
) -> int:
    """Show what apply would change; change nothing.

    Exits 0 when the tenant matches the playbook, 3 when something is pending, 5 when a guard would refuse.

    \b
    Examples:
      provisioner plan entra.yaml
      provisioner plan entra.yaml --format json | jq .summary
      provisioner plan entra.yaml --out plan.json --report markdown=plan.md
    """
    from provisioner import engine
    from provisioner.cli.changes import guards_for
    from provisioner.cli.session import open_session
    from provisioner.reports.building import plan_report
    from provisioner.reports.text import plan_text

    with open_session(playbook, output, sandbox=sandbox) as session:

        async def make_report(provider: Provider) -> PlanReport:
            guards = guards_for(session, provider, max_removals, new_profile=new_profile)
            planned = await engine.plan(provider, guards=guards)
            return plan_report(session.target(provider), planned.plan, session.report_context())

        report = session.run(make_report)
        output.report(report, plan_text(report, verbose=output.verbose))
        if out:
            output.write_json(report, out)
        if report.refusals:
            return ExitCode.REFUSED
        if report.in_sync:
            return ExitCode.DONE
        output.next_commands(f"provisioner apply {session.arguments}")
        return ExitCode.FINDINGS
