"""A record ready to paste, in the notation of whoever keeps the zone. Fills in shipped templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from provisioner.core.snapshot import Snapshot
from provisioner.templating import render

from .names import character_strings
from .observations import Answer
from .resources import DEFAULT_TTL, DomainRecord

_PLACEHOLDER: Final = "(the value that the Kiro console shows)"


class Form(StrEnum):
    """A notation."""

    PLAIN = "plain"
    ZONE_FILE = "zonefile"
    ROUTE53 = "route53"
    TERRAFORM = "terraform"


_TEMPLATES: Final = {
    Form.PLAIN: "dns-record-plain.txt.j2",
    Form.ZONE_FILE: "dns-record-zonefile.txt.j2",
    Form.ROUTE53: "dns-record-route53.json.j2",
    Form.TERRAFORM: "dns-record-terraform.tf.j2",
}


def rendered(record: DomainRecord, form: Form, *, others: Sequence[str] = ()) -> str:
    """A record in one notation.

    Args:
        record: what is to be made.
        form: the notation.
        others: TXT values that are at the name already. Route 53 and Terraform's resource for it know only all values
            of a name together; without others the change batch creates, and fails if there are some after all.
    """
    value = record.value or _PLACEHOLDER
    values = [*(other for other in others if other != value), value]
    return render(
        _TEMPLATES[form],
        domain=record.key,
        name=record.name,
        label=record.label,
        ttl=record.ttl if record.ttl is not None else DEFAULT_TTL,
        value=value,
        others=values[:-1],
        zone_file=_quoted(value, _decimal),
        route53=[_quoted(one, _octal) for one in values],
        terraform=[_hcl(_quoted(one, _octal, '""')[1:-1]) for one in values],
        identifier="kiro_" + re.sub(r"[^a-z0-9]+", "_", record.name),
    )


def beside(record: DomainRecord, snapshot: Snapshot) -> tuple[str, ...]:
    """The TXT values that are at a record's name besides its own."""
    answers = (
        one
        for one in snapshot.all(Answer)
        if one.domain == record.key and one.name == record.name and one.said
    )
    values = {value.joined for one in answers for value in one.values}
    return tuple(sorted(values - {record.value}))


def _quoted(value: str, octet: Callable[[int], str], between: str = '" "') -> str:
    """Character-strings in quotation marks."""
    strings = ("".join(map(octet, text.encode())) for text in character_strings(value))
    return f'"{between.join(strings)}"'


def _decimal(octet: int) -> str:
    """As in zone files (RFC 1035, section 5.1)."""
    return _plain(octet) or f"\\{octet:03d}"


def _octal(octet: int) -> str:
    """As in Route 53 (Amazon Route 53 Developer Guide, TXT record type)."""
    return _plain(octet) or f"\\{octet:03o}"


def _plain(octet: int) -> str:
    if octet in b'"\\':
        return f"\\{octet:c}"
    return chr(octet) if 0x20 <= octet < 0x7F else ""


def _hcl(text: str) -> str:
    """Inside the quotation marks of Terraform's language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return escaped.replace("${", "$${").replace("%{", "%%{")
