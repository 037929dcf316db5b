"""A session: a playbook, its provider, and the sandbox where one is wanted."""

from __future__ import annotations

import asyncio
import codecs
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from provisioner import playbook as playbooks
from provisioner import providers
from provisioner.cli.printing import Printer
from provisioner.core.errors import ProvisionerError, UsageError
from provisioner.core.provider import Provider
from provisioner.journal import Journal
from provisioner.reports.building import ReportContext
from provisioner.reports.models import Target
from provisioner.settings import Variables, state_dir

if TYPE_CHECKING:
    from provisioner.core.manual_step import ManualStep
    from provisioner.engine import ManualStepRunner
    from provisioner.sandbox import Sandbox

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """One playbook, ready to be worked with; nothing is contacted yet.

    Attributes:
        elsewhere: other playbooks that name a domain of this one, by domain.
        tenant: whose limits count: the provider, and the tenant that the playbook names.
    """

    file: Path
    loaded: playbooks.Loaded
    journal: Journal
    sandbox: Sandbox | None
    printer: Printer
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tenant: tuple[str, str] = ("", "")

    @property
    def in_sandbox(self) -> bool:
        return self.sandbox is not None

    @property
    def people(self) -> frozenset[str]:
        """People whom the playbook names itself."""
        return frozenset(entry.key for entry in self.loaded.playbook.users or ())

    @property
    def flags(self) -> str:
        """What to add to a suggested command so that it acts on the same tenant."""
        return f"{self.file}{' --sandbox' if self.in_sandbox else ''}"

    def connect(self, *, wait: bool = False) -> Provider:
        """The provider; close it in the loop that used it.

        Args:
            wait: for DNS records, until every server has them.
        """
        sandboxed = self._sandboxed() if self.sandbox is not None else None
        return providers.connect(
            self.loaded.playbook,
            self.journal,
            self.printer.note,
            sandboxed,
            wait_for_dns=wait,
            other_playbooks=self.elsewhere,
        )

    def _sandboxed(self) -> providers.SandboxConnection:
        """How the sandbox is reached."""
        from provisioner.sandbox.settings import LAG_SECONDS  # noqa: PLC0415 - start-up time

        running, playbook = self.sandbox, self.loaded.playbook
        assert running is not None
        reached = providers.SandboxConnection(
            running.url,
            running.vendor(playbook.provider).access_token(),
            float(LAG_SECONDS.read(running.store)),
        )
        if playbook.domains is None:
            return reached
        from provisioner.sandbox import control  # noqa: PLC0415 - start-up time

        return replace(reached, **control.name_servers(running))

    def person(self) -> ManualStepRunner | None:
        """The simulated person who does human steps in the sandbox; nobody outside it."""
        running = self.sandbox
        if running is None:
            return None

        def act(step: ManualStep) -> ManualStep | None:
            from provisioner.sandbox import console_actions  # noqa: PLC0415 - start-up time

            texts = tuple(map(str, step.instructions))
            action = console_actions.perform(running, self.loaded.playbook.provider, step.key, texts)
            if action is None:
                return None
            self.printer.acted(step.address, action.summary)
            return step.model_copy(update={"output": action.output})

        return act

    def context(self) -> ReportContext:
        """What the playbook says besides, for a report."""
        today = datetime.now(UTC).date()
        return ReportContext(self.loaded.playbook.waivers, today, self.loaded.line)

    def target(self, provider: Provider) -> Target:
        return Target(
            playbook=str(self.file),
            name=self.loaded.playbook.name,
            provider=provider.name,
            title=provider.title,
            tenant=provider.tenant,
            sandbox=self.in_sandbox,
        )

    def run(self, work: Callable[[Provider], Awaitable[T]], *, wait: bool = False) -> T:
        """Do something with the provider, and close it; see :meth:`connect`."""

        async def main() -> T:
            provider = self.connect(wait=wait)
            try:
                return await work(provider)
            finally:
                await provider.close()

        return asyncio.run(main())


class Neighbours:
    """Which playbooks name which domains, of those that one command is about; each is read once."""

    def __init__(self, files: tuple[Path, ...] = ()) -> None:
        self._files = files
        self._named: dict[Path, frozenset[str]] | None = None

    def elsewhere(
        self, file: Path, loaded: playbooks.Loaded, variables: Variables | Callable[[str], Variables]
    ) -> dict[str, tuple[str, ...]]:
        """Other playbooks that name a domain of this one, by domain."""
        if self._named is None:
            self._named = {other: playbooks.domains_named(other, variables) for other in self._files}
        found = {
            keys.name: tuple(
                str(other) for other, names in self._named.items() if other != file and keys.name in names
            )
            for keys in loaded.playbook.domains or ()
        }
        return {name: others for name, others in found.items() if others}


class Workspace:
    """Where playbooks are worked with: this machine's environment, or the sandbox."""

    def __init__(self, printer: Printer, sandbox: Sandbox | None, files: tuple[Path, ...] = ()) -> None:
        """Work with playbooks.

        Args:
            printer: whom to tell.
            sandbox: stands in for the real tenants, if given.
            files: the playbooks of the command.
        """
        self._printer = printer
        self._sandbox = sandbox
        self._among = Neighbours(files)
        self._journal = Journal(sandbox.home if sandbox else state_dir())

    def session(self, file: Path) -> Session:
        """A session for one playbook.

        Raises:
            PlaybookError: the playbook is wrong; nothing was contacted.
        """
        loaded = playbooks.load(file, self._variables)
        elsewhere = self._among.elsewhere(file, loaded, self._variables)
        tenant = loaded.playbook.provider, loaded.playbook.connection.names
        if self._sandbox is not None:
            loaded = _rehearsed(loaded, self._sandbox, self._printer)
        return Session(file, loaded, self._journal, self._sandbox, self._printer, elsewhere, tenant)

    def _variables(self, provider: str) -> Variables:
        vendor = self._sandbox.vendors.get(provider) if self._sandbox else None
        return Variables(vendor.variables() if vendor else {})


@contextmanager
def workspace(printer: Printer, *, sandbox: bool, files: tuple[Path, ...] = ()) -> Iterator[Workspace]:
    """Where the playbooks of one command are worked with; see :class:`Workspace`."""
    if not sandbox:
        yield Workspace(printer, None, files)
        return
    with running_sandbox() as running:
        yield Workspace(printer, running, files)


@contextmanager
def opened(file: Path, printer: Printer, *, sandbox: bool) -> Iterator[Session]:
    """A session for one playbook.

    Raises:
        PlaybookError: the playbook is wrong; nothing was contacted.
    """
    with workspace(printer, sandbox=sandbox) as at_work:
        yield at_work.session(file)


@contextmanager
def running_sandbox() -> Iterator[Sandbox]:
    """The sandbox of this machine, started or attached to.

    Raises:
        ProvisionerError: it cannot be started.
    """
    from provisioner.sandbox import Sandbox  # noqa: PLC0415 - start-up time

    with told_by_the_sandbox(), Sandbox(sandbox_home()) as sandbox:
        sandbox.start()
        yield sandbox


@contextmanager
def told_by_the_sandbox() -> Iterator[None]:
    """What keeps the sandbox from starting, for people."""
    from provisioner.sandbox import SandboxError  # noqa: PLC0415 - start-up time

    try:
        yield
    except SandboxError as error:
        raise ProvisionerError(
            f"the sandbox cannot be started: {error}",
            hint="PROVISIONER_STATE_DIR says where it keeps its content",
        ) from error


def sandbox_home() -> Path:
    """Where the sandbox keeps its tenant."""
    return state_dir() / "sandbox"


def found(given: tuple[Path, ...]) -> tuple[Path, ...]:
    """The playbooks meant: files, those in folders and below, those that patterns match; each once, in the order given.

    Nothing given means every one in ./playbooks, or here.

    Raises:
        UsageError: there is none.
    """
    if not given:
        for folder in (Path("playbooks"), Path()):
            if folder.is_dir() and (here := _in_folder(folder, deep=False)):
                return here
        raise UsageError("no playbook here or in ./playbooks", hint="write one: provisioner init")
    files = tuple(dict.fromkeys(file for path in given for file in _meant(path)))
    if not files:
        names = ", ".join(map(str, given))
        raise UsageError(
            f"no playbook in {names}", hint="a playbook ends with .yaml or .yml and has a provider: key"
        )
    return files


def _meant(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        return _in_folder(path, deep=True)
    if not path.exists() and any(sign in str(path) for sign in "*?["):
        matching = map(Path, sorted(glob(str(path), recursive=True)))  # noqa: PTH207 - absolute ones, too
        return tuple(file for file in matching if _looks_like_one(file))
    return (path,)


def _in_folder(folder: Path, *, deep: bool) -> tuple[Path, ...]:
    """The playbooks in a folder, but for hidden ones: a mounted ConfigMap has each file there once more.

    A folder that cannot be listed is among them, so that it is told when it is opened as one.
    """
    names: list[Path] = []

    def closed(error: OSError) -> None:
        names.append(Path(error.filename))

    for where, folders, files in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if deep and not name.startswith(".")]
        candidates = (Path(where, name) for name in files if not name.startswith("."))
        names += [file for file in candidates if file.suffix in (".yaml", ".yml") and _looks_like_one(file)]
    return tuple(sorted(names))


def _looks_like_one(path: Path) -> bool:
    """Whether a file has the key ``provider``; one that nobody can read may have it, and is told, not passed over."""
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        return False
    except OSError:
        return True
    in_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as some shells redirect
    return in_utf_16 or re.search(rb"""^["']?provider["']?\s*:""", data, re.MULTILINE) is not None


def _rehearsed(loaded: playbooks.Loaded, sandbox: Sandbox, printer: Printer) -> playbooks.Loaded:
    """The same playbook against the sandbox: its tenant, and never an endpoint outside this machine."""
    playbook: Any = loaded.playbook
    replaced = playbook.for_sandbox(sandbox.vendor(playbook.provider).variables())
    if playbook.cloud:
        from provisioner.sandbox import control  # noqa: PLC0415 - start-up time

        control.configure(sandbox, "cloud", playbook.cloud)
    given = [one for one in playbook.domains or () if one.value or one.dns]
    if replaced != playbook or given:
        printer.remark(
            "note: in the sandbox, its own tenant, SCIM endpoint, tokens and DNS stand in for those of the playbook"
        )
    if playbook.domains:
        replaced = replaced.model_copy(update={"domains": _rehearsed_domains(playbook.domains, sandbox)})
    return replace(loaded, playbook=replaced)


def _rehearsed_domains(domains: tuple[Any, ...], sandbox: Sandbox) -> tuple[Any, ...]:
    """The same domains with the tokens of the simulated console, and with the sandbox's name server for their zones."""
    from provisioner.providers.dns.playbook import DnsSection  # noqa: PLC0415 - start-up time
    from provisioner.sandbox import console_actions, control  # noqa: PLC0415 - start-up time

    control.create_zones(sandbox, [one.name for one in domains])
    tokens = console_actions.verification_tokens(sandbox, [one.name for one in domains])
    update = DnsSection(**control.dns_update_key(sandbox))
    return tuple(
        one.model_copy(update={"value": tokens.get(one.name), "dns": update if one.dns else None})
        for one in domains
    )
