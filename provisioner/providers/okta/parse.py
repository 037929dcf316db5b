"""Resources from Okta's JSON, where a field is computed. Pure functions.

A resource whose fields are all members of one object needs no function here: see
:func:`provisioner.providers.base.wire.parse_resource`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from provisioner.core.resource import Resource
from provisioner.providers.base.wire import Json, parse_fields, parse_resource

from . import observations
from . import resources as kinds

R = TypeVar("R", bound=Resource)
A = TypeVar("A", bound=kinds.Assignment)

_TO_APP_FEATURES: Final = {
    "create_users": "PUSH_NEW_USERS",
    "update_users": "PUSH_PROFILE_UPDATES",
    "deactivate_users": "PUSH_USER_DEACTIVATION",
}
"""Okta Management API, application features: the names of the three settings of the tab To App."""


def parse_with_status(kind: type[R], key: str, data: Json, **computed: Any) -> R:
    """A resource that has a ``status``: application, authorization server, policy or rule.

    Args:
        kind: the kind; it has the field ``active``.
        key: its name in the playbook.
        data: Okta's object.
        computed: values of further fields that are not a member of the object.
    """
    return parse_resource(kind, key, data, active=data.get("status") == kinds.ACTIVE, **computed)


def parse_application(key: str, data: Json) -> kinds.Application:
    """The OIDC application, from an application."""
    links = data.get("_links") or {}
    policy = str((links.get("accessPolicy") or {}).get("href") or "")
    return parse_with_status(kinds.Application, key, data, policy_id=policy.rpartition("/")[2] or None)


def parse_provisioning(key: str, data: Json) -> observations.Provisioning:
    """The provisioning settings, from the ``features`` of the SCIM application. None: not shown."""
    features = parse_fields(observations.Provisioning, data)["features"]
    settings = {name: True if feature in features else None for name, feature in _TO_APP_FEATURES.items()}
    return observations.Provisioning(
        key=key,
        features=features,
        integrated=bool(features) or None,
        complete=all(settings.values()) or None,
        **settings,
    )


def parse_authorization_server(key: str, data: Json) -> kinds.AuthorizationServer:
    """A custom authorization server. Okta allows exactly one audience, in a list."""
    audience = next(iter(data.get("audiences") or ()), None)
    return parse_with_status(kinds.AuthorizationServer, key, data, audience=audience)


def parse_scope(data: Json) -> kinds.Scope:
    """A scope of an authorization server."""
    published = data.get("metadataPublish") == kinds.ANY_CLIENT
    return parse_resource(kinds.Scope, str(data["name"]), data, published=published)


def parse_attribute_mapping(key: str, data: Json) -> kinds.AttributeMapping:
    """The attribute mapping, from the profile mapping whose target is the SCIM application."""
    mapped = tuple(data.get("properties") or {})
    unsupported = tuple(name for name in mapped if name in kinds.UNSUPPORTED)
    return parse_resource(kinds.AttributeMapping, key, data, mapped=mapped, unsupported=unsupported)


def parse_group_push(key: str, data: Json) -> kinds.GroupPush:
    """A group push, from a group push mapping."""
    status = data.get("status")
    return parse_resource(
        kinds.GroupPush,
        key,
        data,
        id=data.get("mappingId") or data.get("id"),
        active=status != "INACTIVE",
        healthy=status != "ERROR",
    )


def parse_custom_domain(data: Json) -> observations.CustomDomain:
    """A custom domain of the organization."""
    verified = data.get("validationStatus") in ("VERIFIED", "COMPLETED")
    return parse_resource(observations.CustomDomain, data["domain"], data, verified=verified)


def parse_assignment(kind: type[A], names: Mapping[str, str], data: Json) -> A:
    """An assignment, from a group assignment with the embedded group, or from an application user.

    Args:
        kind: the kind of assignment.
        names: the playbook's names of groups and users, by id.
        data: the assignment. If the playbook does not name its principal, the key is Okta's name and the id,
            because names are not unique.
    """
    principal, name = data["id"], parse_fields(kind, data)["name"]
    group = (data.get("_embedded") or {}).get("group") or {}
    return parse_resource(
        kind,
        names.get(principal) or (f"{name} ({principal})" if name else principal),
        data,
        everyone=group.get("type") == "BUILT_IN" and name == "Everyone",
    )
