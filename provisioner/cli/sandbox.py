"""provisioner sandbox: serve, seed, break, show, reset and control the built-in tenants."""

from __future__ import annotations

import difflib
import json
import shutil
import threading
from collections.abc import Mapping
from typing import Any

import click

from provisioner.cli.options import DEFAULT_PROVIDER, ProviderName
from provisioner.cli.sandbox_console import console
from provisioner.core.errors import ProvisionerError, UsageError

# Modules of the sandbox are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.group()
def sandbox() -> None:
    """The built-in tenants, DNS and Kiro: nothing real is touched.

    The sandbox consists of an Entra tenant, an Okta organization, name servers and resolvers, and Kiro's console and SCIM
    endpoint. Its content stays on disk between commands, so that apply, doctor and drift see the same tenant.

    \b
    Examples:
      provisioner apply entra.yaml --sandbox
      provisioner sandbox break entra-token-version
      provisioner doctor entra.yaml --sandbox
      provisioner apply okta.yaml --sandbox
      provisioner sandbox reset
    """


@sandbox.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen on. Default: the one used before, or any free one.",
)
@click.option("--https", is_flag=True, help="Serve https with a self-signed certificate.")
def serve(port: int | None, https: bool) -> None:
    """Serve the sandbox to other clients.

    The sandbox serves Microsoft Graph (/v1.0 and /beta), Okta's Management API (/api/v1), their token endpoints, Kiro's SCIM
    endpoint, name servers and resolvers. It runs until you interrupt it. Commands with --sandbox use this server while it
    runs.
    """
    from provisioner.cli.rehearsal import sandbox_errors, sandbox_home
    from provisioner.sandbox import Sandbox, control

    with sandbox_errors(), Sandbox(sandbox_home()) as running:
        running.start(port=port, https=https, shared=True)
        if running.attached:
            raise ProvisionerError(f"a sandbox is already being served at {running.url}")
        _print_table(control.connection(running))
        click.echo("\nPress Ctrl-C to stop.", err=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)


@sandbox.command()
@click.option("--users", type=click.IntRange(0, 200_000), default=0, help="Number of users to add.")
@click.option("--groups", type=click.IntRange(0, 10_000), default=0, help="Number of groups to add.")
@click.option(
    "--members",
    type=click.IntRange(0, 10_000),
    default=0,
    help="How many of the added users each group of --groups gets.",
)
@click.option(
    "--group",
    "names",
    metavar="NAME",
    multiple=True,
    help="Add a group with this name and the members of Kiro-Users. You can repeat this option.",
)
@click.option(
    "--member", metavar="USER", help="Add this user to the group Kiro-Users. The user is created if needed."
)
@click.option(
    "--provider",
    type=ProviderName(),
    default=DEFAULT_PROVIDER,
    show_default=True,
    help="Whose tenant to change.",
)
def seed(
    users: int, groups: int, members: int, names: tuple[str, ...], member: str | None, provider: str
) -> None:
    """Add users and groups to a tenant.

    \b
    Examples:
      provisioner sandbox seed --users 5000 --groups 20 --members 300
      provisioner sandbox seed --group "Kiro Developers"
      provisioner sandbox seed --member dan@contoso.example
      provisioner sandbox seed --provider okta --member fred@fabrikam.example
    """
    from provisioner.cli.rehearsal import running_sandbox

    with running_sandbox() as running:
        vendor = running.vendors[provider]
        vendor.populate(users=users, groups=groups, members=members)
        for name in names:
            vendor.add_group(name)
        if member:
            try:
                vendor.add_member(member)
            except ValueError as error:
                raise UsageError(str(error)) from error
        click.echo(_format_counts(vendor.summary().counts))


@sandbox.command("break")
@click.argument("check_id", required=False, metavar="[CHECK]")
@click.option(
    "--target",
    metavar="NAME",
    help="Name of the application, or the domain, to break; default: the newest one.",
)
def break_(check_id: str | None, target: str | None) -> None:
    """Apply a misconfiguration; without CHECK, list them.

    Each check of doctor has a misconfiguration with its id, except the checks of the playbook itself.

    \b
    Examples:
      provisioner sandbox break
      provisioner sandbox break entra-token-version
      provisioner sandbox break okta-create-users
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox import control
    from provisioner.sandbox.misconfigurations import NothingToBreakError

    descriptions = control.misconfigurations()
    if check_id is None:
        for listed_id, description in descriptions.items():
            click.echo(f"{listed_id:<34}{description}")
        return
    if check_id not in descriptions:
        similar = difflib.get_close_matches(check_id, descriptions, n=1)
        raise UsageError(
            f"there is no misconfiguration {check_id!r}",
            hint=f"did you mean {similar[0]}?" if similar else "list them: provisioner sandbox break",
        )
    with running_sandbox() as running:
        try:
            control.misconfigure(running, check_id, target)
        except NothingToBreakError as error:
            raise UsageError(
                f"nothing to break: {error}", hint="apply a playbook with --sandbox first"
            ) from error
    click.echo(descriptions[check_id])
    click.echo("\nNext: provisioner doctor PLAYBOOK --sandbox", err=True)


@sandbox.command()
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(format_: str) -> None:
    """Show the content of the tenants and of Kiro.

    As in Kiro's console, showing the domains verifies those that are Pending.
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.reports.json import harmless_json
    from provisioner.sandbox import console_actions, control
    from provisioner.sandbox.kiro.console import describe

    with running_sandbox() as running:
        console_actions.verify_domains(running)
        connection, kiro = control.connection(running), describe(running.kiro)
        summaries = {name: (vendor.title, vendor.summary()) for name, vendor in running.vendors.items()}
        if format_ == "json":
            settings = {name: value for name, (value, _) in control.settings(running).items()}
            tenants = {
                name: {"counts": summary.counts, **summary.details}
                for name, (_, summary) in summaries.items()
            }
            content = {"connection": connection, "settings": settings, **tenants, **kiro}
            click.echo(harmless_json(content, indent=2))
            return
        _print_table(connection)
        click.echo()
        for title, summary in summaries.values():
            click.echo(f"{title:<24}{_format_counts(summary.counts)}")
            for item in summary.items:
                _print_item(item.name, item.status, item.detail)
        for profile in kiro["profiles"]:
            _print_profile(profile)


def _print_table(rows: Mapping[str, str]) -> None:
    width = max(map(len, rows)) + 2
    for title, value in rows.items():
        click.echo(f"{title:<{width}}{value}")


def _print_item(name: object, status: str, detail: object) -> None:
    from provisioner.core.untrusted import plain

    click.echo(f"    {plain(name):<36}{status:<10}{plain(detail)}")


def _print_profile(profile: Mapping[str, Any]) -> None:
    from provisioner.core.untrusted import plain

    issuer = f", issuer {plain(profile['issuer'])}" if "issuer" in profile else ""
    click.echo(f"\nKiro profile {profile['id']}, SCIM tokens: {profile['tokens']}{issuer}")
    if profile["domains"]:
        click.echo("  domains")
    for domain in profile["domains"]:
        _print_item(domain["name"], domain["status"].lower(), domain["token"])
    click.echo("  users")
    for user in profile["users"]:
        status = "active" if user["active"] else "inactive"
        _print_item(user["userName"], status, f"externalId {user['externalId']}")
    click.echo("  groups")
    for group in profile["groups"]:
        members = ", ".join(sorted(map(str, group["members"]))) or "(no members)"
        click.echo(f"    {plain(group['displayName']):<36}{plain(members)}")


@sandbox.command()
def reset() -> None:
    """Delete everything in the sandbox.

    This deletes the tenants, Kiro, DNS, settings and fault rules. The next command starts with fresh ones.
    """
    from provisioner.cli.rehearsal import running_sandbox, sandbox_home

    with running_sandbox() as running:
        if running.attached:
            raise UsageError(f"the sandbox is being served at {running.url}", hint="stop that server first")
    shutil.rmtree(sandbox_home(), ignore_errors=True)
    click.echo("The sandbox was reset.")


@sandbox.command("set")
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE]...")
def set_(settings: tuple[str, ...]) -> None:
    """Change settings, and list them all with their meaning.

    \b
    Examples:
      provisioner sandbox set
      provisioner sandbox set console=manual
      provisioner sandbox set lag_seconds=3 latency_ms=100
      provisioner sandbox set deny=Policy.Read.All
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running:
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals:
                raise UsageError(f"{setting}: expected NAME=VALUE")
            try:
                control.configure(running, name, value)
            except ValueError as error:
                raise UsageError(f"{setting}: {error}") from error
        for name, (value, meaning) in control.settings(running).items():
            assignment = f"{name}={str(value).lower() if isinstance(value, bool) else value}"
            click.echo(f"{assignment:<32}{meaning}")


@sandbox.command()
@click.argument("rule", required=False, metavar="[RULE]")
@click.option("--clear", is_flag=True, help="Remove all rules.")
def fault(rule: str | None, clear: bool) -> None:
    """Make requests fail; RULE is JSON. Without arguments, list the rules.

    \b
    Members of RULE:
      on           method and path with wildcards, or * for every request
      effect       status: respond with this status, and do nothing
                   drop-before, drop-after: close the connection before or after
                   the request is handled
                   404-after: handle the request, then respond with 404
                   kill-before, kill-after: kill a process before or after the
                   request is handled
      status       403, 404, 409, 423, 429, 500, 502, 503 (default) or 504
      retry_after  seconds for a Retry-After header
      nth          the first matching request that fails; default: 1
      every        instead of nth: every n-th matching request fails
      times        how many requests fail; default: 1, null: no limit
      inner        true: match the parts of a batch instead of whole requests,
                   for the effects status and 404-after
      pid          the process to kill; default: the one that serves the sandbox

    \b
    Examples:
      provisioner sandbox fault '{"on": "POST *", "effect": "status", "status": 429, "retry_after": 1}'
      provisioner sandbox fault '{"on": "*", "nth": 5, "effect": "drop-after"}'
      provisioner sandbox fault --clear
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.reports.json import harmless_json
    from provisioner.sandbox import faults

    with running_sandbox() as running:
        if clear:
            faults.clear(running.store)
        if rule:
            try:
                faults.add(running.store, json.loads(rule))
            except (ValueError, TypeError) as error:
                raise UsageError(f"not a rule: {error}") from error
        for entry in faults.rules(running.store):
            click.echo(harmless_json(entry))


@sandbox.command()
def cycle() -> None:
    """Provision users and groups now.

    Every Entra job runs its next cycle as if its 40 minutes had passed; every Okta application pushes its changes.
    """
    from provisioner.cli.rehearsal import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running:
        outcomes = control.run_provisioning(running)
    for name, outcome in outcomes.items():
        click.echo(f"{name}  {outcome}")
    if not outcomes:
        click.echo("Nothing is provisioned yet.")


sandbox.add_command(console)


def _format_counts(counts: Mapping[str, int]) -> str:
    from provisioner.sandbox.vendor import quantity

    return ", ".join(quantity(number, kind) for kind, number in counts.items())
