"""What a cycle has to do: a pure decision from scope, mappings and what was provisioned before.

The cases are those of "How Application Provisioning works in Microsoft Entra ID", Provisioning cycles and
Deprovisioning. That a group which leaves the scope is deleted in the target (SCIM groups cannot be disabled), and that
objects unlinked by an earlier disable are left alone when they are deleted later, follow from that page too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.sandbox.entra.provisioning.functions import ExpressionError
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.source import Entry, Scope, passes

Link = dict[str, Any]
"""What is remembered of a provisioned object: ``kind``, ``target`` (its SCIM id), ``values`` (last exported, by target
attribute), ``members`` (of a group: object id -> SCIM id as last exported) and ``managed`` (False after it left the scope
and was disabled)."""

Action = Literal["provision", "disable", "delete", "forget"]


@dataclass(frozen=True)
class Task:
    """One object to work on.

    Attributes:
        action: provision it, disable it, delete it in the target, or just forget its link.
        entry: the object.
        removes: whether it counts against the accidental deletion threshold, which disables do too.
    """

    action: Action
    entry: Entry
    removes: bool = False


@dataclass
class Plan:
    """A cycle's work.

    Attributes:
        tasks: what to do, users before groups.
        skipped: objects assigned but not provisioned, such as disabled users (reported by initial cycles).
    """

    tasks: list[Task] = field(default_factory=list)
    skipped: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class Settings:
    """What bears on the decision besides the objects.

    Attributes:
        initial: whether this is an initial cycle, which looks at everything again.
        skip_out_of_scope_deletions: the secret SkipOutOfScopeDeletions.
        escrowed: ids of objects that failed before and are tried again.
    """

    initial: bool
    skip_out_of_scope_deletions: bool = False
    escrowed: frozenset[str] = frozenset()


def in_scope(entry: Entry, mapping: ObjectMapping) -> bool:
    """Whether an object is assigned and passes the mapping's scoping filter."""
    return entry.assigned and passes(mapping.scope, entry.attributes(in_scope=True))


def make_plan(
    scope: Scope,
    linked: Iterable[Entry],
    links: dict[str, Link],
    mappings: dict[str, ObjectMapping],
    settings: Settings,
) -> Plan:
    """Decide what a cycle does.

    Args:
        scope: the objects in scope by assignment.
        linked: the provisioned objects that are not among them.
        links: what was provisioned, by object id.
        mappings: the schema's object mappings by kind.
        settings: see ``Settings``.
    """
    plan = Plan()
    entries = [*scope.entries.values(), *linked]
    for entry in sorted(entries, key=lambda each: each.kind != "User"):
        mapping = mappings.get(entry.kind)
        if mapping is None or not mapping.enabled:
            continue
        link = links.get(entry.id)
        action = decide(entry, mapping, link, settings)
        if action is not None:
            plan.tasks.append(Task(action, entry, _removes(action, entry, mapping, link)))
        elif link is None and settings.initial:
            plan.skipped.append(entry)
    return plan


def decide(entry: Entry, mapping: ObjectMapping, link: Link | None, settings: Settings) -> Action | None:
    """What to do with one object, None for nothing."""
    scoped = in_scope(entry, mapping)
    if scoped and entry.enabled:
        return "provision" if link is None or _needs_update(entry, mapping, link, settings) else None
    if link is None:
        return None
    if entry.document is None or entry.kind == "Group":
        return _removal(entry, mapping, link, settings)
    if not link["managed"] or (
        not scoped and not entry.soft_deleted and settings.skip_out_of_scope_deletions
    ):
        return None
    left = not scoped and not entry.soft_deleted
    due = settings.initial or entry.id in settings.escrowed or left
    return "disable" if due or _differs(entry, mapping, link, scoped=False) else None


def _removal(entry: Entry, mapping: ObjectMapping, link: Link, settings: Settings) -> Action | None:
    """For what can only be deleted: objects that are gone for good, and groups."""
    if not link["managed"]:
        return "forget" if entry.document is None else None
    kept = entry.document is not None and not entry.soft_deleted and settings.skip_out_of_scope_deletions
    if kept or "Delete" not in mapping.flows:
        return None
    return "delete"


def _needs_update(entry: Entry, mapping: ObjectMapping, link: Link, settings: Settings) -> bool:
    again = settings.initial or not link["managed"] or entry.id in settings.escrowed
    return again or _differs(entry, mapping, link, scoped=True)


def _differs(entry: Entry, mapping: ObjectMapping, link: Link, *, scoped: bool) -> bool:
    attributes = entry.attributes(in_scope=scoped)
    try:
        wanted = mapping.for_update(attributes) if scoped else mapping.for_disabling(attributes)
    except ExpressionError:
        return True  # the attempt will fail and be logged
    return bool(mapping.changes(wanted, link["values"]))


def _removes(action: Action, entry: Entry, mapping: ObjectMapping, link: Link | None) -> bool:
    if action == "disable":
        return link is not None and _differs(entry, mapping, link, scoped=False)
    return action == "delete"
