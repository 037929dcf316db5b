"""The context of a DNS check: one domain of the playbook, and the answers about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from provisioner.core.check import CheckContext, set_fields
from provisioner.core.plan import DesiredState
from provisioner.core.resource import Address, Resource

from .observations import Answer, History, OtherPlaybooks, QueryPurpose, ServerRole, Zone
from .resources import UNKNOWN_VALUE, VALUE_PREFIX, DomainRecord
from .suffixes import DomainClassification, classify


@dataclass(frozen=True)
class DomainContext:
    """One domain: its desired record, and the observations.

    Attributes:
        record: the desired record.
        zone: None if it was not looked up.
        history: the results of earlier lookups.
        other_records: the records of the playbook's other domains.
        other_playbooks: other playbooks that name the domain.
        now: time of the latest answer.
    """

    record: DomainRecord
    zone: Zone | None
    answers: tuple[Answer, ...]
    history: History | None
    other_records: tuple[DomainRecord, ...]
    other_playbooks: tuple[str, ...]
    now: datetime | None

    @property
    def name(self) -> str:
        """The domain, canonical."""
        return self.record.key

    @property
    def address(self) -> Address:
        return self.record.address

    @cached_property
    def classification(self) -> DomainClassification:
        return classify(self.name, self.zone.suffixes if self.zone else ())

    def answers_for(self, purpose: QueryPurpose, role: ServerRole | None = None) -> tuple[Answer, ...]:
        """The answers for a purpose, failures included; of every server or of one role."""
        return tuple(
            answer for answer in self.answers if answer.purpose is purpose and role in {None, answer.role}
        )

    @cached_property
    def authoritative_answers(self) -> tuple[Answer, ...]:
        """The usable answers of the zone's servers for the record's name."""
        answers = self.answers_for(QueryPurpose.RECORD, ServerRole.AUTHORITATIVE)
        return tuple(answer for answer in answers if answer.usable)

    @cached_property
    def resolver_answers(self) -> tuple[Answer, ...]:
        """The usable answers of public resolvers for the record's name."""
        answers = self.answers_for(QueryPurpose.RECORD, ServerRole.RESOLVER)
        return tuple(answer for answer in answers if answer.usable)

    def best_answers(self, purpose: QueryPurpose = QueryPurpose.RECORD) -> tuple[Answer, ...]:
        """The usable answers of the zone's servers, or of the resolvers if there are none."""
        usable = tuple(answer for answer in self.answers_for(purpose) if answer.usable)
        return tuple(answer for answer in usable if answer.role is ServerRole.AUTHORITATIVE) or usable

    def has_value(self, answer: Answer) -> bool:
        """Whether an answer contains the desired value."""
        return self.record.value is not None and self.record.value in {
            value.joined for value in answer.values
        }

    @cached_property
    def published(self) -> bool:
        """Whether every server of the zone that answers has the desired value."""
        return bool(self.authoritative_answers) and all(map(self.has_value, self.authoritative_answers))

    @property
    def fix(self) -> DesiredState | None:
        """The fix that creates the record; None if apply has no value, no DNS provider or no zone for it."""
        writable = self.record.dns_provider and self.record.value and self.zone and self.zone.name
        return set_fields(self.record) if writable else None

    @property
    def record_text(self) -> str:
        """The desired record, for messages."""
        return f'{self.record.name} TXT "{self.record.value or UNKNOWN_VALUE}"'


def domain_contexts(context: CheckContext) -> tuple[DomainContext, ...]:
    """The context of each domain of the playbook."""
    return build_contexts(context.all_desired(DomainRecord), context.snapshot.resources)


def build_contexts(
    records: Iterable[DomainRecord], observations: Iterable[Resource]
) -> tuple[DomainContext, ...]:
    """The context of each record's domain.

    Args:
        records: the records of one playbook.
        observations: everything that was read; other resources are ignored.
    """
    records, resources = tuple(records), tuple(observations)
    zones = {resource.key: resource for resource in resources if isinstance(resource, Zone)}
    histories = {resource.key: resource for resource in resources if isinstance(resource, History)}
    playbooks = {
        resource.key: resource.playbooks for resource in resources if isinstance(resource, OtherPlaybooks)
    }
    answers = tuple(resource for resource in resources if isinstance(resource, Answer))
    now = max((answer.at for answer in answers), default=None)
    return tuple(
        DomainContext(
            record,
            zones.get(record.key),
            tuple(answer for answer in answers if answer.domain == record.key),
            histories.get(record.key),
            tuple(candidate for candidate in records if candidate is not record),
            playbooks.get(record.key, ()),
            now,
        )
        for record in records
    )


def answer_evidence(answers: Iterable[Answer]) -> tuple[tuple[str, Any], ...]:
    """Evidence: the summary of each answer, by server and name."""
    return tuple((f"{answer.server_label} {answer.name} TXT", answer_summary(answer)) for answer in answers)


def answer_summary(answer: Answer) -> Any:
    """An answer in short: its values, or what it has instead."""
    if answer.failure is not None:
        return f"{answer.failure.value}: {answer.detail}" if answer.detail else answer.failure.value
    if answer.cnames:
        return f"CNAME {' -> '.join(answer.cnames)}"
    if answer.values:
        return [value.joined for value in answer.values]
    return "NODATA" if answer.rcode == "NOERROR" else answer.rcode


def servers_of(answers: Iterable[Answer]) -> str:
    """The names of the servers, for messages."""
    return ", ".join(answer.server for answer in answers)


def verification_values(answers: Iterable[Answer]) -> Iterator[tuple[str, str]]:
    """Every verification value in the answers, with quotation marks or without, as pairs of name and value."""
    for answer in answers:
        for value in answer.values:
            if value.joined.strip(" \t\"'\\").casefold().startswith(VALUE_PREFIX):
                yield answer.name, value.joined
