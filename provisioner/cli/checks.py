"""provisioner checks: the checks of doctor."""

from __future__ import annotations

import click

from provisioner.cli.options import ProviderName
from provisioner.core.errors import UsageError
from provisioner.providers import check_prefixes, checks_of


@click.group()
def checks() -> None:
    """List and explain the checks of doctor."""


@checks.command("list")
@click.option(
    "--provider", type=ProviderName("dns"), help="Only the checks of this provider, or of domains (dns)."
)
def list_checks(provider: str | None) -> None:
    """Print the checks, one per line."""
    prefixes = [provider] if provider else check_prefixes()
    listed = [check for prefix in prefixes for check in checks_of(prefix)]
    width = max((len(check.id) for check in listed), default=0)
    for check in listed:
        click.echo(f"{check.id:<{width}}  {check.severity.label:<6}  {check.title}")


@checks.command("show")
@click.argument("identifier", metavar="ID")
def show_check(identifier: str) -> None:
    """Explain a check: symptom, why, fix, source."""
    prefix = identifier.partition("-")[0]
    candidates = checks_of(prefix) if prefix in check_prefixes() else ()
    check = next((check for check in candidates if check.id == identifier), None)
    if check is None:
        raise UsageError(f"there is no check {identifier!r}", hint="list the checks: provisioner checks list")
    click.echo(f"{click.style(check.id, bold=True)}  {check.severity.label}\n\n{check.title}\n")
    for heading, text in check.sections.items():
        click.echo(f"{click.style(heading, bold=True)}: {text}")
