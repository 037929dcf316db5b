"""What the environment says. The only reader of environment variables.

``azure-identity`` reads its own (``AZURE_*``) besides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provisioner.core.errors import UsageError


def state_dir() -> Path:
    """Where the tool keeps files of its own: ``PROVISIONER_STATE_DIR``, or the platform's state directory."""
    if chosen := os.environ.get("PROVISIONER_STATE_DIR"):
        return Path(chosen)
    from platformdirs import user_state_path  # noqa: PLC0415 - start-up time

    return user_state_path("provisioner", appauthor=False)


def colour_wanted() -> bool:
    """Whether NO_COLOR leaves colour allowed (no-color.org)."""
    return not os.environ.get("NO_COLOR")


@dataclass(frozen=True)
class Variables:
    """Values for the ``${...}`` references in a playbook.

    Attributes:
        fallback: used where the environment has no value.
        environment: environment variables; the process's own by default.
    """

    fallback: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def variable(self, name: str) -> str | None:
        """``${NAME}``; an empty value counts as none."""
        return self.environment.get(name) or self.fallback.get(name)

    def file(self, name: str, base: Path) -> str:
        """``${file:path}``, relative to the playbook, without the final line break.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            return (base / name).read_text(encoding="utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"cannot read {name}: it is not UTF-8 text") from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
            raise UsageError(f"cannot read {name}: {reason}") from error

    def keyring(self, name: str) -> str:
        """``${keyring:service/name}``, from the operating system's keyring.

        Raises:
            UsageError: there is no such entry, or the keyring package is not installed.
        """
        try:
            import keyring  # noqa: PLC0415 - optional
        except ImportError as error:
            raise UsageError("the keyring package is not installed", hint="pip install keyring") from error
        service, _, entry = name.rpartition("/")
        try:
            value = keyring.get_password(service, entry)
        except keyring.errors.KeyringError as error:
            raise UsageError(f"the keyring cannot be used: {type(error).__name__}") from error
        if value is None:
            raise UsageError(f"the keyring has no entry {entry!r} of the service {service!r}")
        return str(value)
