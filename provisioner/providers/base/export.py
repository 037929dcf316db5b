"""Parts of an export that are the same for every identity provider: candidates, and the draft of a playbook."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from provisioner.core.errors import PermissionDeniedError, RefusedError, UsageError
from provisioner.core.snapshot import Snapshot

from .playbook_models import MAX_NAME_LENGTH, IntegrationPlaybook, PrincipalEntry

MARKER: Final = re.compile(r"provisioner-([a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?)")
"""The marker on objects that this product created; its group is the name of the playbook."""

DOMAINS_COMMENT: Final = (
    "The identity provider does not know which domains Kiro verifies by DNS. Add them here:",
    "domains:",
    "  - name: example.com",
    "    value: ${KIRO_DOMAIN_TOKEN} # from the Kiro console",
)
"""The comment in place of ``domains:``, which the admin adds."""

_MAX_PLAYBOOK_NAME: Final = 48

P = TypeVar("P", bound=IntegrationPlaybook)
E = TypeVar("E", bound=PrincipalEntry)
T = TypeVar("T")


@dataclass(frozen=True)
class Candidate:
    """An application that can be exported.

    Attributes:
        id: object id.
        client_id: client id.
        name: display name.
        created: when it was created, in the vendor's format.
        owner: name of the playbook whose marker it carries, if it carries one.
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
    """The keys of a playbook, and what the admin should know about them.

    Attributes:
        keys: nested, in the order of the model; values that must not be written are a :class:`VariableReference`.
        comments: a few words about a key, by path such as ``("groups", 0, "id")``.
        omitted: lines that explain why a top-level key is absent, and how to add it, by key.
        inexpressible: what exists, cannot be expressed in a playbook, and is not changed by apply.
        unread: what could not be read, with the missing permission.
    """

    keys: dict[str, Any]
    comments: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)
    omitted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inexpressible: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class PermittedRead(Generic[T, P]):
    """What the credentials could read.

    Attributes:
        result: what was read.
        playbook: the playbook with which it was read, without the sections that were refused.
        refused: the errors.
    """

    result: T
    playbook: P
    refused: tuple[PermissionDeniedError, ...] = ()


def marker_owner(text: str | None) -> str | None:
    """The name of the playbook whose marker this text is, or None."""
    match = MARKER.fullmatch(text or "")
    return match[1] if match else None


def playbook_name(candidate: Candidate, requested: str | None, provider: str) -> str:
    """The name of the exported playbook: that of the marker, the requested one, or one made from the application's name.

    Raises:
        RefusedError: the application belongs to another playbook.
        UsageError: the requested name is not valid.
    """
    if requested and not MARKER.fullmatch(f"provisioner-{requested}"):
        raise UsageError(
            f"--name: {requested!r} is not a valid name for a playbook",
            hint="use lower-case letters, digits and hyphens, at most 48",
        )
    if candidate.owner and requested not in (None, candidate.owner):
        raise RefusedError(
            f"the application {candidate.name!r} carries the marker provisioner-{candidate.owner}: "
            f"a playbook called {requested!r} could not change it",
            hint=f"omit --name, or use --name {candidate.owner}",
        )
    slug = re.sub(r"[^a-z0-9]+", "-", candidate.name.lower())[:_MAX_PLAYBOOK_NAME].strip("-")
    return candidate.owner or requested or slug or f"kiro-{provider}"


def choose_candidate(candidates: tuple[Candidate, ...], requested: str | None) -> Candidate | None:
    """The only candidate, or the one with the marker of the requested name; None if it is not clear which one is meant."""
    marked = tuple(candidate for candidate in candidates if requested and candidate.owner == requested)
    remaining = marked or candidates
    return remaining[0] if len(remaining) == 1 else None


def not_adoptable_error(snapshot: Snapshot, candidate: Candidate) -> RefusedError:
    """The error for an application that a playbook cannot adopt.

    Args:
        snapshot: read with a playbook that adopts the application.
        candidate: the application.
    """
    problem = next(iter(snapshot.problems), None)
    return RefusedError(
        f"the application {candidate.name!r} cannot be exported: "
        + (problem.message if problem else "it no longer exists"),
        hint=problem.hint if problem else "run the same command again",
    )


async def read_permitted(
    read: Callable[[P], Awaitable[T]], playbook: P, without: Mapping[tuple[str, ...], Callable[[P], P]]
) -> PermittedRead[T, P]:
    """Read as much as the credentials permit.

    Args:
        read: reads what belongs to a playbook.
        playbook: the playbook to start with.
        without: by permissions of which any one is enough, a function that removes what needs them from a playbook.

    Raises:
        PermissionDeniedError: every export needs this permission.
    """
    refused: list[PermissionDeniedError] = []
    while True:
        try:
            return PermittedRead(await read(playbook), playbook, tuple(refused))
        except PermissionDeniedError as error:
            if error.permissions not in without or any(
                error.permissions == earlier.permissions for earlier in refused
            ):
                raise
            refused.append(error)
            playbook = without[error.permissions](playbook)


def usable_name(text: Any) -> str | None:
    """The text if it can be a name in a playbook, else None."""
    is_usable = isinstance(text, str) and text.strip() and len(text) <= MAX_NAME_LENGTH
    return str(text) if is_usable else None


def principal_entry(kind: type[E], name: str | None, object_id: str, ids: Mapping[str, str]) -> E:
    """The playbook entry of a group or user: by name if the name leads to it, else by id.

    Args:
        kind: the provider's model of an entry.
        name: its name.
        object_id: its id.
        ids: the ids to which names lead.
    """
    by_name = name is not None and ids.get(name) == object_id
    return kind(name=name) if by_name else kind(id=object_id)


def entries_by_name(kind: type[E], names: Mapping[str, str | None]) -> tuple[E, ...]:
    """Playbook entries for the names that can be used unchanged, each once.

    Args:
        kind: the provider's model of an entry.
        names: names of groups or users, by id.
    """
    usable = (name for name in names.values() if usable_name(name) and name == str(name).strip())
    return tuple(kind(name=name) for name in dict.fromkeys(usable))


def loopback_ports(uris: tuple[str, ...], default: tuple[int, ...]) -> tuple[int, ...]:
    """The ports of the loopback redirect URIs, in the order of the default."""
    matches = (re.fullmatch(r"http://localhost:(\d{1,5})/oauth/callback", uri) for uri in uris)
    ports = tuple(dict.fromkeys(int(match[1]) for match in matches if match and 0 < int(match[1]) <= 65535))
    return default_order(ports, default)


def default_order(values: tuple[T, ...], default: Iterable[T]) -> tuple[T, ...]:
    """The values, first those of the default in its order: the order has no meaning, so the usual one is used."""
    usual = tuple(default)
    return (
        *(value for value in usual if value in values),
        *(value for value in values if value not in usual),
    )
