"""What a playbook wants of a domain."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Final

from provisioner.core.resource import CREATE_ONLY, READ_ONLY, Resource

PREFIX: Final = "kiro-site-verification="
"""How the value begins (kirodotdev/Kiro issue 6167 and public DNS data; the vendor's guide does not say)."""

USUAL_LABEL: Final = "kiro-app-"
"""How the record's label usually begins (Kiro, Entra guide, step 3)."""

TOKEN_HOURS: Final = 24
"""Within how many hours of adding the domain the record is to be made (Kiro, Entra guide, step 3)."""

MAX_DOMAINS: Final = 10
"""Domains of one Kiro profile (Kiro, Entra guide, Domain configuration notes)."""

DEFAULT_TTL: Final = 300


class DomainRecord(Resource):
    """The TXT record that verifies a domain; the key is the domain, canonical.

    Other TXT values may stand at the same name: this is about the one value.

    Attributes:
        label: relative to the domain; ``@`` for the domain itself.
        name: the record's full name.
        value: as the console shows it; None while nobody told it.
        ttl: in seconds.
        published: every name server of the zone that answers has it.
        issued: when the console issued the value, if that is known.
        writer: who makes the record; empty: a person.
    """

    kind: ClassVar[str] = "dns-record"

    label: Annotated[str, READ_ONLY]
    name: Annotated[str, READ_ONLY]
    value: str | None = None
    ttl: Annotated[int | None, CREATE_ONLY] = None
    published: bool | None = None
    issued: Annotated[datetime | None, READ_ONLY] = None
    writer: Annotated[str, READ_ONLY] = ""


class OutdatedValue(Resource):
    """Another verification value at the record's name, which the playbook wants gone; the key is ``domain/value``."""

    kind: ClassVar[str] = "dns-outdated-value"

    domain: Annotated[str, READ_ONLY]
    name: Annotated[str, READ_ONLY]
    value: str
