"""How long it takes to look domains up: every name server of each, at every name that may matter.

    python tests/benchmarks/domains.py [--domains 10] [--servers 4] [--runs 5]

The sandbox's name servers answer at once, after 100 ms each, and with one server per domain that never answers. A look should
take about as long as its slowest answer, whatever the number of domains; where a server never answers, as long as the
attempts that it is given. Questions are counted by what came of them. Nothing is asserted: numbers are for reading.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from provisioner.providers.dns.lookup import look
from provisioner.providers.dns.observations import Answer, Role
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import Endpoint, Limits
from provisioner.sandbox import control, dns
from tests.sandboxes import Sandbox

LIMITS = Limits()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--domains", type=int, default=10)
    parser.add_argument("--servers", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(
        f"{options.domains} domains, {options.servers} servers each; a datagram is given {LIMITS.datagram} s"
    )
    print(f"{'answers':<40}{'median s':>10}{'slowest answer s':>18}{'answers':>9}{'none':>6}")
    with tempfile.TemporaryDirectory() as home, Sandbox(Path(home)).start() as sandbox:
        records = hosted(sandbox, options.domains, options.servers)
        first = [name for name in sandbox.dns.name_servers() if name.startswith("ns1.d")]
        everybody = [*sandbox.dns.name_servers()]
        for title, hosts, behaviour in (
            ("at once", everybody, {}),
            ("after 100 ms", everybody, {"latency_ms": 100}),
            ("at once, one server never answers", first, {"mode": "drop"}),
        ):
            for host in everybody:
                dns.configure(sandbox.dns.store, host, behaviour if host in hosts else {})
            runs = [asyncio.run(timed(sandbox, records)) for _ in range(options.runs)]
            walls, slowest, answered, silent = zip(*runs, strict=True)
            print(
                f"{title:<40}{statistics.median(walls):>10.2f}{statistics.median(slowest):>18.2f}"
                f"{answered[-1]:>9}{silent[-1]:>6}"
            )


def hosted(sandbox: Sandbox, domains: int, servers: int) -> list[DomainRecord]:
    """Domains with zones of their own and their record in place."""
    store, records = sandbox.dns.store, []
    for number in range(domains):
        domain = f"d{number}.example"
        dns.add_zone(store, f"{domain}.", servers=[f"ns{one}" for one in range(1, servers + 1)])
        dns.add_record(store, f"{domain}.", "kiro-app-1", "TXT", dns.txt("kiro-site-verification=x"))
        name = f"kiro-app-1.{domain}"
        records.append(
            DomainRecord(key=domain, label="kiro-app-1", name=name, value="kiro-site-verification=x")
        )
    sandbox.dns.wait_for_ports()
    return records


async def timed(sandbox: Sandbox, records: list[DomainRecord]) -> tuple[float, float, int, int]:
    """Seconds of one look, and of its slowest answer; how many answers there were, and how many were missing."""
    reached = control.name_servers(sandbox)
    resolvers = [Endpoint(name, Role.RESOLVER, *where) for name, where in reached["resolvers"].items()]
    started = time.perf_counter()
    seen = await look(
        records,
        resolvers=resolvers,
        servers=reached["name_servers"],
        suffixes=reached["suffixes"],
        limits=LIMITS,
    )
    wall = time.perf_counter() - started
    answers = [one for one in seen if isinstance(one, Answer)]
    slowest = max(one.elapsed_ms for one in answers if one.failure is None) / 1000
    return (
        wall,
        slowest,
        sum(one.failure is None for one in answers),
        sum(one.failure is not None for one in answers),
    )


if __name__ == "__main__":
    main()
