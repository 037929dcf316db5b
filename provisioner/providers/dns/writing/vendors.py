"""The DNS vendors that dns-lexicon knows, and what a playbook may set for each."""

from __future__ import annotations

import argparse
import difflib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import tldextract
from lexicon._private import discovery  # its Client asks the public suffix list's site for the zone's name
from lexicon.config import ConfigResolver

from provisioner.core.errors import UsageError
from provisioner.providers.dns.playbook import UPDATE, DnsSection

from .azure import AzureRecords
from .route53 import Route53Records
from .zone_records import LOGGER, LexiconRecords, ZoneRecords

_TITLES: Final = {
    "azure": "Azure DNS",
    "cloudflare": "Cloudflare",
    "godaddy": "GoDaddy",
    "googleclouddns": "Google Cloud DNS",
    "ovh": "OVH",
    "route53": "Route 53",
}
_NOT_VENDORS: Final = {"auto", "ddns", "localzone"}
"""Guesses the vendor; dynamic update, which rfc2136 does; edits a file."""
_EXACT: Final[dict[str, type[LexiconRecords]]] = {"azure": AzureRecords, "route53": Route53Records}
_SECRET_WORDS: Final = ("auth", "token", "secret", "password", "key")


@dataclass(frozen=True)
class Opener:
    """Opens a zone at a vendor.

    Attributes:
        where: for people.
        zone: the zone's name.
        secrets: what must not be shown.
        unset: settings of the vendor that have no value.
        open: signs in and finds the zone; synchronous, raises whatever the vendor's library does.
    """

    where: str
    zone: str
    secrets: tuple[str, ...]
    unset: tuple[str, ...]
    open: Callable[[], ZoneRecords]


def opener(keys: DnsSection, zone: str) -> Opener:
    """Prepare to open a zone; asks nobody.

    Args:
        keys: what the playbook says. What it does not is taken from LEXICON_ variables.
        zone: the zone's name.

    Raises:
        UsageError: the vendor or one of its settings is unknown, or a package that it needs is missing.
    """
    vendor = keys.provider
    _expect_vendor(vendor)
    made = discovery.load_provider_module(vendor).Provider
    known = _settings_of(made)
    given = {name: secret.get_secret_value() for name, secret in keys.credentials.items()}
    for name in (*given, *keys.options):
        _expect(name, known, f"{vendor} has no setting")
    _quieten()

    def settings() -> dict[str, Any]:
        return {"provider_name": vendor, "domain": zone, vendor: {**given, **keys.options}}

    def opened() -> ZoneRecords:
        mine = settings()
        provider = made(_resolver(mine))
        return _EXACT.get(vendor, LexiconRecords)(provider, mine)

    resolver = _resolver(settings())
    values = {name: resolver.resolve(f"lexicon:{vendor}:{name}") for name in known}
    return Opener(
        where=f"{_TITLES.get(vendor, vendor)}, zone {zone}",
        zone=zone,
        secrets=tuple(
            str(value) for name, value in values.items() if value and (name in given or _is_secret(name))
        ),
        unset=tuple(name for name, value in values.items() if not value),
        open=opened,
    )


def _resolver(settings: dict[str, Any]) -> ConfigResolver:
    """What the playbook says goes before LEXICON_ variables."""
    return ConfigResolver().with_dict(settings).with_env()  # type: ignore[no-untyped-call]


@cache
def _available() -> dict[str, bool]:
    """Vendors, and whether the packages that they need are installed."""
    found = discovery.find_providers()
    return {name: there for name, there in found.items() if name not in _NOT_VENDORS}


def _expect_vendor(vendor: str) -> None:
    available = _available()
    _expect(vendor, (UPDATE, *available), "no DNS provider is called")
    if not available[vendor]:
        raise UsageError(
            f"the DNS provider {vendor} needs a package that is not installed",
            hint=f"pip install 'provisioner[{vendor}]'",
        )


def _expect(name: str, known: Collection[str], complaint: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(sorted(known))}"
        raise UsageError(f"{complaint} {name!r}", hint=hint)


def _settings_of(provider: Any) -> tuple[str, ...]:
    """The names that a vendor's class declares for dns-lexicon's command line."""
    parser = argparse.ArgumentParser(add_help=False)
    provider.configure_parser(parser)
    return tuple(action.dest for action in parser._actions)  # noqa: SLF001 - argparse has no other way to tell


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRET_WORDS)


def _quieten() -> None:
    """No log of dns-lexicon reaches the terminal, and the public suffix list that comes with tldextract is enough."""
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.NullHandler())
    LOGGER.propagate = False
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
