"""The sandbox's DNS: name servers whose zones persist, dynamic update, resolvers that cache, and DNS over HTTPS.

Everything that steers it is a function of the store, so another process can do it: zones and records (`zone_data`), keys
(`keyring`), how a server misbehaves (`behaviour`), what a resolver believes (`resolving`).
"""

from provisioner.sandbox.dns.behaviour import Behaviour, Lie, behave, behaviour_of
from provisioner.sandbox.dns.cache import flush, move_clock
from provisioner.sandbox.dns.keyring import add_key, keys, remove_key
from provisioner.sandbox.dns.resolving import declare, prefer
from provisioner.sandbox.dns.service import Dns
from provisioner.sandbox.dns.text import txt
from provisioner.sandbox.dns.zone_data import (
    add_record,
    add_zone,
    delegate,
    records,
    remove_record,
    remove_zone,
    serial,
    zones,
)

__all__ = [
    "Behaviour",
    "Dns",
    "Lie",
    "add_key",
    "add_record",
    "add_zone",
    "behave",
    "behaviour_of",
    "declare",
    "delegate",
    "flush",
    "keys",
    "move_clock",
    "prefer",
    "records",
    "remove_key",
    "remove_record",
    "remove_zone",
    "serial",
    "txt",
    "zones",
]
