"""Looking at many tenants: drift, and what doctor shares with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import click

from provisioner.cli.failing import as_bug, report_error
from provisioner.cli.options import (
    SnapshotFiles,
    at_once_option,
    playbooks_argument,
    report_options,
    sandbox_option,
    shard_option,
    snapshot_options,
)
from provisioner.core.errors import ExitCode, PlaybookError, ProvisionerError, RemoteError

if TYPE_CHECKING:
    from provisioner.cli.printing import Printer
    from provisioner.cli.session import Session, Workspace
    from provisioner.core.check import Finding
    from provisioner.core.provider import Provider
    from provisioner.engine import PlanResult
    from provisioner.fleet import Result, Shard
    from provisioner.reports.models import DriftReport, ErrorReport, PlanReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

R = TypeVar("R")

NO_SNAPSHOTS = SnapshotFiles()


@click.command()
@playbooks_argument
@sandbox_option
@click.option(
    "--fail-on",
    type=click.Choice(["any", "security", "never"]),
    default="any",
    show_default=True,
    help="Exit 3 for any deviation, or only for those of security.",
)
@click.option("--unmanaged", is_flag=True, help="Also list what the playbooks leave alone.")
@shard_option
@at_once_option
@snapshot_options
@report_options
def drift(
    playbook: tuple[Path, ...],
    sandbox: bool,
    fail_on: str,
    unmanaged: bool,
    shard: Shard | None,
    at_once: int,
    snapshots: SnapshotFiles,
    printer: Printer,
) -> int:
    """Tell whether somebody changed a tenant by hand; for CI.

    Files, folders and patterns; without any, every playbook in ./playbooks, or here. Exits 0 when every tenant is as its playbook
    says, 3 when one is not, 1 when one could not be read, whatever the others are.

    \b
    Examples:
      provisioner drift
      provisioner drift tenants/ --fail-on security
      provisioner drift 'tenants/*/entra.yaml' --report sarif=drift.sarif --report markdown=drift.md
      provisioner drift tenants/ --shard 2/8 --format json > drift-2.json
    """
    from provisioner.reports.building import drift_report
    from provisioner.reports.text import drift_text

    async def look(session: Session, provider: Provider) -> PlanReport:
        return await _plan_report(session, provider, unmanaged=unmanaged)

    results = surveyed(
        playbook, printer, look, sandbox=sandbox, at_once=at_once, shard=shard, snapshots=snapshots
    )
    plans = tuple(result.value for result in results if result.value is not None)
    report = drift_report(plans, failures(results), str(shard) if shard else None)
    sole = sole_error(results, shard)
    printer.report(report, drift_text(report, verbose=printer.verbose), failed=sole is not None)
    flag = " --sandbox" if sandbox else ""
    printer.next(*(f"provisioner apply {plan.target.playbook}{flag}" for plan in plans if not plan.in_sync))
    return verdict(report, fail_on, sole)


def surveyed(
    given: tuple[Path, ...],
    printer: Printer,
    work: Callable[[Session, Provider], Awaitable[R]],
    *,
    sandbox: bool,
    at_once: int,
    shard: Shard | None = None,
    snapshots: SnapshotFiles = NO_SNAPSHOTS,
    wait: bool = False,
) -> list[Result[Path, R]]:
    """Do something with each of many playbooks; what fails leaves the others alone.

    Args:
        given: files, folders and patterns.
        printer: is told how far it has come.
        work: what to do with one.
        sandbox: whether it stands in.
        at_once: how many are under way at the same time.
        shard: the part to take, if not all.
        snapshots: to read from, or to write.
        wait: for DNS records that are written.
    """
    from provisioner.cli.session import found, workspace
    from provisioner.fleet import Result, survey

    files = found(given)
    several = len(files) > 1
    if shard is not None:
        files = tuple(map(Path, shard.part(tuple(map(str, files)))))
    with workspace(printer, sandbox=sandbox, files=files) as at_work:
        sessions, broken = _opened(at_work, files)
        done = 0

        async def one(file: Path) -> R:
            async with recorded(sessions[file], snapshots, several=several, wait=wait) as provider:
                return await _without_bugs(work(sessions[file], provider))

        def finished(_: Result[Path, R]) -> None:
            nonlocal done
            done += 1
            if len(sessions) > 1:
                printer.note(f"{done} of {len(sessions)} playbooks")

        surveying = survey(
            tuple(sessions),
            one,
            at_once=at_once,
            tenant=lambda file: sessions[file].tenant,
            finished=finished,
        )
        by_file = {result.job: result for result in asyncio.run(surveying)}
        by_file |= {file: Result(file, error=error) for file, error in broken.items()}
        return [by_file[file] for file in files]


def _opened(
    at_work: Workspace, files: tuple[Path, ...]
) -> tuple[dict[Path, Session], dict[Path, ProvisionerError]]:
    """Sessions by playbook, and what is wrong with the playbooks that have none."""
    sessions: dict[Path, Session] = {}
    broken: dict[Path, ProvisionerError] = {}
    for file in files:
        try:
            sessions[file] = at_work.session(file)
        except ProvisionerError as error:
            broken[file] = error
    return sessions, broken


async def _without_bugs(work: Awaitable[R]) -> R:
    """Our own faults as errors, so that one which one tenant brings to light hides none of the others."""
    try:
        return await work
    except (ProvisionerError, click.exceptions.Abort):
        raise
    except Exception as error:
        raise as_bug(error) from error


@asynccontextmanager
async def recorded(
    session: Session, snapshots: SnapshotFiles, *, several: bool, wait: bool = False
) -> AsyncIterator[Provider]:
    """A session's provider, which reads from a saved snapshot or has what it reads saved, where that is asked for.

    Args:
        session: of one playbook.
        snapshots: where to.
        several: whether the file is a folder.
        wait: for DNS records that are written.

    Raises:
        UsageError: the snapshot is of another integration.
    """
    from provisioner.snapshots import Recorded, Recording, load, place, save

    name = session.loaded.playbook.name

    def file(path: Path) -> Path:
        return place(path, session.loaded.file) if several or path.is_dir() else path

    live = session.connect(wait=wait)
    try:
        if snapshots.source:
            yield cast("Provider", Recorded.of(live, name, load(file(snapshots.source))))
            return
        recording = Recording(live)
        yield cast("Provider", recording)
        if snapshots.save:
            keep = session.people if snapshots.scrub_names else None
            save(file(snapshots.save), recording.saved(name), keep=keep)
    finally:
        await live.close()


def failures(results: list[Result[Path, R]]) -> tuple[ErrorReport, ...]:
    """What could not be read, as it is reported."""
    return tuple(_failure(result.job, result.error) for result in results if result.error is not None)


def sole_error(results: list[Result[Path, R]], shard: Shard | None) -> ProvisionerError | None:
    """The error of the only playbook of the command, which then ends as any other command does."""
    return results[0].error if len(results) == 1 and shard is None else None


def _failure(file: Path, error: ProvisionerError) -> ErrorReport:
    from provisioner.reports.models import ErrorReport

    return ErrorReport(
        playbook=str(file),
        line=error.line if isinstance(error, PlaybookError) else None,
        message=error.message,
        hint=error.hint,
        request_id=error.request_id if isinstance(error, RemoteError) else "",
    )


async def _plan_report(session: Session, provider: Provider, *, unmanaged: bool) -> PlanReport:
    """What deviates, and what apply could not take back."""
    from provisioner import engine
    from provisioner.core.drift import unmanaged_values
    from provisioner.reports.building import finding_reports, plan_report

    planned = await engine.plan(provider)
    checks = tuple(check for check in provider.checks if check.security)
    report = plan_report(session.target(provider), planned.plan, session.context())
    return report.model_copy(
        update={
            "requests": provider.requests(),
            "findings": finding_reports(_irreparable(provider, planned), checks, session.context()),
            "unmanaged": tuple(unmanaged_values(planned.desired, planned.snapshot)) if unmanaged else (),
        }
    )


def _irreparable(provider: Provider, planned: PlanResult) -> list[Finding]:
    """Faults of security that no plan takes back, in what was read anyway."""
    from provisioner.core.check import CheckContext, Status

    look = CheckContext(planned.snapshot, planned.desired)
    found = (finding for check in provider.checks if check.security for finding in check.run(look))
    return [finding for finding in found if finding.status is Status.FAIL and finding.fix is None]


def verdict(report: DriftReport, fail_on: str, sole: ProvisionerError | None = None) -> int:
    """One exit code for all: what could not be read outweighs what deviates.

    Args:
        report: of drift.
        fail_on: ``security``, ``never``, or anything else for whatever deviates.
        sole: the error of the only playbook there is.
    """
    from provisioner.reports.building import has_drift

    if sole is not None:
        report_error(sole)
        return sole.exit_code
    if report.errors:
        return ExitCode.ERROR
    counts = fail_on != "never" and has_drift(report, only_security=fail_on == "security")
    return ExitCode.FINDINGS if counts else ExitCode.DONE
