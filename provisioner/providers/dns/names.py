"""Domain names as people write them, in canonical form. Pure.

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
"""The label of the domain itself."""

MAX_NAME: Final = 253
"""Characters of a name without the trailing dot (RFC 1035, section 2.3.4: 255 octets on the wire)."""
MAX_LABEL: Final = 63

_EXPECTED: Final = "expected a domain such as example.com"
_HOST_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_RECORD_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")


class InvalidNameError(ValueError):
    """A domain or label that cannot be used.

    Args:
        message: what is wrong and what was expected.
    """


@dataclass(frozen=True)
class Domain:
    """A domain.

    Attributes:
        ascii: canonical form, as the DNS uses it.
        unicode: the same with internationalised labels decoded.
        warnings: probable mistakes.
    """

    ascii: str
    unicode: str
    warnings: tuple[str, ...] = ()

    @property
    def display_name(self) -> str:
        """Both forms if they differ."""
        return self.ascii if self.ascii == self.unicode else f"{self.unicode} ({self.ascii})"


@dataclass(frozen=True)
class RecordName:
    """The name of a TXT record.

    Attributes:
        label: relative to the domain; ``@`` for the domain itself.
        name: full name, canonical.
        warnings: probable mistakes.
    """

    label: str
    name: str
    warnings: tuple[str, ...] = ()


def parse_domain(text: str) -> Domain:
    """Parse a domain.

    Args:
        text: upper or lower case, with or without a trailing dot, internationalised or in punycode.

    Raises:
        InvalidNameError: no TXT record could verify it: a URL, an e-mail address, an IP address, a wildcard, a single
            label, a name with an underscore, or a name that is too long.
    """
    text = text.strip()
    _refuse_other_identifiers(text)
    labels = _split(text)
    if labels[0] == "*":
        rest = ".".join(labels[1:])
        raise InvalidNameError(f"{text}: a wildcard cannot be verified; expected the domain itself, {rest}")
    if len(labels) < 2:
        raise InvalidNameError(f"{text}: a single label is not a domain; {_EXPECTED}")
    name = ".".join(_canonical_label(label, text, _HOST_LABEL) for label in labels)
    if name.rpartition(".")[2].isdigit():
        raise InvalidNameError(f"{text}: the last label is a number; {_EXPECTED}")
    _refuse_long_name(name, text)
    return Domain(name, to_unicode(name), tuple(_domain_warnings(name)))


def canonical_domain(text: str) -> str:
    """A domain in canonical form; in lower case if the DNS cannot have it."""
    try:
        return parse_domain(text).ascii
    except InvalidNameError:
        return text.strip().strip(".").lower()


def record_name(label: str, domain: Domain) -> RecordName:
    """The full name of a domain's TXT record.

    Args:
        label: relative to the domain, such as ``kiro-app-1``; ``@`` or empty for the domain itself. The full name is
            accepted too, with a warning where it may be the common mistake name.domain.domain.
        domain: the domain.

    Raises:
        InvalidNameError: a wildcard, too long, with characters that no name has, or in another domain.
    """
    text = label.strip()
    if text in {"", APEX}:
        return RecordName(APEX, domain.ascii)
    labels = _split(text)
    if "*" in labels:
        raise InvalidNameError(
            f"{text}: the record cannot have a wildcard name; expected a label such as kiro-app-1"
        )
    name = ".".join(_canonical_label(part, text, _RECORD_LABEL) for part in labels)
    warnings: list[str] = []
    while (relative := _relative_to(name, domain.ascii)) is not None:
        warnings.append(
            f"{text} includes the domain: it is read as {relative} in {domain.ascii}. A DNS provider that appends the "
            f"domain itself would create {name}.{domain.ascii}"
        )
        name = relative
    if not warnings and text.endswith("."):
        raise InvalidNameError(
            f"{text} is a full name outside {domain.ascii}; expected a label such as kiro-app-1"
        )
    full = domain.ascii if name == APEX else f"{name}.{domain.ascii}"
    _refuse_long_name(full, text)
    return RecordName(name, full, tuple(warnings[:1]))


def doubled_name(name: str, domain: str) -> str | None:
    """The name that results when a DNS provider appends the domain to a full name; None if it is too long."""
    doubled = f"{name}.{domain}"
    return doubled if len(doubled) <= MAX_NAME else None


def to_unicode(name: str) -> str:
    """A name with punycode labels decoded, as far as they can be."""
    return ".".join(_decode_label(label) for label in name.split("."))


def parents(name: str, down_to: str) -> tuple[str, ...]:
    """The name and its parents, nearest first, down to ``down_to``."""
    names = [name]
    while names[-1] != down_to and "." in names[-1]:
        names.append(names[-1].partition(".")[2])
    return tuple(names)


def within(name: str, domain: str) -> bool:
    """Whether a name is the domain or below it."""
    return name == domain or name.endswith(f".{domain}")


def _refuse_other_identifiers(text: str) -> None:
    """Refuse URLs and addresses."""
    if not text:
        raise InvalidNameError(f"the domain is empty; {_EXPECTED}")
    if "/" in text or ":" in text:
        raise InvalidNameError(f"{text}: a URL or address; {_EXPECTED}, without https:// and path")
    if "@" in text:
        raise InvalidNameError(f"{text}: an e-mail address; expected the part after the @")
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return
    raise InvalidNameError(f"{text}: an IP address; {_EXPECTED}")


def _split(text: str) -> list[str]:
    labels = _DOTS.sub(".", text).removesuffix(".").split(".")
    if "" in labels:
        raise InvalidNameError(f"{text}: an empty label (two dots, or a leading dot); {_EXPECTED}")
    return labels


def _canonical_label(label: str, text: str, pattern: re.Pattern[str]) -> str:
    if not label.isascii():
        try:
            label = idna.alabel(idna.uts46_remap(label, std3_rules=False, transitional=False)).decode()
        except (idna.IDNAError, UnicodeError) as error:
            raise InvalidNameError(
                f"{text}: {label!r} is not a valid internationalised label: {error}"
            ) from error
    label = label.lower()
    if len(label) > MAX_LABEL:
        raise InvalidNameError(
            f"{text}: the label {label[:20]}... has {len(label)} characters; {MAX_LABEL} at most"
        )
    if not pattern.fullmatch(label):
        raise InvalidNameError(f"{text}: {label!r} {_label_problem(label, pattern)}")
    if label.startswith("xn--"):
        try:
            idna.ulabel(label)
        except (idna.IDNAError, UnicodeError) as error:
            raise InvalidNameError(f"{text}: {label!r} is not valid punycode: {error}") from error
    return label


def _label_problem(label: str, pattern: re.Pattern[str]) -> str:
    if pattern is _HOST_LABEL and _RECORD_LABEL.fullmatch(label):
        return "has an underscore, which the domain of an e-mail address cannot have; expected letters, digits, hyphens"
    if label.startswith("-") or label.endswith("-"):
        return "begins or ends with a hyphen; expected a letter or digit"
    return "has characters that no name has; expected letters, digits and hyphens"


def _refuse_long_name(name: str, text: str) -> None:
    if len(name) > MAX_NAME:
        raise InvalidNameError(f"{text[:40]}...: {len(name)} characters; a name has {MAX_NAME} at most")


def _relative_to(name: str, domain: str) -> str | None:
    """The labels before the domain, if the name is in it."""
    if name == domain:
        return APEX
    return name.removesuffix(f".{domain}") if name.endswith(f".{domain}") else None


def _domain_warnings(name: str) -> list[str]:
    """For a domain that is written twice, or begins like a host or a record."""
    labels = name.split(".")
    half, rest = len(labels) // 2, ".".join(labels[1:])
    if len(labels) >= 4 and len(labels) % 2 == 0 and labels[:half] == labels[half:]:
        return [f"{name} is {'.'.join(labels[half:])} twice"]
    if len(labels) > 2 and labels[0] == "www":
        return [f"{name} begins with www: e-mail addresses are usually at {rest}"]
    if len(labels) > 2 and labels[0].startswith("kiro-app"):
        return [f"{name} looks like the name of the record; the domain is {rest}, record: {labels[0]}"]
    return []


def _decode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return label
