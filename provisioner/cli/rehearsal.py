"""Rehearsal: runs playbooks against the built-in sandbox instead of their tenants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.core.errors import ProvisionerError
from provisioner.providers import SandboxConnection
from provisioner.settings import state_dir

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.core.manual_step import ManualStep
    from provisioner.engine import ManualStepRunner
    from provisioner.playbook import LoadedPlaybook
    from provisioner.sandbox import Sandbox

# Modules of the sandbox are imported inside the functions: most commands do not need them.
# ruff: noqa: PLC0415


def sandbox_home() -> Path:
    """The folder in which the sandbox stores its content."""
    return state_dir() / "sandbox"


@contextmanager
def running_sandbox() -> Iterator[Sandbox]:
    """Start the sandbox of this machine, or attach to it if it runs.

    Raises:
        ProvisionerError: it cannot be started.
    """
    from provisioner.sandbox import Sandbox

    with ExitStack() as stack:
        with sandbox_errors():
            sandbox = stack.enter_context(Sandbox(sandbox_home()))
            sandbox.start()
        yield sandbox


@contextmanager
def sandbox_errors() -> Iterator[None]:
    """Report that the sandbox cannot be started.

    Raises:
        ProvisionerError: with the reason.
    """
    from provisioner.sandbox import SandboxError

    try:
        yield
    except SandboxError as error:
        raise ProvisionerError(
            f"the sandbox cannot be started: {error}",
            hint="PROVISIONER_STATE_DIR sets the folder in which it stores its content",
        ) from error


@dataclass(frozen=True)
class Rehearsal:
    """The sandbox in place of the tenants of one command.

    Attributes:
        sandbox: the running sandbox.
        output: prints what the sandbox replaces, and which manual steps it simulates.
    """

    sandbox: Sandbox
    output: Output

    def variables(self, provider: str) -> Mapping[str, str]:
        """The sandbox's values for variables that the environment does not set."""
        vendor = self.sandbox.vendors.get(provider)
        return vendor.variables() if vendor else {}

    def replace_tenant(self, loaded: LoadedPlaybook) -> LoadedPlaybook:
        """Prepare the sandbox for a playbook, and return the playbook with the sandbox's tenant, endpoints and secrets.

        The result names no endpoint outside this machine. The sandbox gets the playbook's cloud and the zones of its
        domains. A note says that values of the playbook were replaced.
        """
        from provisioner.sandbox import control

        playbook: Any = loaded.playbook
        rehearsed = playbook.for_sandbox(self.sandbox.vendors[playbook.provider].variables())
        if playbook.cloud:
            control.configure(self.sandbox, "cloud", playbook.cloud)
        has_dns_values = any(domain.value or domain.dns for domain in playbook.domains or ())
        if rehearsed != playbook or has_dns_values:
            self.output.message_once(
                "note: the sandbox uses its own tenant, SCIM endpoint, tokens and DNS instead of those of the playbook"
            )
        if playbook.domains:
            rehearsed = rehearsed.model_copy(update={"domains": self._prepare_domains(playbook.domains)})
        return replace(loaded, playbook=rehearsed)

    def _prepare_domains(self, domains: tuple[Any, ...]) -> tuple[Any, ...]:
        """Create the zones of the domains, and return the domains with values of the simulated Kiro and a key for the zones."""
        from provisioner.providers.dns.playbook import DnsSection
        from provisioner.sandbox import console_actions, control

        names = [domain.name for domain in domains]
        control.create_zones(self.sandbox, names)
        tokens = console_actions.verification_tokens(self.sandbox, names)
        dns = DnsSection(**control.dns_update_key(self.sandbox))
        return tuple(
            domain.model_copy(update={"value": tokens.get(domain.name), "dns": dns if domain.dns else None})
            for domain in domains
        )

    def connection(self, playbook: Any) -> SandboxConnection:
        """How the provider of a playbook reaches the sandbox."""
        from provisioner.sandbox.settings import LAG_SECONDS

        connection = SandboxConnection(
            self.sandbox.url,
            self.sandbox.vendors[playbook.provider].admin_token(),
            float(LAG_SECONDS.read(self.sandbox.store)),
        )
        if playbook.domains is None:
            return connection
        from provisioner.sandbox import control

        return replace(connection, **control.dns_connection(self.sandbox))

    def manual_step_runner(self, provider: str) -> ManualStepRunner:
        """A function that performs manual steps in the simulated consoles.

        Args:
            provider: the provider of the playbook.
        """

        def run(step: ManualStep) -> ManualStep | None:
            from provisioner.sandbox import console_actions

            instructions = tuple(map(str, step.instructions))
            action = console_actions.perform(self.sandbox, provider, step.key, instructions)
            if action is None:
                return None
            self.output.manual_step_done(step.address, action.summary)
            return step.model_copy(update={"output": action.output})

        return run
