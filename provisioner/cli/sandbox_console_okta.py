"""provisioner sandbox console okta: what an admin does in the Provisioning tab of Okta's Admin Console."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from provisioner.core.errors import UsageError
from provisioner.settings import Variables

if TYPE_CHECKING:
    from provisioner.sandbox import Sandbox
    from provisioner.sandbox.store import Store

# Modules of the sandbox are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

APP = click.option(
    "--app", "label", metavar="LABEL", help="Label of the SCIM application; default: the newest one."
)


@click.group()
def okta() -> None:
    """The Provisioning tab of Okta's Admin Console."""


@okta.command("enable-provisioning")
@APP
@click.option("--url", help="Base URL. Default: the SCIM endpoint of the simulated Kiro console.")
@click.option("--token-stdin", is_flag=True, help="Read the API token from standard input.")
@click.option("--token-env", metavar="NAME", help="Take the API token from this environment variable.")
def enable_provisioning(label: str | None, url: str | None, token_stdin: bool, token_env: str | None) -> None:
    """Enable the API integration, and test its credentials.

    Without options, this uses the endpoint and a new token of the newest Kiro profile for Okta.

    \b
    Examples:
      provisioner sandbox console okta enable-provisioning
      provisioner sandbox console okta enable-provisioning --url URL --token-env KIRO_SCIM_TOKEN
    """
    from provisioner.sandbox import console_actions
    from provisioner.sandbox.okta import console as admin
    from provisioner.sandbox.refusal import ConsoleRefusal

    token = _read_token(stdin=token_stdin, variable=token_env)
    if (url is None) != (token is None):
        raise UsageError("--url and a token (--token-stdin or --token-env) go together")
    with _application(label) as (running, okta_store, app_id):
        if url is None or token is None:
            try:
                url, token = console_actions.generate_token(running, "okta").values()
            except ConsoleRefusal as refusal:
                hint = "provisioner sandbox console create-profile --client-id ID --issuer URL"
                raise UsageError(str(refusal), hint=hint) from refusal
        admin.enable_provisioning(okta_store, app_id, url, token)
    click.echo("The credentials were verified; the API integration is enabled.")
    click.echo("\nNext: provisioner sandbox console okta to-app --create --update --deactivate", err=True)


@okta.command("disable-provisioning")
@APP
def disable_provisioning(label: str | None) -> None:
    """Disable the API integration; no one is deprovisioned."""
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (_, okta_store, app_id):
        admin.disable_provisioning(okta_store, app_id)
    click.echo("The API integration is disabled.")


@okta.command("to-app")
@APP
@click.option("--create/--no-create", default=None, help="Create Users.")
@click.option("--update/--no-update", default=None, help="Update User Attributes.")
@click.option("--deactivate/--no-deactivate", default=None, help="Deactivate Users.")
def to_app(label: str | None, create: bool | None, update: bool | None, deactivate: bool | None) -> None:
    """Enable or disable the features of To App.

    Those that you do not name stay unchanged.
    """
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (_, okta_store, app_id):
        admin.set_to_app(okta_store, app_id, create=create, update=update, deactivate=deactivate)
        features = (okta_store.get("app", app_id) or {})["features"]
    click.echo(f"Features: {', '.join(features)}")


@okta.command("force-sync")
@APP
def force_sync(label: str | None) -> None:
    """Send every profile again."""
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (_, okta_store, app_id):
        admin.force_sync(okta_store, app_id)
    click.echo("Every assigned user was pushed again.")


@okta.command()
@APP
def retry(label: str | None) -> None:
    """Retry every failed task: users and pushed groups."""
    from provisioner.sandbox.okta import console as admin

    with _application(label) as (_, okta_store, app_id):
        admin.retry(okta_store, app_id)
    click.echo("Every failed task was tried again.")


def _read_token(*, stdin: bool, variable: str | None) -> str | None:
    """The API token from standard input or an environment variable; None when neither is given."""
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
def _application(label: str | None) -> Iterator[tuple[Sandbox, Store, str]]:
    """The sandbox, the org's documents, and the id of the SCIM application.

    Raises:
        UsageError: there is no such application, or the console refuses what is done in the block.
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox.okta.console import scim_application
    from provisioner.sandbox.refusal import ConsoleRefusal

    with running_sandbox() as running:
        okta_store = running.vendors["okta"].store
        app = scim_application(okta_store, label)
        if app is None:
            named = f" labelled {label!r}" if label else ""
            raise UsageError(
                f"there is no active SCIM application{named}", hint="apply a playbook with --sandbox first"
            )
        try:
            yield running, okta_store, str(app["id"])
        except ConsoleRefusal as refusal:
            raise UsageError(f"Okta's console: {refusal}") from refusal
