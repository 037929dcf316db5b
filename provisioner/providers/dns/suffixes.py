"""Which domains the public DNS can have, and who can register them. Pure: the data comes with a package.

The public suffix list is that of the ``publicsuffixlist`` package (its own copy, nothing is downloaded). The top-level
domains of its ICANN section stand for the IANA root zone list: the file states that it imports the delegated gTLDs from
ICANN's registry; that it has every ccTLD is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

from .names import within

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

SPECIAL_USE: Final = {
    "alt": "RFC 9476",
    "arpa": "RFC 3172",
    "example": "RFC 6761",
    "example.com": "RFC 6761",
    "example.net": "RFC 6761",
    "example.org": "RFC 6761",
    "home.arpa": "RFC 8375",
    "invalid": "RFC 6761",
    "local": "RFC 6762",
    "localhost": "RFC 6761",
    "onion": "RFC 7686",
    "test": "RFC 6761",
}
"""Names that no registry sells (IANA, Special-Use Domain Names; arpa, which is infrastructure, with everything below
it)."""

PRIVATE: Final = {
    "internal": "reserved for private use, ICANN Board resolution 2024.07.29.06",
    "corp": "never delegated: name collisions, ICANN Board resolution 2018.02.04.12",
    "home": "never delegated: name collisions, ICANN Board resolution 2018.02.04.12",
    "mail": "never delegated: name collisions, ICANN Board resolution 2018.02.04.12",
    "intranet": "a common private name, RFC 6762, appendix G",
    "lan": "a common private name, RFC 6762, appendix G",
    "private": "a common private name, RFC 6762, appendix G",
    "localdomain": "a common private name of Unix hosts",
}
"""Top-level domains that are used inside organizations only."""


class DomainKind(StrEnum):
    """The kind of a domain."""

    PUBLIC = "public"
    SPECIAL_USE = "special use"
    PRIVATE = "private"
    UNDELEGATED = "undelegated"
    PUBLIC_SUFFIX = "public suffix"


@dataclass(frozen=True)
class DomainClassification:
    """The place of a domain in the public DNS.

    Attributes:
        suffix: the part that decides the kind: a public suffix, or a reserved or unknown name.
        registrable: the domain to register, such as ``example.co.uk``; None if none can be registered.
        reason: why, with its source.
    """

    kind: DomainKind
    suffix: str
    registrable: str | None
    reason: str

    @property
    def resolvable(self) -> bool:
        """Whether the public DNS can have it."""
        return self.kind is DomainKind.PUBLIC


def classify(domain: str, extra_suffixes: Iterable[str] = ()) -> DomainClassification:
    """Classify a domain.

    Args:
        domain: canonical.
        extra_suffixes: public suffixes in addition to the public suffix list.
    """
    for suffix in extra_suffixes:
        if within(domain, suffix) and domain != suffix:
            label = domain.removesuffix(f".{suffix}").rpartition(".")[2]
            reason = f"{suffix} is a public suffix here"
            return DomainClassification(DomainKind.PUBLIC, suffix, f"{label}.{suffix}", reason)
    for name in sorted(SPECIAL_USE, key=len, reverse=True):
        if within(domain, name):
            reason = f"{name} is a special-use name ({SPECIAL_USE[name]}; IANA, Special-Use Domain Names)"
            return DomainClassification(DomainKind.SPECIAL_USE, name, None, reason)
    tld = domain.rpartition(".")[2]
    if tld in PRIVATE:
        return DomainClassification(DomainKind.PRIVATE, tld, None, f".{tld} is {PRIVATE[tld]}")
    suffix_list = _public_suffix_list()
    public_suffix = suffix_list.publicsuffix(domain)
    if not isinstance(public_suffix, str):
        reason = f".{tld} is not in the root zone of the public DNS"
        return DomainClassification(DomainKind.UNDELEGATED, tld, None, reason)
    registrable = suffix_list.privatesuffix(domain)
    if not isinstance(registrable, str):
        reason = f"{domain} is a public suffix: others register names below it"
        return DomainClassification(DomainKind.PUBLIC_SUFFIX, public_suffix, None, reason)
    reason = f"{public_suffix} is a public suffix"
    return DomainClassification(DomainKind.PUBLIC, public_suffix, registrable, reason)


@cache
def _public_suffix_list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - reading the list takes some 40 ms

    return PublicSuffixList(accept_unknown=False, only_icann=True)
