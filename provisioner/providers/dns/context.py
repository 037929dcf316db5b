"""What a rule looks at, what it says, and the register of the rules."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from provisioner.core.check import Check, CheckContext, Evidence, Severity, Violation, set_fields
from provisioner.core.resource import Model, Resource
from provisioner.providers.dns.observations import Answer, History, Neighbour, Place, Role, Zone
from provisioner.providers.dns.resources import PREFIX, DomainRecord
from provisioner.providers.dns.suffixes import Standing, standing

GUIDE: Final = "Kiro, Entra guide, step 3"


class Diagnosis(Model):
    """What one rule says of one domain.

    Attributes:
        id: of the rule.
        domain: canonical.
        message: what is wrong, in one sentence.
        evidence: which server said what.
        next_step: what to do, with the exact values.
        mended: making the record as the playbook has it repairs this.
    """

    id: str
    severity: Severity
    domain: str
    message: str
    evidence: tuple[Evidence, ...] = ()
    next_step: str
    mended: bool = False


@dataclass(frozen=True)
class Said:
    """What a rule yields.

    Attributes:
        severity: where it differs from the rule's own.
        mended: making the record as the playbook has it repairs this.
    """

    message: str
    next_step: str
    evidence: tuple[tuple[str, Any], ...] = ()
    severity: Severity | None = None
    mended: bool = False


@dataclass(frozen=True)
class Sight:
    """One domain: what is wanted, and what was seen.

    Attributes:
        record: what is wanted.
        zone: None: it was not looked for.
        history: what earlier looks saw.
        others: the records of the other domains of the same profile.
        elsewhere: other playbooks that name the domain.
        now: the moment from which a countdown counts.
    """

    record: DomainRecord
    zone: Zone | None
    answers: tuple[Answer, ...]
    history: History | None
    others: tuple[DomainRecord, ...]
    now: datetime | None
    elsewhere: tuple[str, ...] = ()

    @cached_property
    def standing(self) -> Standing:
        return standing(self.record.key, self.zone.suffixes if self.zone else ())

    def at(self, place: Place, role: Role | None = None) -> tuple[Answer, ...]:
        """The answers for a place, of everybody or of one role."""
        return tuple(one for one in self.answers if one.place is place and role in {None, one.role})

    @cached_property
    def authoritative(self) -> tuple[Answer, ...]:
        """What the zone's servers know of the record's name."""
        return tuple(one for one in self.at(Place.RECORD, Role.AUTHORITATIVE) if one.said)

    @cached_property
    def cached(self) -> tuple[Answer, ...]:
        """What public resolvers know of the record's name."""
        return tuple(one for one in self.at(Place.RECORD, Role.RESOLVER) if one.said)

    @cached_property
    def witnesses(self) -> tuple[Answer, ...]:
        """The zone's servers, or the resolvers where none of those says anything."""
        return self.authoritative or self.cached

    def knowing(self, place: Place) -> tuple[Answer, ...]:
        """The same for another place."""
        told = tuple(one for one in self.at(place) if one.said)
        return tuple(one for one in told if one.role is Role.AUTHORITATIVE) or told

    def holds(self, answer: Answer) -> bool:
        """Whether the wanted value is there."""
        return self.record.value is not None and any(
            value.joined == self.record.value for value in answer.values
        )

    @cached_property
    def published(self) -> bool:
        """Whether all servers of the zone that answer have it."""
        return bool(self.authoritative) and all(map(self.holds, self.authoritative))

    @cached_property
    def seen(self) -> bool:
        """Whether any public resolver sees it."""
        return any(map(self.holds, self.cached))

    @property
    def made_by_apply(self) -> bool:
        """Whether apply can make the record: there is a value, somebody who writes, and a zone to write to."""
        return bool(self.record.writer and self.record.value and self.zone and self.zone.zone)

    @property
    def wanted(self) -> str:
        """The record for a message."""
        return f'{self.record.name} TXT "{self.record.value or "(the value that the Kiro console shows)"}"'


def evidence_of(answers: Iterable[Answer]) -> tuple[tuple[str, Any], ...]:
    """What servers said, by server and name."""
    return tuple((f"{one.who} {one.name} TXT", told(one)) for one in answers)


def told(answer: Answer) -> Any:
    """What one server said, in short."""
    if answer.failure is not None:
        return f"{answer.failure.value}: {answer.detail}" if answer.detail else answer.failure.value
    if answer.cnames:
        return f"CNAME {' -> '.join(answer.cnames)}"
    if answer.values:
        return [value.joined for value in answer.values]
    return "NODATA" if answer.rcode == "NOERROR" else answer.rcode


def is_token(value: str) -> bool:
    """Whether a TXT value is one of Kiro's, quotes or not."""
    return value.strip(" \t\"'\\").casefold().startswith(PREFIX)


Judge = Callable[[Sight], Iterator[Said]]


@dataclass(frozen=True)
class Rule:
    """A rule; its docstring has the sections of a check (see :mod:`provisioner.core.check`)."""

    id: str
    judge: Judge
    severity: Severity
    row: str

    def run(self, sight: Sight) -> Iterator[Diagnosis]:
        """What it says of a domain."""
        for said in self.judge(sight):
            yield Diagnosis(
                id=self.id,
                severity=said.severity or self.severity,
                domain=sight.record.key,
                message=said.message,
                evidence=tuple(Evidence(path=path, value=value) for path, value in said.evidence),
                next_step=said.next_step,
                mended=said.mended,
            )

    @property
    def check(self) -> Check:
        """The same as a check, for doctor: every domain of the playbook is judged."""

        @functools.wraps(self.judge)
        def judge(look: CheckContext) -> Iterator[Violation]:
            for sight in sights(look.all_desired(DomainRecord), look.snapshot.resources):
                for one in self.run(sight):
                    evidence = tuple((seen.path, seen.value) for seen in one.evidence)
                    message = f"{one.message}; {one.next_step}"
                    fix = set_fields(sight.record) if one.mended and sight.made_by_apply else None
                    yield Violation(message, sight.record.address, evidence, fix, one.severity)

        return Check(self.id, judge, (Answer,), self.severity, self.row)


class Rules:
    """The rules of one theme, in the order in which they are registered."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def __call__(self, identifier: str, severity: Severity, row: str = "") -> Callable[[Judge], Judge]:
        """Decorate a function to make it a rule."""

        def register(judge: Judge) -> Judge:
            if identifier in self._rules:
                raise ValueError(f"two rules are called {identifier}")
            self._rules[identifier] = Rule(identifier, judge, severity, row)
            return judge

        return register


def sights(
    wanted: Iterable[DomainRecord], seen: Iterable[Resource], now: datetime | None = None
) -> tuple[Sight, ...]:
    """What there is to see of each domain.

    Args:
        wanted: the records of one profile.
        seen: everything that was observed; what is no observation of a domain is passed over.
        now: the moment from which a countdown counts; that of the last answer when None.
    """
    records, resources = tuple(wanted), tuple(seen)
    zones = {one.key: one for one in resources if isinstance(one, Zone)}
    histories = {one.key: one for one in resources if isinstance(one, History)}
    elsewhere = {one.key: one.playbooks for one in resources if isinstance(one, Neighbour)}
    answers = tuple(one for one in resources if isinstance(one, Answer))
    moment = now or max((one.at for one in answers), default=None)
    return tuple(
        Sight(
            record,
            zones.get(record.key),
            tuple(one for one in answers if one.domain == record.key),
            histories.get(record.key),
            tuple(one for one in records if one is not record),
            moment,
            elsewhere.get(record.key, ()),
        )
        for record in records
    )
