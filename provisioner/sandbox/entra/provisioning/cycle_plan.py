"""The plan of a cycle: decided from scope, mappings and the objects provisioned before.

The cases are those of "How Application Provisioning works in Microsoft Entra ID", Provisioning cycles and
Deprovisioning. Two rules follow from that page: a group that leaves the scope is deleted in the target (SCIM groups cannot
be disabled), and an object that an earlier disable unlinked is not deleted later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from provisioner.sandbox.entra.provisioning.functions import ExpressionError
from provisioner.sandbox.entra.provisioning.job import Link
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.scoping import in_scope
from provisioner.sandbox.entra.provisioning.source import Entry, Scope

Action = Literal["provision", "disable", "delete", "unlink"]


@dataclass(frozen=True)
class Task:
    """One object to process.

    Attributes:
        action: provision or disable the object, delete it in the target, or only remove its link.
        entry: the object.
        is_removal: whether it counts toward the accidental deletion threshold, as disables do too.
    """

    action: Action
    entry: Entry
    is_removal: bool = False


@dataclass
class CyclePlan:
    """The tasks of a cycle.

    Attributes:
        tasks: the objects to process, users before groups.
        skipped: objects that are assigned but not provisioned, such as disabled users (only in initial cycles).
    """

    tasks: list[Task] = field(default_factory=list)
    skipped: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class CycleSettings:
    """Settings that influence the plan.

    Attributes:
        initial: whether this is an initial cycle, which processes every object again.
        skip_out_of_scope_deletions: the secret SkipOutOfScopeDeletions.
        escrowed: ids of objects that failed before and are retried.
    """

    initial: bool
    skip_out_of_scope_deletions: bool = False
    escrowed: frozenset[str] = frozenset()


def plan_cycle(
    scope: Scope,
    linked: Iterable[Entry],
    links: dict[str, Link],
    mappings: dict[str, ObjectMapping],
    settings: CycleSettings,
) -> CyclePlan:
    """Plan a cycle.

    Args:
        scope: the objects in scope by assignment.
        linked: the provisioned objects that are not in scope by assignment.
        links: the provisioned objects' links, by object id.
        mappings: the schema's object mappings by kind.
        settings: settings that influence the plan.
    """
    plan = CyclePlan()
    entries = [*scope.entries.values(), *linked]
    for entry in sorted(entries, key=lambda entry: entry.kind != "User"):
        mapping = mappings.get(entry.kind)
        if mapping is None or not mapping.enabled:
            continue
        link = links.get(entry.id)
        action = _decide(entry, mapping, link, settings)
        if action is not None:
            plan.tasks.append(Task(action, entry, _is_removal(action, entry, mapping, link)))
        elif link is None and settings.initial:
            plan.skipped.append(entry)
    return plan


def _decide(
    entry: Entry, mapping: ObjectMapping, link: Link | None, settings: CycleSettings
) -> Action | None:
    """The action for one object, or None."""
    scoped = in_scope(entry, mapping)
    if scoped and entry.enabled:
        return "provision" if link is None or _needs_update(entry, mapping, link, settings) else None
    if link is None:
        return None
    if entry.document is None or entry.kind == "Group":
        return _decide_deletion(entry, mapping, link, settings)
    left_scope = not scoped and not entry.soft_deleted
    if not link["managed"] or (left_scope and settings.skip_out_of_scope_deletions):
        return None
    due = settings.initial or entry.id in settings.escrowed or left_scope
    return "disable" if due or _differs(entry, mapping, link, scoped=False) else None


def _decide_deletion(
    entry: Entry, mapping: ObjectMapping, link: Link, settings: CycleSettings
) -> Action | None:
    """The action for permanently deleted objects and groups, which cannot be disabled."""
    if not link["managed"]:
        return "unlink" if entry.document is None else None
    left_scope = entry.document is not None and not entry.soft_deleted
    if (left_scope and settings.skip_out_of_scope_deletions) or "Delete" not in mapping.flows:
        return None
    return "delete"


def _needs_update(entry: Entry, mapping: ObjectMapping, link: Link, settings: CycleSettings) -> bool:
    due = settings.initial or not link["managed"] or entry.id in settings.escrowed
    return due or _differs(entry, mapping, link, scoped=True)


def _differs(entry: Entry, mapping: ObjectMapping, link: Link, *, scoped: bool) -> bool:
    """Whether the values to export differ from those last exported."""
    attributes = entry.attributes(in_scope=scoped)
    try:
        values = mapping.for_update(attributes) if scoped else mapping.for_disabling(attributes)
    except ExpressionError:
        return True  # the export will fail and be logged
    return bool(mapping.changes(values, link["values"]))


def _is_removal(action: Action, entry: Entry, mapping: ObjectMapping, link: Link | None) -> bool:
    if action == "disable":
        return link is not None and _differs(entry, mapping, link, scoped=False)
    return action == "delete"
