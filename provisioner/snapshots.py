"""Snapshots in files: for audits away from the tenant, and for support. Scrubbed of secrets, and of people's names on request."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provisioner.core.errors import UsageError
from provisioner.core.provider import Provider, Requests
from provisioner.core.snapshot import Gap, Snapshot

MAX_BYTES: Final = 200_000_000

_EMAIL: Final = re.compile(r"[^\s@\"'<>(),;:/]+@(?=[^\s@\"'<>(),;:/]+\.[^\s@\"'<>(),;:/]+)")
_PERSONAL: Final = frozenset({"display_name", "principal_name", "name"})
_OF_PEOPLE: Final = re.compile(r"user|people|sign-in|failure|external-id")


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
        data["snapshot"] = _without_names(data["snapshot"], keep)
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

    def __getattr__(self, name: str) -> Any:
        return getattr(self.live, name)

    @property
    def tenant(self) -> str:
        return self.saved.tenant

    async def read(self, also: frozenset[str] = frozenset()) -> Snapshot:
        """What was saved; what was not read then is a gap."""
        snapshot = self.saved.snapshot
        reason = "the snapshot was saved without it; save one with doctor"
        there = {resource.kind for resource in snapshot.resources} | {gap.kind for gap in snapshot.gaps}
        gaps = tuple(Gap(kind=kind, reason=reason) for kind in sorted(also - {*self.saved.also, *there}))
        return snapshot.model_copy(update={"gaps": (*snapshot.gaps, *gaps)})

    async def permit(self, *_: object) -> None:
        raise UsageError("a saved snapshot can only be looked at", hint="leave --from-snapshot out")

    def requests(self) -> Requests:
        return Requests()


@dataclass
class Recording:
    """A provider whose last snapshot is kept, with the kinds that were read besides."""

    live: Provider
    last: Snapshot | None = None
    also: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.live, name)

    async def read(self, also: frozenset[str] = frozenset()) -> Snapshot:
        self.last, self.also = await self.live.read(also), also
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


def _without_names(snapshot: dict[str, Any], keep: frozenset[str]) -> dict[str, Any]:
    """The same with pseudonyms for people: the same person has the same one throughout a file."""
    resources = [_pseudonymous(resource, keep) for resource in snapshot["resources"]]
    return {**_texts(snapshot, lambda text: _masked(text, keep)), "resources": resources}


def _pseudonymous(resource: dict[str, Any], keep: frozenset[str]) -> dict[str, Any]:
    masked: dict[str, Any] = _texts(resource, lambda text: _masked(text, keep))
    if _OF_PEOPLE.search(resource["kind"]):
        for field in _PERSONAL & masked.keys():
            if isinstance(masked[field], str) and masked[field] not in keep:
                masked[field] = _pseudonym(masked[field])
    return masked


def _texts(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_texts(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _masked(text: str, keep: frozenset[str]) -> str:
    """Addresses with a pseudonym before the @; domains stay, since checks are about them."""
    return text if text in keep else _EMAIL.sub(lambda found: f"{_pseudonym(found[0])}@", text)


def _pseudonym(text: str) -> str:
    return f"person-{hashlib.sha256(text.lower().encode()).hexdigest()[:8]}"
