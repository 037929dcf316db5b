"""The routes: method, path, handler and permissions of every request that the sandbox serves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from provisioner.sandbox.entra.graph import (
    application_templates,
    applications,
    assignments,
    audit_logs,
    conditional_access,
    deleted_items,
    directory_objects,
    groups,
    organization,
    password_credentials,
    permissions,
    references,
    service_principals,
    synchronization,
    users,
)
from provisioner.sandbox.entra.graph.entity_sets import (
    APPLICATIONS,
    GROUPS,
    SERVICE_PRINCIPALS,
    USERS,
    EntitySet,
    count_entities,
    count_related,
    list_entities,
    list_related,
    read_entity,
)
from provisioner.sandbox.entra.graph.errors import bad_request, method_not_allowed
from provisioner.sandbox.entra.graph.request import GraphResponse

Handler = Callable[..., GraphResponse]


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    Attributes:
        method: HTTP method.
        path: path below the API version, with ``<name>`` for arguments.
        handler: called with the request and the path's arguments.
        permissions: any of these is sufficient; empty if every caller is allowed.
        owned: the entity set whose object (argument ``key``) the caller must own when its only permission is
            Application.ReadWrite.OwnedBy.
        calls_scim: whether the handler calls the SCIM endpoint, so that it must not run inside a transaction.
        limit: the throttling limit, or None.
    """

    method: str
    path: str
    handler: Handler
    permissions: tuple[str, ...]
    owned: EntitySet | None = None
    calls_scim: bool = False
    limit: str | None = None


def _entity_set(entity_set: EntitySet, allowed: tuple[str, ...]) -> list[Route]:
    base = f"/{entity_set.name}"
    return [
        Route("GET", base, partial(list_entities, entity_set), allowed),
        Route("GET", f"{base}/$count", partial(count_entities, entity_set), allowed),
        Route("GET", f"{base}/<key>", partial(read_entity, entity_set), allowed),
    ]


def _relationship(entity_set: EntitySet, name: str, allowed: tuple[str, ...]) -> list[Route]:
    base = f"/{entity_set.name}/<key>/{name}"
    list_all, count = partial(list_related, entity_set, name), partial(count_related, entity_set, name)
    return [
        Route("GET", base, list_all, allowed),
        Route("GET", f"{base}/$count", count, allowed),
        Route("GET", f"{base}/<cast>", list_all, allowed),
        Route("GET", f"{base}/<cast>/$count", count, allowed),
    ]


def _assignments(entity_set: EntitySet, name: str, allowed: tuple[str, ...]) -> list[Route]:
    base, item = f"/{entity_set.name}/<key>/{name}", f"/{entity_set.name}/<key>/{name}/<assignment>"
    write = permissions.WRITE_ASSIGNMENTS
    return [
        Route("GET", base, partial(list_related, entity_set, name), allowed),
        Route("GET", f"{base}/$count", partial(count_related, entity_set, name), allowed),
        Route("GET", item, partial(assignments.read_assignment, entity_set, name), allowed),
        Route("POST", base, partial(assignments.assign, entity_set, name), write),
        Route("DELETE", item, partial(assignments.unassign, entity_set, name), write),
    ]


def _owners(entity_set: EntitySet, write: tuple[str, ...], owned: EntitySet | None) -> list[Route]:
    add, remove = partial(references.add_owner, entity_set), partial(references.remove_owner, entity_set)
    base = f"/{entity_set.name}/<key>/owners"
    return [
        Route("POST", f"{base}/$ref", add, write, owned),
        Route("DELETE", f"{base}/<owner>/$ref", remove, write, owned),
    ]


def _passwords(entity_set: EntitySet) -> list[Route]:
    add = partial(password_credentials.add_password, entity_set)
    remove = partial(password_credentials.remove_password, entity_set)
    base, write = f"/{entity_set.name}/<key>", permissions.WRITE_APPLICATIONS
    return [
        Route("POST", f"{base}/addPassword", add, write, entity_set),
        Route("POST", f"{base}/removePassword", remove, write, entity_set),
    ]


def _applications() -> list[Route]:
    read, write = permissions.READ_APPLICATIONS, permissions.WRITE_APPLICATIONS
    templates, anyone = "/applicationTemplates", permissions.NO_PERMISSION
    return [
        *_entity_set(APPLICATIONS, read),
        *_relationship(APPLICATIONS, "owners", read),
        *_owners(APPLICATIONS, write, APPLICATIONS),
        *_passwords(APPLICATIONS),
        Route("POST", "/applications", applications.create, permissions.CREATE_APPLICATIONS),
        Route("PATCH", "/applications/<key>", applications.update, write, APPLICATIONS),
        Route("DELETE", "/applications/<key>", applications.delete, write, APPLICATIONS),
        Route(
            "GET",
            "/applications/<key>/synchronization/templates",
            synchronization.list_application_templates,
            permissions.READ_SYNCHRONIZATION,
        ),
        Route("GET", templates, application_templates.list_templates, anyone),
        Route("GET", f"{templates}/<key>", application_templates.read_template, anyone),
        Route("POST", f"{templates}/<key>/instantiate", application_templates.instantiate, write),
    ]


def _service_principals() -> list[Route]:
    read, write = permissions.READ_APPLICATIONS, permissions.WRITE_APPLICATIONS
    principals = SERVICE_PRINCIPALS
    return [
        *_entity_set(principals, read),
        *_relationship(principals, "owners", read),
        *_owners(principals, write, principals),
        *_passwords(principals),
        Route("POST", "/servicePrincipals", service_principals.create, write),
        Route("PATCH", "/servicePrincipals/<key>", service_principals.update, write, principals),
        Route("DELETE", "/servicePrincipals/<key>", service_principals.delete, write, principals),
        *_assignments(principals, "appRoleAssignedTo", read),
        *_assignments(principals, "appRoleAssignments", read),
        *_relationship(principals, "memberOf", read),
        *_relationship(principals, "transitiveMemberOf", read),
        *_relationship(principals, "oauth2PermissionGrants", permissions.READ_GRANTS),
    ]


def _synchronization() -> list[Route]:
    base = "/servicePrincipals/<key>/synchronization"
    jobs, job = f"{base}/jobs", f"{base}/jobs/<job_id>"
    read, write = permissions.READ_SYNCHRONIZATION, permissions.WRITE_SYNCHRONIZATION

    def get(path: str, handler: Handler) -> Route:
        return Route("GET", path, handler, read)

    def change(method: str, path: str, handler: Handler) -> Route:
        return Route(method, path, handler, write, SERVICE_PRINCIPALS)

    def call_scim(path: str, handler: Handler, limit: str | None = None) -> Route:
        return Route("POST", path, handler, write, SERVICE_PRINCIPALS, calls_scim=True, limit=limit)

    return [
        get(f"{base}/templates", synchronization.list_templates),
        get(f"{base}/templates/<template_id>", synchronization.read_template),
        get(f"{base}/secrets", synchronization.read_secrets),
        change("PUT", f"{base}/secrets", synchronization.write_secrets),
        get(jobs, synchronization.list_jobs),
        change("POST", jobs, synchronization.create_job),
        call_scim(f"{jobs}/validateCredentials", synchronization.validate_credentials),
        get(job, synchronization.read_job),
        change("PATCH", job, synchronization.update_job),
        change("DELETE", job, synchronization.delete_job),
        change("POST", f"{job}/start", synchronization.start_job),
        change("POST", f"{job}/pause", synchronization.pause_job),
        change("POST", f"{job}/restart", synchronization.restart_job),
        call_scim(f"{job}/validateCredentials", synchronization.validate_credentials),
        call_scim(f"{job}/provisionOnDemand", synchronization.provision_on_demand, "provisionOnDemand"),
        get(f"{job}/schema", synchronization.read_schema),
        change("PUT", f"{job}/schema", synchronization.replace_schema),
        change("DELETE", f"{job}/schema", synchronization.reset_schema),
    ]


def _groups() -> list[Route]:
    write, write_members = permissions.WRITE_GROUPS, permissions.WRITE_MEMBERS
    read_assignments = ("Group.Read.All", "Directory.Read.All", *write)
    relationships = ("members", "transitiveMembers", "memberOf", "transitiveMemberOf", "owners")
    return [
        *_entity_set(GROUPS, permissions.READ_GROUPS),
        Route("POST", "/groups", groups.create, permissions.CREATE_GROUPS),
        Route("PATCH", "/groups/<key>", groups.update, write),
        Route("DELETE", "/groups/<key>", groups.delete, write),
        *(route for name in relationships for route in _relationship(GROUPS, name, permissions.READ_MEMBERS)),
        Route("POST", "/groups/<key>/members/$ref", references.add_member, write_members),
        Route("DELETE", "/groups/<key>/members/<member>/$ref", references.remove_member, write_members),
        *_owners(GROUPS, write, None),
        *_assignments(GROUPS, "appRoleAssignments", read_assignments),
    ]


def _users() -> list[Route]:
    read, write = permissions.READ_USERS, permissions.WRITE_USERS
    read_memberships = (*read, *permissions.READ_MEMBERS)
    read_assignments = ("Directory.Read.All", "AppRoleAssignment.ReadWrite.All")
    return [
        *_entity_set(USERS, read),
        Route("POST", "/users", users.create, write),
        Route("PATCH", "/users/<key>", users.update, write),
        Route("DELETE", "/users/<key>", users.delete, write),
        *_relationship(USERS, "memberOf", read_memberships),
        *_relationship(USERS, "transitiveMemberOf", read_memberships),
        *_relationship(USERS, "oauth2PermissionGrants", permissions.READ_GRANTS),
        *_assignments(USERS, "appRoleAssignments", read_assignments),
        Route("GET", "/users/<key>/manager", users.read_manager, read),
        Route("PUT", "/users/<key>/manager/$ref", users.set_manager, write),
        Route("DELETE", "/users/<key>/manager/$ref", users.remove_manager, write),
        Route("GET", "/me", users.read_me, permissions.NO_PERMISSION),
    ]


def _directory_objects() -> list[Route]:
    read, write_deleted = permissions.READ_OBJECTS, permissions.WRITE_DELETED_ITEMS
    deleted = "/directory/deletedItems/<key>"
    entity_sets = [
        ("directoryObjects", None, read),
        ("users", USERS, permissions.READ_USERS),
        ("groups", GROUPS, permissions.READ_MEMBERS),
        ("servicePrincipals", SERVICE_PRINCIPALS, permissions.READ_APPLICATIONS),
    ]
    actions = {
        "getMemberGroups": directory_objects.get_member_groups,
        "getMemberObjects": directory_objects.get_member_groups,
        "checkMemberGroups": directory_objects.check_member_groups,
        "checkMemberObjects": directory_objects.check_member_groups,
    }
    return [
        *(
            Route("POST", f"/{collection}/<key>/{name}", partial(action, entity_set), allowed)
            for collection, entity_set, allowed in entity_sets
            for name, action in actions.items()
        ),
        Route("GET", "/directoryObjects/<key>", directory_objects.read_object, read),
        Route("POST", "/directoryObjects/getByIds", directory_objects.get_by_ids, read),
        Route("GET", deleted, deleted_items.read_deleted, read),
        Route("POST", f"{deleted}/restore", deleted_items.restore, write_deleted),
        Route("DELETE", deleted, deleted_items.delete_permanently, write_deleted),
    ]


def _grants() -> list[Route]:
    base = "/oauth2PermissionGrants"
    read, write = permissions.READ_GRANTS, permissions.WRITE_GRANTS
    return [
        Route("GET", base, assignments.list_grants, read),
        Route("POST", base, assignments.create_grant, write),
        Route("GET", f"{base}/<key>", assignments.read_grant, read),
        Route("PATCH", f"{base}/<key>", assignments.update_grant, write),
        Route("DELETE", f"{base}/<key>", assignments.delete_grant, write),
    ]


def _documents(path: str, kind: str, context: str, allowed: tuple[str, ...]) -> list[Route]:
    return [
        Route("GET", path, partial(organization.list_documents, kind, context), allowed),
        Route("GET", f"{path}/<key>", partial(organization.read_document, kind, context), allowed),
    ]


def _organization() -> list[Route]:
    policies = ("authorizationPolicy", "adminConsentRequestPolicy", "defaultAppManagementPolicy")
    return [
        *_documents("/organization", "organization", "organization", permissions.READ_ORGANIZATION),
        *_documents("/domains", "domain", "domains", permissions.READ_DOMAINS),
        *_documents("/subscribedSkus", "subscribedSku", "subscribedSkus", permissions.READ_SUBSCRIBED_SKUS),
        *(
            Route(
                "GET", f"/policies/{name}", partial(organization.read_policy, name), permissions.READ_POLICIES
            )
            for name in policies
        ),
    ]


def _conditional_access() -> list[Route]:
    base, kind = "/identity/conditionalAccess/policies", "conditionalAccessPolicy"
    read, write = permissions.READ_CONDITIONAL_ACCESS, permissions.WRITE_CONDITIONAL_ACCESS
    return [
        *_documents(base, kind, "conditionalAccess/policies", read),
        Route("POST", base, conditional_access.create_policy, write),
        Route("PATCH", f"{base}/<key>", conditional_access.update_policy, write),
        Route("DELETE", f"{base}/<key>", conditional_access.delete_policy, write),
    ]


def _audit_logs() -> list[Route]:
    logs = [
        ("provisioningLog", "provisioning", permissions.READ_PROVISIONING_LOG),
        ("signIn", "signIns", permissions.READ_AUDIT_LOG),
        ("directoryAudit", "directoryAudits", permissions.READ_AUDIT_LOG),
    ]
    return [
        Route("GET", f"/auditLogs/{name}{suffix}", partial(handler, kind, name), allowed, limit="reports")
        for kind, name, allowed in logs
        for suffix, handler in (("", audit_logs.list_log), ("/<key>", audit_logs.read_log_entry))
    ]


ROUTES = (
    *_applications(),
    *_service_principals(),
    *_synchronization(),
    *_groups(),
    *_users(),
    *_directory_objects(),
    *_grants(),
    *_organization(),
    *_conditional_access(),
    *_audit_logs(),
)


def _by_length(routes: Iterable[Route]) -> dict[int, list[tuple[tuple[str, ...], Route]]]:
    """Routes with their segments, by number of segments; those with fixed segments first.

    Fixed segments are lower case: clients shall "assume that they're case-insensitive" (Microsoft Graph, "Use the
    Microsoft Graph API", about resource names in URLs).
    """
    by_length: dict[int, list[tuple[tuple[str, ...], Route]]] = defaultdict(list)
    for route in routes:
        parts = route.path.strip("/").split("/")
        segments = tuple(part if part.startswith("<") else part.lower() for part in parts)
        by_length[len(segments)].append((segments, route))
    for candidates in by_length.values():
        candidates.sort(key=lambda candidate: [segment.startswith("<") for segment in candidate[0]])
    return by_length


_BY_LENGTH = _by_length(ROUTES)


def match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request and its path arguments.

    A linear search: compiling the routes into a werkzeug map would cost 50 ms at every start.

    Raises:
        GraphError: 400 when no route has this path, 405 when no route of this path has this method.
    """
    parts = path.strip("/").split("/")
    matching = [entry for entry in _BY_LENGTH.get(len(parts), []) if _matches(entry[0], parts)]
    for segments, route in matching:
        if route.method == method:
            pairs = zip(segments, parts, strict=True)
            return route, {name[1:-1]: value for name, value in pairs if name.startswith("<")}
    if matching:
        raise method_not_allowed()
    raise bad_request(f"Resource not found for the segment '{parts[-1]}'.", "BadRequest")


def _matches(segments: Iterable[str], parts: Iterable[str]) -> bool:
    pairs = zip(segments, parts, strict=True)
    return all(bool(part) if segment.startswith("<") else segment == part.lower() for segment, part in pairs)
