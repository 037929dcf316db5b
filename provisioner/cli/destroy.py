"""provisioner destroy: remove what a playbook created."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import (
    no_wait_option,
    output_options,
    playbook_argument,
    sandbox_option,
    yes_option,
)

if TYPE_CHECKING:
    from provisioner.cli.output import Output

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@playbook_argument
@sandbox_option
@yes_option
@click.option(
    "--purge",
    is_flag=True,
    help="Delete permanently: Entra's recycle bin, and what is inactive in Okta.",
)
@no_wait_option
@output_options
def destroy(playbook: Path, sandbox: bool, yes: bool, purge: bool, no_wait: bool, output: Output) -> int:
    """Remove what the playbook created.

    Entra: turns provisioning off, and moves the application to the recycle bin. Okta: deactivates everything. Keeps what
    the playbook did not create, and what is under unmanaged. Until it is purged (Entra purges it after 30 days), apply
    restores it with the same client id.

    Kiro keeps the users and their subscriptions. Delete those in the Kiro console.

    \b
    Examples:
      provisioner destroy entra.yaml --sandbox
      provisioner destroy entra.yaml --purge
    """
    from provisioner.cli.changes import Approval, Goal, change_tenant
    from provisioner.cli.session import open_session

    goals = [Goal.DESTROYED, Goal.PURGED] if purge else [Goal.DESTROYED]
    with open_session(playbook, output, sandbox=sandbox) as session:
        code = change_tenant(session, goals, Approval(yes or sandbox, 1.0), wait_for_dns=not no_wait)
        output.message("\nKiro keeps the users and their subscriptions: delete those in the Kiro console.")
        if not purge:
            output.message(f"To restore it: provisioner apply {session.arguments}")
        return code
