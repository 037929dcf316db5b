"""Options of name servers and resolvers; any process can change them, and the next query uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from provisioner.sandbox.dns.presentation import canonical, parse_name, parse_rdata, parse_type
from provisioner.sandbox.store import Store

Mode = Literal["answer", "refuse", "servfail", "drop", "drop-after", "lame", "truncate"]
Edns = Literal["full", "ignore", "formerr", "drop"]

MAX_UDP_SIZE: Final = 1232
"""Default maximum size of a UDP response in octets (DNS Flag Day 2020; the default of BIND 9.18 and Knot 3.2)."""
_SIZE_RANGE = (512, 65535)  # RFC 1035 section 4.2.1


@dataclass(frozen=True, slots=True)
class Override:
    """Records that one server returns instead of those in the zone.

    Attributes:
        name: absolute owner name.
        type: the record type.
        data: data of the records; empty for no records.
        ttl: TTL in seconds.
    """

    name: str
    type: str
    data: tuple[str, ...] = ()
    ttl: int = 300

    def __post_init__(self) -> None:
        """Convert names and data to the form that zones have; ValueError if they are invalid."""
        rdtype = parse_type(self.type)
        object.__setattr__(self, "name", canonical(parse_name(self.name)))
        object.__setattr__(self, "type", rdtype.name)
        object.__setattr__(self, "data", tuple(parse_rdata(rdtype, text).to_text() for text in self.data))


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of one server; the defaults are those of a healthy server.

    Attributes:
        mode: ``answer``; ``refuse`` and ``servfail`` respond with that RCODE; ``drop`` ignores queries; ``drop-after``
            processes a query (an update takes effect) but does not respond; ``lame`` has no data of the zone and refers to the
            root; ``truncate`` answers over TCP only.
        latency_ms: delay of every response in milliseconds.
        lag_seconds: the server has the version of the zone from this long ago, as a secondary that lags behind.
        frozen_serial: the newest serial that the server has, as a secondary whose zone transfers fail; None for no limit.
        overrides: records that differ from those of the zone.
        tcp: whether it responds over TCP; otherwise it closes connections.
        edns: ``full``; ``ignore`` responds without EDNS; ``formerr`` refuses it (RFC 6891 section 7); ``drop`` ignores queries
            with EDNS, as some firewalls do.
        max_udp_size: maximum size of a UDP response in octets.
    """

    mode: Mode = "answer"
    latency_ms: float = 0
    lag_seconds: float = 0
    frozen_serial: int | None = None
    overrides: tuple[Override, ...] = ()
    tcp: bool = True
    edns: Edns = "full"
    max_udp_size: int = MAX_UDP_SIZE

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid value."""
        if self.mode not in get_args(Mode):
            raise ValueError(f"unknown mode {self.mode!r}; choose from {', '.join(get_args(Mode))}")
        if self.edns not in get_args(Edns):
            raise ValueError(f"unknown edns {self.edns!r}; choose from {', '.join(get_args(Edns))}")
        if min(self.latency_ms, self.lag_seconds) < 0:
            raise ValueError("latency_ms and lag_seconds must not be negative")
        if not _SIZE_RANGE[0] <= self.max_udp_size <= _SIZE_RANGE[1]:
            raise ValueError(f"max_udp_size must be between {_SIZE_RANGE[0]} and {_SIZE_RANGE[1]} octets")


_DEFAULT = ServerOptions()


def configure(store: Store, host: str, options: ServerOptions | Mapping[str, Any] = _DEFAULT) -> None:
    """Set all options of a server.

    Args:
        store: the DNS store.
        host: name of the name server or resolver.
        options: the options, or a JSON object with the members that differ from the defaults.

    Raises:
        ValueError: the server does not exist, or a member or its value is invalid.
    """
    key = canonical(parse_name(host))
    if store.get("server", key) is None:
        raise ValueError(f"there is no server {key}; there are {', '.join(store.keys('server')) or 'none'}")
    if not isinstance(options, ServerOptions):
        options = _parse_options(options)
    if options == _DEFAULT:
        store.delete("serverOptions", key)
    else:
        store.put("serverOptions", key, asdict(options))


def options_of(store: Store, host: str) -> ServerOptions:
    """The current options of a server."""
    members = store.get("serverOptions", canonical(parse_name(host)))
    return _parse_options(members) if members else _DEFAULT


def _parse_options(members: Mapping[str, Any]) -> ServerOptions:
    unknown = set(members) - {field.name for field in fields(ServerOptions)}
    if unknown:
        raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
    overrides = tuple(_parse_override(override) for override in members.get("overrides", ()))
    return ServerOptions(**{**members, "overrides": overrides})


def _parse_override(members: Override | Mapping[str, Any]) -> Override:
    if isinstance(members, Override):
        return members
    unknown = set(members) - {field.name for field in fields(Override)}
    if unknown or not {"name", "type"} <= set(members):
        raise ValueError("an override has a name and a type, and optionally data and ttl")
    return Override(**{**members, "data": tuple(members.get("data", ()))})
