"""Sessions: a playbook, its provider and its output, for one command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from provisioner import providers
from provisioner.cli.rehearsal import Rehearsal, running_sandbox
from provisioner.core.errors import PlaybookError, ProvisionerError
from provisioner.core.guards import Refusal
from provisioner.core.provider import Provider
from provisioner.core.untrusted import shell_argument
from provisioner.journal import Journal
from provisioner.playbook import LoadedPlaybook, load
from provisioner.playbook.overlap import (
    IntegrationKeys,
    Overlap,
    find_overlaps,
    other_profile_refusals,
    remember_profile,
)
from provisioner.playbook.source import nearest_line
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

    def other_profile_refusals(self) -> Iterator[Refusal]:
        """Reasons to refuse a plan because of what earlier runs on this machine used; none in the sandbox."""
        if self.rehearsal is None:
            yield from other_profile_refusals(IntegrationKeys.of(self.loaded.playbook), self.journal)

    def remember_profile(self) -> None:
        """Store which Kiro profile the playbook uses, for later runs; not in the sandbox."""
        if self.rehearsal is None:
            remember_profile(IntegrationKeys.of(self.loaded.playbook), self.journal)

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
            files: all playbooks of the command, which are compared with each other.
        """
        self._output = output
        self._rehearsal = rehearsal
        self._files = files
        self._journal = Journal(rehearsal.sandbox.home if rehearsal else state_dir())

    def session(self, file: Path) -> Session:
        """The session of one playbook.

        Raises:
            PlaybookError: the playbook is invalid, or shares with another one what it must not; nothing was contacted.
        """
        loaded = self._loaded[file] if file in self._loaded else load(file, self._variables)
        if file in self._overlaps:
            overlap, other = self._overlaps[file]
            raise PlaybookError(
                overlap.message.format(other=other),
                file=file,
                line=nearest_line(loaded.lines, overlap.key),
                hint=overlap.hint,
            )
        tenant = loaded.playbook.provider, loaded.playbook.connection.names
        others = self._other_playbooks(file, loaded)
        if self._rehearsal is not None:
            loaded = self._rehearsal.replace_tenant(loaded)
        return Session(file, loaded, self._journal, self._output, self._rehearsal, others, tenant)

    def _variables(self, provider: str) -> Variables:
        return Variables(self._rehearsal.variables(provider) if self._rehearsal else {})

    @cached_property
    def _loaded(self) -> dict[Path, LoadedPlaybook]:
        """The valid playbooks of the command."""
        loaded = {}
        for file in self._files:
            with suppress(ProvisionerError):  # opening its session reports it
                loaded[file] = load(file, self._variables)
        return loaded

    @cached_property
    def _overlaps(self) -> dict[Path, tuple[Overlap, Path]]:
        return find_overlaps({file: self._keys(loaded) for file, loaded in self._loaded.items()})

    def _keys(self, loaded: LoadedPlaybook) -> IntegrationKeys:
        of_sandbox = self._variables(loaded.playbook.provider).fallback.values()
        return IntegrationKeys.of(loaded.playbook, frozenset(of_sandbox))

    @cached_property
    def _domains(self) -> dict[Path, frozenset[str]]:
        """The domains that each valid playbook of the command names."""
        return {
            file: frozenset(domain.name for domain in loaded.playbook.domains or ())
            for file, loaded in self._loaded.items()
        }

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
