"""export, diff."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from provisioner.cli.files import refuse_overwriting, write_file
from provisioner.cli.options import PLAYBOOK, output_options, sandbox_option
from provisioner.core.errors import ExitCode, PlaybookError, RefusedError, RemoteNotFoundError, UsageError
from provisioner.providers import NAMES

if TYPE_CHECKING:
    from provisioner.cli.printing import Printer
    from provisioner.cli.session import Session, Workspace
    from provisioner.core.comparison import Side
    from provisioner.core.provider import Provider
    from provisioner.engine import PlanResult
    from provisioner.providers.base.export import Candidate, Draft
    from provisioner.reports.diff import SideReport
    from provisioner.reports.export import ExportReport, UnmanagedDifference
    from provisioner.reports.models import Target

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@click.option("--provider", type=click.Choice(NAMES), required=True, help="Which identity provider to read.")
@click.option("--name", help="Name of the playbook. Default: as the marker says, or after the application.")
@click.option(
    "--application", metavar="CLIENT_ID_OR_NAME", help="Which application, where several may be meant."
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write this file, not standard output."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option(
    "--cloud",
    type=click.Choice(["global", "usgov", "usgov-dod", "china"]),
    help="Entra: where the tenant lives.",
)
@click.option("--dpop", is_flag=True, help="Okta: the service app demands proof of possession.")
@sandbox_option
@output_options
def export(
    provider: str,
    name: str | None,
    application: str | None,
    output: Path | None,
    force: bool,
    cloud: str | None,
    dpop: bool,
    sandbox: bool,
    printer: Printer,
) -> int:
    """Write what is there as a playbook.

    Only what is not a default, and no secret. Nothing is changed in the tenant.

    The tenant comes from ENTRA_TENANT_ID; the organization from OKTA_ORG_URL, with OKTA_CLIENT_ID and
    OKTA_PRIVATE_KEY, or OKTA_API_TOKEN. A plan is made on the result: what apply would change is put under the key unmanaged, and told.

    Exits 0 when apply on the playbook would change nothing; 3 when it would be refused; 5 when several applications may be meant and
    there is nobody to ask.

    \b
    Examples:
      provisioner export --provider entra --output entra.yaml
      provisioner export --provider okta --application "Kiro (old)" > okta.yaml
    """
    from provisioner.cli.session import workspace
    from provisioner.reports.export import export_lines
    from provisioner.reports.wording import plain

    if output:
        refuse_overwriting(output, force=force)
    options = {**({"cloud": cloud} if cloud else {}), **({"dpop": "true"} if dpop else {})}
    with workspace(printer, sandbox=sandbox) as at_work, TemporaryDirectory() as folder:
        report = _exported(at_work, Path(folder), provider, name, application, options)
    if output:
        write_file(output, report.playbook)
    if printer.wants_json or not output:
        printer.report(report, report.playbook.rstrip("\n"))
    for line in export_lines(report):
        printer.say(plain(line))
    if output:
        flag = " --sandbox" if sandbox else ""
        printer.next(f"provisioner plan {output}{flag}", f"provisioner doctor {output}{flag}")
    return ExitCode.DONE if report.in_sync else ExitCode.FINDINGS


def _exported(
    at_work: Workspace,
    folder: Path,
    provider: str,
    name: str | None,
    application: str | None,
    options: dict[str, str],
) -> ExportReport:
    """Find the application, read what belongs to it, write it as a playbook, and plan that.

    Args:
        at_work: where to look.
        folder: for playbooks on the way.
        provider: whose.
        name: of the playbook, if it is wanted.
        application: which one, if it is said.
        options: for the connection.
    """
    from provisioner.providers.base.discovery import explorer
    from provisioner.providers.base.export import playbook_name

    explore = explorer(provider)
    session = _first_session(at_work, folder, provider, explore.connection(options))
    found = session.run(lambda connected: explore.candidates(connected, application))
    candidate = _chosen(found, name, application)
    called = playbook_name(candidate, name, provider)
    draft = session.run(lambda connected: explore.drafted(connected, candidate, called))
    return _proved(at_work, folder, candidate, draft)


def _first_session(at_work: Workspace, folder: Path, provider: str, connection: dict[str, object]) -> Session:
    """A session that only says which tenant."""
    import yaml

    file = folder / "connection.yaml"
    keys = {"version": 1, "name": "export", "provider": provider, "connection": connection}
    file.write_text(yaml.safe_dump(keys), encoding="utf-8")
    try:
        return at_work.session(file)
    except PlaybookError as error:  # the person has no such file
        raise UsageError(error.message, hint=error.hint.partition(", or give a default")[0]) from error


def _chosen(found: tuple[Candidate, ...], name: str | None, application: str | None) -> Candidate:
    """The application that is meant; a person is asked where there is no telling.

    Raises:
        NotFoundRemotelyError: there is none.
        RefusedError: several may be meant, and there is nobody to ask.
    """
    from provisioner.providers.base.export import choose_candidate
    from provisioner.reports.wording import plain

    if not found:
        what = (
            f"is called {application!r}, or has that client id"
            if application
            else "looks as if it were Kiro's"
        )
        raise RemoteNotFoundError(
            f"no application {what}",
            hint="say which one: --application CLIENT_ID_OR_NAME; or make one: provisioner init",
        )
    if one := choose_candidate(found, name):
        return one
    lines = [
        f"{one.name}  client id {one.client_id}  created {one.created or 'at an unknown time'}"
        for one in found
    ]
    if not sys.stdin.isatty():
        raise RefusedError(
            "\n    ".join([f"{len(found)} applications may be meant; nothing was written", *lines]),
            hint="say which one: --application CLIENT_ID",
        )
    for number, line in enumerate(lines, start=1):
        click.echo(f"{number:>3}  {plain(line)}", err=True)
    return found[click.prompt("Which one", type=click.IntRange(1, len(found)), err=True) - 1]


def _proved(at_work: Workspace, folder: Path, candidate: Candidate, draft: Draft) -> ExportReport:
    """The playbook with what a plan on it says at its top.

    What the plan would change goes under ``unmanaged``, until there is nothing left.
    """
    from provisioner import engine
    from provisioner.playbook.writing import written
    from provisioner.reports.export import (
        export_lines,
        export_report,
        unmanaged_differences,
        unmanaged_section,
    )

    async def plan(connected: Provider) -> tuple[PlanResult, Target]:
        return await engine.plan(connected), session.target(connected)

    file = folder / "playbook.yaml"
    unmanaged: tuple[UnmanagedDifference, ...] = ()
    keys, remarks = draft.keys, draft.comments
    while True:
        file.write_text(written(keys, remarks, draft.omitted), encoding="utf-8")
        session = at_work.session(file)
        planned, target = session.run(plan)
        more = unmanaged_differences(planned.plan, unmanaged)
        if not more:
            break
        unmanaged += more
        entries, beside = unmanaged_section(unmanaged)
        keys, remarks = {**draft.keys, "unmanaged": entries}, {**draft.comments, **beside}
    report = export_report(
        target.model_copy(update={"playbook": ""}),
        "",
        planned.plan,
        client_id=candidate.client_id,
        unmanaged=unmanaged,
        not_exported=draft.inexpressible,
        unread=draft.unread,
    )
    title = f"Exported from {target.tenant}, client id {candidate.client_id}. Every key is explained by: provisioner schema"
    heading = (title, "", *export_lines(report, detailed=False))
    return report.model_copy(update={"playbook": written(keys, remarks, draft.omitted, heading)})


@click.command()
@click.argument("left", type=PLAYBOOK)
@click.argument("right", type=PLAYBOOK)
@click.option("--live", is_flag=True, help="Compare the tenants of the playbooks, not the playbooks.")
@sandbox_option
@output_options
def diff(left: Path, right: Path, live: bool, sandbox: bool, printer: Printer) -> int:
    """Compare playbooks, saved snapshots (.json), or tenants.

    Two of a kind, or a playbook with a snapshot. The names of the integrations do not count, nor do identifiers that a tenant
    gives: a client id is another one everywhere. What a playbook does not say is not compared with a snapshot. Exits 0 when
    they are the same, 3 when they differ.

    \b
    Examples:
      provisioner diff staging.yaml production.yaml
      provisioner diff entra.yaml last-week.json
      provisioner diff staging.yaml production.yaml --live
    """
    from provisioner.cli.session import workspace
    from provisioner.core.comparison import compare
    from provisioner.reports.diff import diff_report, diff_text

    with workspace(printer, sandbox=sandbox) as at_work:
        (first, one), (second, other) = (_side(at_work, file, live=live) for file in (left, right))
    if first.provider != second.provider:
        raise UsageError(
            f"{left} is about {first.provider}, {right} about {second.provider}: there is nothing to compare"
        )
    report = diff_report(first, second, compare(one, other))
    printer.report(report, diff_text(report))
    return ExitCode.DONE if report.same else ExitCode.FINDINGS


def _side(at_work: Workspace, file: Path, *, live: bool) -> tuple[SideReport, Side]:
    """One of the two: a snapshot by its ending, else a playbook or its tenant."""
    from provisioner import snapshots
    from provisioner.core.comparison import Side
    from provisioner.providers import provider_module
    from provisioner.reports.diff import SideReport

    if file.suffix == ".json":
        for name in NAMES:
            provider_module(name)  # the kinds of resources in a snapshot are known once their provider is
        saved = snapshots.load(file)
        about = {"name": saved.name, "provider": saved.provider, "tenant": saved.tenant}
        return SideReport(file=str(file), source="snapshot", **about), Side.of_snapshot(
            saved.name, saved.snapshot
        )

    session = at_work.session(file)
    name = session.loaded.playbook.name

    async def look(provider: Provider) -> tuple[str, Side]:
        if live:
            return provider.tenant, Side.of_snapshot(name, await provider.read())
        return provider.tenant, Side.of_playbook(name, provider.desired_state())

    tenant, side = session.run(look)
    report = SideReport(
        file=str(file),
        source="tenant" if live else "playbook",
        name=name,
        provider=session.loaded.playbook.provider,
        tenant=tenant,
    )
    return report, side
