"""A session: a playbook, its provider, and the sandbox where one is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from provisioner import playbook as playbooks
from provisioner import providers
from provisioner.cli.printing import Printer
from provisioner.core.errors import ProvisionerError, UsageError
from provisioner.core.provider import Provider
from provisioner.journal import Journal
from provisioner.reports.models import Target
from provisioner.settings import Variables, state_dir

if TYPE_CHECKING:
    from provisioner.core.step import ManualStep
    from provisioner.engine import Person
    from provisioner.sandbox import Sandbox

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """One playbook, ready to be worked with; nothing is contacted yet."""

    file: Path
    loaded: playbooks.Loaded
    journal: Journal
    sandbox: Sandbox | None
    printer: Printer

    @property
    def in_sandbox(self) -> bool:
        return self.sandbox is not None

    @property
    def flags(self) -> str:
        """What to add to a suggested command so that it acts on the same tenant."""
        return f"{self.file}{' --sandbox' if self.in_sandbox else ''}"

    def connect(self) -> Provider:
        """The provider; close it in the loop that used it."""
        loaded, sandboxed = self.loaded.playbook, None
        if self.sandbox is not None:
            sandboxed = providers.Sandboxed(
                self.sandbox.url,
                self.sandbox.token_of(loaded.provider),
                float(self.sandbox.directory.setting("lag_seconds", 0)),
            )
        return providers.entry(loaded.provider).connect(loaded, self.journal, self.printer.note, sandboxed)

    def person(self) -> Person | None:
        """The simulated person who does human steps in the sandbox; nobody outside it."""
        running = self.sandbox
        if running is None:
            return None

        def act(step: ManualStep) -> bool:
            from provisioner.sandbox import steering  # noqa: PLC0415 - start-up time

            done = steering.act(running, step.key)
            if done:
                self.printer.acted(step.address, done)
            return done is not None

        return act

    def target(self, provider: Provider) -> Target:
        return Target(
            playbook=str(self.file),
            name=self.loaded.playbook.name,
            provider=provider.name,
            tenant=provider.tenant,
            sandbox=self.in_sandbox,
        )

    def run(self, work: Callable[[Provider], Awaitable[T]]) -> T:
        """Do something with the provider, and close it."""

        async def main() -> T:
            provider = self.connect()
            try:
                return await work(provider)
            finally:
                await provider.close()

        return asyncio.run(main())


@contextmanager
def opened(file: Path, printer: Printer, *, sandbox: bool) -> Iterator[Session]:
    """A session for one playbook.

    Raises:
        PlaybookError: the playbook is wrong; nothing was contacted.
    """
    if not sandbox:
        yield Session(file, playbooks.load(file, Variables()), Journal(state_dir()), None, printer)
        return
    with running_sandbox() as running:
        loaded = _rehearsed(
            playbooks.load(file, lambda provider: Variables(running.variables(provider))), running, printer
        )
        yield Session(file, loaded, Journal(running.home), running, printer)


@contextmanager
def running_sandbox() -> Iterator[Sandbox]:
    """The sandbox of this machine, started or attached to.

    Raises:
        ProvisionerError: it cannot be started.
    """
    from provisioner.sandbox import Sandbox, SandboxError  # noqa: PLC0415 - start-up time

    sandbox = Sandbox(sandbox_home())
    try:
        sandbox.start()
        yield sandbox
    except SandboxError as error:
        raise ProvisionerError(f"the sandbox cannot be started: {error}") from error
    finally:
        sandbox.close()


def sandbox_home() -> Path:
    """Where the sandbox keeps its tenant."""
    return state_dir() / "sandbox"


def found(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """The playbooks meant: those named, or every one in ./playbooks, or here.

    Raises:
        UsageError: there is none.
    """
    if files:
        return files
    for folder in (Path("playbooks"), Path()):
        here = tuple(
            sorted(
                path
                for pattern in ("*.yaml", "*.yml")
                for path in folder.glob(pattern)
                if _looks_like_one(path)
            )
        )
        if here:
            return here
    raise UsageError("no playbook here or in ./playbooks", hint="write one: provisioner init")


def _looks_like_one(path: Path) -> bool:
    try:
        return "provider:" in path.read_text(encoding="utf-8", errors="replace")[:100_000]
    except OSError:
        return False


def _rehearsed(loaded: playbooks.Loaded, sandbox: Sandbox, printer: Printer) -> playbooks.Loaded:
    """The same playbook against the sandbox: its tenant, and never an endpoint outside this machine."""
    from provisioner.sandbox import steering  # noqa: PLC0415 - start-up time

    playbook: Any = loaded.playbook
    replaced = playbook.rehearsed(sandbox.variables(playbook.provider))
    if playbook.cloud:
        steering.move_to_cloud(sandbox, playbook.cloud)
    if replaced != playbook:
        printer.say(
            "note: in the sandbox, its own tenant, SCIM endpoint and token stand in for those of the playbook"
        )
    return playbooks.Loaded(loaded.file, replaced, loaded.awaited)
