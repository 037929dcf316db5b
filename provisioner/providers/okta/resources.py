"""The resources that the product manages in an Okta organization, and the fixed values of the vendors.

Each field names its member in the Okta Management API with :class:`Wire`; :mod:`.parse` and :mod:`.payloads` follow it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from provisioner.core.resource import (
    CREATE_ONLY,
    IMMUTABLE,
    PERSONAL_DATA,
    READ_ONLY,
    SECURITY,
    UNORDERED,
    Resource,
    Text,
)
from provisioner.providers.base.wire import Wire

ACTIVE: Final = "ACTIVE"
"""The status of an application, authorization server, policy or rule that is in use."""
OFFLINE_ACCESS: Final = "offline_access"
"""The system scope without which there is no refresh token (Kiro, Okta guide, step 2: access policies)."""
OPENID: Final = "openid"
ANY_SCOPE: Final = "*"
ANY_CLIENT: Final = "ALL_CLIENTS"
EVERYONE: Final = "EVERYONE"
"""The literal for the group Everyone in a rule (recorded traffic of okta-sdk-python, policy rules)."""
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
OIDC_NAME: Final = "oidc_client"
SCIM_NAME: Final = "amazon_aws_sso"
"""The catalog's key of "AWS IAM Identity Center"."""
UNSUPPORTED: Final = ("department", "employeeNumber")
"""Kiro, Okta guide, step 4: the two attributes to remove before groups are pushed."""
DEFAULT_LIFETIMES: Final = {
    "access_token_minutes": 60,
    "refresh_token_minutes": 0,
    "refresh_window_minutes": 10080,
}
"""The token lifetimes of a rule that is created in the Admin Console: one hour, unlimited, seven days."""

Strings = tuple[str, ...] | None
_CLIENT: Final = "settings.oauthClient"
_CREDENTIALS: Final = "credentials.oauthClient"
_PEOPLE: Final = "conditions.people"


class Application(Resource):
    """The OIDC native application that users sign in to.

    Attributes:
        authentication: ``none`` makes it a public client.
        policy_id: id of its authentication policy.
    """

    kind: ClassVar[str] = "okta-application"

    label: Annotated[str | None, Wire("label")] = None
    active: bool | None = None
    application_type: Annotated[str | None, Wire(f"{_CLIENT}.application_type"), IMMUTABLE] = None
    authentication: Annotated[str | None, Wire(f"{_CREDENTIALS}.token_endpoint_auth_method"), SECURITY] = None
    pkce_required: Annotated[bool | None, Wire(f"{_CREDENTIALS}.pkce_required", absent=False), SECURITY] = (
        None
    )
    grant_types: Annotated[Strings, Wire(f"{_CLIENT}.grant_types"), UNORDERED, SECURITY] = None
    response_types: Annotated[Strings, Wire(f"{_CLIENT}.response_types"), UNORDERED] = None
    redirect_uris: Annotated[Strings, Wire(f"{_CLIENT}.redirect_uris"), UNORDERED, SECURITY] = None
    wildcard_redirect: Annotated[
        str | None, Wire(f"{_CLIENT}.wildcard_redirect", absent="DISABLED"), SECURITY
    ] = None
    notes: Annotated[str | None, Wire("settings.notes.admin"), CREATE_ONLY] = None

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    client_id: Annotated[str | None, Wire(f"{_CREDENTIALS}.client_id"), READ_ONLY] = None
    refresh_rotation: Annotated[str | None, Wire(f"{_CLIENT}.refresh_token.rotation_type"), READ_ONLY] = None
    policy_id: Annotated[str | None, READ_ONLY] = None
    last_updated: Annotated[str | None, Wire("lastUpdated"), READ_ONLY] = None


class AuthenticationPolicy(Resource):
    """An authentication policy that the playbook names. It is only looked up."""

    kind: ClassVar[str] = "okta-authentication-policy"

    id: Annotated[str | None, READ_ONLY] = None


class AuthenticationPolicyAssignment(Resource):
    """The assignment of an authentication policy to the OIDC application."""

    kind: ClassVar[str] = "okta-authentication-policy-assignment"

    policy: Annotated[Text | None, SECURITY] = None


class AuthorizationServer(Resource):
    """The custom authorization server whose issuer Kiro trusts.

    Attributes:
        rotation: rotation of its signing keys, ``AUTO`` or ``MANUAL``.
        issuer_mode: ``ORG_URL``, ``CUSTOM_URL`` or ``DYNAMIC``.
    """

    kind: ClassVar[str] = "okta-authorization-server"

    name: Annotated[str | None, Wire("name"), CREATE_ONLY] = None
    description: Annotated[str | None, Wire("description"), CREATE_ONLY] = None
    audience: Annotated[str | None, SECURITY] = None
    active: bool | None = None
    issuer_mode: Annotated[str | None, Wire("issuerMode"), SECURITY] = None
    rotation: Annotated[str | None, Wire("credentials.signing.rotationMode")] = None

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    issuer: Annotated[str | None, Wire("issuer"), READ_ONLY] = None
    next_rotation: Annotated[str | None, Wire("credentials.signing.nextRotation"), READ_ONLY] = None
    last_updated: Annotated[str | None, Wire("lastUpdated"), READ_ONLY] = None


class Scope(Resource):
    """A scope of the authorization server. The key is its name.

    Attributes:
        consent: ``IMPLICIT`` asks no user. It is Okta's default, and absent in organizations without the feature.
        default: the scope is granted to clients that request no scope.
        published: the discovery documents list it.
    """

    kind: ClassVar[str] = "okta-scope"

    consent: Annotated[str | None, Wire("consent", absent="IMPLICIT"), SECURITY] = None
    default: Annotated[bool | None, Wire("default", absent=False)] = None

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    published: Annotated[bool, READ_ONLY] = False


class Policy(Resource):
    """An access policy of an authorization server: it states for which clients its rules are.

    Attributes:
        clients: client ids, or ``ALL_CLIENTS``.
        priority: Okta evaluates priority 1 first.
    """

    name: Annotated[str | None, Wire("name"), CREATE_ONLY] = None
    active: bool | None = None
    clients: Annotated[tuple[Text, ...] | None, Wire("conditions.clients.include"), UNORDERED, SECURITY] = (
        None
    )
    priority: Annotated[int | None, Wire("priority")] = None


class AccessPolicy(Policy):
    """The playbook's access policy. Okta renumbers the priorities of the others when its own is written."""

    kind: ClassVar[str] = "okta-access-policy"

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None


class Rule(Resource):
    """A rule of an access policy: which users get which scopes by which grant type.

    Attributes:
        groups: ids of included groups, or ``EVERYONE``.
        users: ids of users that are included in addition to the groups.
        excluded_groups, excluded_users: ids of those that the rule is not for.
        priority: Okta evaluates priority 1 of a policy first.
    """

    name: Annotated[str | None, Wire("name"), CREATE_ONLY] = None
    active: bool | None = None
    grant_types: Annotated[Strings, Wire("conditions.grantTypes.include"), UNORDERED, SECURITY] = None
    scopes: Annotated[Strings, Wire("conditions.scopes.include"), UNORDERED, SECURITY] = None
    groups: Annotated[Strings, Wire(f"{_PEOPLE}.groups.include"), UNORDERED, SECURITY] = None
    users: Annotated[Strings, Wire(f"{_PEOPLE}.users.include"), UNORDERED, SECURITY] = None
    excluded_groups: Annotated[Strings, Wire(f"{_PEOPLE}.groups.exclude"), UNORDERED] = None
    excluded_users: Annotated[Strings, Wire(f"{_PEOPLE}.users.exclude"), UNORDERED] = None

    priority: Annotated[int | None, Wire("priority"), READ_ONLY] = None


class PolicyRule(Rule):
    """The playbook's rule.

    Attributes:
        access_token_minutes: lifetime of an access token.
        refresh_token_minutes: lifetime of a refresh token; 0 is unlimited.
        refresh_window_minutes: a refresh token expires when it is unused for this long.
    """

    kind: ClassVar[str] = "okta-policy-rule"

    access_token_minutes: Annotated[int | None, Wire("actions.token.accessTokenLifetimeMinutes")] = None
    refresh_token_minutes: Annotated[int | None, Wire("actions.token.refreshTokenLifetimeMinutes")] = None
    refresh_window_minutes: Annotated[int | None, Wire("actions.token.refreshTokenWindowMinutes")] = None

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None


class Group(Resource):
    """A group that the playbook names. It is only looked up."""

    kind: ClassVar[str] = "okta-group"

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    name: Annotated[str | None, Wire("profile.name"), READ_ONLY] = None
    type: Annotated[str | None, Wire("type"), READ_ONLY] = None


class User(Resource):
    """A user that the playbook names. It is only looked up."""

    kind: ClassVar[str] = "okta-user"

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    login: Annotated[str | None, Wire("profile.login"), READ_ONLY, PERSONAL_DATA] = None
    status: Annotated[str | None, Wire("status"), READ_ONLY] = None


class Assignment(Resource):
    """The assignment of a group or user to an application.

    Attributes:
        principal: id of the group or user.
        name: its name in Okta.
        everyone: it is the built-in group of all users.
    """

    grants_access: ClassVar[bool] = True

    principal: Annotated[Text | None, Wire("id")] = None

    name: Annotated[str | None, Wire("_embedded.group.profile.name"), READ_ONLY] = None
    everyone: Annotated[bool, READ_ONLY] = False


class GroupAssignment(Assignment):
    """A group is assigned to the OIDC application: its members may sign in."""

    kind: ClassVar[str] = "okta-group-assignment"


class UserAssignment(Assignment):
    """A user is assigned to the OIDC application directly."""

    kind: ClassVar[str] = "okta-user-assignment"

    name: Annotated[str | None, Wire("credentials.userName"), READ_ONLY, PERSONAL_DATA] = None


class ScimGroupAssignment(Assignment):
    """A group is assigned to the SCIM application: its members are provisioned. Its removal deprovisions them."""

    kind: ClassVar[str] = "okta-scim-group-assignment"


class ScimUserAssignment(Assignment):
    """A user is assigned to the SCIM application directly."""

    kind: ClassVar[str] = "okta-scim-user-assignment"

    name: Annotated[str | None, Wire("credentials.userName"), READ_ONLY, PERSONAL_DATA] = None


class ScimApplication(Resource):
    """The catalog's "AWS IAM Identity Center", which provisions users to Kiro.

    It is created, and never written again: a PUT removes its provisioning connection
    (okta/terraform-provider-okta issues 655 and 710).
    """

    kind: ClassVar[str] = "okta-scim-application"

    label: Annotated[str | None, Wire("label"), IMMUTABLE] = None
    active: bool | None = None
    notes: Annotated[str | None, Wire("settings.notes.admin"), CREATE_ONLY] = None

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    last_updated: Annotated[str | None, Wire("lastUpdated"), READ_ONLY] = None


class AttributeMapping(Resource):
    """The profile mapping from Okta's user to the SCIM application's user.

    Attributes:
        unsupported: mapped attributes that Kiro does not support.
        mapped: all mapped attributes.
    """

    kind: ClassVar[str] = "okta-attribute-mapping"

    unsupported: Annotated[Strings, UNORDERED] = None

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    mapped: Annotated[tuple[str, ...], READ_ONLY] = ()


class GroupPush(Resource):
    """A group is pushed: it exists in Kiro, with those of its members that are provisioned.

    Attributes:
        active: the push is not deactivated.
        healthy: the last push did not fail. It is set by deactivating and activating the push.
        error: why the last push failed.
    """

    kind: ClassVar[str] = "okta-group-push"
    grants_access: ClassVar[bool] = True

    group: Annotated[Text | None, Wire("sourceGroupId")] = None
    active: bool | None = None
    healthy: bool | None = None

    id: Annotated[str | None, READ_ONLY] = None
    status: Annotated[str | None, Wire("status"), READ_ONLY] = None
    error: Annotated[str | None, Wire("errorSummary"), READ_ONLY] = None
    last_push: Annotated[str | None, Wire("lastPush"), READ_ONLY] = None


WithStatus = Application | ScimApplication | AuthorizationServer | AccessPolicy | PolicyRule
"""The resources that Okta activates and deactivates."""
