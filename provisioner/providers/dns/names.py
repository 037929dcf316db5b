"""Domain names as people write them, made canonical. Pure.

Canonical means: lower case, no trailing dot, internationalised labels in punycode (IDNA 2008 with the mapping of
UTS #46, RFC 5891).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

import idna

APEX: Final = "@"
"""The label that stands for the domain itself."""

MAX_NAME: Final = 253
"""Characters of a name without the trailing dot (RFC 1035, section 2.3.4: 255 octets on the wire)."""
MAX_LABEL: Final = 63
MAX_STRING: Final = 255
"""Octets of one character-string of a TXT record (RFC 1035, section 3.3)."""

_EXPECTED: Final = "expected a domain such as example.com"
_HOST_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_RECORD_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")


class NameFaultError(ValueError):
    """A name that cannot be used.

    Args:
        message: what is wrong and what was expected.
    """


@dataclass(frozen=True)
class Domain:
    """A domain.

    Attributes:
        ascii: its canonical form, as the DNS knows it.
        written: the same for people: internationalised labels decoded.
        warnings: what may be a mistake.
    """

    ascii: str
    written: str
    warnings: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Both forms where they differ."""
        return self.ascii if self.ascii == self.written else f"{self.written} ({self.ascii})"


@dataclass(frozen=True)
class RecordName:
    """Where a TXT record belongs.

    Attributes:
        label: relative to the domain; ``@`` for the domain itself.
        name: in full, canonical.
        warnings: what may be a mistake.
    """

    label: str
    name: str
    warnings: tuple[str, ...] = ()


def parse_domain(text: str) -> Domain:
    """A domain as somebody wrote it.

    Args:
        text: upper or lower case, with or without a trailing dot, internationalised or in punycode.

    Raises:
        NameFaultError: it is not a domain that a TXT record could verify: a URL, an e-mail address, an IP address, a
            wildcard, one label, a name with an underscore, or one that is too long.
    """
    given = text.strip()
    _refuse_other_things(given)
    labels = _labels(given)
    if labels[0] == "*":
        rest = ".".join(labels[1:])
        raise NameFaultError(f"{given}: a wildcard cannot be verified; expected the domain itself, {rest}")
    if len(labels) < 2:
        raise NameFaultError(f"{given}: one label is not a domain; {_EXPECTED}")
    name = ".".join(_label(label, given, _HOST_LABEL) for label in labels)
    if name.rpartition(".")[2].isdigit():
        raise NameFaultError(f"{given}: the last label is a number; {_EXPECTED}")
    _refuse_long(name, given)
    return Domain(name, decoded(name), tuple(_doubts(name)))


def record_name(label: str, domain: Domain) -> RecordName:
    """The full name of a domain's TXT record.

    Args:
        label: relative to the domain, such as ``kiro-app-1``; ``@`` or nothing for the domain itself. The full name is
            understood too, with a warning where it may be the classic mistake name.domain.domain.
        domain: the domain.

    Raises:
        NameFaultError: it is a wildcard, too long, has characters no name has, or is in another domain.
    """
    given = label.strip()
    if given in {"", APEX}:
        return RecordName(APEX, domain.ascii)
    labels = _labels(given)
    if "*" in labels:
        raise NameFaultError(
            f"{given}: a wildcard is no name for the record; expected a label such as kiro-app-1"
        )
    name = ".".join(_label(part, given, _RECORD_LABEL) for part in labels)
    warnings: list[str] = []
    while (relative := _within(name, domain.ascii)) is not None:
        warnings.append(
            f"{given} holds the domain already: taken as {relative} in {domain.ascii}. A DNS provider that adds the "
            f"domain itself would make it {name}.{domain.ascii}"
        )
        name = relative
    if not warnings and given.endswith("."):
        raise NameFaultError(
            f"{given} is a full name outside {domain.ascii}; expected a label such as kiro-app-1"
        )
    full = domain.ascii if name == APEX else f"{name}.{domain.ascii}"
    _refuse_long(full, given)
    return RecordName(name, full, tuple(warnings[:1]))


def doubled(name: str, domain: str) -> str | None:
    """Where the record is if somebody gave its full name to a DNS provider that adds the domain; None: too long."""
    twice = f"{name}.{domain}"
    return twice if len(twice) <= MAX_NAME else None


def decoded(name: str) -> str:
    """A name for people: labels in punycode decoded where they can be."""
    return ".".join(_decoded(label) for label in name.split("."))


def parents(name: str, down_to: str) -> tuple[str, ...]:
    """The name and those above it, the nearest first, down to ``down_to``."""
    found = [name]
    while found[-1] != down_to and "." in found[-1]:
        found.append(found[-1].partition(".")[2])
    return tuple(found)


def within(name: str, domain: str) -> bool:
    """Whether a name is the domain or below it."""
    return name == domain or name.endswith(f".{domain}")


def character_strings(value: str) -> tuple[str, ...]:
    """A TXT value as character-strings of at most 255 octets, split between characters."""
    strings: list[str] = []
    current = b""
    for character in value:
        octets = character.encode()
        if len(current) + len(octets) > MAX_STRING:
            strings.append(current.decode())
            current = b""
        current += octets
    return (*strings, current.decode())


def _refuse_other_things(given: str) -> None:
    if not given:
        raise NameFaultError(f"nothing is written; {_EXPECTED}")
    if "/" in given or ":" in given:
        raise NameFaultError(f"{given}: a URL or address; {_EXPECTED}, without https:// and path")
    if "@" in given:
        raise NameFaultError(f"{given}: an e-mail address; expected what stands after the @")
    try:
        ipaddress.ip_address(given)
    except ValueError:
        return
    raise NameFaultError(f"{given}: an IP address; {_EXPECTED}")


def _labels(given: str) -> list[str]:
    labels = _DOTS.sub(".", given).removesuffix(".").split(".")
    if "" in labels:
        raise NameFaultError(f"{given}: an empty label (two dots, or one in front); {_EXPECTED}")
    return labels


def _label(label: str, given: str, pattern: re.Pattern[str]) -> str:
    """One label in its canonical form."""
    if not label.isascii():
        try:
            label = idna.alabel(idna.uts46_remap(label, std3_rules=False, transitional=False)).decode()
        except (idna.IDNAError, UnicodeError) as error:
            raise NameFaultError(f"{given}: {label!r} is no internationalised label: {error}") from error
    label = label.lower()
    if len(label) > MAX_LABEL:
        raise NameFaultError(
            f"{given}: the label {label[:20]}... has {len(label)} characters; {MAX_LABEL} at most"
        )
    if not pattern.fullmatch(label):
        raise NameFaultError(f"{given}: {label!r} {_what_is_wrong(label, pattern)}")
    if label.startswith("xn--"):
        try:
            idna.ulabel(label)
        except (idna.IDNAError, UnicodeError) as error:
            raise NameFaultError(f"{given}: {label!r} is not valid punycode: {error}") from error
    return label


def _what_is_wrong(label: str, pattern: re.Pattern[str]) -> str:
    if pattern is _HOST_LABEL and _RECORD_LABEL.fullmatch(label):
        return "has an underscore, which a domain of e-mail addresses cannot have; expected letters, digits, hyphens"
    if label.startswith("-") or label.endswith("-"):
        return "begins or ends with a hyphen; expected a letter or digit there"
    return "has characters that no name has; expected letters, digits and hyphens"


def _refuse_long(name: str, given: str) -> None:
    if len(name) > MAX_NAME:
        raise NameFaultError(f"{given[:40]}...: {len(name)} characters; a name has {MAX_NAME} at most")


def _within(name: str, domain: str) -> str | None:
    """What stands in front of the domain, if the name is in it."""
    if name == domain:
        return APEX
    return name.removesuffix(f".{domain}") if name.endswith(f".{domain}") else None


def _doubts(name: str) -> list[str]:
    """A domain that is written twice, or begins like a host or a record."""
    labels = name.split(".")
    half = len(labels) // 2
    if len(labels) >= 4 and len(labels) % 2 == 0 and labels[:half] == labels[half:]:
        return [f"{name} is {'.'.join(labels[half:])} twice"]
    if len(labels) > 2 and labels[0] == "www":
        return [f"{name} begins with www: people's e-mail addresses are rather at {'.'.join(labels[1:])}"]
    if len(labels) > 2 and labels[0].startswith("kiro-app"):
        return [
            f"{name} looks like the name of the record; the domain is {'.'.join(labels[1:])}, record: {labels[0]}"
        ]
    return []


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return label
