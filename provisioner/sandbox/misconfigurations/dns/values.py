"""Faults of the record's value: what was typed, what was left from before, and for how long it is remembered."""

from __future__ import annotations

import uuid

from provisioner.sandbox.dns.presentation import txt
from provisioner.sandbox.misconfigurations.registry import Faults

from .domain import PREFIX, Net

_WEEK = 604800

fault: Faults[Net] = Faults()


def another_token() -> str:
    """A value that the console issued at another time, as the data of a TXT record."""
    return txt(f"{PREFIX}{uuid.uuid4()}")


@fault("dns-value-malformed")
def _value_malformed(net: Net) -> None:
    """Somebody typed quotation marks around the value, and they became part of it."""
    net.replace(txt(f'"{net.record.value}"'))


@fault("dns-value-other")
def _value_other(net: Net) -> None:
    """Somebody added the domain anew in the Kiro console, and the record has the value from before."""
    net.replace(another_token())


@fault("dns-value-split")
def _value_split(net: Net) -> None:
    """Somebody pasted the value with a line break, and the DNS provider made two strings of it."""
    value = net.record.value
    half = len(value) // 2
    net.replace(txt(value[:half], value[half:]))


@fault("dns-tokens-several")
def _tokens_several(net: Net) -> None:
    """Somebody left the values of two earlier attempts beside the current one."""
    net.replace(another_token(), another_token(), net.record.data)


@fault("dns-ttl-long")
def _ttl_long(net: Net) -> None:
    """Somebody made the record with a TTL of a week."""
    net.replace(net.record.data, ttl=_WEEK)
