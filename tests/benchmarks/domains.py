"""Duration of a lookup of domains: every name server of each, at every name that may matter.

    python tests/benchmarks/domains.py [--domains 10] [--servers 4] [--runs 5]

The sandbox's name servers respond at once, after 100 ms each, and with one server per domain that never responds. A lookup
should take about as long as its slowest response, whatever the number of domains; where a server never responds, as long as
its attempts. Answers are counted with and without a response. Nothing is asserted: the numbers are for reading.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from provisioner.providers.dns.lookup import look_up
from provisioner.providers.dns.observations import Answer, ServerRole
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import DnsConnection, Endpoint, Limits
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
    print(f"{options.domains} domains, {options.servers} servers each; UDP timeout {LIMITS.udp_timeout} s")
    print(f"{'servers respond':<40}{'median s':>10}{'slowest answer s':>18}{'answers':>9}{'none':>6}")
    with tempfile.TemporaryDirectory() as home, Sandbox(Path(home)).start() as sandbox:
        records = create_domains(sandbox, options.domains, options.servers)
        first = [name for name in sandbox.dns.name_servers() if name.startswith("ns1.d")]
        all_hosts = [*sandbox.dns.name_servers()]
        for title, affected, behaviour in (
            ("at once", all_hosts, {}),
            ("after 100 ms", all_hosts, {"latency_ms": 100}),
            ("at once, one server never responds", first, {"mode": "drop"}),
        ):
            for host in all_hosts:
                dns.configure(sandbox.dns.store, host, behaviour if host in affected else {})
            runs = [asyncio.run(measure(sandbox, records)) for _ in range(options.runs)]
            walls, slowest, answered, silent = zip(*runs, strict=True)
            print(
                f"{title:<40}{statistics.median(walls):>10.2f}{statistics.median(slowest):>18.2f}"
                f"{answered[-1]:>9}{silent[-1]:>6}"
            )


def create_domains(sandbox: Sandbox, domains: int, servers: int) -> list[DomainRecord]:
    """Create domains, each with its zone and record."""
    store, records = sandbox.dns.store, []
    for number in range(domains):
        domain = f"d{number}.example"
        dns.add_zone(store, f"{domain}.", servers=[f"ns{index}" for index in range(1, servers + 1)])
        dns.add_record(store, f"{domain}.", "kiro-app-1", "TXT", dns.txt("kiro-site-verification=x"))
        name = f"kiro-app-1.{domain}"
        records.append(
            DomainRecord(key=domain, label="kiro-app-1", name=name, value="kiro-site-verification=x")
        )
    sandbox.dns.wait_for_ports()
    return records


async def measure(sandbox: Sandbox, records: list[DomainRecord]) -> tuple[float, float, int, int]:
    """Seconds of one lookup and of its slowest answer; number of answers with and without a response."""
    network = control.dns_connection(sandbox)
    connection = DnsConnection(
        resolvers=[
            Endpoint(name, ServerRole.RESOLVER, *address) for name, address in network["resolvers"].items()
        ],
        overrides=network["name_servers"],
        suffixes=network["suffixes"],
        limits=LIMITS,
    )
    started = time.perf_counter()
    observations = await look_up(records, connection)
    seconds = time.perf_counter() - started
    answers = [answer for answer in observations if isinstance(answer, Answer)]
    responses = [answer for answer in answers if answer.failure is None]
    slowest = max(answer.elapsed_ms for answer in responses) / 1000
    return seconds, slowest, len(responses), len(answers) - len(responses)


if __name__ == "__main__":
    main()
