"""sandbox console: doing by hand what people do in the Kiro console and in Okta's Admin Console."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from provisioner.core.errors import UsageError
from provisioner.providers import NAMES
from provisioner.settings import Variables

if TYPE_CHECKING:
    from provisioner.sandbox import Sandbox

# Modules that load the server are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

APP = click.option(
    "--app", "label", metavar="LABEL", help="Label of the SCIM application; the newest by default."
)


@click.group()
def console() -> None:
    """Do by hand what a person does in a console.

    In Kiro's, in Okta's Admin Console, and in a zone's editor.
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
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox.kiro import console as kiro

    if (tenant_id is None) == (issuer is None):
        raise UsageError("either --tenant-id (Entra) or --issuer (Okta) is needed")
    with running_sandbox() as running:
        profile = kiro.create_profile(
            running.kiro, client_id, tenant_id or kiro.UNKNOWN, running.url, issuer=issuer
        )
        click.echo(f"Profile {profile['id']}")


@console.command("generate-token")
def generate_token() -> None:
    """Generate an access token, and show the SCIM endpoint.

    Of the newest profile; the token is shown only this once.
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running:
        try:
            brought = control.generate_token(running)
        except ValueError as error:
            raise UsageError(str(error)) from error
    for name, value in brought.items():
        click.echo(f"export {name}={value}")


@console.command("add-domain")
@click.argument("name")
@click.option(
    "--provider", type=click.Choice(NAMES), default="entra", show_default=True, help="Whose profile."
)
def add_domain(name: str, provider: str) -> None:
    """Add a domain to the newest profile, and show its token."""
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running, _refusals():
        token = control.add_domain(running, name, provider)
    click.echo(f"export KIRO_DOMAIN_TOKEN={token}")


@console.command("remove-domain")
@click.argument("name")
def remove_domain(name: str) -> None:
    """Take a domain off its profile.

    Added again, it has another token.
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox.kiro import domains

    with running_sandbox() as running, _refusals():
        domains.remove_domain(running.kiro, name)
    click.echo(f"{name} is associated with no profile.")


@console.command("create-record")
@click.argument("name")
@click.argument("value")
@click.option("--ttl", type=click.IntRange(0, 604800), default=300, show_default=True)
def create_record(name: str, value: str, ttl: int) -> None:
    """Make a TXT record in the zone that NAME is in.

    \b
    Examples:
      provisioner sandbox console create-record kiro-app-1.contoso.example kiro-site-verification=...
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running, _refusals():
        zone = control.create_record(running, name, value, ttl)
    click.echo(f"{name} has the value, in the zone {zone}.")


@console.group()
def okta() -> None:
    """The Provisioning tab of Okta's Admin Console."""


@okta.command("enable-provisioning")
@APP
@click.option("--url", help="Base URL. Default: the SCIM endpoint of the simulated Kiro console.")
@click.option("--token-stdin", is_flag=True, help="Read the API token from standard input.")
@click.option("--token-env", metavar="NAME", help="Take the API token from this environment variable.")
def enable_provisioning(label: str | None, url: str | None, token_stdin: bool, token_env: str | None) -> None:
    """Enable the API integration, and test its credentials.

    Without options, the endpoint and a fresh token of the newest Kiro profile for Okta are used.

    \b
    Examples:
      provisioner sandbox console okta enable-provisioning
      provisioner sandbox console okta enable-provisioning --url URL --token-env KIRO_SCIM_TOKEN
    """
    from provisioner.sandbox import control
    from provisioner.sandbox.okta import console as admin

    token = _token(stdin=token_stdin, variable=token_env)
    if (url is None) != (token is None):
        raise UsageError("--url and a token (--token-stdin or --token-env) go together")
    with _application(label) as (running, app_id):
        if url is None or token is None:
            try:
                url, token = control.okta_credentials(running)
            except ValueError as error:
                hint = "provisioner sandbox console create-profile --client-id ID --issuer URL"
                raise UsageError(str(error), hint=hint) from error
        admin.enable_provisioning(running.okta, app_id, url, token)
    click.echo("The credentials were verified; the API integration is enabled.")
    click.echo("\nNext: provisioner sandbox console okta to-app --create --update --deactivate", err=True)


@okta.command("disable-provisioning")
@APP
def disable_provisioning(label: str | None) -> None:
    """Disable the API integration; nobody is deprovisioned."""
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (running, app_id):
        admin.disable_provisioning(running.okta, app_id)
    click.echo("The API integration is disabled.")


@okta.command("to-app")
@APP
@click.option("--create/--no-create", default=None, help="Create Users.")
@click.option("--update/--no-update", default=None, help="Update User Attributes.")
@click.option("--deactivate/--no-deactivate", default=None, help="Deactivate Users.")
def to_app(label: str | None, create: bool | None, update: bool | None, deactivate: bool | None) -> None:
    """Enable or disable the features of To App.

    Those not named stay as they are.
    """
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (running, app_id):
        admin.set_to_app(running.okta, app_id, create=create, update=update, deactivate=deactivate)
        features = (running.okta.get("app", app_id) or {})["features"]
    click.echo(f"Features: {', '.join(features)}")


@okta.command("force-sync")
@APP
def force_sync(label: str | None) -> None:
    """Send every profile again."""
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (running, app_id):
        admin.force_sync(running.okta, app_id)
    click.echo("Every assigned user was pushed again.")


@okta.command()
@APP
def retry(label: str | None) -> None:
    """Retry every failed task: users and pushed groups."""
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (running, app_id):
        admin.retry(running.okta, app_id)
    click.echo("Every failed task was tried again.")


@contextmanager
def _refusals() -> Iterator[None]:
    """What a console refuses is the user's error."""
    from provisioner.sandbox.kiro import ConsoleRefusal

    try:
        yield
    except (ConsoleRefusal, ValueError) as refusal:
        raise UsageError(str(refusal)) from refusal


def _token(*, stdin: bool, variable: str | None) -> str | None:
    """The API token, wherever it is to come from; None when nowhere is said."""
    if stdin and variable:
        raise UsageError("--token-stdin and --token-env exclude each other")
    if stdin:
        return sys.stdin.readline().strip()
    if variable is None:
        return None
    token = Variables().variable(variable)
    if token is None:
        raise UsageError(f"the environment variable {variable} is not set")
    return token.strip()


@contextmanager
def _application(label: str | None) -> Iterator[tuple[Sandbox, str]]:
    """The sandbox and the id of its SCIM application; what the console refuses is the user's error."""
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import console_actions
    from provisioner.sandbox.okta.console import ConsoleRefusal

    with running_sandbox() as running:
        app = console_actions.scim_application(running.okta, label)
        if app is None:
            named = f" labelled {label!r}" if label else ""
            raise UsageError(
                f"there is no active SCIM application{named}", hint="apply a playbook with --sandbox first"
            )
        try:
            yield running, str(app["id"])
        except ConsoleRefusal as refusal:
            raise UsageError(f"Okta's console: {refusal}") from refusal
