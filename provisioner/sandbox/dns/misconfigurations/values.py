"""Misconfigurations of the record's value and TTL."""

from __future__ import annotations

import uuid

from provisioner.sandbox.dns.presentation import txt

from .domain import PREFIX, VerifiedDomain, misconfiguration

_WEEK = 604800


def another_token() -> str:
    """Another verification token, in zone file format."""
    return txt(f"{PREFIX}{uuid.uuid4()}")


@misconfiguration("dns-value-malformed")
def _value_malformed(domain: VerifiedDomain) -> None:
    """An admin typed quotation marks around the value, and they became part of it."""
    domain.replace(txt(f'"{domain.record.value}"'))


@misconfiguration("dns-value-other")
def _value_other(domain: VerifiedDomain) -> None:
    """An admin added the domain again in the Kiro console, and the record still has the former value."""
    domain.replace(another_token())


@misconfiguration("dns-value-split")
def _value_split(domain: VerifiedDomain) -> None:
    """An admin pasted the value with a line break, and the DNS provider split it into two strings."""
    value = domain.record.value
    half = len(value) // 2
    domain.replace(txt(value[:half], value[half:]))


@misconfiguration("dns-tokens-several")
def _tokens_several(domain: VerifiedDomain) -> None:
    """An admin left the values of two earlier attempts next to the current one."""
    domain.replace(another_token(), another_token(), domain.record.data)


@misconfiguration("dns-ttl-long")
def _ttl_long(domain: VerifiedDomain) -> None:
    """An admin created the record with a TTL of one week."""
    domain.replace(domain.record.data, ttl=_WEEK)
