"""How long drift takes over many tenants, from the start of the process to its end.

    python tests/benchmarks/fleet.py [--playbooks 500] [--concurrency 16] [--drifted 0.05]

Half of the playbooks are Entra's, half Okta's; all are of different tenants by their own word, and one served sandbox stands in for
all of them. It holds an integration for each, made by applying one and copying its documents under other ids; Okta's playbooks name
them by id, since an organization that lists hundreds of them is none that exists. Measured at 0, 50 and
200 ms before every answer, without drift and with some. The ideal is what the requests would take if nothing but latency counted:
their number times the latency, divided by the concurrency. Nothing is asserted: numbers are for reading.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import yaml

from provisioner.sandbox import control
from provisioner.sandbox.okta.management.rate_limits import LIMITS
from provisioner.sandbox.store import Store
from tests.sandboxes import Sandbox

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
LATENCIES = (0, 50, 200)

Documents = dict[tuple[str, str], dict[str, Any]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--playbooks", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--drifted", type=float, default=0.05)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state, files = Path(folder) / "state", Path(folder) / "fleet"
        files.mkdir()
        with Sandbox(state / "sandbox").start(shared=True) as sandbox:
            entra = fleet(sandbox.directory, "entra", options.playbooks // 2, files, state)
            fleet(sandbox.okta, "okta", options.playbooks - options.playbooks // 2, files, state)
            sandbox.okta.set("rate_limits", dict.fromkeys(LIMITS, 10**6))  # every organization has its own
            print(f"{options.playbooks} playbooks, {options.concurrency} at once")
            print(
                f"{'':<14}{'latency':>9}{'exit':>6}{'wall s':>9}{'cpu s':>8}{'peak MB':>9}{'requests':>10}{'a tenant':>10}{'ideal s':>9}"
            )
            for title, share in (("in sync", 0.0), (f"{options.drifted:.0%} drifted", options.drifted)):
                for key in entra[: int(len(entra) * 2 * share)]:
                    widen(sandbox.directory, key)
                for latency in LATENCIES:
                    control.configure(sandbox, "latency_ms", str(latency))
                    print(
                        f"{title:<14}{latency:>6} ms{measured(files, state, options.concurrency, latency)}",
                        flush=True,
                    )
                    control.configure(sandbox, "latency_ms", "0")


def fleet(store: Store, provider: str, count: int, files: Path, state: Path) -> list[str]:
    """So many integrations and their playbooks; returns the keys of the applications."""
    keys = yaml.safe_load((PLAYBOOKS / f"{provider}.yaml").read_text(encoding="utf-8"))
    keys.pop("domains")
    before = documents(store)
    one = files / f"{provider}-0000.yaml"
    written(one, keys, provider, 0, {})
    run(state, "apply", str(one))
    made = {place: body for place, body in documents(store).items() if before.get(place) != body}
    new = {place: body for place, body in made.items() if place not in before}
    pinned = pins(new) if provider == "okta" else {}
    application = next(key for kind, key in new if kind in ("application", "app"))
    found = [application]
    others = {key for _, key in before}
    with store.transaction():
        for number in range(1, count):
            copies, ids = copied(new, others, provider, number)
            for (kind, key), body in copies.items():
                store.put(kind, key, body)
            found.append(ids[application])
            own = {section: ids[key] for section, key in pinned.items()}
            written(files / f"{provider}-{number:04}.yaml", keys, provider, number, own)
        store.settle()
    return found


def pins(new: Documents) -> dict[str, str]:
    """The ids of what an Okta playbook can name by id, by the section that does."""
    kinds = {"oidc_client": "application", "amazon_aws_sso": "scim"}
    found = {kinds[body["name"]]: key for (kind, key), body in new.items() if kind == "app"}
    return found | {"authorization_server": next(key for kind, key in new if kind == "authorizationServer")}


def written(file: Path, keys: dict[str, Any], provider: str, number: int, ids: dict[str, str]) -> None:
    """A playbook of a tenant of its own, by its own word."""
    name = f"kiro-{provider}-{number:04}"
    told = (
        {"tenant": str(uuid.uuid4())}
        if provider == "entra"
        else {"org_url": f"https://o{number}.okta.com", "token": "x"}
    )
    own: dict[str, Any] = {"name": name, "connection": told}
    if provider == "entra":
        own["application"] = {"display_name": name}
    else:
        own |= {
            "application": {"label": name},
            "authorization_server": {"name": name},
            "scim": {
                "label": f"{name}-scim",
                "endpoint": "${KIRO_SCIM_ENDPOINT}",
                "console_steps": "confirmed",
            },
        }
        keys.pop("push", None)
        for section, key in ids.items():
            own[section]["id"] = key
    file.write_text(yaml.safe_dump({**keys, **own}, sort_keys=False), encoding="utf-8")


def copied(new: Documents, others: set[str], provider: str, number: int) -> tuple[Documents, dict[str, str]]:
    """The documents of an integration as those of another one: every id that is theirs is another one."""
    text = json.dumps([[kind, key, body] for (kind, key), body in new.items()])
    own = {key.rpartition(":")[2] for _, key in new} | {
        str(body[name]) for body in new.values() for name in ("id", "appId", "client_id") if name in body
    }
    ids = {one: other(one) for one in sorted(own - others, key=len, reverse=True) if len(one) > 15}
    text = re.sub("|".join(map(re.escape, ids)), lambda match: ids[match[0]], text) if ids else text
    text = text.replace(f"kiro-{provider}-0000", f"kiro-{provider}-{number:04}")
    return {(kind, key): body for kind, key, body in json.loads(text)}, ids


def other(key: str) -> str:
    """Another id of the same form."""
    fresh = uuid.uuid4().hex
    return str(uuid.UUID(fresh)) if "-" in key and len(key) == 36 else key[:3] + fresh[: len(key) - 3]


def documents(store: Store) -> Documents:
    """Everything in a store."""
    with sqlite3.connect(f"file:{store.path}?mode=ro", uri=True) as database:
        kinds = [row[0] for row in database.execute("SELECT DISTINCT kind FROM document")]
    found = {(kind, key): store.get(kind, key) for kind in kinds for key in store.keys(kind)}
    return {place: body for place, body in found.items() if body is not None}


def widen(directory: Store, key: str) -> None:
    """What somebody does by hand: one more redirect URI."""
    application = directory.get("application", key)
    assert application is not None
    client = application["publicClient"]
    uris = [*client["redirectUris"], "https://attacker.example/callback"]
    directory.put("application", key, {**application, "publicClient": {**client, "redirectUris": uris}})


def measured(files: Path, state: Path, concurrency: int, latency: int) -> str:
    """One drift over all of them."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command("drift", str(files), "--concurrency", str(concurrency), "--format", "json", "--quiet"),
        env={**os.environ, "PROVISIONER_STATE_DIR": str(state)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    report = json.loads(process.stdout.read())
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    requests = sum(plan["requests"]["read"] for plan in report["plans"])
    ideal = requests * latency / 1000 / concurrency
    counts = f"{requests:>10}{requests / max(1, len(report['plans'])):>10.1f}"
    cpu = used.ru_utime + used.ru_stime
    return f"{process.returncode:>6}{wall:>9.1f}{cpu:>8.1f}{used.ru_maxrss / 1024:>9.0f}{counts}{ideal:>9.1f}"


def run(state: Path, *arguments: str) -> None:
    """A command that must succeed."""
    environment = {**os.environ, "PROVISIONER_STATE_DIR": str(state)}
    subprocess.run(
        command(*arguments), env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "provisioner", name, *arguments, "--sandbox"]


if __name__ == "__main__":
    main()
