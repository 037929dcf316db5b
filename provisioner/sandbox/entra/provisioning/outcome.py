"""The outcome of provisioning one object, with its provisioning steps.

Names and texts of the steps follow the documented response of Microsoft Graph v1.0, synchronizationJob:
provisionOnDemand, the documented provisioningObjectSummary example, and, for skipped objects, published logs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra.provisioning.functions import Value, boolean_text, text_of
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.scim_client import ScimError
from provisioner.sandbox.entra.provisioning.scoping import in_scope
from provisioner.sandbox.entra.provisioning.source import Entry
from provisioner.sandbox.entra.provisioning.template import SOURCE_DIRECTORY, TARGET_DIRECTORY

Details = dict[str, Any]

_NOT_ASSIGNED = (
    "This object is not assigned to the application. If you did not expect the object to be skipped, assign the object "
    "to the application or change your scoping filter to allow all users and groups to be in scope for provisioning."
)
_NOT_ENTITLED = (
    "This object does not have required entitlement for provisioning. If you did not expect the object to be skipped, "
    "update provisioning scope to 'Sync all users and groups' or assign the object to the application with entitlement "
    "of provisioning category"
)
_FILTERED = (
    "This object did not pass a scoping filter. If you did not expect the object to be skipped, please review your "
    "scoping filters and ensure that the object passes your specified scoping criteria."
)
_INACTIVE = "This object is not active in the source system."
_IMPORTED_ATTRIBUTES = (
    "objectId",
    "accountEnabled",
    "displayName",
    "mailNickname",
    "userPrincipalName",
    "IsSoftDeleted",
)


@dataclass
class Step:
    """One step: its name, provisioningStepType, status (Success, Failure or Skipped), description and details."""

    name: str
    kind: str
    status: str
    description: str
    details: Details = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Outcome:
    """The outcome of provisioning one object.

    Attributes:
        entry: the source object.
        mapping: its object mapping.
        action: create, update, disable, delete, stagedDelete or other, as in provisioningAction.
        status: success, failure or skipped, as in provisioningResult.
        target_id: SCIM id; None when unknown.
        changes: target attribute -> (old, new).
        error: why it failed, or None.
        skip_reason: why nothing was exported, such as RedundantExport, or None.
        exports: number of attempted writes.
        reference: whether it concerns only references (members, manager).
        steps: the steps so far.
        began: when the processing of the object began.
        ended: when it ended.
    """

    entry: Entry
    mapping: ObjectMapping
    action: str = "other"
    status: str = "success"
    target_id: str | None = None
    changes: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    error: ScimError | None = None
    skip_reason: str | None = None
    exports: int = 0
    reference: bool = False
    steps: list[Step] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def object_label(self) -> str:
        """The object as the texts of the steps name it: ``User 'alice@contoso.com'``."""
        return f"{self.entry.kind} '{self.entry.label}'"

    def add_import_step(self, attributes: dict[str, Value]) -> None:
        """Add the step that read the object from the source."""
        details = {name: text_of(attributes[name]) for name in _IMPORTED_ATTRIBUTES if attributes.get(name)}
        description = f"Retrieved {self.object_label} from {SOURCE_DIRECTORY}"
        self.steps.append(Step("EntryImport", "Import", "Success", description, details))

    def add_matching_step(self, target_details: Details) -> None:
        """Add the step that matched the object in the target; the details are empty when nothing matched."""
        if target_details:
            description = f"Retrieved {self.object_label} from {TARGET_DIRECTORY}"
        else:
            kind = self.entry.kind
            description = (
                f"{self.object_label} will be created in {TARGET_DIRECTORY} ({kind} is active and assigned in "
                f"{SOURCE_DIRECTORY}, but no matching {kind} was found in {TARGET_DIRECTORY})"
            )
        self.steps.append(Step("EntryImport", "Matching", "Success", description, target_details))

    def add_scoping_step(self) -> None:
        """Add the step that determined whether the object is in scope."""
        scoped = in_scope(self.entry, self.mapping)
        details = {
            "IsActive": boolean_text(self.entry.enabled),
            "Assigned": boolean_text(self.entry.assigned),
            "IsEffectivelyEntitledForProvisioning": boolean_text(scoped and self.entry.enabled),
            "IsInProvisioningScopeDisplayName": boolean_text(scoped),
            "ScopeEvaluationResult": "{}",
        }
        description = f"Determine if {self.entry.kind} in scope by evaluating against each scoping filter"
        self.steps.append(Step("EntrySynchronizationScoping", "Scoping", "Success", description, details))

    def add_export_step(self, verb: str) -> None:
        """Add the step of a successful write: created, updated or deleted."""
        name = {"created": "Add", "updated": "Update", "deleted": "Delete"}[verb]
        description = f"{self.object_label} was {verb} in {TARGET_DIRECTORY}"
        self.steps.append(Step(f"EntryExport{name}", "Export", "Success", description))

    def skip(self, reason: str, description: str) -> None:
        """Mark the object as skipped."""
        self.status, self.skip_reason = "skipped", reason
        self.steps.append(
            Step("EntrySynchronizationSkip", "Export", "Skipped", description, {"SkipReason": reason})
        )

    def skip_redundant(self) -> None:
        """Mark the object as skipped because source and target already match."""
        self.skip(
            "RedundantExport",
            f"The state of the {self.entry.kind.lower()} in both the source and target systems already match. No "
            f"change to the {self.object_label} currently needs to be made.",
        )

    def skip_not_entitled(self) -> None:
        """Mark the object as skipped because it is not assigned, not in scope, or not active."""
        reasons = []
        if not self.entry.assigned:
            reasons += [_NOT_ASSIGNED, _NOT_ENTITLED]
        elif not in_scope(self.entry, self.mapping):
            reasons.append(_FILTERED)
        if not self.entry.enabled:
            reasons.append(_INACTIVE)
        numbered = " ".join(f"{i}) {reason}" for i, reason in enumerate(reasons, start=1))
        text = f"The {self.object_label} will be skipped due to the following reasons: {numbered}"
        self.skip("NotEffectivelyEntitled", text)

    def fail(self, error: ScimError) -> None:
        """Mark the object as failed."""
        self.status, self.error = "failure", error
        verb, name = {"create": ("create", "Add"), "delete": ("delete", "Delete")}.get(
            self.action, ("update", "Update")
        )
        description = f"Failed to {verb} {self.object_label} in {TARGET_DIRECTORY}; Error: {error.reason}"
        details = {"ErrorCode": error.code, "ReportableIdentifier": self.entry.label}
        self.steps.append(Step(f"EntryExport{name}", "Export", "Failure", description, details))


def staged_delete(entry: Entry, mapping: ObjectMapping, target_id: str) -> Outcome:
    """A removal that exceeds the accidental deletion threshold ("Enable accidental deletions prevention")."""
    outcome = Outcome(entry, mapping, action="stagedDelete", target_id=target_id)
    description = f"The {outcome.object_label} is not removed: the number of deletions exceeds the configured threshold."
    outcome.skip("TooManyDeletes", description)
    return outcome
