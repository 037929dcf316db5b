"""provisioner diff: compare two playbooks, snapshots or tenants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import PLAYBOOK, output_options, sandbox_option
from provisioner.core.errors import ExitCode, UsageError
from provisioner.providers import PROVIDERS, provider_module

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.cli.session import Workspace
    from provisioner.core.comparison import Side
    from provisioner.core.provider import Provider
    from provisioner.reports.diff import SideReport

# Modules that load pydantic or an SDK are imported inside the functions: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@click.argument("left", type=PLAYBOOK)
@click.argument("right", type=PLAYBOOK)
@click.option("--live", is_flag=True, help="Compare the tenants of the playbooks, not the playbooks.")
@sandbox_option
@output_options
def diff(left: Path, right: Path, live: bool, sandbox: bool, output: Output) -> int:
    """Compare two playbooks, saved snapshots (.json), or tenants.

    You can also compare a playbook with a snapshot; what the playbook does not manage is then not compared. The names of the
    integrations and the identifiers that a tenant assigns, such as client ids, are ignored. Exits 0 when the two are the
    same, 3 when they differ.

    \b
    Examples:
      provisioner diff staging.yaml production.yaml
      provisioner diff entra.yaml last-week.json
      provisioner diff staging.yaml production.yaml --live
    """
    from provisioner.cli.session import open_workspace
    from provisioner.core.comparison import compare
    from provisioner.reports.diff import diff_report, diff_text

    with open_workspace(output, sandbox=sandbox) as workspace:
        left_report, left_side = _read_side(workspace, left, live=live)
        right_report, right_side = _read_side(workspace, right, live=live)
    if left_report.provider != right_report.provider:
        raise UsageError(
            f"{left} is about {left_report.provider}, {right} about {right_report.provider}: they cannot be compared"
        )
    report = diff_report(left_report, right_report, compare(left_side, right_side))
    output.report(report, diff_text(report))
    return ExitCode.DONE if report.same else ExitCode.FINDINGS


def _read_side(workspace: Workspace, file: Path, *, live: bool) -> tuple[SideReport, Side]:
    """One of the two sides: a snapshot if the file ends with .json, else a playbook or its tenant."""
    return _read_snapshot(file) if file.suffix == ".json" else _read_playbook(workspace, file, live=live)


def _read_snapshot(file: Path) -> tuple[SideReport, Side]:
    from provisioner import snapshots
    from provisioner.core.comparison import Side
    from provisioner.reports.diff import SideReport

    for name in PROVIDERS:
        provider_module(name)  # registers the provider's kinds of resources
    saved = snapshots.load(file)
    report = SideReport(
        file=str(file), source="snapshot", name=saved.name, provider=saved.provider, tenant=saved.tenant
    )
    return report, Side.of_snapshot(saved.name, saved.snapshot)


def _read_playbook(workspace: Workspace, file: Path, *, live: bool) -> tuple[SideReport, Side]:
    from provisioner.core.comparison import Side
    from provisioner.reports.diff import SideReport

    session = workspace.session(file)
    playbook = session.loaded.playbook

    async def read(provider: Provider) -> tuple[SideReport, Side]:
        report = SideReport(
            file=str(file),
            source="tenant" if live else "playbook",
            name=playbook.name,
            provider=playbook.provider,
            tenant=provider.tenant,
        )
        if live:
            return report, Side.of_snapshot(playbook.name, await provider.read())
        return report, Side.of_playbook(playbook.name, provider.desired_state())

    return session.run(read)
