"""provisioner schema: JSON Schema of playbooks and reports."""

from __future__ import annotations

import json

import click

from provisioner.cli.options import ProviderName

# Modules that load pydantic are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

_REPORTS = ("plan", "apply", "drift", "doctor", "permissions", "handoff", "export", "diff")


@click.command()
@click.argument("document", type=click.Choice(["playbook", *_REPORTS]), default="playbook")
@click.option("--provider", type=ProviderName(), help="Only the playbooks of this provider.")
def schema(document: str, provider: str | None) -> None:
    """Print the JSON Schema of playbooks, or of a report.

    Editors use the schema of playbooks. Name a command for the schema of its JSON report.

    \b
    Examples:
      provisioner schema > playbook.schema.json
      provisioner schema doctor
    """
    from provisioner.playbook import json_schema
    from provisioner.reports.registry import REPORTS

    if document == "playbook":
        content = json_schema(provider)
    else:
        content = REPORTS[document].model_json_schema(by_alias=True)
    click.echo(json.dumps(content, indent=2))
