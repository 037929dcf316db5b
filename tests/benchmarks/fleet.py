"""Measure how long drift takes for many tenants, from the start of the process to its end.

    python tests/benchmarks/fleet.py [--playbooks 500] [--concurrency 16] [--drifted 0.05]

Half of the playbooks are for Entra, half for Okta. Each names another tenant, and one served sandbox stands in for all of
them. The sandbox contains an integration for each playbook: one is applied, and its documents are copied with new ids.
Okta's playbooks name their objects by id, because no real organization lists hundreds of integrations. Every response
has a latency of 0, 50 or 200 ms, without drift and with some. The ideal time is the time of latency only: the number of
requests times the latency, divided by the concurrency. Nothing is asserted.
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
            entra = add_fleet(sandbox.directory, "entra", options.playbooks // 2, files, state)
            add_fleet(sandbox.okta, "okta", options.playbooks - options.playbooks // 2, files, state)
            sandbox.okta.set("rate_limits", dict.fromkeys(LIMITS, 10**6))  # every organization has its own
            print(f"{options.playbooks} playbooks, {options.concurrency} at once")
            print(
                f"{'':<14}{'latency':>9}{'exit':>6}{'wall s':>9}{'cpu s':>8}{'peak MB':>9}{'requests':>10}{'a tenant':>10}{'ideal s':>9}"
            )
            for title, share in (("in sync", 0.0), (f"{options.drifted:.0%} drifted", options.drifted)):
                for key in entra[: int(len(entra) * 2 * share)]:
                    add_redirect_uri(sandbox.directory, key)
                for latency in LATENCIES:
                    control.configure(sandbox, "latency_ms", str(latency))
                    print(
                        f"{title:<14}{latency:>6} ms{measure(files, state, options.concurrency, latency)}",
                        flush=True,
                    )
                    control.configure(sandbox, "latency_ms", "0")


def add_fleet(store: Store, provider: str, count: int, files: Path, state: Path) -> list[str]:
    """Add integrations to a store and write their playbooks.

    Args:
        store: the tenant or organization of the sandbox.
        provider: entra or okta.
        count: the number of integrations.
        files: folder for the playbooks.
        state: state directory of the sandbox.

    Returns:
        The keys of the applications.
    """
    sections = yaml.safe_load((PLAYBOOKS / f"{provider}.yaml").read_text(encoding="utf-8"))
    sections.pop("domains")
    before = all_documents(store)
    template = files / f"{provider}-0000.yaml"
    write_playbook(template, sections, provider, 0, {})
    run(state, "apply", str(template))
    added = {place: body for place, body in all_documents(store).items() if place not in before}
    section_ids = ids_by_section(added) if provider == "okta" else {}
    application = next(key for kind, key in added if kind in ("application", "app"))
    applications = [application]
    unrelated = {key for _, key in before}
    with store.transaction():
        for number in range(1, count):
            copies, new_ids = copy_documents(added, unrelated, provider, number)
            for (kind, key), body in copies.items():
                store.put(kind, key, body)
            applications.append(new_ids[application])
            ids = {section: new_ids[key] for section, key in section_ids.items()}
            write_playbook(files / f"{provider}-{number:04}.yaml", sections, provider, number, ids)
        store.settle()
    return applications


def ids_by_section(documents: Documents) -> dict[str, str]:
    """The ids that an Okta playbook can contain, by section."""
    sections = {"oidc_client": "application", "amazon_aws_sso": "scim"}
    ids = {sections[body["name"]]: key for (kind, key), body in documents.items() if kind == "app"}
    server = next(key for kind, key in documents if kind == "authorizationServer")
    return {**ids, "authorization_server": server}


def write_playbook(
    file: Path, sections: dict[str, Any], provider: str, number: int, ids: dict[str, str]
) -> None:
    """Write a playbook for a tenant that no other playbook names.

    Args:
        file: the playbook.
        sections: the sections of the shipped playbook.
        provider: entra or okta.
        number: of the playbook; it becomes part of every name.
        ids: ids of Okta's objects, by section.
    """
    name = f"kiro-{provider}-{number:04}"
    playbook: dict[str, Any] = {**sections, "name": name}
    if provider == "entra":
        playbook["connection"] = {"tenant": str(uuid.uuid4())}
        playbook["application"] = {"display_name": name}
    else:
        playbook["connection"] = {"org_url": f"https://o{number}.okta.com", "token": "x"}
        playbook["application"] = {"label": name}
        playbook["authorization_server"] = {"name": name}
        playbook["scim"] = {
            "label": f"{name}-scim",
            "endpoint": "${KIRO_SCIM_ENDPOINT}",
            "manual_steps": "confirmed",
        }
        playbook.pop("push", None)
        for section, key in ids.items():
            playbook[section]["id"] = key
    file.write_text(yaml.safe_dump(playbook, sort_keys=False), encoding="utf-8")


def copy_documents(
    documents: Documents, unrelated: set[str], provider: str, number: int
) -> tuple[Documents, dict[str, str]]:
    """The documents of an integration as those of another integration.

    Args:
        documents: of the integration.
        unrelated: ids of other documents, which stay.
        provider: entra or okta.
        number: of the new integration.

    Returns:
        The copies, and the new id for each old id.
    """
    text = json.dumps([[kind, key, body] for (kind, key), body in documents.items()])
    ids = {key.rpartition(":")[2] for _, key in documents} | {
        str(body[name])
        for body in documents.values()
        for name in ("id", "appId", "client_id")
        if name in body
    }
    old_ids = sorted((key for key in ids - unrelated if len(key) > 15), key=len, reverse=True)
    new_ids = {key: new_id(key) for key in old_ids}
    if new_ids:
        text = re.sub("|".join(map(re.escape, new_ids)), lambda match: new_ids[match[0]], text)
    text = text.replace(f"kiro-{provider}-0000", f"kiro-{provider}-{number:04}")
    return {(kind, key): body for kind, key, body in json.loads(text)}, new_ids


def new_id(key: str) -> str:
    """A random id with the same form."""
    random = uuid.uuid4().hex
    return str(uuid.UUID(random)) if "-" in key and len(key) == 36 else key[:3] + random[: len(key) - 3]


def all_documents(store: Store) -> Documents:
    """All documents of a store."""
    with sqlite3.connect(f"file:{store.path}?mode=ro", uri=True) as database:
        kinds = [row[0] for row in database.execute("SELECT DISTINCT kind FROM document")]
    documents = {(kind, key): store.get(kind, key) for kind in kinds for key in store.keys(kind)}
    return {place: body for place, body in documents.items() if body is not None}


def add_redirect_uri(directory: Store, key: str) -> None:
    """Make an application drift: it gets one more redirect URI."""
    application = directory.get("application", key)
    assert application is not None
    client = application["publicClient"]
    uris = [*client["redirectUris"], "https://attacker.example/callback"]
    directory.put("application", key, {**application, "publicClient": {**client, "redirectUris": uris}})


def measure(files: Path, state: Path, concurrency: int, latency: int) -> str:
    """Run drift for all playbooks.

    Returns:
        The columns of the table: exit code, times, memory and requests.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command("drift", str(files), "--concurrency", str(concurrency), "--format", "json", "--quiet"),
        env={**os.environ, "PROVISIONER_STATE_DIR": str(state)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    report = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    requests = sum(plan["requests"]["read"] for plan in report["plans"])
    ideal = requests * latency / 1000 / concurrency
    counts = f"{requests:>10}{requests / max(1, len(report['plans'])):>10.1f}"
    cpu = usage.ru_utime + usage.ru_stime
    return f"{process.returncode:>6}{seconds:>9.1f}{cpu:>8.1f}{usage.ru_maxrss / 1024:>9.0f}{counts}{ideal:>9.1f}"


def run(state: Path, *arguments: str) -> None:
    """Run a command that must succeed."""
    environment = {**os.environ, "PROVISIONER_STATE_DIR": str(state)}
    subprocess.run(
        command(*arguments), env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def command(name: str, *arguments: str) -> list[str]:
    """The arguments of a process that runs a command in the sandbox."""
    return [sys.executable, "-m", "provisioner", name, *arguments, "--sandbox"]


if __name__ == "__main__":
    main()
