"""Faults of the zone and its name servers: who serves it, what each of them has, and what the registry says."""

from __future__ import annotations

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.SOA

from provisioner.sandbox.dns.cache import flush
from provisioner.sandbox.dns.presentation import parse_name, parse_rdata, txt
from provisioner.sandbox.dns.server_options import ServerOptions, configure
from provisioner.sandbox.dns.zones import SOA_TTL, Contents, add_record, edit_zone, remove_record, serial
from provisioner.sandbox.misconfigurations.registry import Faults

from .domain import Net

_DAY = 86400
_FORMER_SERVER = "ns1.former-provider.example."

fault: Faults[Net] = Faults()


@fault("dns-servers-disagree")
def _servers_disagree(net: Net) -> None:
    """One name server got stuck before the record was made, and does not fetch the zone any more."""
    record, server = net.record, net.secondary
    with net.dns.transaction():
        net.replace()
        configure(net.dns, server, ServerOptions(frozen_serial=serial(net.dns, record.zone)))
        net.replace(record.data)


@fault("dns-server-lame")
def _server_lame(net: Net) -> None:
    """Somebody set one name server up anew, without the zone."""
    configure(net.dns, net.secondary, ServerOptions(mode="lame"))


@fault("dns-server-unreachable")
def _server_unreachable(net: Net) -> None:
    """Somebody switched one name server off, which the zone still names."""
    configure(net.dns, net.secondary, ServerOptions(mode="drop"))


@fault("dns-server-without-address")
def _server_without_address(net: Net) -> None:
    """Somebody left a name server of an earlier DNS provider in the zone, which does not exist any more."""
    add_record(net.dns, net.record.zone, "@", "NS", _FORMER_SERVER, ttl=SOA_TTL)
    flush(net.dns)


@fault("dns-tcp-blocked")
def _tcp_blocked(net: Net) -> None:
    """Many services are verified at the same name, and a firewall closes TCP in front of one name server."""
    server = net.secondary
    others = [txt(f"service-{number}-verification={'0' * 200}") for number in range(8)]
    net.replace(*others, net.record.data)
    configure(net.dns, server, ServerOptions(tcp=False))


@fault("dns-negative-ttl-long")
def _negative_ttl_long(net: Net) -> None:
    """Somebody deleted the record from a zone whose absent names are remembered for a day."""
    zone = net.record.zone
    net.replace()
    edit_zone(net.dns, zone, lambda contents: _remember_absence(contents, zone))


def _remember_absence(contents: Contents, zone: str) -> None:
    soa = parse_rdata(dns.rdatatype.SOA, contents[zone]["SOA"]["data"][0])
    assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
    longer = soa.replace(minimum=_DAY, serial=soa.serial + 1)
    contents[zone]["SOA"] = {"ttl": _DAY, "data": [longer.to_text()]}


@fault("dns-zone-not-found")
def _zone_not_found(net: Net) -> None:
    """Somebody removed the domain's name servers at the registrar, where the hosts below it stay."""
    remove_record(net.dns, net.registry, net.record.zone, "NS")
    flush(net.dns)


@fault("dns-domain-unregistered")
def _domain_unregistered(net: Net) -> None:
    """Nobody renewed the domain, and the registry took it out."""
    edit_zone(net.dns, net.registry, lambda contents: _take_out(contents, net.record.zone))
    flush(net.dns)


def _take_out(contents: Contents, zone: str) -> None:
    for name in [name for name in contents if parse_name(name).is_subdomain(parse_name(zone))]:
        del contents[name]
