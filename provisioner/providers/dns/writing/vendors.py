"""The DNS vendors of dns-lexicon, and the settings that a playbook may have for each."""

from __future__ import annotations

import argparse
import difflib
import logging
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib.metadata import requires
from typing import Any, Final

import tldextract
from lexicon._private import discovery  # its Client downloads the public suffix list to find the zone's name
from lexicon.config import ConfigResolver

from provisioner.core.errors import UsageError
from provisioner.core.redaction import remember
from provisioner.installation import install_command
from provisioner.providers.dns.playbook import DYNAMIC_UPDATE, DnsSection

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
"""``auto`` guesses the vendor; ``ddns`` is dynamic update, see rfc2136; ``localzone`` edits a file."""
_OWN_CLASSES: Final[dict[str, type[LexiconRecords]]] = {"azure": AzureRecords, "route53": Route53Records}
_SECRET_WORDS: Final = ("auth", "token", "secret", "password", "key")


@dataclass(frozen=True)
class VendorZone:
    """A zone at a vendor.

    Attributes:
        title: vendor and zone, for messages.
        name: the zone's name.
        missing_settings: settings of the vendor without a value.
        open: signs in and finds the zone; synchronous, raises the exceptions of the vendor's library.
    """

    title: str
    name: str
    missing_settings: tuple[str, ...]
    open: Callable[[], ZoneRecords]


def vendor_zone(section: DnsSection, name: str) -> VendorZone:
    """A zone at the vendor of the playbook. No request is sent yet.

    Args:
        section: the ``dns:`` section of the playbook. Other settings come from LEXICON_ variables.
        name: the zone's name.

    Raises:
        UsageError: the vendor or one of its settings is unknown, or a package is not installed.
    """
    vendor = section.provider
    _require_vendor(vendor)
    provider_class = discovery.load_provider_module(vendor).Provider
    known_settings = _settings_of(provider_class)
    credentials = {key: secret.get_secret_value() for key, secret in section.credentials.items()}
    for key in (*credentials, *section.options):
        _require_known(key, known_settings, f"{vendor} has no setting")
    _silence()

    def new_settings() -> dict[str, Any]:
        return {"provider_name": vendor, "domain": name, vendor: {**credentials, **section.options}}

    def open_zone() -> ZoneRecords:
        settings = new_settings()
        return _OWN_CLASSES.get(vendor, LexiconRecords)(provider_class(_resolver(settings)), settings)

    resolver = _resolver(new_settings())
    values = {key: resolver.resolve(f"lexicon:{vendor}:{key}") for key in known_settings}
    remember(
        *(str(value) for key, value in values.items() if value and (key in credentials or _is_secret(key)))
    )
    return VendorZone(
        title=f"{_TITLES.get(vendor, vendor)}, zone {name}",
        name=name,
        missing_settings=tuple(key for key, value in values.items() if not value),
        open=open_zone,
    )


def _resolver(settings: dict[str, Any]) -> ConfigResolver:
    """The settings of the playbook take precedence over LEXICON_ variables."""
    return ConfigResolver().with_dict(settings).with_env()  # type: ignore[no-untyped-call]


@cache
def _available() -> dict[str, bool]:
    """The vendors, and whether the packages that they need are installed."""
    vendors = discovery.find_providers()
    return {vendor: installed for vendor, installed in vendors.items() if vendor not in _NOT_VENDORS}


def _require_vendor(vendor: str) -> None:
    available = _available()
    _require_known(vendor, (DYNAMIC_UPDATE, *available), "there is no DNS provider")
    if not available[vendor]:
        libraries = _libraries(vendor)
        raise UsageError(
            f"the DNS provider {vendor} needs the library {', '.join(libraries)}, which is not installed",
            hint=install_command(*libraries),
        )


def _libraries(vendor: str) -> tuple[str, ...]:
    """The libraries that a vendor needs, as the extra of dns-lexicon with the vendor's name lists them."""
    extra = re.compile(rf"([\w.-]+).*\bextra\s*==\s*[\"']{re.escape(vendor)}[\"']")
    return tuple(match[1] for text in requires("dns-lexicon") or () if (match := extra.match(text)))


def _require_known(name: str, known: Collection[str], problem: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(sorted(known))}"
        raise UsageError(f"{problem} {name!r}", hint=hint)


def _settings_of(provider_class: Any) -> tuple[str, ...]:
    """The settings that a vendor's class declares for dns-lexicon's command line."""
    parser = argparse.ArgumentParser(add_help=False)
    provider_class.configure_parser(parser)
    return tuple(action.dest for action in parser._actions)  # noqa: SLF001 - argparse has no public way


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRET_WORDS)


def _silence() -> None:
    """Keep logs of dns-lexicon off the terminal, and use tldextract's own copy of the public suffix list."""
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.NullHandler())
    LOGGER.propagate = False
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
