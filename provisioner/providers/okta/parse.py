"""Okta's JSON to resources. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from . import observations as seen
from . import resources as kinds
from .resources import Json

F = TypeVar("F", seen.ProvisioningFailure, seen.SignInFailure)

_ACTIVE = "ACTIVE"
_PEOPLE = ("User", "AppUser")
_SWITCHES = {
    "create_users": "PUSH_NEW_USERS",
    "update_users": "PUSH_PROFILE_UPDATES",
    "deactivate_users": "PUSH_USER_DEACTIVATION",
}
"""Okta Management API, application features: the names of the three To App switches."""


def _at(data: Any, *path: str) -> Any:
    """A member deep inside, or None."""
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value or ()))


def application(key: str, data: Json) -> kinds.Application:
    """From an OIDC application."""
    client = _at(data, "settings", "oauthClient") or {}
    credentials = _at(data, "credentials", "oauthClient") or {}
    policy = str(_at(data, "_links", "accessPolicy", "href") or "")
    return kinds.Application(
        key=key,
        label=data.get("label"),
        active=data.get("status") == _ACTIVE,
        application_type=client.get("application_type"),
        authentication=credentials.get("token_endpoint_auth_method"),
        pkce_required=bool(credentials.get("pkce_required")),
        grant_types=_texts(client.get("grant_types")),
        response_types=_texts(client.get("response_types")),
        redirect_uris=_texts(client.get("redirect_uris")),
        wildcard_redirect=client.get("wildcard_redirect") or "DISABLED",
        notes=_at(data, "settings", "notes", "admin"),
        id=data["id"],
        client_id=credentials.get("client_id"),
        refresh_rotation=_at(client, "refresh_token", "rotation_type"),
        policy_id=policy.rpartition("/")[2] or None,
        last_updated=data.get("lastUpdated"),
    )


def other_application(data: Json) -> seen.OtherApplication:
    """From any application."""
    return seen.OtherApplication(
        key=data["id"],
        id=data["id"],
        label=str(data.get("label")),
        name=str(data.get("name")),
        status=str(data.get("status")),
        created=data.get("created"),
    )


def scim_application(key: str, data: Json) -> kinds.ScimApplication:
    """From the application made from the catalogue."""
    return kinds.ScimApplication(
        key=key,
        label=data.get("label"),
        active=data.get("status") == _ACTIVE,
        notes=_at(data, "settings", "notes", "admin"),
        id=data["id"],
        last_updated=data.get("lastUpdated"),
    )


def provisioning(key: str, data: Json) -> seen.Provisioning:
    """From the ``features`` of the application made from the catalogue."""
    features = _texts(data.get("features"))
    switches = {name: True if feature in features else None for name, feature in _SWITCHES.items()}
    return seen.Provisioning(
        key=key,
        features=features,
        integrated=bool(features) or None,
        complete=all(switches.values()) or None,
        **switches,
    )


def server(key: str, data: Json) -> kinds.AuthorizationServer:
    """From a custom authorization server."""
    signing = _at(data, "credentials", "signing") or {}
    return kinds.AuthorizationServer(
        key=key,
        name=data.get("name"),
        description=data.get("description"),
        audience=next(iter(_texts(data.get("audiences"))), None),
        active=data.get("status") == _ACTIVE,
        issuer_mode=data.get("issuerMode"),
        rotation=signing.get("rotationMode"),
        id=data["id"],
        issuer=data.get("issuer"),
        next_rotation=signing.get("nextRotation"),
        last_updated=data.get("lastUpdated"),
    )


def scope(data: Json) -> kinds.Scope:
    """From a scope of an authorization server."""
    return kinds.Scope(
        key=str(data["name"]),
        consent=data.get("consent") or "IMPLICIT",  # the default, left out where the feature is missing
        default=bool(data.get("default")),
        id=data["id"],
        published=data.get("metadataPublish") == "ALL_CLIENTS",
    )


def _clients(data: Json) -> tuple[str, ...]:
    return _texts(_at(data, "conditions", "clients", "include"))


def policy(key: str, data: Json) -> kinds.AccessPolicy:
    """From an access policy."""
    return kinds.AccessPolicy(
        key=key,
        name=data.get("name"),
        active=data.get("status") == _ACTIVE,
        clients=_clients(data),
        priority=data.get("priority"),
        id=data["id"],
    )


def other_policy(data: Json) -> seen.OtherPolicy:
    """From an access policy that is not the playbook's."""
    return seen.OtherPolicy(
        key=data["id"],
        name=str(data.get("name")),
        active=data.get("status") == _ACTIVE,
        clients=_clients(data),
        priority=int(data.get("priority") or 0),
    )


def _conditions(data: Json) -> dict[str, tuple[str, ...]]:
    conditions = data.get("conditions") or {}
    people = conditions.get("people") or {}
    return {
        "grant_types": _texts(_at(conditions, "grantTypes", "include")),
        "scopes": _texts(_at(conditions, "scopes", "include")),
        "groups": _texts(_at(people, "groups", "include")),
        "users": _texts(_at(people, "users", "include")),
        "excluded_groups": _texts(_at(people, "groups", "exclude")),
        "excluded_users": _texts(_at(people, "users", "exclude")),
    }


def rule(key: str, data: Json) -> kinds.PolicyRule:
    """From a rule of an access policy."""
    token = _at(data, "actions", "token") or {}
    return kinds.PolicyRule(
        key=key,
        name=data.get("name"),
        active=data.get("status") == _ACTIVE,
        **_conditions(data),
        access_minutes=token.get("accessTokenLifetimeMinutes"),
        refresh_minutes=token.get("refreshTokenLifetimeMinutes"),
        refresh_window_minutes=token.get("refreshTokenWindowMinutes"),
        priority=data.get("priority"),
        id=data["id"],
    )


def other_rule(policy_id: str, data: Json) -> seen.OtherRule:
    """From a rule that is not the playbook's."""
    return seen.OtherRule(
        key=data["id"],
        policy=policy_id,
        name=str(data.get("name")),
        active=data.get("status") == _ACTIVE,
        priority=int(data.get("priority") or 0),
        **_conditions(data),
    )


def group(key: str, data: Json) -> kinds.Group:
    """From a group."""
    return kinds.Group(key=key, id=data["id"], name=_at(data, "profile", "name"), type=data.get("type"))


def user(key: str, data: Json) -> kinds.User:
    """From a user."""
    return kinds.User(key=key, id=data["id"], login=_at(data, "profile", "login"), status=data.get("status"))


def attribute_mapping(key: str, data: Json) -> kinds.ScimAttributeMapping:
    """From the profile mapping whose target is the SCIM application."""
    mapped = tuple(data.get("properties") or {})
    return kinds.ScimAttributeMapping(
        key=key,
        unsupported=tuple(name for name in mapped if name in kinds.UNSUPPORTED),
        id=data["id"],
        mapped=mapped,
    )


def group_push(key: str, data: Json) -> kinds.GroupPush:
    """From a group push mapping."""
    status = str(data.get("status"))
    return kinds.GroupPush(
        key=key,
        group=data.get("sourceGroupId"),
        active=status != "INACTIVE",
        healthy=status != "ERROR",
        id=data.get("mappingId") or data.get("id"),
        status=status,
        error=data.get("errorSummary"),
        last_push=data.get("lastPush"),
    )


def discovery(key: str, url: str, data: Json) -> seen.Discovery:
    """From a discovery document (RFC 8414; OpenID Connect Discovery 1.0)."""
    return seen.Discovery(
        key=key,
        url=url,
        issuer=data.get("issuer"),
        jwks_uri=data.get("jwks_uri"),
        authorization_endpoint=data.get("authorization_endpoint"),
        token_endpoint=data.get("token_endpoint"),
        grant_types=_texts(data.get("grant_types_supported")),
        challenge_methods=_texts(data.get("code_challenge_methods_supported")),
        scopes=_texts(data.get("scopes_supported")),
    )


def custom_domain(data: Json) -> seen.CustomDomain:
    """From a custom domain."""
    return seen.CustomDomain(
        key=str(data.get("domain")),
        domain=str(data.get("domain")),
        verified=data.get("validationStatus") in ("VERIFIED", "COMPLETED"),
    )


def api_token(data: Json) -> seen.ApiToken:
    """From the metadata of an API token."""
    return seen.ApiToken(key=data["id"], name=str(data.get("name")), expires=data.get("expiresAt"))


def failures(kind: type[F], events: Iterable[Json]) -> tuple[F, ...]:
    """From failures in the system log, newest first; one for each event type and reason."""
    counts: Counter[tuple[str, str | None]] = Counter()
    newest: dict[tuple[str, str | None], Json] = {}
    for event in events:
        what = (str(event.get("eventType")), _at(event, "outcome", "reason") or None)
        counts[what] += 1
        newest.setdefault(what, event)
    return tuple(
        kind(
            key=": ".join(filter(None, what)),
            event=what[0],
            reason=what[1],
            count=count,
            who=_who(newest[what]),
            called=_called(newest[what]),
            last=newest[what].get("published"),
        )
        for what, count in counts.items()
    )


def unresolved(failed: Iterable[Json], succeeded: Iterable[Json], app_id: str) -> list[Json]:
    """Those failures after which nothing succeeded for the same target.

    A failure that is about the application only, such as a refused token, is over when anything succeeded.

    Args:
        failed: events, newest first.
        succeeded: events, newest first.
        app_id: the application's.
    """
    newest: dict[str, str] = {}
    for event in succeeded:
        for key in (*_targets(event, app_id), app_id):
            newest.setdefault(key, str(event.get("published")))
    return [
        event
        for event in failed
        if not any(
            newest.get(key, "") > str(event.get("published")) for key in _targets(event, app_id) or (app_id,)
        )
    ]


def _targets(event: Json, app_id: str) -> tuple[str, ...]:
    """Whom an event is about, besides the application."""
    found = (str(target.get("id")) for target in event.get("target") or ())
    return tuple(key for key in found if key != app_id)


def _who(event: Json) -> str | None:
    """The user or group an event is about; else who did it."""
    about = [target for target in event.get("target") or () if target.get("type") in (*_PEOPLE, "UserGroup")]
    named = about[0] if about else event.get("actor") or {}
    return named.get("alternateId") or named.get("displayName")


def _called(event: Json) -> tuple[str, ...]:
    """What the people in an event are called."""
    named = (*(event.get("target") or ()), event.get("actor") or {})
    names = (
        str(one["displayName"]) for one in named if one.get("type") in _PEOPLE and one.get("displayName")
    )
    return tuple(dict.fromkeys(names))


def group_assignment(kind: type[kinds.Assignment], names: Mapping[str, str], data: Json) -> kinds.Assignment:
    """From a group assignment, with the group embedded.

    Args:
        kind: whose.
        names: how the playbook calls the groups, by id.
        data: the assignment.
    """
    embedded = _at(data, "_embedded", "group") or {}
    name = _at(embedded, "profile", "name")
    return kind(
        key=names.get(data["id"]) or _told(name, data["id"]),
        principal=data["id"],
        name=name,
        everyone=embedded.get("type") == "BUILT_IN" and name == "Everyone",
    )


def user_assignment(kind: type[kinds.Assignment], names: Mapping[str, str], data: Json) -> kinds.Assignment:
    """From an application user who was assigned directly."""
    name = _at(data, "credentials", "userName")
    return kind(key=names.get(data["id"]) or _told(name, data["id"]), principal=data["id"], name=name)


def _told(name: str | None, key: str) -> str:
    """What the playbook does not name: names are not unique, so the id is told besides."""
    return f"{name} ({key})" if name else key
