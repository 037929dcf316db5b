"""References between provisioned objects: the members of a group, the manager of a user.

"If the attribute mappings contain reference attributes, the service does more updates on the target system to create and
link the referenced objects" ("How Application Provisioning works in Microsoft Entra ID"). Groups are read without their
members, so what has to change is found by comparing with what was exported before. That is also the likely mechanism
behind a warning in Kiro's guide: after a new profile replaces a deleted one, group membership is not synced until
everything is provisioned from scratch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from provisioner.sandbox.entra.provisioning import target
from provisioner.sandbox.entra.provisioning.expressions import evaluate
from provisioner.sandbox.entra.provisioning.functions import text_of
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.outcome import Outcome
from provisioner.sandbox.entra.provisioning.planning import Link
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient
from provisioner.sandbox.entra.provisioning.source import Entry

MEMBERS_PER_REQUEST = 100
"""Membership changes in one PATCH. The real number is not documented; AWS's SCIM reference allows 100."""

_MEMBERS = "members"


@dataclass(frozen=True)
class ReferenceChanges:
    """What has to change.

    Attributes:
        added: members to add, object id -> SCIM id.
        removed: members to remove, likewise.
        forgotten: object ids of recorded members whose user was deleted in the target: nothing to send.
        single: other references, target attribute -> SCIM id.
    """

    added: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    single: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.forgotten or self.single)


def reference_changes(
    entry: Entry,
    mapping: ObjectMapping,
    links: dict[str, Link],
    members: Collection[str],
    *,
    only: Collection[str] | None = None,
) -> ReferenceChanges:
    """Decide which references of a provisioned object have to change.

    Args:
        entry: the object.
        mapping: its mapping.
        links: what was provisioned, by object id.
        members: ids of the group's immediate members; of no meaning for a user.
        only: consider these members only (on-demand provisioning names them).
    """
    link = links.get(entry.id)
    if link is None or not link["managed"] or "Update" not in mapping.flows:
        return ReferenceChanges()
    names = {each.target for each in mapping.references}
    if _MEMBERS in names:
        return _member_changes(link, links, members, only)
    single: dict[str, str] = {}
    for each in mapping.references:
        referenced = links.get(text_of(evaluate(each.source, entry.attributes(in_scope=True))))
        if referenced is not None and link["values"].get(each.target) != referenced["target"]:
            single[each.target] = referenced["target"]
    return ReferenceChanges(single=single)


def export_references(client: ScimClient, outcome: Outcome, link: Link, changes: ReferenceChanges) -> None:
    """Send the changes and record them in the link, request by request."""
    outcome.action, outcome.reference, outcome.target_id = "update", True, link["target"]
    if changes.added or changes.removed:
        outcome.changes[_MEMBERS] = (list(changes.removed.values()), list(changes.added.values()))
    for adding, removing in _parts(changes):
        operations = target.member_operations(adding.values(), removing.values(), compliant=client.compliant)
        outcome.exports += 1
        client.patch(outcome.entry.kind, link["target"], operations)
        link[_MEMBERS] = {k: v for k, v in (link[_MEMBERS] | adding).items() if k not in removing}
    for gone in changes.forgotten:
        link[_MEMBERS].pop(gone)
    for name, scim_id in changes.single.items():
        before = link["values"].get(name)
        outcome.changes[name] = (before, scim_id)
        outcome.exports += 1
        operations = target.reference_operations(
            name, scim_id, present=before is not None, compliant=client.compliant
        )
        client.patch(outcome.entry.kind, link["target"], operations)
        link["values"][name] = scim_id
    if outcome.changes:
        outcome.exported("updated")


def _member_changes(
    link: Link, links: dict[str, Link], members: Collection[str], only: Collection[str] | None
) -> ReferenceChanges:
    known: dict[str, str] = link[_MEMBERS]
    considered = [each for each in [*members, *known] if only is None or each in only]
    wanted = set(members)
    gone = [each for each in dict.fromkeys(considered) if each in known and each not in wanted]
    return ReferenceChanges(
        added={
            each: links[each]["target"]
            for each in considered
            if each in wanted and each not in known and each in links
        },
        removed={each: known[each] for each in gone if each in links},
        forgotten=tuple(each for each in gone if each not in links),
    )


def _parts(changes: ReferenceChanges) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """The membership changes, a request's worth at a time."""
    every = [(key, True) for key in changes.added] + [(key, False) for key in changes.removed]
    for i in range(0, len(every), MEMBERS_PER_REQUEST):
        part = every[i : i + MEMBERS_PER_REQUEST]
        yield (
            {key: changes.added[key] for key, adds in part if adds},
            {key: changes.removed[key] for key, adds in part if not adds},
        )
