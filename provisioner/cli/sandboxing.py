"""sandbox: serve, seed, break, show, reset and steer the built-in tenant."""

from __future__ import annotations

import difflib
import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli import consoles
from provisioner.core.errors import ProvisionerError, UsageError
from provisioner.providers import NAMES

if TYPE_CHECKING:
    from provisioner.sandbox import Sandbox
    from provisioner.sandbox.control import Provider

# Modules that load the server are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.group()
def sandbox() -> None:
    """The built-in tenants, DNS and Kiro: nothing real is touched.

    An Entra tenant, an Okta organization, name servers, Kiro's console and SCIM endpoint. Its content is kept between commands,
    so that apply, doctor and drift tell one story.

    \b
    Examples:
      provisioner apply entra.yaml --sandbox
      provisioner sandbox break entra-token-version
      provisioner doctor entra.yaml --sandbox
      provisioner apply okta.yaml --sandbox
      provisioner sandbox reset
    """


@sandbox.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the one used before, or any free one.")
@click.option("--https", is_flag=True, help="Serve https with a certificate of its own.")
def serve(port: int | None, https: bool) -> None:
    """Serve it all for other clients.

    Microsoft Graph (/v1.0 and /beta), Okta's Management API (/api/v1), their token endpoints, Kiro's SCIM, name servers and
    resolvers. Runs until it is interrupted. Commands with --sandbox use this server while it runs.
    """
    from provisioner.cli.session import sandbox_home, told_by_the_sandbox
    from provisioner.sandbox import Sandbox, control

    with told_by_the_sandbox(), Sandbox(sandbox_home()) as running:
        running.start(port=port, https=https, shared=True)
        if running.attached:
            raise ProvisionerError(f"a sandbox is already being served at {running.url}")
        _show_facts(control.facts(running))
        click.echo("\nPress Ctrl-C to stop.", err=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)


@sandbox.command()
@click.option("--users", type=click.IntRange(0, 200_000), default=0, help="How many more users.")
@click.option("--groups", type=click.IntRange(0, 10_000), default=0, help="How many more groups.")
@click.option("--members", type=click.IntRange(0, 10_000), default=0, help="Members of each of these groups.")
@click.option("--group", "names", multiple=True, help="A group of this name, with the members of Kiro-Users.")
@click.option(
    "--member", "member", metavar="NAME", help="Add this user to Kiro-Users (made if there is none)."
)
@click.option(
    "--provider",
    type=click.Choice(NAMES),
    default="entra",
    show_default=True,
    help="Whose tenant or org.",
)
def seed(
    users: int, groups: int, members: int, names: tuple[str, ...], member: str | None, provider: Provider
) -> None:
    """Add users and groups to the tenant, or to the org.

    \b
    Examples:
      provisioner sandbox seed --users 5000 --groups 20 --members 300
      provisioner sandbox seed --group "Kiro Developers"
      provisioner sandbox seed --member dan@contoso.example
      provisioner sandbox seed --provider okta --member fred@fabrikam.example
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running:
        control.populate(running, users=users, groups=groups, members=members, provider=provider)
        for name in names:
            control.add_group(running, name, provider=provider)
        if member:
            try:
                control.add_member(running, member, provider=provider)
            except ValueError as error:
                raise UsageError(str(error)) from error
        click.echo(_counts(running, provider))


@sandbox.command("break")
@click.argument("name", required=False)
@click.option(
    "--application",
    metavar="NAME",
    help="Which application for sign-in, or which domain; the newest by default.",
)
def break_(name: str | None, application: str | None) -> None:
    """Put a named misconfiguration in; without NAME, list them.

    Every check of doctor has one of the same name, but those of what a playbook says.

    \b
    Examples:
      provisioner sandbox break
      provisioner sandbox break entra-token-version
      provisioner sandbox break okta-create-users
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import misconfigurations

    if name is None:
        for known in misconfigurations.CATALOGUE:
            click.echo(f"{known:<34}{misconfigurations.described(known)}")
        return
    if name not in misconfigurations.CATALOGUE:
        near = difflib.get_close_matches(name, misconfigurations.CATALOGUE, n=1)
        raise UsageError(
            f"there is no misconfiguration {name!r}",
            hint=f"did you mean {near[0]}?" if near else "list them: provisioner sandbox break",
        )
    with running_sandbox() as running:
        try:
            done = misconfigurations.apply(running, name, application)
        except misconfigurations.NothingToBreakError as error:
            raise UsageError(
                f"nothing to break: {error}", hint="apply a playbook with --sandbox first"
            ) from error
    click.echo(done)
    click.echo("\nNext: provisioner doctor PLAYBOOK --sandbox", err=True)


@sandbox.command()
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(format_: str) -> None:
    """Show what the tenants and Kiro hold.

    The Kiro console looks Pending domains up, as it does when a person opens it.
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import control
    from provisioner.sandbox.kiro import console

    with running_sandbox() as running:
        control.verify_domains(running)
        kiro = console.describe(running.kiro)
        if format_ == "json":
            shown = {
                "tenant": control.facts(running),
                "counts": control.counts(running),
                "settings": control.settings(running),
                "okta": {**control.okta_org(running), "client": running.okta_client()},
                **kiro,
            }
            click.echo(json.dumps(shown, indent=2))
            return
        _show_facts(control.facts(running))
        click.echo(f"\nEntra tenant            {_counts(running, 'entra')}")
        _show_org(control.okta_org(running))
        for profile in kiro["profiles"]:
            _show_profile(profile)


def _show_facts(facts: dict[str, str]) -> None:
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        click.echo(f"{name:<{width}}{value}")


def _show_org(org: dict[str, Any]) -> None:
    from provisioner.reports.text import plain

    click.echo(f"Okta org                {_listed(org['counts'])}")
    for app in org["applications"]:
        features = ", ".join(app["features"] or ()) or "no provisioning"
        people = f"{app['users']} users, {app['errors']} in error, {app['groups']} groups"
        click.echo(f"    {plain(app['label']):<36}{app['status'].lower():<10}{people}; {features}")
    for server in org["authorizationServers"]:
        click.echo(f"    {plain(server['name']):<36}{server['status'].lower():<10}{plain(server['issuer'])}")
    for pushed in org["pushedGroups"]:
        told = f"{pushed['status'].lower():<10}pushed to {plain(pushed['application'])}"
        click.echo(
            f"    {plain(pushed['group']):<36}{told}{': ' + plain(pushed['error']) if pushed['error'] else ''}"
        )


def _show_profile(profile: dict[str, Any]) -> None:
    from provisioner.reports.text import plain

    issuer = f", issuer {plain(profile['issuer'])}" if "issuer" in profile else ""
    click.echo(f"\nKiro profile {profile['id']}, access tokens: {profile['tokens']}{issuer}")
    if profile["domains"]:
        click.echo("  domains")
    for domain in profile["domains"]:
        click.echo(f"    {plain(domain['name']):<36}{domain['status'].lower():<10}{plain(domain['token'])}")
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
    """Change how the sandbox behaves, or show the settings.

    \b
    Settings:
      latency_ms=100            before every answer
      lag_seconds=3             replicas disagree for so long after a write
      console=waits             the consoles wait for a person (answers: at once)
      strict_scim=true          all rules of AWS IAM Identity Center
      deny=Policy.Read.All,...  take Graph permissions away (deny= gives all back)
      okta_deny=okta.logs.read  take Okta scopes away (okta_deny= gives all back)
      api_access_management=false  the Okta org has no licence for authorization servers
      async_seconds=2           Okta provisions so much later
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running:
        for setting in settings:
            name, equals, value = setting.partition("=")
            try:
                if not equals:
                    raise ValueError("expected NAME=VALUE")  # noqa: TRY301 - one message for every fault
                control.configure(running, name, value)
            except ValueError as error:
                raise UsageError(f"{setting}: {error}") from error
        for name, value in control.settings(running).items():
            click.echo(f"{name:<24}{value}")


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
    """Provision people now, without the wait.

    Every Entra job runs its next cycle as if its 40 minutes had passed; every Okta application pushes what it has to push.
    """
    from provisioner.cli.session import running_sandbox
    from provisioner.sandbox import control

    with running_sandbox() as running:
        for job, state in control.cycle(running).items():
            click.echo(f"{job}  {state}")


sandbox.add_command(consoles.console)


def _counts(running: Sandbox, provider: Provider) -> str:
    from provisioner.sandbox import control

    return _listed(control.okta_org(running)["counts"] if provider == "okta" else control.counts(running))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())
