"""The table of calls: method, path, who answers, who may ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from provisioner.sandbox.entra.graph import (
    applications,
    assignments,
    groups,
    membership,
    recycle_bin,
    service_principals,
    synchronization,
    templates,
    tenant,
    users,
)
from provisioner.sandbox.entra.graph import permissions as may
from provisioner.sandbox.entra.graph.call import Reply
from provisioner.sandbox.entra.graph.entities import (
    APPLICATIONS,
    GROUPS,
    SERVICE_PRINCIPALS,
    USERS,
    EntitySet,
    count_all,
    count_related,
    list_all,
    list_related,
    read,
)
from provisioner.sandbox.entra.graph.errors import bad_request, method_not_allowed

Handler = Callable[..., Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One call.

    Attributes:
        method: HTTP method.
        path: path below the API version, with ``<name>`` for arguments.
        handler: called with the call and the path's arguments.
        permissions: any of these is enough; none means any caller.
        owned: the entity set whose object (argument ``key``) the caller has to own when all it holds is
            Application.ReadWrite.OwnedBy.
        outbound: the handler calls another server, so it must not run inside a transaction.
        limit: the throttling bucket, or None.
    """

    method: str
    path: str
    handler: Handler
    permissions: tuple[str, ...]
    owned: EntitySet | None = None
    outbound: bool = False
    limit: str | None = None


def _entity(entity_set: EntitySet, permissions: tuple[str, ...]) -> list[Route]:
    base = f"/{entity_set.name}"
    return [
        Route("GET", base, partial(list_all, entity_set), permissions),
        Route("GET", f"{base}/$count", partial(count_all, entity_set), permissions),
        Route("GET", f"{base}/<key>", partial(read, entity_set), permissions),
    ]


def _relation(entity_set: EntitySet, relation: str, permissions: tuple[str, ...]) -> list[Route]:
    base = f"/{entity_set.name}/<key>/{relation}"
    listed, counted = (
        partial(list_related, entity_set, relation),
        partial(count_related, entity_set, relation),
    )
    return [
        Route("GET", base, listed, permissions),
        Route("GET", f"{base}/$count", counted, permissions),
        Route("GET", f"{base}/<cast>", listed, permissions),
        Route("GET", f"{base}/<cast>/$count", counted, permissions),
    ]


def _assignments(entity_set: EntitySet, relation: str, read_permissions: tuple[str, ...]) -> list[Route]:
    base = f"/{entity_set.name}/<key>/{relation}"
    bound = (entity_set, relation)
    return [
        Route("GET", base, partial(list_related, *bound), read_permissions),
        Route("GET", f"{base}/$count", partial(count_related, *bound), read_permissions),
        Route("GET", f"{base}/<assignment>", partial(assignments.read, *bound), read_permissions),
        Route("POST", base, partial(assignments.assign, *bound), may.WRITE_ASSIGNMENTS),
        Route("DELETE", f"{base}/<assignment>", partial(assignments.unassign, *bound), may.WRITE_ASSIGNMENTS),
    ]


def _registration(entity_set: EntitySet) -> list[Route]:
    """Owners and passwords, which applications and service principals have in common."""
    base = f"/{entity_set.name}/<key>"
    write = may.WRITE_APPLICATIONS
    return [
        *_relation(entity_set, "owners", may.READ_APPLICATIONS),
        Route("POST", f"{base}/owners/$ref", partial(applications.add_owner, entity_set), write, entity_set),
        Route(
            "DELETE",
            f"{base}/owners/<owner>/$ref",
            partial(applications.remove_owner, entity_set),
            write,
            entity_set,
        ),
        Route(
            "POST", f"{base}/addPassword", partial(applications.add_password, entity_set), write, entity_set
        ),
        Route(
            "POST",
            f"{base}/removePassword",
            partial(applications.remove_password, entity_set),
            write,
            entity_set,
        ),
    ]


def _applications() -> list[Route]:
    write = may.WRITE_APPLICATIONS
    return [
        *_entity(APPLICATIONS, may.READ_APPLICATIONS),
        *_registration(APPLICATIONS),
        Route("POST", "/applications", applications.create, may.CREATE_APPLICATIONS),
        Route("PATCH", "/applications/<key>", applications.update, write, APPLICATIONS),
        Route("DELETE", "/applications/<key>", applications.delete, write, APPLICATIONS),
        Route(
            "GET",
            "/applications/<key>/synchronization/templates",
            synchronization.list_application_templates,
            may.READ_SYNCHRONIZATION,
        ),
        Route("GET", "/applicationTemplates", templates.list_all, may.NOTHING),
        Route("GET", "/applicationTemplates/<key>", templates.read, may.NOTHING),
        Route("POST", "/applicationTemplates/<key>/instantiate", templates.instantiate, write),
    ]


def _service_principals() -> list[Route]:
    write = may.WRITE_APPLICATIONS
    return [
        *_entity(SERVICE_PRINCIPALS, may.READ_APPLICATIONS),
        *_registration(SERVICE_PRINCIPALS),
        Route("POST", "/servicePrincipals", service_principals.create, write),
        Route("PATCH", "/servicePrincipals/<key>", service_principals.update, write, SERVICE_PRINCIPALS),
        Route("DELETE", "/servicePrincipals/<key>", service_principals.delete, write, SERVICE_PRINCIPALS),
        *_assignments(SERVICE_PRINCIPALS, "appRoleAssignedTo", may.READ_APPLICATIONS),
        *_assignments(SERVICE_PRINCIPALS, "appRoleAssignments", may.READ_APPLICATIONS),
        *_relation(SERVICE_PRINCIPALS, "memberOf", may.READ_APPLICATIONS),
        *_relation(SERVICE_PRINCIPALS, "transitiveMemberOf", may.READ_APPLICATIONS),
        *_relation(SERVICE_PRINCIPALS, "oauth2PermissionGrants", may.READ_GRANTS),
    ]


def _synchronization() -> list[Route]:
    base = "/servicePrincipals/<key>/synchronization"
    job = f"{base}/jobs/<job>"
    read_, write, sp, sync = (
        may.READ_SYNCHRONIZATION,
        may.WRITE_SYNCHRONIZATION,
        SERVICE_PRINCIPALS,
        synchronization,
    )
    return [
        Route("GET", f"{base}/templates", sync.list_templates, read_),
        Route("GET", f"{base}/templates/<template>", sync.read_template, read_),
        Route("GET", f"{base}/secrets", sync.read_secrets, read_),
        Route("PUT", f"{base}/secrets", sync.write_secrets, write, sp),
        Route("GET", f"{base}/jobs", sync.list_jobs, read_),
        Route("POST", f"{base}/jobs", sync.create_job, write, sp),
        Route(
            "POST", f"{base}/jobs/validateCredentials", sync.validate_credentials, write, sp, outbound=True
        ),
        Route("GET", job, sync.read_job, read_),
        Route("PATCH", job, sync.update_job, write, sp),
        Route("DELETE", job, sync.delete_job, write, sp),
        Route("POST", f"{job}/start", sync.start_job, write, sp),
        Route("POST", f"{job}/pause", sync.pause_job, write, sp),
        Route("POST", f"{job}/restart", sync.restart_job, write, sp),
        Route("POST", f"{job}/validateCredentials", sync.validate_credentials, write, sp, outbound=True),
        Route(
            "POST",
            f"{job}/provisionOnDemand",
            sync.provision_on_demand,
            write,
            sp,
            outbound=True,
            limit="provisionOnDemand",
        ),
        Route("GET", f"{job}/schema", sync.read_schema, read_),
        Route("PUT", f"{job}/schema", sync.replace_schema, write, sp),
        Route("DELETE", f"{job}/schema", sync.reset_schema, write, sp),
    ]


def _groups_and_users() -> list[Route]:
    return [
        *_entity(GROUPS, may.READ_GROUPS),
        Route("POST", "/groups", groups.create, may.CREATE_GROUPS),
        Route("PATCH", "/groups/<key>", groups.update, may.WRITE_GROUPS),
        Route("DELETE", "/groups/<key>", groups.delete, may.WRITE_GROUPS),
        *_relation(GROUPS, "members", may.READ_MEMBERS),
        *_relation(GROUPS, "transitiveMembers", may.READ_MEMBERS),
        *_relation(GROUPS, "memberOf", may.READ_MEMBERS),
        *_relation(GROUPS, "transitiveMemberOf", may.READ_MEMBERS),
        *_relation(GROUPS, "owners", may.READ_MEMBERS),
        Route("POST", "/groups/<key>/members/$ref", groups.add_member, may.WRITE_MEMBERS),
        Route("DELETE", "/groups/<key>/members/<member>/$ref", groups.remove_member, may.WRITE_MEMBERS),
        Route("POST", "/groups/<key>/owners/$ref", partial(applications.add_owner, GROUPS), may.WRITE_GROUPS),
        Route(
            "DELETE",
            "/groups/<key>/owners/<owner>/$ref",
            partial(applications.remove_owner, GROUPS),
            may.WRITE_GROUPS,
        ),
        *_assignments(
            GROUPS, "appRoleAssignments", ("Group.Read.All", "Directory.Read.All", *may.WRITE_GROUPS)
        ),
        *_entity(USERS, may.READ_USERS),
        Route("POST", "/users", users.create, may.WRITE_USERS),
        Route("PATCH", "/users/<key>", users.update, may.WRITE_USERS),
        Route("DELETE", "/users/<key>", users.delete, may.WRITE_USERS),
        *_relation(USERS, "memberOf", (*may.READ_USERS, *may.READ_MEMBERS)),
        *_relation(USERS, "transitiveMemberOf", (*may.READ_USERS, *may.READ_MEMBERS)),
        *_relation(USERS, "oauth2PermissionGrants", may.READ_GRANTS),
        *_assignments(USERS, "appRoleAssignments", ("Directory.Read.All", "AppRoleAssignment.ReadWrite.All")),
        Route("GET", "/users/<key>/manager", users.read_manager, may.READ_USERS),
        Route("PUT", "/users/<key>/manager/$ref", users.set_manager, may.WRITE_USERS),
        Route("DELETE", "/users/<key>/manager/$ref", users.remove_manager, may.WRITE_USERS),
        Route("GET", "/me", users.me, may.NOTHING),
    ]


def _memberships() -> list[Route]:
    bound = [
        ("directoryObjects", None, may.READ_OBJECTS),
        ("users", USERS, may.READ_USERS),
        ("groups", GROUPS, may.READ_MEMBERS),
        ("servicePrincipals", SERVICE_PRINCIPALS, may.READ_APPLICATIONS),
    ]
    actions = {
        "getMemberGroups": membership.get_member_groups,
        "getMemberObjects": membership.get_member_groups,
        "checkMemberGroups": membership.check_member_groups,
        "checkMemberObjects": membership.check_member_groups,
    }
    return [
        Route("POST", f"/{collection}/<key>/{name}", partial(action, entity_set), allowed)
        for collection, entity_set, allowed in bound
        for name, action in actions.items()
    ]


def _tenant() -> list[Route]:
    policies = {
        "authorizationPolicy": may.READ_POLICIES,
        "adminConsentRequestPolicy": may.READ_POLICIES,
        "defaultAppManagementPolicy": may.READ_POLICIES,
    }
    documents = [
        ("organization", "organization", may.READ_ORGANIZATION),
        ("domain", "domains", may.READ_DOMAINS),
        ("subscribedSku", "subscribedSkus", may.READ_LICENCES),
    ]
    return [
        *(
            Route("GET", f"/{name}", partial(tenant.list_documents, kind, name), p)
            for kind, name, p in documents
        ),
        *(
            Route("GET", f"/{name}/<key>", partial(tenant.read_document, kind, name), p)
            for kind, name, p in documents
        ),
        *(
            Route("GET", f"/policies/{name}", partial(tenant.read_policy, name), p)
            for name, p in policies.items()
        ),
        Route("GET", "/directoryObjects/<key>", tenant.read_object, may.READ_OBJECTS),
        Route("POST", "/directoryObjects/getByIds", tenant.objects_by_ids, may.READ_OBJECTS),
        Route("GET", "/directory/deletedItems/<key>", recycle_bin.read_deleted, may.READ_OBJECTS),
        Route("POST", "/directory/deletedItems/<key>/restore", recycle_bin.restore, may.WRITE_DELETED),
        Route("DELETE", "/directory/deletedItems/<key>", recycle_bin.purge, may.WRITE_DELETED),
        Route("GET", "/oauth2PermissionGrants", assignments.list_grants, may.READ_GRANTS),
        Route("POST", "/oauth2PermissionGrants", assignments.grant, may.WRITE_GRANTS),
        Route("GET", "/oauth2PermissionGrants/<key>", assignments.read_grant, may.READ_GRANTS),
        Route("PATCH", "/oauth2PermissionGrants/<key>", assignments.regrant, may.WRITE_GRANTS),
        Route("DELETE", "/oauth2PermissionGrants/<key>", assignments.revoke, may.WRITE_GRANTS),
    ]


def _conditional_access() -> list[Route]:
    base = "/identity/conditionalAccess/policies"
    read_, write = may.READ_CONDITIONAL_ACCESS, may.WRITE_CONDITIONAL_ACCESS
    return [
        Route("GET", base, tenant.list_conditional_access, read_),
        Route("POST", base, tenant.create_conditional_access, write),
        Route("GET", f"{base}/<key>", tenant.read_conditional_access, read_),
        Route("PATCH", f"{base}/<key>", tenant.update_conditional_access, write),
        Route("DELETE", f"{base}/<key>", tenant.delete_conditional_access, write),
    ]


def _logs() -> list[Route]:
    logs = [
        ("provisioningLog", "provisioning", may.READ_PROVISIONING_LOG),
        ("signIn", "signIns", may.READ_AUDIT_LOG),
        ("directoryAudit", "directoryAudits", may.READ_AUDIT_LOG),
    ]
    routes = []
    for kind, name, allowed in logs:
        base = f"/auditLogs/{name}"
        routes.append(Route("GET", base, partial(tenant.list_log, kind, name), allowed, limit="reports"))
        routes.append(
            Route("GET", f"{base}/<key>", partial(tenant.read_log, kind, name), allowed, limit="reports")
        )
    return routes


ROUTES = (
    *_applications(),
    *_service_principals(),
    *_synchronization(),
    *_groups_and_users(),
    *_memberships(),
    *_tenant(),
    *_conditional_access(),
    *_logs(),
)


def _by_shape(routes: Iterable[Route]) -> dict[int, list[tuple[tuple[str, ...], Route]]]:
    """Routes by the number of their segments, those with fixed segments first.

    Fixed segments are kept in lower case: clients shall "assume that they're case-insensitive" (Microsoft Graph, "Use
    the Microsoft Graph API", about resource names in URLs).
    """
    shapes: dict[int, list[tuple[tuple[str, ...], Route]]] = defaultdict(list)
    for route in routes:
        raw = route.path.strip("/").split("/")
        segments = tuple(segment if segment.startswith("<") else segment.lower() for segment in raw)
        shapes[len(segments)].append((segments, route))
    for candidates in shapes.values():
        candidates.sort(key=lambda entry: [segment.startswith("<") for segment in entry[0]])
    return shapes


_SHAPES = _by_shape(ROUTES)


def match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request and its path arguments.

    A linear search: compiling the table into a werkzeug map would cost 50 ms at every start.

    Raises:
        GraphError: 400 when no route has this path, 405 when one has, but not this method.
    """
    given = path.strip("/").split("/")
    fitting = [entry for entry in _SHAPES.get(len(given), []) if _fits(entry[0], given)]
    for segments, route in fitting:
        if route.method == method:
            pairs = zip(segments, given, strict=True)
            return route, {name[1:-1]: value for name, value in pairs if name.startswith("<")}
    if fitting:
        raise method_not_allowed()
    raise bad_request(f"Resource not found for the segment '{given[-1]}'.", "BadRequest")


def _fits(segments: Iterable[str], given: Iterable[str]) -> bool:
    pairs = zip(segments, given, strict=True)
    return all(bool(theirs) if mine.startswith("<") else mine == theirs.lower() for mine, theirs in pairs)
