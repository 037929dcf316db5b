"""A session: a playbook, its provider, and the sandbox where one is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
    """One playbook, ready to be worked with; nothing is contacted yet.

    Attributes:
        elsewhere: other playbooks that name a domain of this one, by domain.
    """

    file: Path
    loaded: playbooks.Loaded
    journal: Journal
    sandbox: Sandbox | None
    printer: Printer
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def in_sandbox(self) -> bool:
        return self.sandbox is not None

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
            wait=wait,
            elsewhere=self.elsewhere,
        )

    def _sandboxed(self) -> providers.Sandboxed:
        """How the sandbox is reached."""
        running, playbook = self.sandbox, self.loaded.playbook
        assert running is not None
        reached = providers.Sandboxed(
            running.url,
            running.token_of(playbook.provider),
            float(running.directory.setting("lag_seconds", 0)),
        )
        if playbook.domains is None:
            return reached
        from provisioner.sandbox import steering  # noqa: PLC0415 - start-up time

        return replace(reached, **steering.name_servers(running))

    def person(self) -> Person | None:
        """The simulated person who does human steps in the sandbox; nobody outside it."""
        running = self.sandbox
        if running is None:
            return None

        def act(step: ManualStep) -> ManualStep | None:
            from provisioner.sandbox import steering  # noqa: PLC0415 - start-up time

            texts = tuple(map(str, step.instructions))
            did = steering.act(running, step.key, self.loaded.playbook.provider, texts)
            if did is None:
                return None
            self.printer.acted(step.address, did.told)
            return step.model_copy(update={"brought": did.brought})

        return act

    def target(self, provider: Provider) -> Target:
        return Target(
            playbook=str(self.file),
            name=self.loaded.playbook.name,
            provider=provider.name,
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


@contextmanager
def opened(
    file: Path, printer: Printer, *, sandbox: bool, among: Neighbours | None = None
) -> Iterator[Session]:
    """A session for one playbook.

    Args:
        file: the playbook.
        printer: whom to tell.
        sandbox: whether the sandbox stands in.
        among: the other playbooks of the command.

    Raises:
        PlaybookError: the playbook is wrong; nothing was contacted.
    """
    among = among or Neighbours()
    if not sandbox:
        variables = Variables()
        loaded = playbooks.load(file, variables)
        elsewhere = among.elsewhere(file, loaded, variables)
        yield Session(file, loaded, Journal(state_dir()), None, printer, elsewhere)
        return
    with running_sandbox() as running:

        def values(provider: str) -> Variables:
            return Variables(running.variables(provider))

        loaded = playbooks.load(file, values)
        elsewhere = among.elsewhere(file, loaded, values)
        rehearsed = _rehearsed(loaded, running, printer)
        yield Session(file, rehearsed, Journal(running.home), running, printer, elsewhere)


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
    given = [one for one in playbook.domains or () if one.value or one.dns]
    if replaced != playbook or given:
        printer.say(
            "note: in the sandbox, its own tenant, SCIM endpoint, tokens and DNS stand in for those of the playbook"
        )
    if playbook.domains:
        replaced = replaced.model_copy(update={"domains": _rehearsed_domains(playbook.domains, sandbox)})
    return playbooks.Loaded(loaded.file, replaced, loaded.awaited)


def _rehearsed_domains(domains: tuple[Any, ...], sandbox: Sandbox) -> tuple[Any, ...]:
    """The same domains with the tokens of the simulated console, and with the sandbox's name server for their zones."""
    from provisioner.providers.dns.keys import DnsKeys  # noqa: PLC0415 - start-up time
    from provisioner.sandbox import steering  # noqa: PLC0415 - start-up time

    steering.host(sandbox, [one.name for one in domains])
    tokens = steering.tokens(sandbox, [one.name for one in domains])
    update = DnsKeys(**steering.update_credentials(sandbox))
    return tuple(
        one.model_copy(update={"value": tokens.get(one.name), "dns": update if one.dns else None})
        for one in domains
    )
