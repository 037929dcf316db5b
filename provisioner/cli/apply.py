"""provisioner apply: bring a tenant into the state that a playbook describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import (
    max_removals_option,
    new_profile_option,
    no_wait_option,
    output_options,
    playbook_argument,
    sandbox_option,
    yes_option,
)
from provisioner.core.errors import UsageError
from provisioner.file_reading import MAX_REPORT_BYTES, read_bytes

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.reports.models import PlanReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@playbook_argument
@sandbox_option
@yes_option
@max_removals_option
@new_profile_option
@no_wait_option
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Apply the plan in this file (plan --out writes it) without asking; refuse if a new plan differs.",
)
@output_options
def apply(
    playbook: Path,
    sandbox: bool,
    yes: bool,
    max_removals: float | None,
    new_profile: bool,
    no_wait: bool,
    plan_file: Path | None,
    output: Output,
) -> int:
    """Apply a playbook.

    Shows the plan, and asks before it changes a tenant. When you run it again, it changes nothing.

    Some steps have no API. They are printed with the exact values; while one is pending, apply exits 4. Run it again
    after you have performed them.

    \b
    Examples:
      provisioner apply entra.yaml --sandbox
      provisioner apply entra.yaml
      provisioner apply entra.yaml --yes --format json
      provisioner apply entra.yaml --plan plan.json
    """
    from provisioner.cli.changes import Approval, Goal, change_tenant
    from provisioner.cli.session import open_session

    approved = read_plan(plan_file) if plan_file else None
    with open_session(playbook, output, sandbox=sandbox) as session:
        approval = Approval(
            yes or sandbox or approved is not None, max_removals, approved, new_profile=new_profile
        )
        return change_tenant(session, [Goal.PLAYBOOK], approval, wait_for_dns=not no_wait)


def read_plan(file: Path) -> PlanReport:
    """A plan that was written by ``plan --out``.

    Raises:
        UsageError: the file cannot be read, or is not a plan.
    """
    from pydantic import ValidationError

    from provisioner.reports.models import PlanReport

    data = read_bytes(file, MAX_REPORT_BYTES)
    try:
        return PlanReport.model_validate_json(data)
    except ValidationError as error:
        raise UsageError(
            f"{file} is not a plan", hint="write one: provisioner plan PLAYBOOK --out FILE"
        ) from error
