"""How a server misbehaves: settings by host, changed from any process, obeyed from the next query on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

import dns.name

from provisioner.sandbox.dns.text import data, kept, parsed, type_of
from provisioner.sandbox.store import Store

Mode = Literal["answer", "refuse", "servfail", "drop", "drop-after", "lame", "truncate"]
Edns = Literal["full", "ignore", "formerr", "drop"]

PAYLOAD: Final = 1232
"""Octets of an answer by UDP that a server sends at most (DNS Flag Day 2020's default, as BIND 9.18 and Knot 3.2 have it)."""
_SMALLEST = 512  # RFC 1035 section 4.2.1
_LARGEST = 65535


@dataclass(frozen=True, slots=True)
class Lie:
    """What one server says about a name and a type, whatever the zone holds.

    Attributes:
        name: the owner, absolute.
        type: the record type.
        data: the records; none to deny that there are any.
        ttl: seconds.
    """

    name: str
    type: str
    data: tuple[str, ...] = ()
    ttl: int = 300

    def __post_init__(self) -> None:
        """Keep names and data in the form in which zones have them; ValueError when they make no sense."""
        kind = type_of(self.type)
        values = tuple(data(kind, value, dns.name.root).to_text() for value in self.data)
        object.__setattr__(self, "name", kept(parsed(self.name)))
        object.__setattr__(self, "type", kind.name)
        object.__setattr__(self, "data", values)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a name server or a resolver behaves.

    Attributes:
        mode: ``answer`` is the good one; ``refuse`` and ``servfail`` say so; ``drop`` says nothing; ``drop-after`` does the
            work (an update takes effect) and says nothing; ``lame`` knows nothing of the zone and points to the root;
            ``truncate`` answers only by TCP.
        latency_ms: how long every answer takes.
        lag_seconds: it serves the zone as it was so long ago.
        frozen_serial: it got stuck: nothing newer than this serial is served; None for none.
        lies: what it says differently from the others.
        tcp: whether it takes queries by TCP; if not, connections are closed without an answer.
        edns: ``full``; ``ignore`` answers as if there were none; ``formerr`` refuses it (RFC 6891 section 7); ``drop`` never
            answers a query that has it, as some firewalls do.
        payload: octets of an answer by UDP that it sends at most.
    """

    mode: Mode = "answer"
    latency_ms: float = 0
    lag_seconds: float = 0
    frozen_serial: int | None = None
    lies: tuple[Lie, ...] = ()
    tcp: bool = True
    edns: Edns = "full"
    payload: int = PAYLOAD

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.mode not in get_args(Mode):
            raise ValueError(f"unknown mode {self.mode!r}; choose from {', '.join(get_args(Mode))}")
        if self.edns not in get_args(Edns):
            raise ValueError(f"unknown edns {self.edns!r}; choose from {', '.join(get_args(Edns))}")
        if min(self.latency_ms, self.lag_seconds) < 0:
            raise ValueError("latency and lag cannot be negative")
        if not _SMALLEST <= self.payload <= _LARGEST:
            raise ValueError(f"payload is between {_SMALLEST} and {_LARGEST} octets")


def behave(store: Store, host: str, behaviour: Behaviour | Mapping[str, Any] | None = None) -> None:
    """Make a server behave so; well again by default.

    Args:
        store: the DNS's store.
        host: a name server's or resolver's name.
        behaviour: a `Behaviour`, or its members as JSON has them (those left out are the good ones).

    Raises:
        ValueError: there is no such server, a member is unknown, or its value makes no sense.
    """
    key = kept(parsed(host))
    if store.get("server", key) is None:
        raise ValueError(f"there is no server {key}; there are {', '.join(store.keys('server')) or 'none'}")
    if behaviour is None:
        store.delete("behaviour", key)
        return
    made = behaviour if isinstance(behaviour, Behaviour) else _read(behaviour)
    store.put("behaviour", key, asdict(made))


def behaviour_of(store: Store, host: str) -> Behaviour:
    """How a server behaves now."""
    found = store.get("behaviour", kept(parsed(host)))
    return _read(found) if found else _GOOD


_GOOD = Behaviour()


def _read(members: Mapping[str, Any]) -> Behaviour:
    unknown = set(members) - {field.name for field in fields(Behaviour)}
    if unknown:
        raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
    lies = [_lie(each) for each in members.get("lies", ())]
    return Behaviour(**{**members, "lies": tuple(lies)})


def _lie(members: Lie | Mapping[str, Any]) -> Lie:
    if isinstance(members, Lie):
        return members
    unknown = set(members) - {field.name for field in fields(Lie)}
    if unknown or not {"name", "type"} <= set(members):
        raise ValueError(f"a lie has a name and a type, and may have data and ttl, not {sorted(unknown)}")
    return Lie(**{**members, "data": tuple(members.get("data", ()))})
