"""provisioner permissions: what a playbook needs, and what the credentials have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import output_options, playbook_argument, sandbox_option
from provisioner.core.errors import ExitCode

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.core.provider import Provider
    from provisioner.reports.models import PermissionsReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@playbook_argument
@sandbox_option
@output_options
def permissions(playbook: Path, sandbox: bool, output: Output) -> int:
    """List the needed permissions, and whether they are granted.

    These are API permissions, the admin role, and the AWS policy. Exits 3 when a permission is missing.
    """
    from provisioner.cli.session import open_session
    from provisioner.providers.kiro import iam_policy
    from provisioner.reports.building import permissions_report
    from provisioner.reports.text import permissions_text

    with open_session(playbook, output, sandbox=sandbox) as session:

        async def make_report(provider: Provider) -> PermissionsReport:
            return permissions_report(session.target(provider), await provider.permissions(), iam_policy())

        report = session.run(make_report)
        output.report(report, permissions_text(report))
        return ExitCode.FINDINGS if report.missing else ExitCode.DONE
