"""provisioner handoff: the values to copy between the consoles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import output_options, playbook_argument, sandbox_option
from provisioner.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.core.provider import Provider
    from provisioner.core.snapshot import Snapshot
    from provisioner.providers.dns.resources import DomainRecord
    from provisioner.reports.models import HandoffReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@playbook_argument
@sandbox_option
@click.option(
    "--record",
    "notation",
    type=click.Choice(["plain", "zonefile", "route53", "terraform"]),
    help="Print only the TXT records, ready to paste: for a zone file, as a Route 53 change batch, for Terraform.",
)
@output_options
def handoff(playbook: Path, sandbox: bool, notation: str | None, output: Output) -> int:
    """Print the values to copy between the consoles.

    Exits 4 while a manual step is pending.

    \b
    Examples:
      provisioner handoff entra.yaml
      provisioner handoff entra.yaml --record route53 > change-batch.json
    """
    from provisioner import engine
    from provisioner.cli.session import open_session
    from provisioner.reports.building import handoff_report
    from provisioner.reports.text import handoff_text

    if notation:
        return _print_records(playbook, sandbox, notation, output)
    with open_session(playbook, output, sandbox=sandbox) as session:

        async def make_report(provider: Provider) -> HandoffReport:
            planned = await engine.plan(provider)
            return handoff_report(session.target(provider), provider.handoff(planned.snapshot), planned.plan)

        report = session.run(make_report)
        output.report(report, handoff_text(report))
        return ExitCode.WAITING if report.manual_steps else ExitCode.DONE


def _print_records(playbook: Path, sandbox: bool, notation: str, output: Output) -> int:
    """Print the TXT records in one notation, with the other values at the same names."""
    from provisioner import engine
    from provisioner.cli.session import open_session
    from provisioner.providers.dns.records import RecordFormat, other_values, render_record
    from provisioner.providers.dns.resources import DomainRecord

    async def read_records(provider: Provider) -> tuple[tuple[DomainRecord, ...], Snapshot]:
        planned = await engine.plan(provider)
        resources = planned.desired.resources
        return tuple(
            resource for resource in resources if isinstance(resource, DomainRecord)
        ), planned.snapshot

    with open_session(playbook, output, sandbox=sandbox) as session:
        if not session.loaded.playbook.domains:
            raise UsageError(f"{playbook} has no domains", hint="name them under domains: in the playbook")
        records, snapshot = session.run(read_records)
        for record in records:
            existing = other_values(record, snapshot)
            click.echo(render_record(record, RecordFormat(notation), other_values=existing).rstrip())
        return ExitCode.DONE if all(record.value for record in records) else ExitCode.WAITING
