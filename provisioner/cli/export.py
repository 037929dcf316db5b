"""provisioner export: write a live integration as a playbook."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from provisioner.cli.files import refuse_overwriting
from provisioner.cli.options import ProviderName, output_options, sandbox_option
from provisioner.core.errors import ExitCode, PlaybookError, RefusedError, RemoteNotFoundError, UsageError
from provisioner.core.untrusted import plain, shell_argument
from provisioner.file_writing import write_text

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.cli.session import Session, Workspace
    from provisioner.core.provider import Provider
    from provisioner.engine import PlanResult
    from provisioner.providers.base.export import Candidate, Draft
    from provisioner.reports.export import ExportReport, UnmanagedDifference
    from provisioner.reports.models import Target

# Modules that load pydantic or an SDK are imported inside the functions: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@click.option("--provider", type=ProviderName(), required=True, help="Which identity provider to read.")
@click.option(
    "--name", help="Name of the playbook. Default: from the marker, or from the application's name."
)
@click.option(
    "--application", metavar="CLIENT_ID_OR_NAME", help="Which application to export, if there are several."
)
@click.option(
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write this file instead of standard output.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--cloud", help="Entra: the tenant's cloud: global, usgov, usgov-dod or china.")
@click.option("--dpop", is_flag=True, help="Okta: the service app requires proof of possession (DPoP).")
@sandbox_option
@output_options
def export(
    provider: str,
    name: str | None,
    application: str | None,
    file: Path | None,
    force: bool,
    cloud: str | None,
    dpop: bool,
    sandbox: bool,
    output: Output,
) -> int:
    """Write a live integration as a playbook.

    The playbook contains what differs from the defaults, and no secret. Nothing is changed in the tenant.

    The tenant comes from ENTRA_TENANT_ID; the organization from OKTA_ORG_URL, with OKTA_CLIENT_ID and
    OKTA_PRIVATE_KEY, or OKTA_API_TOKEN. Export also plans the playbook: what apply would change is put under its key
    unmanaged, and reported.

    Exits 0 when apply on the playbook would change nothing, 3 when apply would refuse it, and 5 when several applications
    match and there is no terminal to ask on.

    \b
    Examples:
      provisioner export --provider entra --output entra.yaml
      provisioner export --provider okta --application "Kiro (old)" > okta.yaml
    """
    from provisioner.cli.session import open_workspace
    from provisioner.reports.export import export_lines

    if file:
        refuse_overwriting([file], force=force)
    options = {**({"cloud": cloud} if cloud else {}), **({"dpop": "true"} if dpop else {})}
    with open_workspace(output, sandbox=sandbox) as workspace, TemporaryDirectory() as folder:
        report = _Exporter(workspace, Path(folder), provider).export(name, application, options)
    if file:
        write_text(file, report.playbook)
    if output.is_json or not file:
        output.report(report, report.playbook.rstrip("\n"))
    for line in export_lines(report):
        output.message(plain(line))
    if file:
        arguments = f"{shell_argument(file)}{' --sandbox' if sandbox else ''}"
        output.next_commands(f"provisioner plan {arguments}", f"provisioner doctor {arguments}")
    return ExitCode.DONE if report.in_sync else ExitCode.FINDINGS


@dataclass(frozen=True)
class _Exporter:
    """Reads an integration and writes its playbook.

    Attributes:
        workspace: opens the sessions.
        folder: for temporary playbooks.
        provider: name of the provider.
    """

    workspace: Workspace
    folder: Path
    provider: str

    def export(self, name: str | None, application: str | None, options: Mapping[str, str]) -> ExportReport:
        """Find the application, read its integration, write the playbook, and plan it.

        Args:
            name: of the playbook; None to derive one.
            application: a client id or name; None for any application that looks like Kiro's.
            options: for the connection.
        """
        from provisioner.providers.base.discovery import discovery_module
        from provisioner.providers.base.export import playbook_name

        discovery = discovery_module(self.provider)
        session = self._connection_session(discovery.connection(options))
        candidates = session.run(lambda provider: discovery.candidates(provider, application))
        candidate = _choose(candidates, name, application)
        playbook = playbook_name(candidate, name, self.provider)
        draft = session.run(lambda provider: discovery.draft(provider, candidate, playbook))
        return self._report(candidate, draft)

    def _connection_session(self, connection: Mapping[str, object]) -> Session:
        """A session of a playbook that contains only the connection."""
        import yaml

        file = self.folder / "connection.yaml"
        keys = {"version": 1, "name": "export", "provider": self.provider, "connection": connection}
        file.write_text(yaml.safe_dump(keys), encoding="utf-8")
        try:
            return self.workspace.session(file)
        except PlaybookError as error:  # without the file name: it is not the admin's
            raise UsageError(error.message, hint=error.hint.partition(", or give a default")[0]) from error

    def _report(self, candidate: Candidate, draft: Draft) -> ExportReport:
        """The playbook of a draft, with the result of its plan at the top.

        Whatever the plan would change is added to ``unmanaged``, until the plan is empty.
        """
        from provisioner.playbook.writing import playbook_text
        from provisioner.reports.export import (
            export_lines,
            export_report,
            unmanaged_differences,
            unmanaged_section,
        )

        unmanaged: tuple[UnmanagedDifference, ...] = ()
        keys, comments = draft.keys, draft.comments
        while True:
            planned, target = self._plan(playbook_text(keys, comments, draft.omitted))
            changes = unmanaged_differences(planned.plan, unmanaged)
            if not changes:
                break
            unmanaged += changes
            entries, entry_comments = unmanaged_section(unmanaged)
            keys = {**draft.keys, "unmanaged": entries}
            comments = {**draft.comments, **entry_comments}
        report = export_report(
            target.model_copy(update={"playbook": ""}),
            "",
            planned.plan,
            client_id=candidate.client_id,
            unmanaged=unmanaged,
            not_exported=draft.inexpressible,
            unread=draft.unread,
        )
        title = (
            f"Exported from {target.tenant}, client id {candidate.client_id}. "
            "Every key is explained by: provisioner schema"
        )
        heading = (title, "", *export_lines(report, detailed=False))
        return report.model_copy(update={"playbook": playbook_text(keys, comments, draft.omitted, heading)})

    def _plan(self, playbook: str) -> tuple[PlanResult, Target]:
        """Plan the text of a playbook."""
        from provisioner import engine

        file = self.folder / "playbook.yaml"
        file.write_text(playbook, encoding="utf-8")
        session = self.workspace.session(file)

        async def plan(provider: Provider) -> tuple[PlanResult, Target]:
            return await engine.plan(provider), session.target(provider)

        return session.run(plan)


def _choose(candidates: Sequence[Candidate], name: str | None, application: str | None) -> Candidate:
    """The application to export. If several match, ask.

    Args:
        candidates: the applications that match.
        name: the requested name of the playbook.
        application: the requested client id or name.

    Raises:
        RemoteNotFoundError: no application matches.
        RefusedError: several match, and there is no terminal to ask on.
    """
    from provisioner.providers.base.export import choose_candidate

    if not candidates:
        problem = (
            f"no application has the name or client id {application!r}"
            if application
            else "no application looks like Kiro's"
        )
        raise RemoteNotFoundError(
            problem,
            hint="name it: --application CLIENT_ID_OR_NAME; or create one: provisioner init",
        )
    if candidate := choose_candidate(tuple(candidates), name):
        return candidate
    lines = [_describe(candidate) for candidate in candidates]
    if not sys.stdin.isatty():
        raise RefusedError(
            f"{len(candidates)} applications match; nothing was written",
            hint="name one: --application CLIENT_ID",
            details=lines,
        )
    for number, line in enumerate(lines, start=1):
        click.echo(f"{number:>3}  {plain(line)}", err=True)
    number = click.prompt("Which one", type=click.IntRange(1, len(candidates)), err=True)
    return candidates[number - 1]


def _describe(candidate: Candidate) -> str:
    created = f"created {candidate.created}" if candidate.created else "creation time unknown"
    return f"{candidate.name}  client id {candidate.client_id}  {created}"
