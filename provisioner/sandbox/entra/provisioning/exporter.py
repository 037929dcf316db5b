"""Bringing single objects to the target: import, match, scope, export.

The order follows "On-demand provisioning in Microsoft Entra ID", Understand the provisioning steps; cycles and on-demand
provisioning share this module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra.provisioning import target
from provisioner.sandbox.entra.provisioning.functions import ExpressionError, Value, text_of
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping, Values
from provisioner.sandbox.entra.provisioning.outcome import Outcome
from provisioner.sandbox.entra.provisioning.planning import Link, in_scope
from provisioner.sandbox.entra.provisioning.references import export_references, reference_changes
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient, ScimError, UnusableEndpointError
from provisioner.sandbox.entra.provisioning.source import Entry

Resource = dict[str, Any]


class Exporter:
    """Works on one object after the other, keeping the links up to date.

    A failure of one object is its Outcome; only a target that cannot be used at all raises ``UnusableEndpointError``.
    """

    def __init__(self, client: ScimClient, links: dict[str, Link], *, rematch: bool) -> None:
        """Prepare.

        Args:
            client: the connection to the target.
            links: what was provisioned, by object id; changed in place.
            rematch: whether a linked object that the target no longer has is matched anew (initial cycles, on-demand
                provisioning) or is an InvalidAnchor error (incremental cycles). That an initial cycle rematches is
                inferred from its documented steps.
        """
        self._client = client
        self._links = links
        self._rematch = rematch

    def provision(self, entry: Entry, mapping: ObjectMapping) -> Outcome:
        """Create or update an object that is in scope."""
        return _guarded(Outcome(entry, mapping), self._provision)

    def disable(self, entry: Entry, mapping: ObjectMapping) -> Outcome:
        """Export an object that left the scope, was soft deleted or disabled: its IsSoftDeleted is true."""
        return _guarded(Outcome(entry, mapping), self._disable)

    def delete(self, entry: Entry, mapping: ObjectMapping) -> Outcome:
        """Delete the object in the target and forget it."""
        return _guarded(Outcome(entry, mapping), self._delete)

    def link(
        self,
        entry: Entry,
        mapping: ObjectMapping,
        members: Collection[str],
        *,
        only: Collection[str] | None = None,
    ) -> Outcome | None:
        """Bring an object's references up to date; None when there is nothing to do.

        Args:
            entry: the object, provisioned already.
            mapping: its mapping.
            members: ids of the group's immediate members.
            only: consider these members only.
        """
        changes = reference_changes(entry, mapping, self._links, members, only=only)
        if not changes:
            return None
        link = self._links[entry.id]
        return _guarded(Outcome(entry, mapping), lambda o: export_references(self._client, o, link, changes))

    def _provision(self, outcome: Outcome) -> None:
        entry, mapping = outcome.entry, outcome.mapping
        attributes = entry.attributes(in_scope=True)
        outcome.imported(attributes)
        if not any(_matching_values(mapping, attributes).values()):
            outcome.skip("ImportSkipped", f"{outcome.who} has no value for any matching attribute.")
            return
        found = self._match(outcome, attributes)
        outcome.scoped()
        if found is None:
            self._create(outcome, mapping.for_creation(attributes))
        else:
            self._update(outcome, mapping.for_update(attributes), found)
            self._links[entry.id]["managed"] = True

    def _disable(self, outcome: Outcome) -> None:
        entry, mapping = outcome.entry, outcome.mapping
        attributes = entry.attributes(in_scope=False)
        outcome.imported(attributes)
        link = self._links[entry.id]
        found = self._client.get(entry.kind, link["target"])
        outcome.matched(_details(mapping, found))
        outcome.scoped()
        if wanted := mapping.for_disabling(attributes):
            outcome.action = "disable"
            self._update(outcome, wanted, found)
        else:
            outcome.skip(
                "NotEffectivelyEntitled", f"{outcome.who} is left alone: IsSoftDeleted is not mapped."
            )
        # "When a user or group is unassigned ... a disable request is sent. At that point, the service doesn't manage
        # the user" (Deprovisioning, Known limitations).
        link["managed"] = entry.soft_deleted or in_scope(entry, mapping)

    def _delete(self, outcome: Outcome) -> None:
        entry = outcome.entry
        outcome.action, outcome.target_id = "delete", self._links[entry.id]["target"]
        outcome.exports += 1
        try:
            self._client.delete(entry.kind, self._links[entry.id]["target"])
        except ScimError as error:
            if error.code != "InvalidAnchor":  # gone already is as good
                raise
        del self._links[entry.id]
        outcome.exported("deleted")

    def _match(self, outcome: Outcome, attributes: dict[str, Value]) -> Resource | None:
        """The target object: the linked one, else the first that a matching attribute finds."""
        entry, mapping = outcome.entry, outcome.mapping
        found = self._linked(entry)
        for name, value in _matching_values(mapping, attributes).items():
            if found is None and value is not None:
                found = self._client.find(entry.kind, name, text_of(value))
        outcome.matched({} if found is None else _details(mapping, found))
        return found

    def _linked(self, entry: Entry) -> Resource | None:
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
        created = self._client.create(entry.kind, target.creation_body(entry.kind, values, mapping.booleans))
        outcome.target_id = created["id"]
        self._remember(entry, created["id"])["values"] = values
        outcome.exported("created")

    def _update(self, outcome: Outcome, wanted: Values, found: Resource) -> None:
        entry, mapping = outcome.entry, outcome.mapping
        link = self._remember(entry, found["id"])
        outcome.target_id = found["id"]
        present = {each.target: target.read(found, each.target) for each in mapping.plain}
        changes = mapping.changes(wanted, present)
        outcome.changes = {name: (present.get(name), value) for name, value in changes.items()}
        link["values"] = link["values"] | {k: v for k, v in wanted.items() if k not in changes}
        if not changes:
            outcome.skip_redundant()
            return
        if "Update" not in mapping.flows:
            outcome.skip("ActionNotEnabled", f"Updating a {entry.kind} is not enabled in the mapping.")
            return
        outcome.action = "update" if outcome.action == "other" else outcome.action
        outcome.exports += 1
        there = [name for name, value in present.items() if value is not None]
        operations = target.update_operations(
            changes, there, mapping.booleans, compliant=self._client.compliant
        )
        self._client.patch(entry.kind, found["id"], operations)
        link["values"] = link["values"] | changes
        outcome.exported("updated")

    def _remember(self, entry: Entry, scim_id: str) -> Link:
        """The object's link, made when it has none; members exported before stay on record."""
        empty: Link = {"kind": entry.kind, "values": {}, "members": {}, "managed": True}
        link = self._links.setdefault(entry.id, empty)
        link["target"] = scim_id
        return link


def _guarded(outcome: Outcome, work: Callable[[Outcome], None]) -> Outcome:
    try:
        work(outcome)
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
    return {each.target: values.get(each.target) for each in mapping.matching}


def _details(mapping: ObjectMapping, found: Resource) -> dict[str, str]:
    values = {each.target: text_of(target.read(found, each.target)) for each in mapping.plain}
    return {"id": str(found["id"])} | {name: value for name, value in values.items() if value}
