"""What a fresh DNS holds: a root and a top-level domain of its own, the sandbox's domain, two resolvers and two keys."""

from __future__ import annotations

from typing import Final

from provisioner.sandbox.dns.keyring import add_key
from provisioner.sandbox.dns.zone_data import add_record, add_zone
from provisioner.sandbox.store import Store

DOMAIN: Final = "contoso.example."
ROOT_SERVER: Final = "a.root-servers.net."
RESOLVERS: Final = ("resolver1.", "resolver2.")
KEY: Final = "provisioner."
"""May change every type of record."""
TXT_KEY: Final = "provisioner-txt."
"""May change TXT records only."""


def fresh(store: Store) -> None:
    """Fill an empty store."""
    with store.transaction():
        add_zone(store, ".", servers=[ROOT_SERVER], minimum=86400)
        add_zone(store, "example.", servers=["a.nic"])
        add_zone(store, DOMAIN)
        add_record(store, DOMAIN, "@", "MX", "10 mail")
        add_record(store, DOMAIN, "mail", "A", "192.0.2.25")
        add_record(store, DOMAIN, "@", "TXT", '"v=spf1 mx -all"')
        add_key(store, KEY)
        add_key(store, TXT_KEY, types=["TXT"])
        for host in RESOLVERS:
            store.put("server", host, {"host": host, "role": "resolver", "port": None})
