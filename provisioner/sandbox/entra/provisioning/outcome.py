"""What became of one object, step by step.

Names and wording of the steps follow the documented answer of Microsoft Graph v1.0, synchronizationJob:
provisionOnDemand, the documented provisioningObjectSummary example, and, for skipped objects, published logs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra.provisioning.functions import Value, text_of, truth
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.planning import in_scope
from provisioner.sandbox.entra.provisioning.scim_client import ScimError
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
_IMPORTED = (
    "objectId",
    "accountEnabled",
    "displayName",
    "mailNickname",
    "userPrincipalName",
    "IsSoftDeleted",
)


@dataclass
class Step:
    """One step: its name, its provisioningStepType, Success, Failure or Skipped, and what the logs say."""

    name: str
    kind: str
    status: str
    description: str
    details: Details = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Outcome:
    """What became of one object.

    Attributes:
        entry: the source object.
        mapping: the object mapping that was applied.
        action: create, update, disable, delete, stagedDelete or other, as in provisioningAction.
        status: success, failure or skipped, as in provisioningResult.
        target_id: SCIM id, None when unknown.
        changes: target attribute -> (old, new).
        error: why it failed.
        skip_reason: why nothing was exported, such as RedundantExport.
        exports: writes attempted.
        reference: whether it is about references (members, manager) only.
        steps: the steps so far.
        began: when the work on the object began.
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
    def who(self) -> str:
        return f"{self.entry.kind} '{self.entry.label}'"

    def imported(self, attributes: dict[str, Value]) -> None:
        """Note what was read from the source."""
        details = {name: text_of(attributes[name]) for name in _IMPORTED if attributes.get(name)}
        description = f"Retrieved {self.who} from {SOURCE_DIRECTORY}"
        self.steps.append(Step("EntryImport", "Import", "Success", description, details))

    def matched(self, found: Details) -> None:
        """Note what was read from the target; nothing when nothing matched."""
        if found:
            description = f"Retrieved {self.who} from {TARGET_DIRECTORY}"
        else:
            description = (
                f"{self.who} will be created in {TARGET_DIRECTORY} ({self.entry.kind} is active and assigned in "
                f"{SOURCE_DIRECTORY}, but no matching {self.entry.kind} was found in {TARGET_DIRECTORY})"
            )
        self.steps.append(Step("EntryImport", "Matching", "Success", description, found))

    def scoped(self) -> None:
        """Note whether the object is in scope."""
        scoped = in_scope(self.entry, self.mapping)
        details = {
            "IsActive": truth(self.entry.enabled),
            "Assigned": truth(self.entry.assigned),
            "IsEffectivelyEntitledForProvisioning": truth(scoped and self.entry.enabled),
            "IsInProvisioningScopeDisplayName": truth(scoped),
            "ScopeEvaluationResult": "{}",
        }
        description = f"Determine if {self.entry.kind} in scope by evaluating against each scoping filter"
        self.steps.append(Step("EntrySynchronizationScoping", "Scoping", "Success", description, details))

    def exported(self, verb: str) -> None:
        """Note a successful write."""
        name = {"created": "Add", "updated": "Update", "deleted": "Delete"}[verb]
        description = f"{self.who} was {verb} in {TARGET_DIRECTORY}"
        self.steps.append(Step(f"EntryExport{name}", "Export", "Success", description))

    def skip(self, reason: str, description: str) -> None:
        """Note that nothing is exported."""
        self.status, self.skip_reason = "skipped", reason
        self.steps.append(
            Step("EntrySynchronizationSkip", "Export", "Skipped", description, {"SkipReason": reason})
        )

    def skip_redundant(self) -> None:
        self.skip(
            "RedundantExport",
            f"The state of the {self.entry.kind.lower()} in both the source and target systems already match. No "
            f"change to the {self.who} currently needs to be made.",
        )

    def skip_not_entitled(self) -> None:
        """Note that the object is not for provisioning: not assigned, filtered out, or not active."""
        reasons = []
        if not self.entry.assigned:
            reasons += [_NOT_ASSIGNED, _NOT_ENTITLED]
        elif not in_scope(self.entry, self.mapping):
            reasons.append(_FILTERED)
        if not self.entry.enabled:
            reasons.append(_INACTIVE)
        listed = " ".join(f"{i}) {reason}" for i, reason in enumerate(reasons, start=1))
        text = f"The {self.who} will be skipped due to the following reasons: {listed}"
        self.skip("NotEffectivelyEntitled", text)

    def fail(self, error: ScimError) -> None:
        """Note that the object could not be exported."""
        self.status, self.error = "failure", error
        verb, name = {"create": ("create", "Add"), "delete": ("delete", "Delete")}.get(
            self.action, ("update", "Update")
        )
        description = f"Failed to {verb} {self.who} in {TARGET_DIRECTORY}; Error: {error.reason}"
        details = {"ErrorCode": error.code, "ReportableIdentifier": self.entry.label}
        self.steps.append(Step(f"EntryExport{name}", "Export", "Failure", description, details))


def staged(entry: Entry, mapping: ObjectMapping, target_id: str) -> Outcome:
    """A removal that the accidental deletion threshold held back ("Enable accidental deletions prevention")."""
    outcome = Outcome(entry, mapping, action="stagedDelete", target_id=target_id)
    description = (
        f"The {outcome.who} is not removed: the number of deletions exceeds the configured threshold."
    )
    outcome.skip("TooManyDeletes", description)
    return outcome
