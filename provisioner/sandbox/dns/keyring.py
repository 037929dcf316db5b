"""TSIG keys (RFC 8945): who may change a zone, and which types of records.

Kind ``tsigKey`` (key: its name), sealed. What a key may do is granted as BIND's ``update-policy { grant KEY zonesub TYPES; }``
and Knot's ``acl`` with ``update-type`` grant it.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import dns.name
import dns.rdatatype
import dns.tsig

from provisioner.sandbox.dns.text import kept, parsed, type_of
from provisioner.sandbox.store import Document, Store

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1")


@dataclass(frozen=True, slots=True)
class Grant:
    """A key and what it may do.

    Attributes:
        name: its name, as it is kept.
        algorithm: such as ``hmac-sha256``.
        secret: base64.
        zones: the zones it may change; empty for all.
        types: the types of records it may change; empty for all.
    """

    name: str
    algorithm: str
    secret: str
    zones: tuple[str, ...]
    types: tuple[str, ...]

    def key(self) -> dns.tsig.Key:
        """The key as dnspython takes it."""
        return dns.tsig.Key(parsed(self.name), self.secret, dns.name.from_text(self.algorithm))

    def covers_zone(self, zone: str) -> bool:
        """Whether it may change a zone at all."""
        return not self.zones or zone in self.zones

    def covers_type(self, rdtype: dns.rdatatype.RdataType) -> bool:
        """Whether it may change records of a type."""
        return not self.types or rdtype.name in self.types


def add_key(
    store: Store,
    name: str,
    *,
    algorithm: str = "hmac-sha256",
    secret: str | None = None,
    zones: Sequence[str] = (),
    types: Sequence[str] = (),
) -> Grant:
    """Create or replace a key.

    Args:
        store: the DNS's store.
        name: its name, a domain name.
        algorithm: one of `ALGORITHMS`.
        secret: base64; a random one by default.
        zones: the zones it may change; none named for all.
        types: the types of records it may change, such as ``("TXT",)``; none named for all.

    Raises:
        ValueError: a name, the algorithm, a type or the secret makes no sense.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"unknown algorithm {algorithm!r}; choose from {', '.join(ALGORITHMS)}")
    secret = secret or base64.b64encode(secrets.token_bytes(32)).decode()
    try:
        base64.b64decode(secret, validate=True)
    except binascii.Error as problem:
        raise ValueError("the key's secret is not base64") from problem
    grant = Grant(
        kept(parsed(name)),
        algorithm,
        secret,
        tuple(kept(parsed(zone)) for zone in zones),
        tuple(type_of(each).name for each in types),
    )
    store.put(
        "tsigKey",
        grant.name,
        {
            "name": grant.name,
            "algorithm": grant.algorithm,
            "secret": grant.secret,
            "zones": list(grant.zones),
            "types": list(grant.types),
        },
    )
    return grant


def remove_key(store: Store, name: str) -> None:
    """Forget a key; one that is not there is not missed."""
    store.delete("tsigKey", kept(parsed(name)))


def keys(store: Store) -> list[Grant]:
    """Every key, oldest first."""
    return [_grant(document) for document in store.all("tsigKey")]


def find(store: Store, name: dns.name.Name) -> Grant | None:
    """A key by its name."""
    document = store.get("tsigKey", kept(name))
    return _grant(document) if document else None


def _grant(document: Document) -> Grant:
    return Grant(**{**document, "zones": tuple(document["zones"]), "types": tuple(document["types"])})
