"""Sessions: a playbook, its provider and its output, for one command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from provisioner import providers
from provisioner.cli.rehearsal import Rehearsal, running_sandbox
from provisioner.core.provider import Provider
from provisioner.core.untrusted import shell_argument
from provisioner.journal import Journal
from provisioner.playbook import LoadedPlaybook, load, named_domains
from provisioner.reports.building import ReportContext
from provisioner.reports.models import Target
from provisioner.settings import Variables, state_dir

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.engine import ManualStepRunner

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """One playbook of a command. Nothing is contacted yet.

    Attributes:
        rehearsal: the sandbox in place of the tenant; None for the tenant.
        other_playbooks: other playbooks of the command that name a domain of this one, by domain.
        tenant: the provider, and the tenant that the playbook names; its sessions share rate limits.
    """

    file: Path
    loaded: LoadedPlaybook
    journal: Journal
    output: Output
    rehearsal: Rehearsal | None = None
    other_playbooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tenant: tuple[str, str] = ("", "")

    @property
    def named_users(self) -> frozenset[str]:
        """The users that the playbook names."""
        return frozenset(user.key for user in self.loaded.playbook.users or ())

    @property
    def arguments(self) -> str:
        """The arguments of a suggested command, so that it acts on the same tenant."""
        return f"{shell_argument(self.file)}{' --sandbox' if self.rehearsal else ''}"

    def connect(self, *, wait_for_dns: bool = False) -> Provider:
        """The provider. Close it in the event loop that used it.

        Args:
            wait_for_dns: wait until every name server returns the records that are written.
        """
        playbook = self.loaded.playbook
        return providers.connect(
            playbook,
            self.journal,
            self.output.progress,
            self.rehearsal.connection(playbook) if self.rehearsal else None,
            wait_for_dns=wait_for_dns,
            other_playbooks=self.other_playbooks,
        )

    def manual_step_runner(self) -> ManualStepRunner | None:
        """Performs manual steps in the sandbox; None outside the sandbox."""
        return self.rehearsal.manual_step_runner(self.loaded.playbook.provider) if self.rehearsal else None

    def report_context(self) -> ReportContext:
        """What a report takes from the playbook: waivers and lines."""
        today = datetime.now(UTC).date()
        return ReportContext(self.loaded.playbook.waivers, today, self.loaded.line_of)

    def target(self, provider: Provider) -> Target:
        """The subject of a report."""
        return Target(
            playbook=str(self.file),
            name=self.loaded.playbook.name,
            provider=provider.name,
            title=provider.title,
            tenant=provider.tenant,
            sandbox=self.rehearsal is not None,
        )

    def run(self, work: Callable[[Provider], Awaitable[T]], *, wait_for_dns: bool = False) -> T:
        """Do something with the provider, then close it; see :meth:`connect`."""

        async def main() -> T:
            provider = self.connect(wait_for_dns=wait_for_dns)
            try:
                return await work(provider)
            finally:
                await provider.close()

        return asyncio.run(main())


class Workspace:
    """Opens the sessions of one command."""

    def __init__(self, output: Output, rehearsal: Rehearsal | None, files: Sequence[Path] = ()) -> None:
        """Open sessions.

        Args:
            output: of the command.
            rehearsal: the sandbox in place of the tenants; None for the tenants.
            files: all playbooks of the command.
        """
        self._output = output
        self._rehearsal = rehearsal
        self._files = files
        self._journal = Journal(rehearsal.sandbox.home if rehearsal else state_dir())

    def session(self, file: Path) -> Session:
        """The session of one playbook.

        Raises:
            PlaybookError: the playbook is invalid; nothing was contacted.
        """
        loaded = load(file, self._variables)
        tenant = loaded.playbook.provider, loaded.playbook.connection.names
        others = self._other_playbooks(file, loaded)
        if self._rehearsal is not None:
            loaded = self._rehearsal.replace_tenant(loaded)
        return Session(file, loaded, self._journal, self._output, self._rehearsal, others, tenant)

    def _variables(self, provider: str) -> Variables:
        return Variables(self._rehearsal.variables(provider) if self._rehearsal else {})

    @cached_property
    def _domains(self) -> dict[Path, frozenset[str]]:
        """The domains that each playbook of the command names."""
        return {file: named_domains(file, self._variables) for file in self._files}

    def _other_playbooks(self, file: Path, loaded: LoadedPlaybook) -> dict[str, tuple[str, ...]]:
        """The other playbooks that name a domain of this one, by domain."""
        others = {
            domain.name: tuple(
                str(other) for other, names in self._domains.items() if other != file and domain.name in names
            )
            for domain in loaded.playbook.domains or ()
        }
        return {domain: files for domain, files in others.items() if files}


@contextmanager
def open_workspace(output: Output, *, sandbox: bool, files: Sequence[Path] = ()) -> Iterator[Workspace]:
    """A workspace, with the sandbox running if requested.

    Args:
        output: of the command.
        sandbox: use the sandbox instead of the tenants.
        files: all playbooks of the command.
    """
    if not sandbox:
        yield Workspace(output, None, files)
        return
    with running_sandbox() as running:
        yield Workspace(output, Rehearsal(running, output), files)


@contextmanager
def open_session(file: Path, output: Output, *, sandbox: bool) -> Iterator[Session]:
    """The session of one playbook.

    Args:
        file: the playbook.
        output: of the command.
        sandbox: use the sandbox instead of the tenant.

    Raises:
        PlaybookError: the playbook is invalid; nothing was contacted.
    """
    with open_workspace(output, sandbox=sandbox) as workspace:
        yield workspace.session(file)
