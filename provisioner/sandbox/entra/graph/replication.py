"""Eventual consistency: two replicas, one of which is behind.

Reads alternate between the newest state and a lagging one. A write that lands on the lagging replica is refused when
it needs an object that replica does not know yet; a write that is accepted starts from the newest state, so no
update is lost. The refusals are those that Terraform's azuread provider retries.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping

from provisioner.sandbox.entra.graph.applications import backing
from provisioner.sandbox.entra.graph.assignments import not_valid_reference
from provisioner.sandbox.entra.graph.call import Call
from provisioner.sandbox.entra.graph.entities import BY_KIND, any_object, find
from provisioner.sandbox.entra.graph.errors import GraphError, denied, not_found
from provisioner.sandbox.entra.graph.service_principals import no_backing_application

_BY_SET = {entity_set.name: entity_set for entity_set in BY_KIND.values()}


class Replicas:
    """Chooses the replica that answers."""

    def __init__(self) -> None:
        self._turns = itertools.count()
        self._lock = threading.Lock()

    def lagging(self, lag: float) -> bool:
        """Whether this call lands on the lagging replica: every second one, if there is a lag at all."""
        if lag <= 0:
            return False
        with self._lock:
            return next(self._turns) % 2 == 1


def check_known(call: Call, arguments: Mapping[str, str]) -> None:
    """Refuse a write that the lagging replica cannot do yet.

    Args:
        call: the write.
        arguments: the route's path arguments; ``key`` is the object's id, ``job`` a synchronization job's.

    Raises:
        GraphError: 404, 403, 409 or 400, as Graph answers for each kind of write.
    """
    with call.directory.lagging_replica():
        _check_path(call, arguments)
        _check_body(call)


def _check_path(call: Call, arguments: Mapping[str, str]) -> None:
    entity_set = _BY_SET.get(call.path.split("/")[1])
    synchronization = "/synchronization/" in call.path
    if entity_set is not None and "key" in arguments and not _upsert(call):
        try:
            find(call.directory, entity_set, arguments["key"])
        except GraphError as missing:
            raise (_synchronization_not_ready() if synchronization else missing) from None
    if "job" in arguments and call.directory.get("synchronizationJob", arguments["job"]) is None:
        raise denied()


def _upsert(call: Call) -> bool:
    return call.method == "PATCH" and call.prefers("create-if-missing")


def _synchronization_not_ready() -> GraphError:
    return GraphError(409, "Conflict", "The service principal is being replicated. Try again later.")


def _check_body(call: Call) -> None:
    body = call.body if isinstance(call.body, dict) else {}
    if call.path == "/servicePrincipals" and backing(call.directory, str(body.get("appId"))) is None:
        raise no_backing_application(str(body.get("appId")))
    if call.path.endswith(("/appRoleAssignedTo", "/appRoleAssignments")):
        for end in ("principalId", "resourceId"):
            if any_object(call.directory, str(body.get(end))) is None:
                raise not_valid_reference()
    if call.path.endswith("/$ref") and call.method == "POST":
        target = str(body.get("@odata.id", "")).rpartition("/")[2]
        if any_object(call.directory, target) is None:
            raise not_found(target)
