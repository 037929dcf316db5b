"""sandbox: serve, seed, break, show, reset and steer the built-in tenant."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

import click

from provisioner.core.errors import ProvisionerError, UsageError

if TYPE_CHECKING:
    from provisioner.sandbox import Sandbox

# Modules that load the server are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.group()
def sandbox() -> None:
    """The built-in Entra tenant and Kiro: nothing real is touched.

    Its content is kept between commands, so that apply, doctor and drift tell one story.

    \b
    Examples:
      provisioner apply entra.yaml --sandbox
      provisioner sandbox break entra-token-version
      provisioner doctor entra.yaml --sandbox
      provisioner sandbox reset
    """


@sandbox.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the one used before, or any free one.")
@click.option("--https", is_flag=True, help="Serve https with a certificate of its own.")
def serve(port: int | None, https: bool) -> None:
    """Serve Microsoft Graph (/v1.0 and /beta), a token endpoint and Kiro's SCIM for other clients.

    Runs until it is interrupted. Commands with --sandbox use this server while it runs.
    """
    from provisioner.cli.session import sandbox_home
    from provisioner.sandbox import Sandbox, SandboxError, steering

    running = Sandbox(sandbox_home())
    try:
        running.start(port=port, https=https, shared=True)
        if running.attached:
            raise ProvisionerError(f"a sandbox is already being served at {running.url}")
        for name, value in steering.facts(running).items():
            click.echo(f"{name:<24}{value}")
        click.echo("\nPress Ctrl-C to stop.", err=True)
        threading.Event().wait()
    except SandboxError as error:
        raise ProvisionerError(f"the sandbox cannot be served: {error}") from error
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
    finally:
        running.close()


@sandbox.command()
@click.option("--users", type=click.IntRange(0, 200_000), default=0, help="How many more users.")
@click.option("--groups", type=click.IntRange(0, 10_000), default=0, help="How many more groups.")
@click.option("--members", type=click.IntRange(0, 10_000), default=0, help="Members of each of these groups.")
@click.option("--group", "names", multiple=True, help="A group of this name, with the members of Kiro-Users.")
@click.option(
    "--member", "member", metavar="UPN", help="Add this user to Kiro-Users (made if there is none)."
)
def seed(users: int, groups: int, members: int, names: tuple[str, ...], member: str | None) -> None:
    """Add users and groups to the tenant.

    \b
    Examples:
      provisioner sandbox seed --users 5000 --groups 20 --members 300
      provisioner sandbox seed --group "Kiro Developers"
      provisioner sandbox seed --member dan@contoso.example
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import steering
    from provisioner.sandbox.seed import populate

    with running_sandbox() as running:
        populate(running.directory, users=users, groups=groups, members=members)
        for name in names:
            steering.add_group(running, name)
        if member:
            steering.add_member(running, member)
        click.echo(_counts(running))


@sandbox.command("break")
@click.argument("name", required=False)
@click.option("--application", metavar="NAME", help="Which application; the newest by default.")
def break_(name: str | None, application: str | None) -> None:
    """Put a named misconfiguration in the tenant; without NAME, list them.

    Every check of doctor has one of the same name.
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import breaks

    if name is None:
        for known in breaks.CATALOGUE:
            click.echo(f"{known:<34}{breaks.described(known)}")
        return
    if name not in breaks.CATALOGUE:
        raise UsageError(
            f"there is no misconfiguration {name!r}", hint="list them: provisioner sandbox break"
        )
    with running_sandbox() as running:
        try:
            done = breaks.apply(breaks.Tenant(running.directory, running.kiro, application), name)
        except breaks.NothingToBreakError as error:
            raise UsageError(
                f"nothing to break: {error}", hint="apply a playbook with --sandbox first"
            ) from error
    click.echo(done)
    click.echo("\nNext: provisioner doctor PLAYBOOK --sandbox", err=True)


@sandbox.command()
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(format_: str) -> None:
    """Show what the tenant and Kiro hold."""
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import steering
    from provisioner.sandbox.kiro import console

    with running_sandbox() as running:
        kiro = console.describe(running.kiro)
        if format_ == "json":
            shown = {
                "tenant": steering.facts(running),
                "counts": steering.counts(running),
                "settings": steering.settings(running),
                **kiro,
            }
            click.echo(json.dumps(shown, indent=2))
            return
        for name, value in steering.facts(running).items():
            click.echo(f"{name:<24}{value}")
        click.echo(_counts(running))
        for profile in kiro["profiles"]:
            _show_profile(profile)


def _show_profile(profile: dict[str, Any]) -> None:
    from provisioner.reports.text import plain

    click.echo(f"\nKiro profile {profile['id']}, access tokens: {profile['tokens']}")
    click.echo("  users")
    for user in profile["users"]:
        state = "active" if user["active"] else "inactive"
        click.echo(f"    {plain(user['userName']):<36}{state:<10}externalId {plain(user['externalId'])}")
    click.echo("  groups")
    for group in profile["groups"]:
        members = ", ".join(sorted(map(str, group["members"]))) or "(no members)"
        click.echo(f"    {plain(group['displayName']):<36}{plain(members)}")


@sandbox.command()
def reset() -> None:
    """Forget everything: the next command finds a fresh tenant."""
    from provisioner.cli.session import running_sandbox, sandbox_home

    with running_sandbox() as running:
        if running.attached:
            raise UsageError(f"the sandbox is being served at {running.url}", hint="stop that server first")
    shutil.rmtree(sandbox_home(), ignore_errors=True)
    click.echo("The sandbox is empty.")


@sandbox.command("set")
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE]...")
def set_(settings: tuple[str, ...]) -> None:
    """Change how the sandbox behaves; without arguments, show the settings.

    \b
    Settings:
      latency_ms=100            before every answer
      lag_seconds=3             replicas disagree for so long after a write
      console=waits             the Kiro console waits for a person (answers: at once)
      strict_scim=true          all rules of AWS IAM Identity Center
      deny=Policy.Read.All,...  take Graph permissions away (deny= gives all back)
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import steering

    with running_sandbox() as running:
        for setting in settings:
            name, equals, value = setting.partition("=")
            try:
                if not equals:
                    raise ValueError("expected NAME=VALUE")  # noqa: TRY301 - one message for every fault
                steering.configure(running, name, value)
            except ValueError as error:
                raise UsageError(f"{setting}: {error}") from error
        for name, value in steering.settings(running).items():
            click.echo(f"{name:<16}{value}")


@sandbox.command()
@click.argument("rule", required=False, metavar="[RULE]")
@click.option("--clear", is_flag=True, help="Forget all rules.")
def fault(rule: str | None, clear: bool) -> None:
    """Let requests fail; RULE is JSON. Without arguments, list the rules.

    \b
    Examples:
      provisioner sandbox fault '{"on": "POST *", "effect": "status", "status": 429, "retry_after": 1}'
      provisioner sandbox fault '{"on": "*", "nth": 5, "effect": "drop-after"}'
      provisioner sandbox fault --clear
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import faults

    with running_sandbox() as running:
        if clear:
            faults.clear(running.directory)
        if rule:
            try:
                faults.add(running.directory, json.loads(rule))
            except (ValueError, TypeError) as error:
                raise UsageError(f"not a rule: {error}") from error
        for entry in faults.rules(running.directory):
            click.echo(json.dumps(entry))


@sandbox.command()
def cycle() -> None:
    """Run the next provisioning cycle of every job now, as if its 40 minutes had passed."""
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import steering

    with running_sandbox() as running:
        for job, state in steering.cycle(running).items():
            click.echo(f"{job}  {state}")


@sandbox.group("console")
def console_group() -> None:
    """Do by hand what a person does in the Kiro console."""


@console_group.command("create-profile")
@click.option("--client-id", required=True, help="Application (client) ID.")
@click.option("--tenant-id", required=True, help="Directory (tenant) ID.")
def create_profile(client_id: str, tenant_id: str) -> None:
    """Create a Kiro profile for an application."""
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox.kiro import console

    with running_sandbox() as running:
        profile = console.create_profile(running.kiro, client_id, tenant_id, running.url)
        click.echo(f"Profile {profile['id']}")


@console_group.command("generate-token")
def generate_token() -> None:
    """Generate an access token, shown only this once, and show the SCIM endpoint."""
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import steering

    with running_sandbox() as running:
        try:
            brought = steering.generate_token(running)
        except ValueError as error:
            raise UsageError(str(error)) from error
    for name, value in brought.items():
        click.echo(f"export {name}={value}")


def _counts(running: Sandbox) -> str:
    from provisioner.sandbox import steering

    return ", ".join(f"{number} {what}" for what, number in steering.counts(running).items())
