"""The errors that the product raises, each with its exit code.

::

    ProvisionerError                 1
    ├── UsageError                   2   the command line or the environment is wrong
    │   └── PlaybookError            2   a playbook is wrong: file, line, what was expected
    ├── RefusedError                 5   a guard refuses; nothing was written
    └── RemoteError                  1   a remote system refuses, or does not respond
        ├── PermissionDeniedError    1   names the missing permission and role
        ├── NotLicensedError         1   the tenant lacks a licence; the credentials are fine
        ├── RemoteNotFoundError      1   something that the playbook needs does not exist
        └── UnreachableError         1   no response within the budget

``__cause__`` always has the cause. A message states what happened and where; ``hint`` states what to do next. Neither
contains a secret that this process knows; see :mod:`~provisioner.core.redaction`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Self

from .redaction import MAX_IDENTIFIER, redact, relayed


class ExitCode(IntEnum):
    """The exit codes; they mean the same for every command."""

    DONE = 0, "done, or in sync"
    ERROR = 1, "an error occurred"
    USAGE = 2, "wrong usage, or an invalid playbook"
    FINDINGS = (
        3,
        (
            "plan, drift: changes are pending; doctor: findings at or above --fail-on; diff: differences; "
            "export: apply would refuse the playbook; permissions: one is missing"
        ),
    )
    WAITING = 4, "applied as far as possible; a manual step is pending"
    REFUSED = 5, "refused by a guard, or a name is ambiguous; nothing was written"

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class ProvisionerError(Exception):
    """The base of all errors.

    Args:
        message: what happened, and where; one line.
        hint: what to do next; may be empty.
        details: further lines.
    """

    exit_code = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "", details: Iterable[str] = ()) -> None:
        self.message = redact(message)
        self.hint = redact(hint)
        self.details = tuple(map(redact, details))
        super().__init__(self.message)

    @property
    def title(self) -> str:
        """The message with what identifies the case, as one line."""
        return self.message

    def __str__(self) -> str:
        return "\n    ".join((self.title, *self.details))


class UsageError(ProvisionerError):
    """The command line, a file or the environment is wrong; no request was sent."""

    exit_code = ExitCode.USAGE


class PlaybookError(UsageError):
    """A playbook is invalid; no request was sent.

    Args:
        message: the mistake, and what was expected.
        file: the playbook.
        line: 1-based line of the mistake, if it has one.
        hint: what to do next.

    Attributes:
        others: further mistakes in the same file.
    """

    others: tuple[PlaybookError, ...] = ()

    def __init__(self, message: str, *, file: Path | str, line: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line

    @property
    def title(self) -> str:
        """The message after file and line."""
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class RefusedError(ProvisionerError):
    """A guard refuses; nothing was written."""

    exit_code = ExitCode.REFUSED


class RemoteError(ProvisionerError):
    """A remote system responded with an error, or its response is invalid.

    Args:
        message: what happened, and where.
        status: the HTTP status; 0 if there was no response.
        code: the vendor's error code.
        request_id: the identifier that the vendor's support asks for.
        hint: what to do next.
        details: further lines.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        hint: str = "",
        details: Iterable[str] = (),
    ) -> None:
        super().__init__(relayed(message), hint=hint, details=details)
        self.status = status
        self.code = relayed(code, MAX_IDENTIFIER)
        self.request_id = relayed(request_id, MAX_IDENTIFIER)

    @property
    def title(self) -> str:
        """The message with the request id."""
        return f"{self.message} [request-id {self.request_id}]" if self.request_id else self.message


class PermissionDeniedError(RemoteError):
    """The credentials lack a permission.

    Args:
        message: what was tried.
        permissions: permissions of which any one is enough.
        role: the directory role that a signed-in person also needs, if any.
    """

    def __init__(
        self,
        message: str,
        *,
        permissions: tuple[str, ...] = (),
        role: str = "",
        status: int = 403,
        code: str = "",
        request_id: str = "",
    ) -> None:
        hint = f"grant {' or '.join(permissions)}" if permissions else "grant the missing permission"
        if role:
            hint += f"; a signed-in person also needs the directory role {role}"
        super().__init__(message, status=status, code=code, request_id=request_id, hint=hint)
        self.permissions = permissions
        self.role = role


class NotLicensedError(RemoteError):
    """The tenant lacks the licence for a feature; the credentials are fine."""


class RemoteNotFoundError(RemoteError):
    """Something that the playbook needs does not exist in the tenant."""


class UnreachableError(RemoteError):
    """No usable response within the retry budget."""
