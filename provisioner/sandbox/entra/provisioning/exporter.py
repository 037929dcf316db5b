"""The export of single objects to the target: import, matching, scoping, export.

The order follows "On-demand provisioning in Microsoft Entra ID", Understand the provisioning steps; cycles and on-demand
provisioning both use this module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from provisioner.sandbox.entra.provisioning.functions import ExpressionError, Value, text_of
from provisioner.sandbox.entra.provisioning.job import Link
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping, Values
from provisioner.sandbox.entra.provisioning.outcome import Outcome
from provisioner.sandbox.entra.provisioning.references import export_references, reference_changes
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient, ScimError, UnusableEndpointError
from provisioner.sandbox.entra.provisioning.scim_payloads import (
    creation_body,
    read_attribute,
    update_operations,
)
from provisioner.sandbox.entra.provisioning.scoping import in_scope
from provisioner.sandbox.entra.provisioning.source import Entry
from provisioner.sandbox.scim import Body


class Exporter:
    """Exports objects and updates their links.

    The failure of one object is its Outcome; only a target that cannot be used raises ``UnusableEndpointError``.
    """

    def __init__(self, client: ScimClient, links: dict[str, Link], *, rematch: bool) -> None:
        """Create an exporter.

        Args:
            client: the connection to the target.
            links: the provisioned objects' links, by object id; changed in place.
            rematch: whether a linked object that was deleted in the target is matched again (initial cycles, on-demand
                provisioning) or is an InvalidAnchor error (incremental cycles). That an initial cycle matches again is
                inferred from its documented steps.
        """
        self._client = client
        self._links = links
        self._rematch = rematch

    def provision(self, entry: Entry, mapping: ObjectMapping) -> Outcome:
        """Create or update an object that is in scope."""
        return _run(Outcome(entry, mapping), self._provision)

    def disable(self, entry: Entry, mapping: ObjectMapping) -> Outcome:
        """Export an object that left the scope, was soft deleted or disabled: its IsSoftDeleted is true."""
        return _run(Outcome(entry, mapping), self._disable)

    def delete(self, entry: Entry, mapping: ObjectMapping) -> Outcome:
        """Delete the object in the target and remove its link."""
        return _run(Outcome(entry, mapping), self._delete)

    def export_references(
        self,
        entry: Entry,
        mapping: ObjectMapping,
        members: Collection[str],
        *,
        only: Collection[str] | None = None,
    ) -> Outcome | None:
        """Update an object's references; None when nothing has to change.

        Args:
            entry: the object, already provisioned.
            mapping: its mapping.
            members: ids of the group's immediate members.
            only: the only members to consider.
        """
        changes = reference_changes(entry, mapping, self._links, members, only=only)
        if not changes:
            return None
        link = self._links[entry.id]
        return _run(
            Outcome(entry, mapping), lambda outcome: export_references(self._client, outcome, link, changes)
        )

    def _provision(self, outcome: Outcome) -> None:
        entry, mapping = outcome.entry, outcome.mapping
        attributes = entry.attributes(in_scope=True)
        outcome.add_import_step(attributes)
        if not any(_matching_values(mapping, attributes).values()):
            outcome.skip("ImportSkipped", f"{outcome.object_label} has no value for any matching attribute.")
            return
        target = self._match(outcome, attributes)
        outcome.add_scoping_step()
        if target is None:
            self._create(outcome, mapping.for_creation(attributes))
        else:
            self._update(outcome, mapping.for_update(attributes), target)
            self._links[entry.id]["managed"] = True

    def _disable(self, outcome: Outcome) -> None:
        entry, mapping = outcome.entry, outcome.mapping
        attributes = entry.attributes(in_scope=False)
        outcome.add_import_step(attributes)
        link = self._links[entry.id]
        target = self._client.get(entry.kind, link["target"])
        outcome.add_matching_step(_target_details(mapping, target))
        outcome.add_scoping_step()
        if values := mapping.for_disabling(attributes):
            outcome.action = "disable"
            self._update(outcome, values, target)
        else:
            outcome.skip(
                "NotEffectivelyEntitled",
                f"{outcome.object_label} is not changed: IsSoftDeleted is not mapped.",
            )
        # "When a user or group is unassigned ... a disable request is sent. At that point, the service doesn't manage
        # the user" (Deprovisioning, Known limitations).
        link["managed"] = entry.soft_deleted or in_scope(entry, mapping)

    def _delete(self, outcome: Outcome) -> None:
        entry = outcome.entry
        target_id = self._links[entry.id]["target"]
        outcome.action, outcome.target_id = "delete", target_id
        outcome.exports += 1
        try:
            self._client.delete(entry.kind, target_id)
        except ScimError as error:
            if error.code != "InvalidAnchor":  # the target object is already deleted
                raise
        del self._links[entry.id]
        outcome.add_export_step("deleted")

    def _match(self, outcome: Outcome, attributes: dict[str, Value]) -> Body | None:
        """The target object: the linked one, else the first with the value of a matching attribute."""
        entry, mapping = outcome.entry, outcome.mapping
        target = self._linked_target(entry)
        for name, value in _matching_values(mapping, attributes).items():
            if target is None and value is not None:
                target = self._client.find(entry.kind, name, text_of(value))
        outcome.add_matching_step({} if target is None else _target_details(mapping, target))
        return target

    def _linked_target(self, entry: Entry) -> Body | None:
        if entry.id not in self._links:
            return None
        try:
            return self._client.get(entry.kind, self._links[entry.id]["target"])
        except ScimError as error:
            if error.code != "InvalidAnchor" or not self._rematch:
                raise
            return None

    def _create(self, outcome: Outcome, values: Values) -> None:
        entry, mapping = outcome.entry, outcome.mapping
        if "Add" not in mapping.flows:
            outcome.skip("ActionNotEnabled", f"Creating a {entry.kind} is not enabled in the mapping.")
            return
        outcome.action = "create"
        outcome.changes = {name: (None, value) for name, value in values.items()}
        if missing := mapping.missing(values):
            raise ScimError("MandatoryFieldsMissing", f"Required values are missing: {', '.join(missing)}.")
        outcome.exports += 1
        created = self._client.create(entry.kind, creation_body(entry.kind, values, mapping.booleans))
        outcome.target_id = created["id"]
        self._link(entry, created["id"])["values"] = values
        outcome.add_export_step("created")

    def _update(self, outcome: Outcome, values: Values, target: Body) -> None:
        entry, mapping = outcome.entry, outcome.mapping
        link = self._link(entry, target["id"])
        outcome.target_id = target["id"]
        current = _target_values(mapping, target)
        changes = mapping.changes(values, current)
        outcome.changes = {name: (current.get(name), value) for name, value in changes.items()}
        link["values"] |= {name: value for name, value in values.items() if name not in changes}
        if not changes:
            outcome.skip_redundant()
            return
        if "Update" not in mapping.flows:
            outcome.skip("ActionNotEnabled", f"Updating a {entry.kind} is not enabled in the mapping.")
            return
        outcome.action = "update" if outcome.action == "other" else outcome.action
        outcome.exports += 1
        existing = [name for name, value in current.items() if value is not None]
        operations = update_operations(changes, existing, mapping.booleans, compliant=self._client.compliant)
        self._client.patch(entry.kind, target["id"], operations)
        link["values"] |= changes
        outcome.add_export_step("updated")

    def _link(self, entry: Entry, scim_id: str) -> Link:
        """The object's link, new or with its values and members, and with this SCIM id."""
        new: Link = {"kind": entry.kind, "values": {}, "members": {}, "managed": True}
        link = self._links.setdefault(entry.id, new)
        link["target"] = scim_id
        return link


def _run(outcome: Outcome, export: Callable[[Outcome], None]) -> Outcome:
    """Run an export; a failure of the object is recorded in its outcome."""
    try:
        export(outcome)
    except UnusableEndpointError:
        raise
    except ScimError as error:
        outcome.fail(error)
    except ExpressionError as error:
        outcome.fail(ScimError("AttributeMappingExpressionFailed", str(error)))
    outcome.ended = datetime.now(UTC)
    return outcome


def _matching_values(mapping: ObjectMapping, attributes: dict[str, Value]) -> Values:
    values = mapping.for_creation(attributes)
    return {name: values.get(name) for name in mapping.matching_attributes}


def _target_values(mapping: ObjectMapping, target: Body) -> Values:
    return {value.target: read_attribute(target, value.target) for value in mapping.value_mappings}


def _target_details(mapping: ObjectMapping, target: Body) -> dict[str, str]:
    texts = {name: text_of(value) for name, value in _target_values(mapping, target).items()}
    return {"id": str(target["id"])} | {name: text for name, text in texts.items() if text}
