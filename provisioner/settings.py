"""The environment: variables and folders. The only module that reads environment variables.

``azure-identity`` also reads its own (``AZURE_*``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from provisioner.core.errors import UsageError
from provisioner.core.redaction import remember
from provisioner.file_reading import MAX_REFERENCED_BYTES, read_text
from provisioner.installation import install_command

_SECRETS: Final = (
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_PASSWORD",
    "IDENTITY_HEADER",
    "MSI_SECRET",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "GITHUB_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "CI_JOB_TOKEN",
)
"""Variables with secrets that libraries read (azure-identity's EnvironmentVariables, botocore) and CI systems set."""


def remember_secrets() -> None:
    """Keep the secrets of the environment out of all output: those of libraries, CI systems and proxies.

    The secrets of a playbook are remembered when it is loaded, because only it knows which variables are secret.
    """
    remember(*(os.environ.get(name, "") for name in _SECRETS))
    for name, address in os.environ.items():
        if name.lower().endswith("_proxy"):
            remember(*_passwords(address))


def _passwords(address: str) -> tuple[str, ...]:
    try:
        password = urlsplit(address).password or ""
    except ValueError:
        return ()  # the connection reports that it is not valid
    return password, unquote(password)


def state_dir() -> Path:
    """The folder for the tool's own files: ``PROVISIONER_STATE_DIR``, or the platform's state directory."""
    if folder := os.environ.get("PROVISIONER_STATE_DIR"):
        return Path(folder)
    from platformdirs import user_state_path  # noqa: PLC0415 - start-up time

    return user_state_path("provisioner", appauthor=False)


def colour_allowed() -> bool:
    """Whether NO_COLOR is unset or empty (no-color.org)."""
    return not os.environ.get("NO_COLOR")


@dataclass(frozen=True)
class Variables:
    """Values for the ``${...}`` references in a playbook.

    Attributes:
        fallback: values for variables that the environment does not set.
        environment: environment variables; those of this process by default.
    """

    fallback: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def variable(self, name: str) -> str | None:
        """The value of ``${NAME}``; None if it is not set or empty."""
        return self.environment.get(name) or self.fallback.get(name)

    def file(self, name: str, base: Path) -> str:
        """The value of ``${file:path}``: the file's text without the final line break.

        Args:
            name: path of the file, relative to ``base``.
            base: the folder of the playbook.

        Raises:
            UsageError: the file cannot be read, or has more than ``MAX_REFERENCED_BYTES``.
        """
        return read_text(base / name, MAX_REFERENCED_BYTES).rstrip("\r\n")

    def keyring(self, name: str) -> str:
        """The value of ``${keyring:service/name}``, from the operating system's keyring.

        Raises:
            UsageError: the keyring has no such entry, or the keyring package is not installed.
        """
        try:
            import keyring  # noqa: PLC0415 - optional
        except ImportError as error:
            raise UsageError(
                "the keyring package is not installed", hint=install_command("keyring")
            ) from error
        service, _, entry = name.rpartition("/")
        try:
            value = keyring.get_password(service, entry)
        except keyring.errors.KeyringError as error:
            raise UsageError(f"the keyring cannot be used: {type(error).__name__}") from error
        if value is None:
            raise UsageError(f"the keyring has no entry {entry!r} of the service {service!r}")
        return str(value)
