"""init, validate, schema, handoff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.files import refuse_overwriting, write_file
from provisioner.cli.options import output_options, playbook_argument, playbooks_argument, sandbox_option
from provisioner.core.errors import ExitCode, UsageError
from provisioner.providers import NAMES

if TYPE_CHECKING:
    from provisioner.cli.printing import Printer
    from provisioner.core.provider import Provider
    from provisioner.engine import PlanResult

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

_PROVIDERS = click.Choice(NAMES)
_REPORTS = click.Choice(
    ["playbook", "plan", "apply", "drift", "doctor", "permissions", "handoff", "export", "diff"]
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--provider", type=_PROVIDERS, default="entra", show_default=True)
@click.option("--name", help="Stable name; marks the remote objects. Default: kiro-PROVIDER.")
@click.option("--display-name", help="Name of the application. Default: Kiro-Entra, Kiro-Okta.")
@click.option(
    "--group", "groups", multiple=True, default=["Kiro-Users"], show_default=True, help="A group to assign."
)
@click.option("--domain", help="The domain of people's e-mail addresses, to verify it.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def init(
    file: Path | None,
    provider: str,
    name: str | None,
    display_name: str | None,
    groups: tuple[str, ...],
    domain: str | None,
    force: bool,
) -> None:
    """Write a commented playbook.

    FILE is entra.yaml or okta.yaml, unless it is given.

    \b
    Examples:
      provisioner init
      provisioner init --provider okta
      provisioner init --domain example.com
      provisioner init contoso.yaml --name kiro-contoso --group "Kiro Developers"
    """
    from provisioner.templating import render

    file = file or Path(f"{provider}.yaml")
    refuse_overwriting(file, force=force)
    quoted = [json.dumps(group, ensure_ascii=False) for group in groups]
    text = render(
        f"playbook-{provider}.yaml.j2",
        file=str(file),
        name=name or f"kiro-{provider}",
        display_name=json.dumps(display_name or f"Kiro-{provider.title()}", ensure_ascii=False),
        groups=quoted,
        domain=_domain(domain),
    )
    write_file(file, text)
    click.echo(f"Wrote {file}.\n\nNext: provisioner apply {file} --sandbox", err=True)


def _domain(name: str | None) -> str | None:
    """A domain as it is written into a playbook."""
    if name is None:
        return None
    from provisioner.providers.dns.names import InvalidNameError, parse_domain

    try:
        return parse_domain(name).unicode
    except InvalidNameError as error:
        raise UsageError(f"--domain: {error}") from error


@click.command()
@playbooks_argument
@click.option("--sandbox", is_flag=True, help="Take the variables that are not set from the sandbox.")
@output_options
def validate(playbook: tuple[Path, ...], sandbox: bool, printer: Printer) -> None:
    """Check playbooks without contacting anything.

    Every fault is told with file and line. Without arguments: every playbook in ./playbooks, or here.
    """
    from provisioner import playbook as playbooks
    from provisioner.cli.session import found, opened
    from provisioner.settings import Variables

    for file in found(playbook):
        if sandbox:
            with opened(file, printer, sandbox=True) as session:
                loaded = session.loaded
        else:
            loaded = playbooks.load(file, Variables())
        waits = [f"{key} waits for {name}" for key, name in loaded.deferred.items()]
        click.echo(f"{file}: valid{'; ' + '; '.join(waits) if waits else ''}")


@click.command()
@click.argument("of", type=_REPORTS, default="playbook")
@click.option("--provider", type=_PROVIDERS, help="Of playbooks: only this provider's.")
def schema(of: str, provider: str | None) -> None:
    """Print the JSON Schema of playbooks, or of a report.

    That of playbooks is for editors; with the name of a command, that of its JSON report.

    \b
    Examples:
      provisioner schema > playbook.schema.json
      provisioner schema doctor
    """
    from provisioner.playbook import json_schema
    from provisioner.reports.registry import REPORTS

    found = json_schema(provider) if of == "playbook" else REPORTS[of].model_json_schema(by_alias=True)
    click.echo(json.dumps(found, indent=2))


@click.command()
@playbook_argument
@sandbox_option
@click.option(
    "--record",
    "form",
    type=click.Choice(["plain", "zonefile", "route53", "terraform"]),
    help="Print only the TXT records, ready to paste: into a zone file, as a Route 53 change batch, for Terraform.",
)
@output_options
def handoff(playbook: Path, sandbox: bool, form: str | None, printer: Printer) -> int:
    """Print what goes into the Kiro console, and what comes back.

    Exits 4 while a human step waits.

    \b
    Examples:
      provisioner handoff entra.yaml
      provisioner handoff entra.yaml --record route53 > change-batch.json
    """
    if form:
        return _print_records(playbook, sandbox, form, printer)
    from provisioner import engine
    from provisioner.cli.session import opened
    from provisioner.reports.building import handoff_report
    from provisioner.reports.text import handoff_text

    async def work(provider: Provider) -> tuple[PlanResult, Provider]:
        return await engine.plan(provider), provider

    with opened(playbook, printer, sandbox=sandbox) as session:
        planned, provider = session.run(work)
        values = provider.handoff(planned.snapshot)
        report = handoff_report(session.target(provider), values, planned.plan)
        printer.report(report, handoff_text(report))
        return ExitCode.WAITING if report.manual_steps else ExitCode.DONE


def _print_records(playbook: Path, sandbox: bool, form: str, printer: Printer) -> int:
    """The TXT records in one notation, beside the values that are at their names already."""
    from provisioner import engine
    from provisioner.cli.session import opened
    from provisioner.core.snapshot import Snapshot
    from provisioner.providers.dns.records import RecordFormat, other_values, render_record
    from provisioner.providers.dns.resources import DomainRecord

    async def work(provider: Provider) -> tuple[tuple[DomainRecord, ...], Snapshot]:
        planned = await engine.plan(provider)
        wanted = planned.desired.resources
        return tuple(one for one in wanted if isinstance(one, DomainRecord)), planned.snapshot

    with opened(playbook, printer, sandbox=sandbox) as session:
        if not session.loaded.playbook.domains:
            raise UsageError(f"{playbook} has no domains", hint="name them under domains: in the playbook")
        records, snapshot = session.run(work)
        for record in records:
            existing = other_values(record, snapshot)
            click.echo(render_record(record, RecordFormat(form), other_values=existing).rstrip())
        return ExitCode.DONE if all(record.value for record in records) else ExitCode.WAITING
