"""Snapshots in files, for audits without the tenant and for support.

Secrets are never saved; people's names are replaced on request.
"""

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
from provisioner.file_reading import MAX_SNAPSHOT_BYTES, read_text
from provisioner.file_writing import write_text

_WORD: Final = r"[^\s@\"'<>(),;:/]"
_EMAIL: Final = re.compile(
    rf"(?<!{_WORD}){_WORD}++@(?![\d.]+\b)(?={_WORD}+\.{_WORD}+)"  # NAME@192.0.2.1 is a server
)


class SavedSnapshot(BaseModel):
    """A snapshot, and the integration that it is of.

    Attributes:
        name: name of the playbook.
        taken: when the tenant was read.
        extra_kinds: kinds that were read in addition to those of a plan.
        scrubbed: what was removed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["provisioner.snapshot/1"] = Field(default="provisioner.snapshot/1", alias="schema")
    name: str
    provider: str
    tenant: str
    taken: datetime
    extra_kinds: tuple[str, ...] = ()
    scrubbed: tuple[Literal["secrets", "names"], ...] = ("secrets",)
    snapshot: Snapshot


def snapshot_file(folder: Path, playbook: Path) -> Path:
    """The file of a playbook's snapshot in a folder of snapshots.

    It follows the path of the playbook, because playbooks of several tenants may have the same name.

    Args:
        folder: the folder of the snapshots.
        playbook: the file of the playbook.
    """
    absolute = Path(os.path.abspath(playbook))  # noqa: PTH100 - without resolving links
    here = Path.cwd()
    relative = absolute.relative_to(here if absolute.is_relative_to(here) else absolute.anchor)
    return folder / relative.with_name(f"{relative.name}.json")


def save(
    path: Path,
    saved: SavedSnapshot,
    *,
    public_names: frozenset[str] | None = None,
    within: Path | None = None,
) -> None:
    """Write a snapshot, readable by its owner only.

    Args:
        path: the file.
        saved: the snapshot.
        public_names: replace the names of people by pseudonyms, except these, which the playbook names; None: replace none.
        within: the folder that links must not lead out of; default: the file's own.

    Raises:
        ProvisionerError: the file cannot be written; see :func:`~provisioner.file_writing.write_text`.
    """
    data = saved.model_dump(mode="json", by_alias=True)
    data["snapshot"] = _without_fingerprints(data["snapshot"])
    if public_names is not None:
        data["scrubbed"] = ["secrets", "names"]
        data["snapshot"] = _Scrubber(saved.snapshot, public_names).scrub(data["snapshot"])
    write_text(path, f"{json.dumps(data, indent=1)}\n", private=True, within=within)


def load(path: Path) -> SavedSnapshot:
    """Read a snapshot.

    Raises:
        UsageError: the file cannot be read, or is not a snapshot.
    """
    text = read_text(path, MAX_SNAPSHOT_BYTES)
    try:
        return SavedSnapshot.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"][:3]))
        raise UsageError(
            f"{path} is not a snapshot of this version: {where}: {first['msg']}",
            hint="save one: provisioner doctor PLAYBOOK --save-snapshot FILE",
        ) from None


@dataclass
class SnapshotProvider:
    """A provider that reads a saved snapshot and writes nothing.

    Attributes:
        live: the playbook's provider; never contacted.
        saved: the snapshot.
    """

    live: Provider
    saved: SavedSnapshot

    @classmethod
    def for_playbook(cls, live: Provider, name: str, saved: SavedSnapshot) -> Self:
        """A provider that reads the snapshot of a playbook.

        Args:
            live: the playbook's provider.
            name: name of the playbook.
            saved: the snapshot.

        Raises:
            UsageError: the snapshot is of another integration.
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
        """The saved snapshot, with a gap for every extra kind that was not read then."""
        snapshot = self.saved.snapshot
        reason = "the snapshot was saved without it; save one with doctor"
        known = {resource.kind for resource in snapshot.resources} | {gap.kind for gap in snapshot.gaps}
        missing = extra_kinds - known - {*self.saved.extra_kinds}
        gaps = tuple(Gap(kind=kind, reason=reason) for kind in sorted(missing))
        return snapshot.model_copy(update={"gaps": (*snapshot.gaps, *gaps)})

    async def check_permissions(self, *_: object) -> None:
        """Raise: nothing can be written to a snapshot."""
        raise UsageError("a saved snapshot can only be read", hint="remove --from-snapshot")

    def requests(self) -> RequestCounts:
        return RequestCounts()


@dataclass
class RecordingProvider:
    """A provider that remembers the last snapshot it read, and the extra kinds in it."""

    live: Provider
    last: Snapshot | None = None
    extra_kinds: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.live, name)

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """Read, and remember the snapshot."""
        self.last, self.extra_kinds = await self.live.read(extra_kinds), extra_kinds
        return self.last

    def saved_snapshot(self, name: str) -> SavedSnapshot:
        """The last snapshot, to be saved for the playbook of this name."""
        return SavedSnapshot(
            name=name,
            provider=self.live.name,
            tenant=self.live.tenant,
            taken=datetime.now(UTC),
            extra_kinds=tuple(sorted(self.extra_kinds)),
            snapshot=self.last or Snapshot(),
        )


def _without_fingerprints(value: Any) -> Any:
    """The same JSON, in which a secret shows only that it exists."""
    if isinstance(value, dict):
        return {
            key: None if key == "fingerprint" else _without_fingerprints(inner)
            for key, inner in value.items()
        }
    return [_without_fingerprints(inner) for inner in value] if isinstance(value, list) else value


class _Scrubber:
    """Replaces the names of people in one file. A person has one pseudonym per file, and another one in other files."""

    def __init__(self, snapshot: Snapshot, public_names: frozenset[str]) -> None:
        self._public_names = public_names
        self._key = secrets.token_bytes(32)  # not stored: no one can find a name by trying
        self._resources = snapshot.resources
        names = {name for resource in snapshot.resources for name in _people(resource)} - public_names
        longest_first = sorted(names, key=lambda name: (-len(name), name))
        known = (rf"(?<!\w){re.escape(name)}(?!\w)" for name in longest_first)
        self._mentions = re.compile("|".join(known) or r"(?!)", re.IGNORECASE)

    def scrub(self, data: dict[str, Any]) -> dict[str, Any]:
        """The JSON of the snapshot without names."""
        resources = [
            self._scrub_resource(type(resource), saved)
            for resource, saved in zip(self._resources, data["resources"], strict=True)
        ]
        messages = {name: self._map_texts(data[name], self._scrub_text) for name in ("gaps", "problems")}
        return {**data, **messages, "resources": resources}

    def _scrub_resource(self, kind: type[Resource], data: dict[str, Any]) -> dict[str, Any]:
        scrub = {
            name: self._scrub_person if PERSONAL_DATA in info.metadata else self._scrub_text
            for name, info in kind.model_fields.items()
            if PERSONAL_DATA in info.metadata or MAY_NAME_PEOPLE in info.metadata
        }
        if scrub:
            scrub["key"] = self._scrub_text
        return {
            name: self._map_texts(value, scrub.get(name, self._scrub_emails)) for name, value in data.items()
        }

    def _map_texts(self, value: Any, scrub: Callable[[str], str]) -> Any:
        if isinstance(value, dict):
            return {key: self._map_texts(inner, scrub) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._map_texts(inner, scrub) for inner in value]
        return scrub(value) if isinstance(value, str) and value not in self._public_names else value

    def _scrub_person(self, text: str) -> str:
        """The name of one person, with or without a remark in brackets."""
        name, remark = _split_remark(text)
        return (self._scrub_emails(name) if _EMAIL.search(name) else self._pseudonym(name)) + remark

    def _scrub_text(self, text: str) -> str:
        """A text that may name people: e-mail addresses, and known names in the rest."""
        return self._mentions.sub(lambda match: self._scrub_person(match[0]), self._scrub_emails(text))

    def _scrub_emails(self, text: str) -> str:
        """E-mail addresses with a pseudonym before the @. Domains stay, because checks are about them."""
        return _EMAIL.sub(lambda match: self._local_part(match[0]), text)

    def _local_part(self, text: str) -> str:
        return f"{self._pseudonym(text)}@"

    def _pseudonym(self, text: str) -> str:
        digest = hmac.new(self._key, text.lower().encode(), hashlib.sha256)
        return f"person-{digest.hexdigest()[:8]}"


def _people(resource: Resource) -> Iterator[str]:
    """The names of people in a resource."""
    for name, info in type(resource).model_fields.items():
        if PERSONAL_DATA in info.metadata:
            value = getattr(resource, name)
            for text in (value,) if isinstance(value, str) else value or ():
                yield _split_remark(text)[0]


def _split_remark(text: str) -> tuple[str, str]:
    """A name, and the remark in brackets after it: ``alice (suspended)``."""
    name, opening, remark = text.partition(" (")
    return name, opening + remark
