"""Independent reads, sent in one round trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.core.errors import RemoteError
from provisioner.providers.base.wire import Json

from .client import GraphClient, Read

OnResult = Callable[[Json | None], None]
OnMissing = Callable[[RemoteError], None]


@dataclass(frozen=True)
class _Item:
    read: Read
    on_result: OnResult
    on_missing: OnMissing | None
    all_pages: bool


@dataclass
class BatchReader:
    """Collects independent reads, sends them together and passes each result to its callback. Use once."""

    client: GraphClient
    _items: list[_Item] = field(default_factory=list)

    def add(
        self, read: Read, on_result: OnResult, on_missing: OnMissing | None = None, *, all_pages: bool = False
    ) -> None:
        """Add a read.

        Args:
            read: what to read.
            on_result: receives the response; None when the object does not exist and may be absent.
            on_missing: receives the error when the read fails; without it, :meth:`run` raises the error.
            all_pages: read every page of a collection, not only the first.
        """
        self._items.append(_Item(read, on_result, on_missing, all_pages))

    async def run(self) -> None:
        """Send the reads.

        Raises:
            RemoteError: a read without ``on_missing`` failed.
        """
        if not self._items:
            return
        results = await self.client.read_all([item.read for item in self._items])
        for item, result in zip(self._items, results, strict=True):
            if not isinstance(result, RemoteError):
                if item.all_pages and result is not None:
                    result = {"value": await self.client.read_next_pages(result)}  # noqa: PLW2901
                item.on_result(result)
            elif item.on_missing:
                item.on_missing(result)
            else:
                raise result
