"""What the product manages in an Okta organization, and the vendor's fixed values."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

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

Json = dict[str, Any]

OFFLINE_ACCESS: Final = "offline_access"
"""The system scope without which there is no refresh token (Kiro, Okta guide, step 2: access policies)."""
OPENID: Final = "openid"
ANY_SCOPE: Final = "*"
ANY_CLIENT: Final = "ALL_CLIENTS"
EVERYONE: Final = "EVERYONE"
"""The literal that a rule has for the group Everyone (recorded traffic of okta-sdk-python, policy rules)."""
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
OIDC_NAME: Final = "oidc_client"
SCIM_NAME: Final = "amazon_aws_sso"
"""The catalogue's key of "AWS IAM Identity Center"."""
UNSUPPORTED: Final = ("department", "employeeNumber")
"""Kiro, Okta guide, step 4: the two attributes to remove before groups are pushed."""


class Application(Resource):
    """The OIDC native application that people sign in to.

    Attributes:
        authentication: token_endpoint_auth_method; ``none`` makes it a public client.
        refresh_rotation: how refresh tokens rotate.
    """

    kind: ClassVar[str] = "okta-application"

    label: str | None = None
    active: bool | None = None
    application_type: Annotated[str | None, IMMUTABLE] = None
    authentication: Annotated[str | None, SECURITY] = None
    pkce_required: Annotated[bool | None, SECURITY] = None
    grant_types: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    response_types: Annotated[tuple[str, ...] | None, UNORDERED] = None
    redirect_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    wildcard_redirect: Annotated[str | None, SECURITY] = None
    notes: Annotated[str | None, CREATE_ONLY] = None

    id: Annotated[str | None, READ_ONLY] = None
    client_id: Annotated[str | None, READ_ONLY] = None
    refresh_rotation: Annotated[str | None, READ_ONLY] = None
    policy_id: Annotated[str | None, READ_ONLY] = None
    last_updated: Annotated[str | None, READ_ONLY] = None


class SignInPolicy(Resource):
    """An authentication policy the playbook names; only ever looked up."""

    kind: ClassVar[str] = "okta-sign-in-policy"

    id: Annotated[str | None, READ_ONLY] = None


class AuthenticationPolicy(Resource):
    """Which authentication policy the application has."""

    kind: ClassVar[str] = "okta-authentication-policy"

    policy: Annotated[Text | None, SECURITY] = None


class AuthorizationServer(Resource):
    """The custom authorization server whose issuer Kiro trusts.

    Attributes:
        rotation: ``AUTO`` or ``MANUAL`` rotation of its signing keys.
        issuer_mode: ``ORG_URL``, ``CUSTOM_URL`` or ``DYNAMIC``.
    """

    kind: ClassVar[str] = "okta-authorization-server"

    name: Annotated[str | None, CREATE_ONLY] = None
    description: Annotated[str | None, CREATE_ONLY] = None
    audience: Annotated[str | None, SECURITY] = None
    active: bool | None = None
    issuer_mode: Annotated[str | None, SECURITY] = None
    rotation: str | None = None

    id: Annotated[str | None, READ_ONLY] = None
    issuer: Annotated[str | None, READ_ONLY] = None
    next_rotation: Annotated[str | None, READ_ONLY] = None
    last_updated: Annotated[str | None, READ_ONLY] = None


class Scope(Resource):
    """A scope of the authorization server; the key is its name.

    Attributes:
        consent: ``IMPLICIT``: nobody is asked.
        default: granted although nobody asked for it.
    """

    kind: ClassVar[str] = "okta-scope"

    consent: Annotated[str | None, SECURITY] = None
    default: bool | None = None

    id: Annotated[str | None, READ_ONLY] = None
    published: Annotated[bool, READ_ONLY] = False


class AccessPolicy(Resource):
    """An access policy of the authorization server: for which clients.

    Attributes:
        clients: client ids, or ``ALL_CLIENTS``.
        priority: 1 is looked at first. It can be desired, but is written as a wish: Okta renumbers.
    """

    kind: ClassVar[str] = "okta-access-policy"

    name: Annotated[str | None, CREATE_ONLY] = None
    active: bool | None = None
    clients: Annotated[tuple[Text, ...] | None, UNORDERED, SECURITY] = None
    priority: int | None = None

    id: Annotated[str | None, READ_ONLY] = None


class PolicyRule(Resource):
    """A rule of an access policy: who gets which scopes by which grant.

    Attributes:
        groups: group ids, or ``EVERYONE``.
        users: user ids that are included besides.
        excluded_groups, excluded_users: ids of those that the rule is not for.
        access_minutes: lifetime of an access token.
        refresh_minutes: lifetime of a refresh token; 0 has no end.
        refresh_window_minutes: for so long a refresh token may lie unused.
    """

    kind: ClassVar[str] = "okta-policy-rule"

    name: Annotated[str | None, CREATE_ONLY] = None
    active: bool | None = None
    grant_types: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    scopes: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    groups: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    users: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    excluded_groups: Annotated[tuple[str, ...] | None, UNORDERED] = None
    excluded_users: Annotated[tuple[str, ...] | None, UNORDERED] = None
    access_minutes: int | None = None
    refresh_minutes: int | None = None
    refresh_window_minutes: int | None = None

    priority: Annotated[int | None, READ_ONLY] = None
    id: Annotated[str | None, READ_ONLY] = None


class Group(Resource):
    """A group the playbook names; only ever looked up."""

    kind: ClassVar[str] = "okta-group"

    id: Annotated[str | None, READ_ONLY] = None
    name: Annotated[str | None, READ_ONLY] = None
    type: Annotated[str | None, READ_ONLY] = None


class User(Resource):
    """A user the playbook names; only ever looked up."""

    kind: ClassVar[str] = "okta-user"

    id: Annotated[str | None, READ_ONLY] = None
    login: Annotated[str | None, READ_ONLY, PERSONAL_DATA] = None
    status: Annotated[str | None, READ_ONLY] = None


class Assignment(Resource):
    """A group or user is assigned to an application.

    Attributes:
        name: of the group or user, where the playbook does not name it.
        everyone: it is the built-in group of all users.
    """

    principal: Text | None = None

    name: Annotated[str | None, READ_ONLY] = None
    everyone: Annotated[bool, READ_ONLY] = False


class GroupAssignment(Assignment):
    """A group is assigned to the OIDC application: its members may sign in."""

    kind: ClassVar[str] = "okta-group-assignment"
    admits: ClassVar[bool] = True


class UserAssignment(Assignment):
    """A user is assigned to the OIDC application directly."""

    kind: ClassVar[str] = "okta-user-assignment"
    admits: ClassVar[bool] = True

    name: Annotated[str | None, READ_ONLY, PERSONAL_DATA] = None


class ScimGroupAssignment(Assignment):
    """A group is assigned to the SCIM application: its members are provisioned. Removing it deprovisions them."""

    kind: ClassVar[str] = "okta-scim-group-assignment"
    admits: ClassVar[bool] = True


class ScimUserAssignment(Assignment):
    """A user is assigned to the SCIM application directly."""

    kind: ClassVar[str] = "okta-scim-user-assignment"
    admits: ClassVar[bool] = True

    name: Annotated[str | None, READ_ONLY, PERSONAL_DATA] = None


class ScimApplication(Resource):
    """The catalogue's "AWS IAM Identity Center", which provisions people to Kiro.

    It is created, and never written again: a PUT takes its provisioning connection away
    (okta/terraform-provider-okta issues 655 and 710).
    """

    kind: ClassVar[str] = "okta-scim-application"

    label: Annotated[str | None, IMMUTABLE] = None
    active: bool | None = None
    notes: Annotated[str | None, CREATE_ONLY] = None

    id: Annotated[str | None, READ_ONLY] = None
    last_updated: Annotated[str | None, READ_ONLY] = None


class ScimAttributeMapping(Resource):
    """The mapping from Okta's user to the SCIM application's, as far as Kiro cares.

    Attributes:
        unsupported: mapped attributes that Kiro does not support.
    """

    kind: ClassVar[str] = "okta-attribute-mapping"

    unsupported: Annotated[tuple[str, ...] | None, UNORDERED] = None

    id: Annotated[str | None, READ_ONLY] = None
    mapped: Annotated[tuple[str, ...], READ_ONLY] = ()


class GroupPush(Resource):
    """A group is pushed: it appears in Kiro, with those of its members that are provisioned.

    Attributes:
        active: not switched off.
        healthy: the last push did not fail. Set by switching it off and on again.
        error: what the last push failed with.
    """

    kind: ClassVar[str] = "okta-group-push"
    admits: ClassVar[bool] = True

    group: Text | None = None
    active: bool | None = None
    healthy: bool | None = None

    id: Annotated[str | None, READ_ONLY] = None
    status: Annotated[str | None, READ_ONLY] = None
    error: Annotated[str | None, READ_ONLY] = None
    last_push: Annotated[str | None, READ_ONLY] = None
