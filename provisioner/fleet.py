"""Many playbooks at once: so many at a time, a few of the same tenant, and no failure hides another."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from provisioner.core.errors import ProvisionerError, UsageError

J = TypeVar("J")
R = TypeVar("R")

OF_TENANT = 2
"""Playbooks of one tenant that are looked at at the same time."""


@dataclass(frozen=True)
class Shard:
    """One of several parts of a fleet.

    Attributes:
        number: which, from 1.
        of: how many there are.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parsed(cls, text: str) -> Shard:
        """A shard as it is written: ``2/8``.

        Raises:
            UsageError: it is none.
        """
        number, slash, of = text.partition("/")
        if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= 10_000:
            return cls(int(number), int(of))
        raise UsageError(f"{text} is no shard", hint="expected a number and how many there are, such as 2/8")

    def part(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names that are in this shard.

        They are dealt out in the order of their digests: every machine deals alike, whatever the order in which it found them,
        and neighbours, which are often of one size, are spread.
        """
        dealt = sorted(set(names), key=lambda name: (hashlib.sha256(name.encode()).digest(), name))
        mine = set(dealt[self.number - 1 :: self.of])
        return tuple(name for name in names if name in mine)


@dataclass(frozen=True)
class Result(Generic[J, R]):
    """What came of one job: a value, or the error that it ended with."""

    job: J
    value: R | None = None
    error: ProvisionerError | None = None


async def survey(
    jobs: Sequence[J],
    work: Callable[[J], Awaitable[R]],
    *,
    at_once: int,
    of_tenant: int = OF_TENANT,
    tenant: Callable[[J], Hashable],
    finished: Callable[[Result[J, R]], None] = lambda _: None,
) -> list[Result[J, R]]:
    """Do something for each of many jobs.

    Args:
        jobs: for example playbooks.
        work: what to do; a ProvisionerError of one job leaves the others alone.
        at_once: how many are under way at the same time.
        of_tenant: how many of the same tenant, whose rate limits they share.
        tenant: whose job it is.
        finished: told whenever a job is done.

    Returns:
        what came of each job, in their order.
    """
    slots = asyncio.Semaphore(at_once)
    turns: defaultdict[Hashable, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(of_tenant))

    async def one(job: J) -> Result[J, R]:
        async with turns[tenant(job)], slots:
            try:
                result: Result[J, R] = Result(job, await work(job))
            except ProvisionerError as error:
                result = Result(job, error=error)
        finished(result)
        return result

    return await asyncio.gather(*(one(job) for job in jobs))  # what is no ProvisionerError ends everything
