"""Measure how long whole commands take, from the start of the process to its end.

    python tests/benchmarks/benchmarks.py [--provider entra|okta] [--runs 5] [--json FILE]
    python tests/benchmarks/benchmarks.py --parity 100000

This script times each command as a process. The command runs against a sandbox in its process, against a
served sandbox, and against a served sandbox that waits 100 ms before every response. The command counts the requests.
The round trips on the critical path are the additional time, divided by the latency. ``--parity USERS`` measures one
doctor of an Okta organization with that number of users in both applications. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from provisioner.sandbox import control
from tests.sandboxes import Sandbox

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
LATENCY_MS = 100


@dataclass(frozen=True)
class Measurement:
    """Medians of one command in one setting.

    Attributes:
        seconds: wall-clock time of the whole process.
        cpu: its user and system time, in seconds.
        megabytes: its peak resident memory.
        requests: the number of requests that the command reports, or None.
    """

    command: str
    setting: str
    seconds: float
    cpu: float
    megabytes: float
    requests: int | None


def measured_commands(provider: str) -> dict[str, tuple[str, ...]]:
    """The arguments of the commands to measure, by title; all use the provider's shipped playbook."""
    options = (str(PLAYBOOKS / f"{provider}.yaml"), "--sandbox", "--format", "json")
    return {
        "--help": ("--help",),
        "first apply": ("apply", *options),
        "idle apply": ("apply", *options),
        "drift": ("drift", *options),
        "doctor": ("doctor", *options),
    }


def run_command(state: Path, arguments: tuple[str, ...]) -> tuple[float, float, float, str]:
    """Run a command.

    Returns:
        Wall-clock seconds, CPU seconds, peak megabytes, and standard output.

    Raises:
        RuntimeError: its exit code is neither 0 nor 3.
    """
    output = state.parent / "output"
    environment = {**os.environ, "PROVISIONER_STATE_DIR": str(state)}
    with output.open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "provisioner", *arguments],
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(arguments)} exited with {process.returncode}")
    return (
        seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        output.read_text(encoding="utf-8"),
    )


def measure(
    title: str, commands: dict[str, tuple[str, ...]], setting: str, runs: int, fresh_state: Callable[[], Path]
) -> Measurement:
    """Medians over several runs of a command. Each first apply starts with an empty tenant."""
    arguments = commands[title]
    results = []
    state = fresh_state()
    if title not in ("--help", "first apply"):
        run_command(state, commands["first apply"])
    for _ in range(runs):
        if title == "first apply":
            state = fresh_state()
        results.append(run_command(state, arguments))
    seconds, cpu_seconds, peaks, outputs = zip(*results, strict=True)
    return Measurement(
        title,
        setting,
        round(statistics.median(seconds), 3),
        round(statistics.median(cpu_seconds), 3),
        round(statistics.median(peaks), 1),
        _reported_requests(outputs[-1]) if outputs[-1].startswith("{") else None,
    )


def _reported_requests(output: str) -> int | None:
    """The number of requests in a JSON report. The report of drift has none."""
    report = json.loads(output)
    counted = [part for part in (report, *report.get("audits", ())) if "requests" in part]
    return sum(counted[0]["requests"].values()) if counted else None


class StateDirectories:
    """New state directories, with or without a served sandbox."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._served: Sandbox | None = None
        with Sandbox(folder / "template" / "sandbox") as sandbox:
            sandbox.start().variables()

    def in_process(self) -> Path:
        """A state directory for a command that runs the sandbox in its own process."""
        self._number += 1
        state = self._folder / str(self._number) / "state"
        shutil.copytree(self._folder / "template", state)
        return state

    def served(self, latency_ms: int = 0) -> Path:
        """A state directory with a sandbox that this process serves."""
        self.close()
        state = self.in_process()
        self._served = Sandbox(state / "sandbox").start(shared=True)
        control.configure(self._served, "latency_ms", str(latency_ms))
        return state

    @property
    def sandbox(self) -> Sandbox:
        """The served sandbox."""
        if self._served is None:
            raise RuntimeError("no sandbox is served")
        return self._served

    def close(self) -> None:
        """Stop the server."""
        if self._served:
            self._served.close()
            self._served = None


def add_app_users(sandbox: Sandbox, users: int) -> None:
    """Add provisioned users to both Okta applications."""
    okta = sandbox.okta
    (sample,) = okta.all("appUser")[:1]
    applications = {app_user["_appId"] for app_user in okta.all("appUser")}
    for app_id in applications:
        documents = []
        for number in range(users):
            key, login = f"00u{number:017}", f"user{number:06}@contoso.example"
            app_user = {
                **sample,
                "id": key,
                "_appId": app_id,
                "syncState": "SYNCHRONIZED",
                "externalId": key,
                "credentials": {"userName": login},
            }
            documents.append((f"{app_id}:{key}", app_user))
        okta.put_many("appUser", documents)


def parity(users: int) -> list[Measurement]:
    """One doctor that compares the users of two applications, without latency and with 100 ms."""
    commands = measured_commands("okta")
    measurements = []
    with tempfile.TemporaryDirectory() as folder:
        directories = StateDirectories(Path(folder))
        try:
            for latency in (0, LATENCY_MS):
                state = directories.served()
                run_command(state, commands["first apply"])
                add_app_users(directories.sandbox, users)
                control.configure(directories.sandbox, "latency_ms", str(latency))
                seconds, cpu, peak, output = run_command(state, commands["doctor"])
                measurements.append(
                    Measurement(
                        f"doctor, {users} users",
                        f"served, {latency} ms",
                        round(seconds, 2),
                        round(cpu, 2),
                        round(peak, 1),
                        _reported_requests(output),
                    )
                )
        finally:
            directories.close()
    return measurements


def all_measurements(provider: str, runs: int) -> list[Measurement]:
    """Every command in every setting."""
    commands = measured_commands(provider)
    with tempfile.TemporaryDirectory() as folder:
        directories = StateDirectories(Path(folder))
        settings: dict[str, Callable[[], Path]] = {
            "sandbox in the process": directories.in_process,
            "served": directories.served,
            f"served, {LATENCY_MS} ms": lambda: directories.served(LATENCY_MS),
        }
        try:
            return [
                measure(title, commands, setting, runs, fresh_state)
                for title in commands
                for setting, fresh_state in settings.items()
                if title != "--help" or setting == "sandbox in the process"
            ]
        finally:
            directories.close()


def table(measurements: list[Measurement]) -> str:
    """The measurements as a text table."""
    lines = [
        f"{'command':<24}{'setting':<26}{'wall s':>8}{'cpu s':>8}{'peak MB':>9}{'requests':>10}{'round trips':>13}"
    ]
    without_latency = {
        measurement.command: measurement.seconds
        for measurement in measurements
        if measurement.setting in ("served", "served, 0 ms")
    }
    for measurement in measurements:
        requests = "" if measurement.requests is None else str(measurement.requests)
        round_trips = ""
        if measurement.setting.endswith(f" {LATENCY_MS} ms"):
            added = measurement.seconds - without_latency[measurement.command]
            round_trips = f"{added * 1000 / LATENCY_MS:.1f}"
        lines.append(
            f"{measurement.command:<24}{measurement.setting:<26}{measurement.seconds:>8.2f}{measurement.cpu:>8.2f}"
            f"{measurement.megabytes:>9.0f}{requests:>10}{round_trips:>13}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--provider", choices=["entra", "okta"], default="entra")
    parser.add_argument("--parity", type=int, metavar="USERS")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.parity:
        measurements = parity(options.parity)
    else:
        measurements = all_measurements(options.provider, options.runs)
    print(table(measurements))
    if options.json:
        rows = [asdict(measurement) for measurement in measurements]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
