"""Snapshots in files: for audits away from the tenant, and for support. Scrubbed of secrets, and of people's names on request."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provisioner.core.errors import UsageError
from provisioner.core.provider import Provider, RequestCounts
from provisioner.core.resource import MAY_NAME_PEOPLE, PERSONAL_DATA, Resource
from provisioner.core.snapshot import Gap, Snapshot

MAX_BYTES: Final = 200_000_000

_EMAIL: Final = re.compile(
    r"[^\s@\"'<>(),;:/]+@(?![\d.]+\b)(?=[^\s@\"'<>(),;:/]+\.[^\s@\"'<>(),;:/]+)"  # NAME@192.0.2.1 is a server
)


class Saved(BaseModel):
    """A snapshot with what it is of.

    Attributes:
        also: kinds that were read besides those a plan needs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["provisioner.snapshot/1"] = Field(default="provisioner.snapshot/1", alias="schema")
    name: str
    provider: str
    tenant: str
    taken: datetime
    also: tuple[str, ...] = ()
    scrubbed: tuple[Literal["secrets", "names"], ...] = ("secrets",)
    snapshot: Snapshot


def place(folder: Path, playbook: Path) -> Path:
    """Where a folder has the snapshot of a playbook: playbooks of many tenants may have one name, their files have not.

    Args:
        folder: of the snapshots.
        playbook: its file.
    """
    whole = Path(os.path.abspath(playbook))  # noqa: PTH100 - links stay
    here = Path.cwd()
    below = whole.relative_to(here if whole.is_relative_to(here) else whole.anchor)
    return folder / below.with_name(f"{below.name}.json")


def save(path: Path, saved: Saved, *, keep: frozenset[str] | None = None) -> None:
    """Write a snapshot, readable by its owner only.

    Args:
        path: the file.
        saved: what to write.
        keep: names of people that stay because the playbook names them; None: all stay.

    Raises:
        UsageError: it cannot be written.
    """
    data = saved.model_dump(mode="json", by_alias=True)
    data["snapshot"] = _without_seals(data["snapshot"])
    if keep is not None:
        data["scrubbed"] = ["secrets", "names"]
        data["snapshot"] = _Scrubbing(saved.snapshot, keep).scrubbed(data["snapshot"])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(data, file, indent=1)
            file.write("\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def load(path: Path) -> Saved:
    """Read a snapshot.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: a snapshot has at most {MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}") from error
    try:
        return Saved.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"][:3]))
        raise UsageError(
            f"{path} is no snapshot of this version: {where}: {first['msg']}",
            hint="save one with: provisioner doctor PLAYBOOK --save-snapshot FILE",
        ) from None


@dataclass
class Recorded:
    """A provider that reads a saved snapshot, and writes nothing.

    Attributes:
        live: what the playbook asks for; never contacted.
    """

    live: Provider
    saved: Saved

    @classmethod
    def of(cls, live: Provider, name: str, saved: Saved) -> Self:
        """A playbook's provider that reads its snapshot.

        Args:
            live: the provider.
            name: of the playbook.
            saved: the snapshot.

        Raises:
            UsageError: it is of another integration.
        """
        if (saved.provider, saved.name) != (live.name, name):
            raise UsageError(
                f"the snapshot is of {saved.name} ({saved.provider}), the playbook is {name} ({live.name})",
                hint="name the playbook that it was saved with; to compare others: provisioner diff",
            )
        return cls(live, saved)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.live, name)

    @property
    def tenant(self) -> str:
        return self.saved.tenant

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """What was saved; what was not read then is a gap."""
        snapshot = self.saved.snapshot
        reason = "the snapshot was saved without it; save one with doctor"
        there = {resource.kind for resource in snapshot.resources} | {gap.kind for gap in snapshot.gaps}
        gaps = tuple(
            Gap(kind=kind, reason=reason) for kind in sorted(extra_kinds - {*self.saved.also, *there})
        )
        return snapshot.model_copy(update={"gaps": (*snapshot.gaps, *gaps)})

    async def check_permissions(self, *_: object) -> None:
        raise UsageError("a saved snapshot can only be looked at", hint="leave --from-snapshot out")

    def requests(self) -> RequestCounts:
        return RequestCounts()


@dataclass
class Recording:
    """A provider whose last snapshot is kept, with the kinds that were read besides."""

    live: Provider
    last: Snapshot | None = None
    also: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.live, name)

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        self.last, self.also = await self.live.read(extra_kinds), extra_kinds
        return self.last

    def saved(self, name: str) -> Saved:
        """What was read last, for a file."""
        return Saved(
            name=name,
            provider=self.live.name,
            tenant=self.live.tenant,
            taken=datetime.now(UTC),
            also=tuple(sorted(self.also)),
            snapshot=self.last or Snapshot(),
        )


def _without_seals(value: Any) -> Any:
    """The same JSON; what is known of secrets is that they are there."""
    if isinstance(value, dict):
        return {key: None if key == "fingerprint" else _without_seals(inner) for key, inner in value.items()}
    return [_without_seals(inner) for inner in value] if isinstance(value, list) else value


class _Scrubbing:
    """Pseudonyms for people. The same person has the same one throughout a file, and another one in every other."""

    def __init__(self, snapshot: Snapshot, keep: frozenset[str]) -> None:
        self._keep = keep
        self._key = secrets.token_bytes(32)  # forgotten afterwards: nobody can try names until one fits
        self._resources = snapshot.resources
        names = {name for resource in snapshot.resources for name in _people(resource)} - keep
        longest_first = sorted(names, key=lambda name: (-len(name), name))
        known = (rf"(?<!\w){re.escape(name)}(?!\w)" for name in longest_first)
        self._mentions = re.compile("|".join((*known, _EMAIL.pattern)), re.IGNORECASE)

    def scrubbed(self, data: dict[str, Any]) -> dict[str, Any]:
        """The snapshot's JSON without names."""
        resources = [
            self._resource(type(resource), saved)
            for resource, saved in zip(self._resources, data["resources"], strict=True)
        ]
        told = {name: self._texts(data[name], self._mentioning) for name in ("gaps", "problems")}
        return {**data, **told, "resources": resources}

    def _resource(self, kind: type[Resource], data: dict[str, Any]) -> dict[str, Any]:
        change = {
            name: self._person if PERSONAL_DATA in info.metadata else self._mentioning
            for name, info in kind.model_fields.items()
            if PERSONAL_DATA in info.metadata or MAY_NAME_PEOPLE in info.metadata
        }
        if change:
            change["key"] = self._mentioning
        return {name: self._texts(value, change.get(name, self._addressed)) for name, value in data.items()}

    def _texts(self, value: Any, change: Callable[[str], str]) -> Any:
        if isinstance(value, dict):
            return {key: self._texts(inner, change) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._texts(inner, change) for inner in value]
        return change(value) if isinstance(value, str) and value not in self._keep else value

    def _person(self, text: str) -> str:
        name, remark = _remarked(text)
        return (self._addressed(name) if _EMAIL.search(name) else self._pseudonym(name)) + remark

    def _mentioning(self, text: str) -> str:
        """A text that may name people: those who are known, and addresses."""
        return self._mentions.sub(
            lambda found: (self._addressee if found[0].endswith("@") else self._person)(found[0]), text
        )

    def _addressed(self, text: str) -> str:
        """Addresses with a pseudonym before the @; domains stay, since checks are about them."""
        return _EMAIL.sub(lambda found: self._addressee(found[0]), text)

    def _addressee(self, text: str) -> str:
        return f"{self._pseudonym(text)}@"

    def _pseudonym(self, text: str) -> str:
        digest = hmac.new(self._key, text.lower().encode(), hashlib.sha256)
        return f"person-{digest.hexdigest()[:8]}"


def _people(resource: Resource) -> Iterator[str]:
    """The names of people that a resource has."""
    for name, info in type(resource).model_fields.items():
        if PERSONAL_DATA in info.metadata:
            value = getattr(resource, name)
            for text in (value,) if isinstance(value, str) else value or ():
                yield _remarked(text)[0]


def _remarked(text: str) -> tuple[str, str]:
    """A name, and what stands in brackets behind it: ``alice (suspended)``."""
    name, opening, remark = text.partition(" (")
    return name, opening + remark
