"""Which domains the public DNS can have, and who registers them. Pure: the data comes with a package.

The public suffix list is that of the ``publicsuffixlist`` package (its own copy, nothing is downloaded). The top-level
domains of its ICANN section stand for the IANA root zone list: the file says that it imports the delegated gTLDs from
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
"""Names that no registry sells (IANA, Special-Use Domain Names; arpa, which is infrastructure, stands for all below it)."""

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
"""Top-level domains that are in use inside organizations only."""


class Sort(StrEnum):
    """What kind of domain it is."""

    PUBLIC = "public"
    SPECIAL_USE = "special use"
    PRIVATE = "private"
    UNDELEGATED = "undelegated"
    SUFFIX = "public suffix"


@dataclass(frozen=True)
class Standing:
    """A domain's place in the public DNS.

    Attributes:
        sort: see :class:`Sort`.
        suffix: the part that made it so: a public suffix, or a reserved or unknown name.
        registrable: what somebody registers, such as ``example.co.uk``; None where nobody can.
        reason: why, with its source.
    """

    sort: Sort
    suffix: str
    registrable: str | None
    reason: str

    @property
    def resolvable(self) -> bool:
        """Whether the public DNS can have it."""
        return self.sort is Sort.PUBLIC


def standing(domain: str, besides: Iterable[str] = ()) -> Standing:
    """Where a domain stands.

    Args:
        domain: canonical.
        besides: suffixes that are public too.
    """
    for own in besides:
        if within(domain, own) and domain != own:
            label = domain.removesuffix(f".{own}").rpartition(".")[2]
            return Standing(Sort.PUBLIC, own, f"{label}.{own}", f"{own} is a public suffix here")
    for name in sorted(SPECIAL_USE, key=len, reverse=True):
        if within(domain, name):
            reason = f"{name} is a special-use name ({SPECIAL_USE[name]}; IANA, Special-Use Domain Names)"
            return Standing(Sort.SPECIAL_USE, name, None, reason)
    tld = domain.rpartition(".")[2]
    if tld in PRIVATE:
        return Standing(Sort.PRIVATE, tld, None, f".{tld} is {PRIVATE[tld]}")
    listed = _listed()
    suffix = listed.publicsuffix(domain)
    if not isinstance(suffix, str):
        return Standing(Sort.UNDELEGATED, tld, None, f".{tld} is not in the root zone of the public DNS")
    registrable = listed.privatesuffix(domain)
    if not isinstance(registrable, str):
        return Standing(
            Sort.SUFFIX, suffix, None, f"{domain} is a public suffix: others register names below it"
        )
    return Standing(Sort.PUBLIC, suffix, registrable, f"{suffix} is a public suffix")


def registrable_domain(domain: str, besides: Iterable[str] = ()) -> str | None:
    """What somebody registers, such as ``example.co.uk`` of ``a.b.example.co.uk``; None where nobody can."""
    return standing(domain, besides).registrable


@cache
def _listed() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - reading the list takes some 40 ms

    return PublicSuffixList(accept_unknown=False, only_icann=True)
