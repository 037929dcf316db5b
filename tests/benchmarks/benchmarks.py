"""How long whole commands take, from the start of the process to its end.

    python tests/benchmarks/benchmarks.py [--provider entra|okta] [--runs 5] [--json FILE]
    python tests/benchmarks/benchmarks.py --parity 100000

Each command is a process of its own, timed from outside, against a sandbox in the process itself, against a served
one, and against a served one that waits 100 ms before every answer. Requests are the command's own count; round trips
on the critical path are what the added latency added, divided by it. ``--parity`` measures one doctor of an Okta
organization whose two applications have so many users. Nothing is asserted: numbers are for reading.
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
class Measured:
    """Medians of one command in one setting.

    Attributes:
        seconds: wall clock of the whole process.
        cpu: user and system seconds of it.
        megabytes: peak resident memory.
        requests: requests the command says it sent; None where it does not say.
    """

    command: str
    setting: str
    seconds: float
    cpu: float
    megabytes: float
    requests: int | None


def commands_of(provider: str) -> dict[str, tuple[str, ...]]:
    """The commands to measure, on a provider's shipped playbook."""
    how = (str(PLAYBOOKS / f"{provider}.yaml"), "--sandbox", "--format", "json")
    return {
        "--help": ("--help",),
        "first apply": ("apply", *how),
        "idle apply": ("apply", *how),
        "drift": ("drift", *how),
        "doctor": ("doctor", *how),
    }


def once(state: Path, arguments: tuple[str, ...]) -> tuple[float, float, float, str]:
    """Run a command: wall seconds, CPU seconds, peak megabytes, standard output."""
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
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(arguments)} exited with {process.returncode}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output.read_text(encoding="utf-8")


def measure(
    name: str, commands: dict[str, tuple[str, ...]], setting: str, runs: int, fresh_state: Callable[[], Path]
) -> Measured:
    """Medians over several runs; a first apply finds an empty tenant each time."""
    arguments = commands[name]
    results = []
    state = fresh_state()
    if name not in ("--help", "first apply"):
        once(state, commands["first apply"])
    for _ in range(runs):
        if name == "first apply":
            state = fresh_state()
        results.append(once(state, arguments))
    walls, cpus, peaks, outputs = zip(*results, strict=True)
    return Measured(
        name,
        setting,
        round(statistics.median(walls), 3),
        round(statistics.median(cpus), 3),
        round(statistics.median(peaks), 1),
        _requests(outputs[-1]) if outputs[-1].startswith("{") else None,
    )


def _requests(output: str) -> int | None:
    """How many requests a report says were sent; drift's does not say."""
    report = json.loads(output)
    said = [report, *report.get("audits", ())]
    return next((sum(each["requests"].values()) for each in said if "requests" in each), None)


class Settings:
    """Fresh state directories, with or without a server behind them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._served: Sandbox | None = None
        with Sandbox(folder / "template" / "sandbox") as sandbox:
            sandbox.start().variables()

    def alone(self) -> Path:
        """The command runs the sandbox itself."""
        self._number += 1
        state = self._folder / str(self._number) / "state"
        shutil.copytree(self._folder / "template", state)
        return state

    def served(self, latency_ms: int = 0) -> Path:
        """Another process's sandbox (this one's) is used."""
        self.close()
        state = self.alone()
        self._served = Sandbox(state / "sandbox").start(shared=True)
        control.configure(self._served, "latency_ms", str(latency_ms))
        return state

    @property
    def running(self) -> Sandbox:
        """The served sandbox."""
        if self._served is None:
            raise RuntimeError("nothing is served")
        return self._served

    def close(self) -> None:
        """Stop the server."""
        if self._served:
            self._served.close()
            self._served = None


def crowd(sandbox: Sandbox, users: int) -> None:
    """Give both Okta applications so many users, provisioned already."""
    okta = sandbox.okta
    (sample,) = okta.all("appUser")[:1]
    applications = {found["_appId"] for found in okta.all("appUser")}
    for app_id in applications:
        documents = []
        for number in range(users):
            key, login = f"00u{number:017}", f"user{number:06}@contoso.example"
            made = {**sample, "id": key, "_appId": app_id, "syncState": "SYNCHRONIZED", "externalId": key}
            documents.append((f"{app_id}:{key}", {**made, "credentials": {"userName": login}}))
        okta.put_many("appUser", documents)


def parity(users: int) -> list[Measured]:
    """One doctor that compares the users of two applications, at no latency and at 100 ms."""
    arguments = commands_of("okta")["doctor"]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder))
        try:
            for latency in (0, LATENCY_MS):
                state = settings.served()
                once(state, commands_of("okta")["first apply"])
                crowd(settings.running, users)
                control.configure(settings.running, "latency_ms", str(latency))
                wall, cpu, peak, output = once(state, arguments)
                found.append(
                    Measured(
                        f"doctor, {users} users",
                        f"served, {latency} ms",
                        round(wall, 2),
                        round(cpu, 2),
                        round(peak, 1),
                        _requests(output),
                    )
                )
        finally:
            settings.close()
    return found


def all_measurements(provider: str, runs: int) -> list[Measured]:
    """Every command in every setting."""
    commands = commands_of(provider)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder))
        places: dict[str, Callable[[], Path]] = {
            "sandbox in the process": settings.alone,
            "served": settings.served,
            f"served, {LATENCY_MS} ms": lambda: settings.served(LATENCY_MS),
        }
        try:
            return [
                measure(name, commands, place, runs, fresh)
                for name in commands
                for place, fresh in places.items()
                if name != "--help" or place == "sandbox in the process"
            ]
        finally:
            settings.close()


def table(measured: list[Measured]) -> str:
    """For people."""
    lines = [
        f"{'command':<24}{'setting':<26}{'wall s':>8}{'cpu s':>8}{'peak MB':>9}{'requests':>10}{'round trips':>13}"
    ]
    served = {
        found.command: found.seconds for found in measured if found.setting in ("served", "served, 0 ms")
    }
    for found in measured:
        requests = "" if found.requests is None else str(found.requests)
        slow = found.setting.endswith(f" {LATENCY_MS} ms")
        trips = f"{(found.seconds - served[found.command]) * 1000 / LATENCY_MS:.1f}" if slow else ""
        lines.append(
            f"{found.command:<24}{found.setting:<26}{found.seconds:>8.2f}{found.cpu:>8.2f}"
            f"{found.megabytes:>9.0f}{requests:>10}{trips:>13}"
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
    measured = parity(options.parity) if options.parity else all_measurements(options.provider, options.runs)
    print(table(measured))
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in measured], indent=1) + "\n")


if __name__ == "__main__":
    main()
