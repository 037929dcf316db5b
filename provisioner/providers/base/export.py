"""What an export is made of, whichever the identity provider: candidates, and the draft of a playbook."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from provisioner.core.errors import PermissionDeniedError, RefusedError, UsageError
from provisioner.core.snapshot import Snapshot

from .playbook_models import IntegrationPlaybook, PrincipalEntry

MARKER: Final = re.compile(r"provisioner-([a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?)")
"""What this product writes on what it made; its group is the playbook's name."""

_LONGEST_NAME: Final = 48

P = TypeVar("P", bound=IntegrationPlaybook)
K = TypeVar("K", bound=PrincipalEntry)
T = TypeVar("T")


@dataclass(frozen=True)
class Candidate:
    """An application that may be the one to export.

    Attributes:
        id: of the object.
        client_id: what people know it by.
        name: as people see it.
        created: when, as the vendor tells it.
        owner: the name of the playbook whose marker it carries, if it carries one.
    """

    id: str
    client_id: str
    name: str
    created: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class VariableReference:
    """A reference to an environment variable, in place of a value."""

    name: str
    default: str | None = None

    def __str__(self) -> str:
        return f"${{{self.name}}}" if self.default is None else f"${{{self.name}:-{self.default}}}"


@dataclass(frozen=True)
class Draft:
    """The keys of a playbook, and what a person should know of them.

    Attributes:
        keys: nested, in the order of the model; a :class:`Variable` stands for a value that is not written down.
        remarks: a few words about a key, by path such as ``("groups", 0, "id")``.
        absent: why a key that one may look for is not there, and how it would look, by top-level key; lines.
        left_alone: what is there, cannot be said in a playbook, and is not touched by apply.
        unread: what could not be read, with the missing permission.
    """

    keys: dict[str, Any]
    comments: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)
    omitted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inexpressible: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def owner_in(text: str | None) -> str | None:
    """The name of the playbook whose marker this text is, or None."""
    match = MARKER.fullmatch(text or "")
    return match[1] if match else None


def playbook_name(candidate: Candidate, wanted: str | None, provider: str) -> str:
    """What the playbook is to be called: as the marker says, as is wanted, or after the application.

    Raises:
        RefusedError: the application is another playbook's.
        UsageError: the wanted name is none.
    """
    if wanted and not MARKER.fullmatch(f"provisioner-{wanted}"):
        raise UsageError(
            f"--name: {wanted!r} is no name for a playbook",
            hint="use lower-case letters, digits and hyphens, at most 48",
        )
    if candidate.owner and wanted not in (None, candidate.owner):
        raise RefusedError(
            f"the application {candidate.name!r} carries the marker provisioner-{candidate.owner}: "
            f"a playbook called {wanted!r} would not be allowed to touch it",
            hint=f"leave --name out, or say --name {candidate.owner}",
        )
    slug = re.sub(r"[^a-z0-9]+", "-", candidate.name.lower())[:_LONGEST_NAME].strip("-")
    return candidate.owner or wanted or slug or f"kiro-{provider}"


def choose_candidate(candidates: tuple[Candidate, ...], wanted: str | None) -> Candidate | None:
    """The only candidate, or the one that carries the marker of the wanted name; None: there is no telling."""
    marked = [candidate for candidate in candidates if wanted and candidate.owner == wanted]
    one = marked or candidates
    return one[0] if len(one) == 1 else None


def not_adoptable_error(snapshot: Snapshot, candidate: Candidate) -> RefusedError:
    """Why a playbook may not adopt an application; it was read with one that would."""
    problem = next(iter(snapshot.problems), None)
    return RefusedError(
        f"the application {candidate.name!r} cannot be exported: "
        + (problem.message if problem else "it is not there any more"),
        hint=problem.hint if problem else "run the same command again",
    )


async def read_permitted(
    read: Callable[[P], Awaitable[T]], playbook: P, without: Mapping[tuple[str, ...], Callable[[P], P]]
) -> tuple[T, tuple[PermissionDeniedError, ...]]:
    """Read as much as the credentials let.

    Args:
        read: reads what a playbook is about.
        playbook: the playbook to begin with.
        without: the same playbook without what one of these permissions is needed for.

    Returns:
        what was read, and what was refused.

    Raises:
        PermissionDeniedError: something that no export can do without.
    """
    refused: list[PermissionDeniedError] = []
    while True:
        try:
            return await read(playbook), tuple(refused)
        except PermissionDeniedError as error:
            if error.permissions not in without or any(
                error.permissions == known.permissions for known in refused
            ):
                raise
            refused.append(error)
            playbook = without[error.permissions](playbook)


def principal_entry(kind: type[K], name: str | None, key: str, ids: Mapping[str, str]) -> K:
    """How a playbook names a group or user: by name where that leads to it, else by id.

    Args:
        kind: the provider's keys.
        name: as it is called.
        key: its id.
        ids: the ids that names were found to lead to.
    """
    by_name = name is not None and ids.get(name) == key
    return kind(name=name) if by_name else kind(id=key)


def entries_by_name(kind: type[K], names: Mapping[str, str | None]) -> tuple[K, ...]:
    """Keys for those names that can stand in a playbook as they are, each once.

    Args:
        kind: the provider's keys.
        names: by id.
    """
    fits = (name for name in names.values() if name and name == name.strip() and len(name) <= 120)
    return tuple(kind(name=name) for name in dict.fromkeys(fits))


def ports(uris: tuple[str, ...], default: tuple[int, ...]) -> tuple[int, ...]:
    """The ports of the loopback redirect URIs; in the order of the default if they are the same."""
    matches = (re.fullmatch(r"http://localhost:(\d{1,5})/oauth/callback", uri) for uri in uris)
    found = tuple(dict.fromkeys(int(match[1]) for match in matches if match and 0 < int(match[1]) <= 65535))
    return in_order(found, default)


def in_order(found: tuple[T, ...], default: tuple[T, ...]) -> tuple[T, ...]:
    """What was found, that of the default first and in its order: the order means nothing."""
    return (
        *(one for one in default if one in found),
        *(one for one in found if one not in default),
    )


DOMAINS: Final = (
    "No directory tells which domains Kiro verifies by DNS. Name them here:",
    "domains:",
    "  - name: example.com",
    "    value: ${KIRO_DOMAIN_TOKEN} # from the Kiro console",
)
"""The block for domains: a person fills it in."""
