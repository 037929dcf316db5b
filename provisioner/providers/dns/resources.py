"""The DNS resources of a playbook: the verification record of a domain, and values to remove."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Final

from provisioner.core.resource import CREATE_ONLY, READ_ONLY, Resource

VALUE_PREFIX: Final = "kiro-site-verification="
"""The beginning of a verification value (kirodotdev/Kiro issue 6167 and public DNS data; Kiro's guides do not state
it)."""

UNKNOWN_VALUE: Final = "(the value that the Kiro console shows)"
"""Printed instead of a verification value that is not known yet."""

LABEL_PREFIX: Final = "kiro-app-"
"""The usual beginning of the record's label (Kiro, Entra guide, step 3)."""

CREATE_WITHIN_HOURS: Final = 24
"""Hours after adding the domain within which to create the record (Kiro, Entra guide, step 3)."""

MAX_DOMAINS: Final = 10
"""Domains of one Kiro profile (Kiro, Entra guide, Domain configuration notes)."""

DEFAULT_TTL: Final = 300


class DomainRecord(Resource):
    """The TXT record that verifies a domain; the key is the domain, canonical.

    Other TXT values may exist at the same name: the resource is this one value.

    Attributes:
        label: relative to the domain; ``@`` for the domain itself.
        name: full name of the record.
        value: the verification value that the Kiro console shows; None while it is unknown.
        ttl: in seconds.
        published: every name server of the zone that answers has the value.
        issued: when the console issued the value, if the playbook states it.
        dns_provider: the ``dns: provider:`` through which apply creates the record; empty if an admin creates it.
    """

    kind: ClassVar[str] = "dns-record"

    label: Annotated[str, READ_ONLY]
    name: Annotated[str, READ_ONLY]
    value: str | None = None
    ttl: Annotated[int | None, CREATE_ONLY] = None
    published: bool | None = None
    issued: Annotated[datetime | None, READ_ONLY] = None
    dns_provider: Annotated[str, READ_ONLY] = ""


class OutdatedValue(Resource):
    """Another verification value at the record's name, to be removed; the key is ``domain/value``."""

    kind: ClassVar[str] = "dns-outdated-value"

    domain: Annotated[str, READ_ONLY]
    name: Annotated[str, READ_ONLY]
    value: str
