"""TSIG keys (RFC 8945) and their update policy: which zones a key may change, and which types of records.

Kind ``tsigKey`` (key: the name), sealed. A policy has the meaning of BIND's ``update-policy { grant KEY zonesub TYPES; }`` and of
Knot's ``acl`` with ``update-type``.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import dns.name
import dns.rdatatype
import dns.tsig

from provisioner.sandbox.dns.presentation import canonical, parse_name, parse_type
from provisioner.sandbox.store import Document, Store

_ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1")


@dataclass(frozen=True, slots=True)
class TsigKey:
    """A key and its update policy.

    Attributes:
        name: the name, in canonical form.
        algorithm: such as ``hmac-sha256``.
        secret: base64.
        zones: zones that it may change; empty for all.
        types: types of records that it may change; empty for all.
    """

    name: str
    algorithm: str
    secret: str
    zones: tuple[str, ...]
    types: tuple[str, ...]

    def to_dnspython(self) -> dns.tsig.Key:
        """The key for dnspython."""
        return dns.tsig.Key(parse_name(self.name), self.secret, dns.name.from_text(self.algorithm))

    def allows_zone(self, zone: str) -> bool:
        """Whether the policy allows updates of a zone."""
        return not self.zones or zone in self.zones

    def allows_type(self, rdtype: dns.rdatatype.RdataType) -> bool:
        """Whether the policy allows updates of a record type."""
        return not self.types or rdtype.name in self.types


def add_key(
    store: Store,
    name: str,
    *,
    algorithm: str = "hmac-sha256",
    secret: str | None = None,
    zones: Sequence[str] = (),
    types: Sequence[str] = (),
) -> TsigKey:
    """Create or replace a key.

    Args:
        store: the DNS store.
        name: the name, a domain name.
        algorithm: one of the HMAC algorithms of RFC 8945.
        secret: base64; by default a random secret.
        zones: zones that it may change; empty for all.
        types: types of records that it may change, such as ``("TXT",)``; empty for all.

    Raises:
        ValueError: a name, the algorithm, a type or the secret is invalid.
    """
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"unknown algorithm {algorithm!r}; choose from {', '.join(_ALGORITHMS)}")
    secret = secret or base64.b64encode(secrets.token_bytes(32)).decode()
    try:
        base64.b64decode(secret, validate=True)
    except binascii.Error as error:
        raise ValueError("the key's secret is not base64") from error
    key = TsigKey(
        canonical(parse_name(name)),
        algorithm,
        secret,
        tuple(canonical(parse_name(zone)) for zone in zones),
        tuple(parse_type(rdtype).name for rdtype in types),
    )
    store.put("tsigKey", key.name, asdict(key))
    return key


def remove_key(store: Store, name: str) -> None:
    """Remove a key, if it exists."""
    store.delete("tsigKey", canonical(parse_name(name)))


def tsig_keys(store: Store) -> list[TsigKey]:
    """All keys, oldest first."""
    return [_parse(document) for document in store.all("tsigKey")]


def find_key(store: Store, name: dns.name.Name) -> TsigKey | None:
    """The key with a name, or None."""
    document = store.get("tsigKey", canonical(name))
    return _parse(document) if document else None


def _parse(document: Document) -> TsigKey:
    return TsigKey(**{**document, "zones": tuple(document["zones"]), "types": tuple(document["types"])})
