"""Checks of the attribute mapping."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.providers.entra.resources import AttributeMapping

from .required import required_job, required_mapping

check = CheckRegistry()

_OBJECT_MAPPINGS = "synchronization.jobs.schema.synchronizationRules[*].objectMappings"
_USER_MAPPINGS = f"{_OBJECT_MAPPINGS}[sourceObjectName=User].attributeMappings"


@check(
    "entra-attribute-mapping",
    reads=(AttributeMapping,),
    severity=Severity.HIGH,
    troubleshooting_row="attribute mapping",
)
def attribute_mapping(context: CheckContext) -> Iterator[Violation]:
    """A user's externalId is the object id

    Symptom: Sign-in succeeds, but the user has no subscription and API calls fail.

    Why: Kiro finds a signed-in user by the externalId that provisioning set; it must be the object id. Kiro does not let
    an externalId change, so users with another externalId stay wrong until they are removed and provisioned again.

    Fix: In the Entra admin center, open the enterprise application, Provisioning, Attribute mapping: set the source of
    externalId to objectId. If users were provisioned before, also do what entra-wrong-external-id says.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 3, and step 4; kirodotdev/Kiro issue 9582.
    """
    mapping = required_mapping(context)
    if mapping.external_id is not None and mapping.external_id != "objectId":
        job = required_job(context)
        message = f"externalId comes from {mapping.external_id!r} instead of 'objectId'"
        if job.synced_users == 1:
            message += "; 1 user already has this externalId"
        elif job.synced_users or job.last_success:
            message += f"; {job.synced_users or 'some'} users already have this externalId"
        yield Violation(
            message,
            mapping.address,
            ((f"{_USER_MAPPINGS}[targetAttributeName=externalId].source.name", mapping.external_id),),
            set_fields(AttributeMapping(key=mapping.key, external_id="objectId")),
        )


@check("entra-unsupported-attributes", reads=(AttributeMapping,), severity=Severity.HIGH)
def unsupported_attributes(context: CheckContext) -> Iterator[Violation]:
    """No unsupported attribute is mapped

    Symptom: Provisioning fails for users who have such an attribute.

    Why: Entra maps several attributes by default that Kiro's SCIM endpoint refuses.

    Fix: In the Entra admin center, open the enterprise application, Provisioning, Attribute mapping: delete the mappings
    of employeeNumber, department, manager and the phone numbers.

    Source: Kiro, Microsoft Entra guide, step 4, Remove unsupported attributes.
    """
    mapping = required_mapping(context)
    if mapping.unsupported:
        plural = "s are" if len(mapping.unsupported) > 1 else " is"
        yield Violation(
            f"unsupported attribute{plural} still mapped: {', '.join(mapping.unsupported)}",
            mapping.address,
            ((f"{_USER_MAPPINGS}[*].targetAttributeName", list(mapping.unsupported)),),
            set_fields(AttributeMapping(key=mapping.key, unsupported=())),
        )


@check("entra-required-attributes", reads=(AttributeMapping,), severity=Severity.HIGH)
def required_attributes(context: CheckContext) -> Iterator[Violation]:
    """userName, externalId and active are mapped

    Symptom: Provisioning fails, or users cannot be distinguished.

    Why: Kiro requires these three mappings.

    Fix: In the Entra admin center, open the enterprise application, Provisioning, Attribute mapping: add the missing
    mapping.

    Source: Kiro, Microsoft Entra guide, step 4, Minimum required attributes.
    """
    mapping = required_mapping(context)
    if mapping.missing:
        yield Violation(
            f"not mapped: {', '.join(mapping.missing)}",
            mapping.address,
            ((f"{_USER_MAPPINGS}[*].targetAttributeName", list(mapping.other or ())),),
            set_fields(AttributeMapping(key=mapping.key, missing=())),
        )


@check("entra-mapping-disabled", reads=(AttributeMapping,), severity=Severity.HIGH)
def mapping_disabled(context: CheckContext) -> Iterator[Violation]:
    """Users and groups are both provisioned, with additions, updates and deletions

    Symptom: Groups, or users, or their changes do not arrive in Kiro.

    Why: "Provision Groups" or "Provision Users" is off, or some of its actions are.

    Fix: In the Entra admin center, open the enterprise application, Provisioning, Attribute mapping: enable both, with
    create, update and delete.

    Source: Kiro, Microsoft Entra guide, step 4 (both should be enabled).
    """
    mapping = required_mapping(context)
    if mapping.disabled:
        yield Violation(
            "; ".join(mapping.disabled),
            mapping.address,
            ((f"{_OBJECT_MAPPINGS}[*].enabled, flowTypes", list(mapping.disabled)),),
            set_fields(AttributeMapping(key=mapping.key, disabled=())),
        )
