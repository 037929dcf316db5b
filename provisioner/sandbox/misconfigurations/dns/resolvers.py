"""Faults of public resolvers: what they remember, what they refuse, and whether they answer."""

from __future__ import annotations

import dns.rdatatype

from provisioner.sandbox.dns.cache import Cache, LookupResult, flush
from provisioner.sandbox.dns.presentation import parse_name
from provisioner.sandbox.dns.resolver import set_security_status
from provisioner.sandbox.dns.server_options import ServerOptions, configure
from provisioner.sandbox.dns.zone_lookup import ZoneLookup
from provisioner.sandbox.dns.zones import records
from provisioner.sandbox.misconfigurations.registry import Faults

from .domain import Net
from .values import another_token

fault: Faults[Net] = Faults()


@fault("dns-resolvers-lag")
def _resolvers_lag(net: Net) -> None:
    """Somebody looked the record up before it was made, and the resolvers remember that it was not there."""
    _remember(net)


@fault("dns-value-cached")
def _value_cached(net: Net) -> None:
    """Somebody corrected the value, and the resolvers remember the one from before."""
    _remember(net, another_token())


def _remember(net: Net, *data: str) -> None:
    """Let the resolvers know what the zone said while it had other TXT records in the record's place, or none."""
    record, name = net.record, parse_name(net.record.name)
    before = records(net.dns, record.zone)
    texts = before[record.name]["TXT"]
    texts["data"] = [*(text for text in texts["data"] if text != record.data), *data]
    said = ZoneLookup(parse_name(record.zone), before).lookup(name, dns.rdatatype.TXT)
    known = LookupResult(said.rcode, next(iter(said.answer), None), next(iter(said.authority), None))
    flush(net.dns)
    for host in net.resolvers:
        Cache(net.dns, host).put(name, dns.rdatatype.TXT, known)


@fault("dns-dnssec-bogus")
def _dnssec_bogus(net: Net) -> None:
    """Somebody moved the zone to another DNS provider, and left the DS record of the earlier one."""
    set_security_status(net.dns, net.record.zone, "bogus")


@fault("dns-resolver-unreachable")
def _resolver_unreachable(net: Net) -> None:
    """One of the public resolvers does not answer."""
    configure(net.dns, net.resolvers[-1], ServerOptions(mode="drop"))
