"""References between provisioned objects: the members of a group, the manager of a user.

"If the attribute mappings contain reference attributes, the service does more updates on the target system to create and
link the referenced objects" ("How Application Provisioning works in Microsoft Entra ID"). Groups are read without their
members, so changes are computed from the members exported before. That probably also explains a warning in Kiro's guide:
after a new profile replaces a deleted one, group membership is not synced until everything is provisioned from scratch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from provisioner.sandbox.entra.provisioning.expressions import evaluate
from provisioner.sandbox.entra.provisioning.functions import text_of
from provisioner.sandbox.entra.provisioning.job import Link
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.outcome import Outcome
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient
from provisioner.sandbox.entra.provisioning.scim_payloads import member_operations, reference_operations
from provisioner.sandbox.entra.provisioning.source import Entry

MEMBERS_PER_REQUEST = 100
"""Membership changes in one PATCH. The real number is not documented; AWS's SCIM reference allows 100."""

_MEMBERS = "members"


@dataclass(frozen=True)
class ReferenceChanges:
    """The references of one object that must change.

    Attributes:
        added: members to add, object id -> SCIM id.
        removed: members to remove, object id -> SCIM id.
        deleted: object ids of exported members whose user was deleted in the target: no request is sent.
        single: other references, target attribute -> SCIM id.
    """

    added: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    single: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.deleted or self.single)


def reference_changes(
    entry: Entry,
    mapping: ObjectMapping,
    links: dict[str, Link],
    members: Collection[str],
    *,
    only: Collection[str] | None = None,
) -> ReferenceChanges:
    """Decide which references of a provisioned object must change.

    Args:
        entry: the object.
        mapping: its mapping.
        links: the provisioned objects' links, by object id.
        members: ids of the group's immediate members; ignored for a user.
        only: the only members to consider (on-demand provisioning names them).
    """
    link = links.get(entry.id)
    if link is None or not link["managed"] or "Update" not in mapping.flows:
        return ReferenceChanges()
    if _MEMBERS in {reference.target for reference in mapping.reference_mappings}:
        return _member_changes(link, links, members, only)
    single: dict[str, str] = {}
    for reference in mapping.reference_mappings:
        object_id = text_of(evaluate(reference.source, entry.attributes(in_scope=True)))
        referenced = links.get(object_id)
        if referenced is not None and link["values"].get(reference.target) != referenced["target"]:
            single[reference.target] = referenced["target"]
    return ReferenceChanges(single=single)


def export_references(client: ScimClient, outcome: Outcome, link: Link, changes: ReferenceChanges) -> None:
    """Send the changes and record each request in the link."""
    outcome.action, outcome.reference, outcome.target_id = "update", True, link["target"]
    if changes.added or changes.removed:
        outcome.changes[_MEMBERS] = (list(changes.removed.values()), list(changes.added.values()))
    for added, removed in _by_request(changes):
        operations = member_operations(added.values(), removed.values(), compliant=client.compliant)
        outcome.exports += 1
        client.patch(outcome.entry.kind, link["target"], operations)
        members = link[_MEMBERS] | added
        link[_MEMBERS] = {key: scim_id for key, scim_id in members.items() if key not in removed}
    for key in changes.deleted:
        link[_MEMBERS].pop(key)
    for name, scim_id in changes.single.items():
        before = link["values"].get(name)
        outcome.changes[name] = (before, scim_id)
        outcome.exports += 1
        operations = reference_operations(
            name, scim_id, exists=before is not None, compliant=client.compliant
        )
        client.patch(outcome.entry.kind, link["target"], operations)
        link["values"][name] = scim_id
    if outcome.changes:
        outcome.add_export_step("updated")


def _member_changes(
    link: Link, links: dict[str, Link], members: Collection[str], only: Collection[str] | None
) -> ReferenceChanges:
    exported: dict[str, str] = link[_MEMBERS]
    current = set(members)
    considered = [key for key in dict.fromkeys([*members, *exported]) if only is None or key in only]
    removed = [key for key in considered if key in exported and key not in current]
    return ReferenceChanges(
        added={
            key: links[key]["target"]
            for key in considered
            if key in current and key not in exported and key in links
        },
        removed={key: exported[key] for key in removed if key in links},
        deleted=tuple(key for key in removed if key not in links),
    )


def _by_request(changes: ReferenceChanges) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """The added and removed members of each request."""
    keys = [(key, True) for key in changes.added] + [(key, False) for key in changes.removed]
    for i in range(0, len(keys), MEMBERS_PER_REQUEST):
        chunk = keys[i : i + MEMBERS_PER_REQUEST]
        yield (
            {key: changes.added[key] for key, is_added in chunk if is_added},
            {key: changes.removed[key] for key, is_added in chunk if not is_added},
        )
