"""The sandbox's DNS: authoritative name servers with dynamic update, caching resolvers, and DNS over HTTPS.

The store has its whole state, so any process can change it: zones and records (`zones`), TSIG keys (`tsig_keys`), options of
the servers (`server_options`), the resolvers' cache (`cache`) and DNSSEC status (`resolver`).
"""

from provisioner.sandbox.dns.cache import flush, set_clock_offset
from provisioner.sandbox.dns.presentation import txt
from provisioner.sandbox.dns.resolver import prefer_server, set_security_status
from provisioner.sandbox.dns.server_options import Override, ServerOptions, configure, options_of
from provisioner.sandbox.dns.service import Dns
from provisioner.sandbox.dns.tsig_keys import add_key, remove_key, tsig_keys
from provisioner.sandbox.dns.zones import (
    add_record,
    add_zone,
    delegate,
    records,
    remove_record,
    remove_zone,
    serial,
    zone_names,
)

__all__ = [
    "Dns",
    "Override",
    "ServerOptions",
    "add_key",
    "add_record",
    "add_zone",
    "configure",
    "delegate",
    "flush",
    "options_of",
    "prefer_server",
    "records",
    "remove_key",
    "remove_record",
    "remove_zone",
    "serial",
    "set_clock_offset",
    "set_security_status",
    "tsig_keys",
    "txt",
    "zone_names",
]
