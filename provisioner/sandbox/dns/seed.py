"""The initial content of the DNS: a root, a top-level domain, the sandbox's domain, two resolvers and two keys."""

from __future__ import annotations

from typing import Final

from provisioner.sandbox.dns.tsig_keys import add_key
from provisioner.sandbox.dns.zones import add_record, add_zone
from provisioner.sandbox.store import Store

RESOLVERS: Final = ("resolver1.", "resolver2.")
UPDATE_KEY: Final = "provisioner."
"""May change records of every type."""

_DOMAIN: Final = "contoso.example."
_ROOT_SERVER: Final = "a.root-servers.net."
_TXT_UPDATE_KEY: Final = "provisioner-txt."
"""May change TXT records only."""


def seed(store: Store) -> None:
    """Fill an empty store."""
    with store.transaction():
        add_zone(store, ".", servers=[_ROOT_SERVER], negative_ttl=86400)
        add_zone(store, "example.", servers=["a.nic"])
        add_zone(store, _DOMAIN)
        add_record(store, _DOMAIN, "@", "MX", "10 mail")
        add_record(store, _DOMAIN, "mail", "A", "192.0.2.25")
        add_record(store, _DOMAIN, "@", "TXT", '"v=spf1 mx -all"')
        add_key(store, UPDATE_KEY)
        add_key(store, _TXT_UPDATE_KEY, types=["TXT"])
        for host in RESOLVERS:
            store.put("server", host, {"host": host, "role": "resolver", "port": None})
