"""A round: reads that do not depend on each other, done in one round trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.core.errors import RemoteError
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Gap
from provisioner.providers.base.permissions import permissions_for

from .client import GraphClient, Read
from .permissions import PERMISSIONS
from .resources import Json

Keep = Callable[[Json | None], None]


@dataclass(frozen=True)
class _Asked:
    read: Read
    keep: Keep
    yields: tuple[type[Resource], ...]
    follow: bool


@dataclass
class BatchReader:
    """Collects reads, does them together, and hands each answer to whoever asked.

    Attributes:
        gaps: what could not be read is added here.
    """

    client: GraphClient
    gaps: list[Gap]
    _asked: list[_Asked] = field(default_factory=list)

    def add(self, read: Read, on_result: Keep, *yields: type[Resource], follow: bool = False) -> None:
        """Ask for something.

        Args:
            read: what to read.
            on_result: receives the response; None when the object does not exist.
            yields: the kinds that become gaps when it may not be read. None given: that is an error.
            follow: read all pages.
        """
        self._asked.append(_Asked(read, on_result, yields, follow))

    async def run(self) -> None:
        """Read everything.

        Raises:
            RemoteError: something that no gap may stand for could not be read.
        """
        if not self._asked:
            return
        answers = await self.client.read_all([asked.read for asked in self._asked])
        for answer, asked in zip(answers, self._asked, strict=True):
            if isinstance(answer, RemoteError):
                self._on_missing(answer, asked)
            elif asked.follow and answer is not None:
                asked.keep({"value": await self.client.rest(answer)})
            else:
                asked.keep(answer)

    def _on_missing(self, error: RemoteError, asked: _Asked) -> None:
        if not asked.yields:
            raise error
        needs = permissions_for(PERMISSIONS, "GET", asked.read.path) if error.status == 403 else ()
        self.gaps.extend(
            Gap(kind=kind.kind, reason=error.message, permissions=needs) for kind in asked.yields
        )


def elements(answer: Json | None) -> list[Json]:
    """The elements of a collection, or the one object, or nothing."""
    if answer is None:
        return []
    value = answer.get("value")
    return list(value) if isinstance(value, list) else [answer]
