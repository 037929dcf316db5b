"""provisioner sandbox console: what an admin does in Kiro's console and in a zone's editor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from provisioner.cli.options import DEFAULT_PROVIDER, ProviderName
from provisioner.cli.sandbox_console_okta import okta
from provisioner.core.errors import UsageError

# Modules of the sandbox are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.group()
def console() -> None:
    """Act as the admin in a simulated console.

    The consoles are Kiro's console, Okta's Admin Console, and the editor of a DNS zone.
    """


@console.command("create-profile")
@click.option("--client-id", required=True, help="Application (client) ID of Entra, Client ID of Okta.")
@click.option("--tenant-id", help="Directory (tenant) ID of Entra.")
@click.option("--issuer", help="Issuer URI of Okta's authorization server.")
def create_profile(client_id: str, tenant_id: str | None, issuer: str | None) -> None:
    """Create a Kiro profile for an application.

    \b
    Examples:
      provisioner sandbox console create-profile --client-id ID --tenant-id ID
      provisioner sandbox console create-profile --client-id ID --issuer URL
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox.kiro import console as kiro

    if (tenant_id is None) == (issuer is None):
        raise UsageError("give either --tenant-id (Entra) or --issuer (Okta)")
    with running_sandbox() as running:
        profile = kiro.create_profile(
            running.kiro, client_id, tenant_id or kiro.UNKNOWN, running.url, issuer=issuer
        )
        click.echo(f"Profile {profile['id']}")


@console.command("generate-token")
def generate_token() -> None:
    """Generate a SCIM token, and show the SCIM endpoint.

    Both are those of the newest profile. Kiro labels the token "access token", and shows it only this once.
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox import console_actions

    with running_sandbox() as running, _refusals():
        credentials = console_actions.generate_token(running)
    for name, value in credentials.items():
        click.echo(f"export {name}={value}")


@console.command("add-domain")
@click.argument("name")
@click.option(
    "--provider",
    type=ProviderName(),
    default=DEFAULT_PROVIDER,
    show_default=True,
    help="For which provider the profile is.",
)
def add_domain(name: str, provider: str) -> None:
    """Add a domain to the newest profile, and show its token."""
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox import console_actions

    with running_sandbox() as running, _refusals():
        token = console_actions.add_domain(running, provider, name)
    click.echo(f"export KIRO_DOMAIN_TOKEN={token}")


@console.command("remove-domain")
@click.argument("name")
def remove_domain(name: str) -> None:
    """Remove a domain from its profile.

    When you add it again, it gets another token.
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox.kiro import domains

    with running_sandbox() as running, _refusals():
        domains.remove_domain(running.kiro, name)
    click.echo(f"{name} is associated with no profile.")


@console.command("create-record")
@click.argument("name")
@click.argument("value")
@click.option("--ttl", type=click.IntRange(0, 604800), default=300, show_default=True)
def create_record(name: str, value: str, ttl: int) -> None:
    """Create a TXT record in the zone that contains NAME.

    \b
    Examples:
      provisioner sandbox console create-record kiro-app-1.contoso.example kiro-site-verification=...
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox import console_actions

    with running_sandbox() as running, _refusals():
        zone = console_actions.create_record(running, name, value, ttl)
    click.echo(f"{name} has the value, in the zone {zone}.")


console.add_command(okta)


@contextmanager
def _refusals() -> Iterator[None]:
    """Report the refusal of a console as a usage error."""
    from provisioner.sandbox.refusal import ConsoleRefusal

    try:
        yield
    except (ConsoleRefusal, ValueError) as refusal:
        raise UsageError(str(refusal)) from refusal
