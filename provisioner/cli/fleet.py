"""Many playbooks at once, for drift and doctor: a limit per tenant, shards, and no failure hides another playbook."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import click

from provisioner.cli.errors import bug_error
from provisioner.cli.files import find_playbooks
from provisioner.cli.session import Session, Workspace, open_workspace
from provisioner.core.errors import PlaybookError, ProvisionerError, RemoteError, UsageError
from provisioner.core.provider import Provider
from provisioner.reports.models import ErrorReport
from provisioner.snapshots import RecordingProvider, SnapshotProvider, load, save, snapshot_file

if TYPE_CHECKING:
    from provisioner.cli.output import Output

J = TypeVar("J")
R = TypeVar("R")

PER_TENANT = 2
"""How many playbooks of one tenant are read at once."""


@dataclass(frozen=True)
class Shard:
    """One of several parts of a fleet.

    Attributes:
        number: of this shard, from 1.
        total: number of shards.
    """

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """A shard from text such as ``2/8``.

        Raises:
            UsageError: the text has another form.
        """
        number, slash, total = text.partition("/")
        if slash and number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total) <= 10_000:
            return cls(int(number), int(total))
        raise UsageError(
            f"{text} is not a shard", hint="expected its number and the number of shards, such as 2/8"
        )

    def select(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names that belong to this shard.

        They are assigned in the order of their digests. So every machine assigns them alike, whatever the order of its
        names, and similar neighbours are spread over the shards.
        """
        ordered = sorted(set(names), key=lambda name: (hashlib.sha256(name.encode()).digest(), name))
        selected = set(ordered[self.number - 1 :: self.total])
        return tuple(name for name in names if name in selected)


@dataclass(frozen=True)
class SnapshotFiles:
    """The files of ``--save-snapshot`` and ``--from-snapshot``.

    Attributes:
        save: a file to write, or a folder with one file per playbook.
        source: a file or folder to read instead of the tenants.
        scrub_names: replace the names of people.
    """

    save: Path | None = None
    source: Path | None = None
    scrub_names: bool = False


@dataclass(frozen=True)
class Result(Generic[J, R]):
    """The result of one job: a value, or the error that ended it."""

    job: J
    value: R | None = None
    error: ProvisionerError | None = None


async def run_jobs(
    jobs: Sequence[J],
    work: Callable[[J], Awaitable[R]],
    *,
    concurrency: int,
    tenant: Callable[[J], Hashable],
    on_result: Callable[[Result[J, R]], None] = lambda _: None,
) -> list[Result[J, R]]:
    """Run many jobs concurrently. A job that raises ProvisionerError does not stop the others.

    Args:
        jobs: for example playbooks.
        work: runs one job.
        concurrency: how many jobs run at once.
        tenant: the tenant of a job; the jobs of one tenant share its rate limits.
        on_result: called whenever a job ends.

    Returns:
        the results in the order of the jobs.
    """
    slots = asyncio.Semaphore(concurrency)
    tenant_slots: defaultdict[Hashable, asyncio.Semaphore] = defaultdict(
        lambda: asyncio.Semaphore(PER_TENANT)
    )

    async def run(job: J) -> Result[J, R]:
        async with tenant_slots[tenant(job)], slots:
            try:
                result: Result[J, R] = Result(job, await work(job))
            except ProvisionerError as error:
                result = Result(job, error=error)
        on_result(result)
        return result

    return await asyncio.gather(*(run(job) for job in jobs))  # any other exception ends all jobs


def for_each_playbook(
    paths: Collection[Path],
    output: Output,
    work: Callable[[Session, Provider], Awaitable[R]],
    *,
    sandbox: bool,
    concurrency: int,
    shard: Shard | None,
    snapshots: SnapshotFiles,
    wait_for_dns: bool = False,
) -> list[Result[Path, R]]:
    """Do something with each of many playbooks. A playbook that fails does not stop the others.

    Args:
        paths: files, folders and glob patterns.
        output: prints the progress.
        work: what to do with one playbook.
        sandbox: use the sandbox instead of the tenants.
        concurrency: how many playbooks to work on at once.
        shard: the part to take; None for all.
        snapshots: files to read or write.
        wait_for_dns: wait until every name server returns the records that are written.

    Returns:
        the results in the order of the playbooks.
    """
    files = find_playbooks(paths)
    several = len(files) > 1
    if shard is not None:
        files = tuple(map(Path, shard.select(tuple(map(str, files)))))
    with open_workspace(output, sandbox=sandbox, files=files) as workspace:
        sessions, errors = _open_sessions(workspace, files)
        finished = 0

        async def run(file: Path) -> R:
            session = sessions[file]
            async with _open_provider(
                session, snapshots, several=several, wait_for_dns=wait_for_dns
            ) as provider:
                return await _with_bugs_as_errors(work(session, provider))

        def print_progress(_: Result[Path, R]) -> None:
            nonlocal finished
            finished += 1
            if len(sessions) > 1:
                output.progress(f"{finished} of {len(sessions)} playbooks")

        jobs = run_jobs(
            tuple(sessions),
            run,
            concurrency=concurrency,
            tenant=lambda file: sessions[file].tenant,
            on_result=print_progress,
        )
        results = {result.job: result for result in asyncio.run(jobs)}
        results |= {file: Result(file, error=error) for file, error in errors.items()}
        return [results[file] for file in files]


def error_reports(results: Sequence[Result[Path, R]]) -> tuple[ErrorReport, ...]:
    """The errors of the results, as they are reported."""
    return tuple(_error_report(result.job, result.error) for result in results if result.error is not None)


def only_error(results: Sequence[Result[Path, R]], shard: Shard | None) -> ProvisionerError | None:
    """The error of a command with a single playbook, which then ends like any other command; None for several."""
    return results[0].error if len(results) == 1 and shard is None else None


def _open_sessions(
    workspace: Workspace, files: Sequence[Path]
) -> tuple[dict[Path, Session], dict[Path, ProvisionerError]]:
    """The sessions of valid playbooks, and the errors of the others."""
    sessions: dict[Path, Session] = {}
    errors: dict[Path, ProvisionerError] = {}
    for file in files:
        try:
            sessions[file] = workspace.session(file)
        except ProvisionerError as error:
            errors[file] = error
    return sessions, errors


async def _with_bugs_as_errors(work: Awaitable[R]) -> R:
    """Await work, and raise a bug as ProvisionerError: a bug with one tenant must not hide the other tenants."""
    try:
        return await work
    except (ProvisionerError, click.exceptions.Abort):
        raise
    except Exception as error:
        raise bug_error(error) from error


@asynccontextmanager
async def _open_provider(
    session: Session, snapshots: SnapshotFiles, *, several: bool, wait_for_dns: bool
) -> AsyncIterator[Provider]:
    """A session's provider, which reads a saved snapshot or saves the one that it reads, if requested.

    With several playbooks, ``snapshots`` names folders.

    Raises:
        UsageError: the snapshot is of another integration.
    """
    name = session.loaded.playbook.name

    def file_in(path: Path) -> Path:
        return snapshot_file(path, session.file) if several or path.is_dir() else path

    live = session.connect(wait_for_dns=wait_for_dns)
    try:
        if snapshots.source:
            saved = load(file_in(snapshots.source))
            yield cast("Provider", SnapshotProvider.for_playbook(live, name, saved))
            return
        recording = RecordingProvider(live)
        yield cast("Provider", recording)
        if snapshots.save:
            public_names = session.named_users if snapshots.scrub_names else None
            file = file_in(snapshots.save)
            within = None if file == snapshots.save else snapshots.save
            save(file, recording.saved_snapshot(name), public_names=public_names, within=within)
    finally:
        await live.close()


def _error_report(file: Path, error: ProvisionerError) -> ErrorReport:
    return ErrorReport(
        playbook=str(file),
        line=error.line if isinstance(error, PlaybookError) else None,
        message=error.message,
        hint=error.hint,
        request_id=error.request_id if isinstance(error, RemoteError) else "",
    )
