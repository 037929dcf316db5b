"""The desired resources of a playbook's domains: manual steps and records. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.resource import Address, Resource
from provisioner.providers import kiro

from .playbook import VALUE_VARIABLE, DomainEntry
from .records import RecordFormat, render_record
from .resources import CREATE_WITHIN_HOURS, DomainRecord


def desired_resources(
    domains: Iterable[DomainEntry],
    deferred_variable: Callable[[str], str],
    depends_on: tuple[Address, ...],
) -> tuple[Resource, ...]:
    """The steps of the Kiro Entra guide, step 3, "Add and verify domain", for each domain.

    Args:
        domains: the domains of the playbook.
        deferred_variable: the variable in a key such as ``domains[0].value``; empty for none.
        depends_on: addresses of what comes before a domain can be added.
    """
    return tuple(
        resource
        for number, entry in enumerate(domains)
        for resource in _domain_resources(entry, deferred_variable(f"domains[{number}].value"), depends_on)
    )


def add_domain_key(entry: DomainEntry) -> str:
    """Key of the step that adds the domain in the Kiro console."""
    return f"kiro-domain-{entry.name}"


def create_record_key(entry: DomainEntry) -> str:
    """Key of the step that creates the record."""
    return f"dns-record-{entry.name}"


def _domain_resources(
    entry: DomainEntry, variable: str, depends_on: tuple[Address, ...]
) -> Iterator[Resource]:
    add_domain = _add_domain(entry, variable, depends_on)
    yield add_domain
    record = entry.desired_record((add_domain.address,))
    if entry.dns is None:
        create_record = _create_record(entry, record, add_domain.address)
        yield create_record
        record = record.model_copy(update={"depends_on": (create_record.address,)})
    yield record


def _add_domain(entry: DomainEntry, variable: str, depends_on: tuple[Address, ...]) -> ManualStep:
    domain = entry.domain.display_name
    edit_playbook = () if variable else (f"Write it into the playbook: value: ${{{VALUE_VARIABLE}}}",)
    return ManualStep(
        key=add_domain_key(entry),
        depends_on=depends_on,
        title=f"add the domain {domain} in Kiro",
        location=f"{kiro.IDENTITY_SETTINGS}, Domains",
        instructions=(
            f"Select 'Add domain', enter: {domain}",
            "Select 'Add', and copy the verification value.",
            *edit_playbook,
            f"Run apply again soon: the TXT record must exist within {CREATE_WITHIN_HOURS} hours.",
        ),
        outputs=((variable, f"the verification value of {domain}"),) if variable else (),
        completed=entry.value is not None,
    )


def _create_record(entry: DomainEntry, record: DomainRecord, depends_on: Address) -> ManualStep:
    return ManualStep(
        key=create_record_key(entry),
        depends_on=(depends_on,),
        title=f"create the TXT record of {record.key}",
        location="your DNS provider",
        instructions=(
            *render_record(record, RecordFormat.PLAIN).splitlines(),
            "Keep other TXT records at the name. For other formats: provisioner handoff --record FORMAT",
        ),
        proofs=(StepProof(address=record.address, field="published"),),
    )
