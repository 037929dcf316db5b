"""A pure function that applies a plan to a snapshot: what would be read from a tenant after the apply."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from provisioner.core.diff import merge
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.resource import SECRET, Address, Resource, WriteOnlySecret, resolve
from provisioner.core.snapshot import Snapshot


def apply_to_snapshot(plan: Plan, snapshot: Snapshot) -> Snapshot:
    """The snapshot after all pending changes of the plan."""
    state = dict(snapshot.by_address)
    for stage in plan.stages():
        for change in stage:
            if change.action is Action.DELETE:
                del state[change.address]
            else:
                state[change.address] = _written_resource(change, state)
    return Snapshot(resources=tuple(state.values()), gaps=snapshot.gaps, problems=snapshot.problems)


def _written_resource(change: Change, state: Mapping[Address, Resource]) -> Resource:
    assert change.after is not None
    desired = resolve(change.after, state)
    if change.before is None:
        new_ids = {
            name: f"{name} of {desired.key}"
            for name in ("id", "app_id", "client_id")
            if hasattr(desired, name)
        }
        created = desired.model_copy(update=new_ids)
        return _with_write_only_secrets(resolve(created, {created.address: created}))
    fields = desired.writable_fields()
    update = {
        field.name: merge(
            getattr(desired, field.name), getattr(change.before, field.name), fields[field.name]
        )
        for field in change.fields
    }
    return _with_write_only_secrets(change.before.model_copy(update=update))


def _with_write_only_secrets(resource: Resource) -> Resource:
    """The resource as it is read: its secrets cannot be read back, only compared with what was written."""
    secrets = {
        name: WriteOnlySecret.of(value.get_secret_value())
        for name, info in resource.writable_fields().items()
        if SECRET in info.metadata and isinstance(value := getattr(resource, name), SecretStr)
    }
    return resource.model_copy(update=secrets)
