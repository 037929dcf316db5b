"""Misconfigurations of the zone, its name servers and its delegation."""

from __future__ import annotations

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.SOA

from provisioner.sandbox.dns.cache import flush
from provisioner.sandbox.dns.presentation import parse_name, parse_rdata, txt
from provisioner.sandbox.dns.server_options import ServerOptions, configure
from provisioner.sandbox.dns.zones import SOA_TTL, Contents, add_record, edit_zone, remove_record, serial

from .domain import VerifiedDomain, misconfiguration

_DAY = 86400
_FORMER_SERVER = "ns1.former-provider.example."


@misconfiguration("dns-servers-disagree")
def _servers_disagree(domain: VerifiedDomain) -> None:
    """One name server stopped zone transfers before the record was created."""
    record, server = domain.record, domain.secondary
    with domain.store.transaction():
        domain.replace()
        configure(domain.store, server, ServerOptions(frozen_serial=serial(domain.store, record.zone)))
        domain.replace(record.data)


@misconfiguration("dns-server-lame")
def _server_lame(domain: VerifiedDomain) -> None:
    """An admin reinstalled one name server without the zone."""
    configure(domain.store, domain.secondary, ServerOptions(mode="lame"))


@misconfiguration("dns-server-unreachable")
def _server_unreachable(domain: VerifiedDomain) -> None:
    """An admin switched off one name server that the zone still lists."""
    configure(domain.store, domain.secondary, ServerOptions(mode="drop"))


@misconfiguration("dns-server-without-address")
def _server_without_address(domain: VerifiedDomain) -> None:
    """An admin left a name server of a former DNS provider in the zone, and it no longer exists."""
    add_record(domain.store, domain.record.zone, "@", "NS", _FORMER_SERVER, ttl=SOA_TTL)
    flush(domain.store)


@misconfiguration("dns-tcp-blocked")
def _tcp_blocked(domain: VerifiedDomain) -> None:
    """Many services are verified at the same name, and a firewall blocks TCP to one name server."""
    server = domain.secondary
    others = [txt(f"service-{number}-verification={'0' * 200}") for number in range(8)]
    domain.replace(*others, domain.record.data)
    configure(domain.store, server, ServerOptions(tcp=False))


@misconfiguration("dns-negative-ttl-long")
def _negative_ttl_long(domain: VerifiedDomain) -> None:
    """An admin deleted the record, and the zone has a negative TTL of one day."""
    zone = domain.record.zone
    domain.replace()
    edit_zone(domain.store, zone, lambda contents: _set_negative_ttl(contents, zone))


def _set_negative_ttl(contents: Contents, zone: str) -> None:
    soa = parse_rdata(dns.rdatatype.SOA, contents[zone]["SOA"]["data"][0])
    assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
    longer = soa.replace(minimum=_DAY, serial=soa.serial + 1)
    contents[zone]["SOA"] = {"ttl": _DAY, "data": [longer.to_text()]}


@misconfiguration("dns-zone-not-found")
def _zone_not_found(domain: VerifiedDomain) -> None:
    """An admin removed the domain's name servers at the registrar, but not the hosts below it."""
    remove_record(domain.store, domain.parent_zone, domain.record.zone, "NS")
    flush(domain.store)


@misconfiguration("dns-domain-unregistered")
def _domain_unregistered(domain: VerifiedDomain) -> None:
    """No one renewed the domain, and the registry removed it."""
    edit_zone(domain.store, domain.parent_zone, lambda contents: _remove_domain(contents, domain.record.zone))
    flush(domain.store)


def _remove_domain(contents: Contents, zone: str) -> None:
    for name in [name for name in contents if parse_name(name).is_subdomain(parse_name(zone))]:
        del contents[name]
