"""Applying a plan to a snapshot as a pure function: what a tenant that does as it is told would read like."""

from __future__ import annotations

from pydantic import SecretStr

from provisioner.core.diff import merge
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.resource import SECRET, Address, Resource, WriteOnlySecret, resolve
from provisioner.core.snapshot import Snapshot


def made_true(plan: Plan, snapshot: Snapshot) -> Snapshot:
    """The snapshot after every writing change of the plan."""
    world = dict(snapshot.by_address)
    for stage in plan.stages():
        for change in stage:
            if change.action is Action.DELETE:
                del world[change.address]
            else:
                world[change.address] = _written(change, world)
    return Snapshot(resources=tuple(world.values()), gaps=snapshot.gaps, problems=snapshot.problems)


def _written(change: Change, world: dict[Address, Resource]) -> Resource:
    assert change.after is not None
    wanted = resolve(change.after, world)
    if change.before is None:
        new = {
            name: f"{name} of {wanted.key}" for name in ("id", "app_id", "client_id") if hasattr(wanted, name)
        }
        wanted = wanted.model_copy(update=new)
        return _sealed(resolve(wanted, {wanted.address: wanted}))
    infos = wanted.managed_fields()
    names = [field.name for field in change.fields]
    update = {name: merge(getattr(wanted, name), getattr(change.before, name), infos[name]) for name in names}
    return _sealed(change.before.model_copy(update=update))


def _sealed(resource: Resource) -> Resource:
    """Secrets are not read back; what was written is known by its seal."""
    seals = {
        name: WriteOnlySecret.of(value.get_secret_value())
        for name, info in resource.managed_fields().items()
        if SECRET in info.metadata and isinstance(value := getattr(resource, name), SecretStr)
    }
    return resource.model_copy(update=seals)
