"""A TXT record ready to paste, in several formats, from shipped templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from provisioner.core.snapshot import Snapshot
from provisioner.templating import render

from .notation import route53_strings, terraform_string, zone_file_strings
from .observations import Answer
from .resources import DEFAULT_TTL, UNKNOWN_VALUE, DomainRecord


class RecordFormat(StrEnum):
    """The format of a record ready to paste."""

    PLAIN = "plain"
    ZONE_FILE = "zonefile"
    ROUTE53 = "route53"
    TERRAFORM = "terraform"


_TEMPLATES: Final = {
    RecordFormat.PLAIN: "dns-record-plain.txt.j2",
    RecordFormat.ZONE_FILE: "dns-record-zonefile.txt.j2",
    RecordFormat.ROUTE53: "dns-record-route53.json.j2",
    RecordFormat.TERRAFORM: "dns-record-terraform.tf.j2",
}


def render_record(
    record: DomainRecord, record_format: RecordFormat, *, other_values: Sequence[str] = ()
) -> str:
    """Render a record.

    Args:
        record: the desired record.
        record_format: the format.
        other_values: existing TXT values at the name. Route 53 and Terraform's resource for it set all values of a name
            at once; without other values the change batch creates the record set, and fails if one exists after all.
    """
    value = record.value or UNKNOWN_VALUE
    others = [existing for existing in other_values if existing != value]
    return render(
        _TEMPLATES[record_format],
        domain=record.key,
        name=record.name,
        label=record.label,
        ttl=record.ttl if record.ttl is not None else DEFAULT_TTL,
        value=value,
        others=others,
        zone_file=zone_file_strings(value),
        route53=[route53_strings(text) for text in (*others, value)],
        terraform=[terraform_string(text) for text in (*others, value)],
        identifier="kiro_" + re.sub(r"[^a-z0-9]+", "_", record.name),
    )


def other_values(record: DomainRecord, snapshot: Snapshot) -> tuple[str, ...]:
    """The existing TXT values at a record's name, without its own."""
    answers = (
        answer
        for answer in snapshot.all(Answer)
        if answer.domain == record.key and answer.name == record.name and answer.usable
    )
    values = {value.joined for answer in answers for value in answer.values}
    return tuple(sorted(values - {record.value}))
