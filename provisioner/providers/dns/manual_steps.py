"""What a playbook asks for so that its domains become Verified: human steps and records. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.resource import Address, Resource

from .playbook import TOKEN_VARIABLE, DomainEntry
from .records import Form, rendered
from .resources import TOKEN_HOURS, DomainRecord


def desired(
    domains: Iterable[DomainEntry], awaited: Callable[[str], str], after: tuple[Address, ...]
) -> tuple[Resource, ...]:
    """Kiro, Entra guide, step 3, "Add and verify domain", for each domain.

    Args:
        domains: as the playbook has them.
        awaited: the variable that a key such as ``domains[0].value`` refers to; empty for none.
        after: what comes before a domain can be added.
    """
    return tuple(
        resource
        for number, keys in enumerate(domains)
        for resource in _verified(keys, awaited(f"domains[{number}].value"), after)
    )


def added(keys: DomainEntry) -> str:
    """Key of the step in which somebody adds the domain in the Kiro console."""
    return f"kiro-domain-{keys.name}"


def created(keys: DomainEntry) -> str:
    """Key of the step in which somebody creates the record."""
    return f"dns-record-{keys.name}"


def _verified(keys: DomainEntry, variable: str, after: tuple[Address, ...]) -> Iterator[Resource]:
    step = _in_kiro(keys, variable, after)
    yield step
    record = keys.wanted((step.address,))
    if keys.dns is None:
        made = _by_hand(keys, record, step.address)
        yield made
        record = record.model_copy(update={"depends_on": (made.address,)})
    yield record


def _in_kiro(keys: DomainEntry, variable: str, after: tuple[Address, ...]) -> ManualStep:
    domain = keys.domain.shown
    bring = () if variable else (f"Write it into the playbook: value: ${{{TOKEN_VARIABLE}}}",)
    return ManualStep(
        key=added(keys),
        depends_on=after,
        title=f"add the domain {domain} in Kiro",
        location="Kiro console, Settings, Identity management, Domains",
        instructions=(
            f"Select 'Add domain', enter: {domain}",
            "Select 'Add', and copy the verification token that is shown.",
            *bring,
            f"The TXT record is to be there within {TOKEN_HOURS} hours: run apply again soon.",
        ),
        outputs=((variable, f"the verification token of {domain}"),) if variable else (),
        completed=keys.value is not None,
    )


def _by_hand(keys: DomainEntry, record: DomainRecord, after: Address) -> ManualStep:
    return ManualStep(
        key=created(keys),
        depends_on=(after,),
        title=f"create the TXT record of {record.key}",
        location="your DNS provider",
        instructions=(
            *rendered(record, Form.PLAIN).splitlines(),
            "Leave other TXT records at the name as they are. In other notations: provisioner handoff --record FORM",
        ),
        proofs=(StepProof(address=record.address, field="published"),),
    )
