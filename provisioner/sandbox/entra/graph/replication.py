"""Eventual consistency: two replicas, one of which lags behind.

Reads alternate between the current state and the lagging replica. A write on the lagging replica is refused when it needs
an object that is not replicated yet; an accepted write changes the current state, so no update is lost. The errors are
those that Terraform's azuread provider retries.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping

from provisioner.sandbox.entra.graph.assignments import not_valid_reference
from provisioner.sandbox.entra.graph.entity_sets import BY_KIND, find
from provisioner.sandbox.entra.graph.errors import GraphError, access_denied, not_found
from provisioner.sandbox.entra.graph.relationships import application_of, find_object
from provisioner.sandbox.entra.graph.request import GraphRequest
from provisioner.sandbox.entra.graph.service_principals import no_backing_application

_BY_NAME = {entity_set.name: entity_set for entity_set in BY_KIND.values()}


class Replicas:
    """Selects the replica of each request."""

    def __init__(self) -> None:
        self._turns = itertools.count()
        self._lock = threading.Lock()

    def is_lagging(self, lag: float) -> bool:
        """Whether this request reaches the lagging replica: every second one, if there is a lag (seconds)."""
        if lag <= 0:
            return False
        with self._lock:
            return next(self._turns) % 2 == 1


def check_replicated(request: GraphRequest, arguments: Mapping[str, str]) -> None:
    """Refuse a write that needs an object which the lagging replica does not have yet.

    Args:
        request: the write.
        arguments: the route's path arguments; ``key`` is an object's id, ``job_id`` that of a synchronization job.

    Raises:
        GraphError: 404, 403, 409 or 400, depending on the kind of write.
    """
    with request.directory.lagging_replica():
        _check_path(request, arguments)
        _check_body(request)


def _check_path(request: GraphRequest, arguments: Mapping[str, str]) -> None:
    entity_set = _BY_NAME.get(request.path.split("/")[1])
    is_upsert = request.method == "PATCH" and request.prefers("create-if-missing")
    if entity_set is not None and "key" in arguments and not is_upsert:
        try:
            find(request.directory, entity_set, arguments["key"])
        except GraphError as error:
            if "/synchronization/" in request.path:
                raise _synchronization_not_ready() from None
            raise error from None
    if "job_id" in arguments and request.directory.get("synchronizationJob", arguments["job_id"]) is None:
        raise access_denied()


def _synchronization_not_ready() -> GraphError:
    return GraphError(409, "Conflict", "The service principal is being replicated. Try again later.")


def _check_body(request: GraphRequest) -> None:
    directory = request.directory
    body = request.body if isinstance(request.body, dict) else {}
    app_id = str(body.get("appId"))
    if request.path == "/servicePrincipals" and application_of(directory, app_id) is None:
        raise no_backing_application(app_id)
    if request.path.endswith(("/appRoleAssignedTo", "/appRoleAssignments")):
        for member in ("principalId", "resourceId"):
            if find_object(directory, str(body.get(member))) is None:
                raise not_valid_reference()
    if request.path.endswith("/$ref") and request.method == "POST":
        key = str(body.get("@odata.id", "")).rpartition("/")[2]
        if find_object(directory, key) is None:
            raise not_found(key)
