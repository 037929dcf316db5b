"""What plans and checks read in addition to the managed resources. It is never written."""

from __future__ import annotations

from typing import Annotated, ClassVar

from provisioner.core.resource import MAY_NAME_PEOPLE, PERSONAL_DATA, Observation
from provisioner.providers.base.wire import Wire

from .resources import Policy, Rule


class Provisioning(Observation):
    """The provisioning settings that the SCIM application shows. No API sets them.

    That ``features`` follows the settings of this application is an inference from the API description
    (Okta Management API, application features) and from user reports. No recording confirms it.

    Attributes:
        integrated: "Enable API integration" was done. None: it was not done, or the application does not show it.
        create_users, update_users, deactivate_users: the settings of the tab To App.
        complete: all three are enabled.
    """

    kind: ClassVar[str] = "okta-provisioning"

    features: Annotated[tuple[str, ...], Wire("features")] = ()
    integrated: bool | None = None
    create_users: bool | None = None
    update_users: bool | None = None
    deactivate_users: bool | None = None
    complete: bool | None = None


class ApiAccessManagement(Observation):
    """Whether the organization has the license for custom authorization servers."""

    kind: ClassVar[str] = "okta-api-access-management"

    licensed: bool


class OtherApplication(Observation):
    """Another application with the same label. The key is its id."""

    kind: ClassVar[str] = "okta-other-application"

    id: Annotated[str, Wire("id")]
    label: Annotated[str, Wire("label")]
    name: Annotated[str, Wire("name")]
    status: Annotated[str, Wire("status")]
    created: Annotated[str | None, Wire("created")] = None


class OtherPolicy(Policy, Observation):
    """Another access policy of the authorization server. The key is its id."""

    kind: ClassVar[str] = "okta-other-policy"


class OtherRule(Rule, Observation):
    """Another rule of the authorization server. The key is its id.

    Attributes:
        policy: id of the access policy that contains it.
    """

    kind: ClassVar[str] = "okta-other-rule"

    policy: str


class DiscoveryDocument(Observation):
    """A discovery document of the authorization server. The key is its name (RFC 8414; OpenID Connect Discovery 1.0)."""

    kind: ClassVar[str] = "okta-discovery"

    url: str
    issuer: Annotated[str | None, Wire("issuer")] = None
    jwks_uri: Annotated[str | None, Wire("jwks_uri")] = None
    authorization_endpoint: Annotated[str | None, Wire("authorization_endpoint")] = None
    token_endpoint: Annotated[str | None, Wire("token_endpoint")] = None
    grant_types: Annotated[tuple[str, ...], Wire("grant_types_supported")] = ()
    challenge_methods: Annotated[tuple[str, ...], Wire("code_challenge_methods_supported")] = ()
    scopes: Annotated[tuple[str, ...], Wire("scopes_supported")] = ()


class CustomDomain(Observation):
    """A custom domain of the organization. The key is the domain."""

    kind: ClassVar[str] = "okta-custom-domain"

    domain: Annotated[str, Wire("domain")]
    verified: bool


class UserComparison(Observation):
    """The users of the OIDC application compared with those of the SCIM application.

    Each list holds at most 20 names; the count next to it is complete.

    Attributes:
        sign_in: number of users of the OIDC application.
        provisioned: number of users of the SCIM application.
        only_provisioned: users of the SCIM application only.
        only_sign_in: users of the OIDC application only.
        inactive: assigned users without an active account, each with its status.
        sync_errors: provisioned users whose last synchronization failed.
    """

    kind: ClassVar[str] = "okta-user-comparison"

    sign_in: int = 0
    provisioned: int = 0
    only_provisioned: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    only_provisioned_count: int = 0
    only_sign_in: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    only_sign_in_count: int = 0
    inactive: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    inactive_count: int = 0
    sync_errors: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    sync_error_count: int = 0


class UnassignedMembers(Observation):
    """Members of a pushed group that are not assigned to the SCIM application. The key is the group's.

    Attributes:
        members: number of members of the group.
        unassigned: logins of at most 20 unassigned members.
    """

    kind: ClassVar[str] = "okta-unassigned-members"

    members: int = 0
    unassigned: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    unassigned_count: int = 0


class LoggedFailure(Observation):
    """Failures in the System Log that have the same event type and reason.

    Attributes:
        event: the event type.
        count: number of failures.
        subject: the user or group of the newest failure, else its actor.
        display_names: display names of the users of the newest failure; the reason may contain them.
        last: time of the newest failure.
    """

    event: str
    reason: Annotated[str | None, MAY_NAME_PEOPLE] = None
    count: int
    subject: Annotated[str | None, PERSONAL_DATA] = None
    display_names: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    last: str | None = None


class ProvisioningFailure(LoggedFailure):
    """Failures of provisioning from the SCIM application."""

    kind: ClassVar[str] = "okta-provisioning-failure"


class SignInFailure(LoggedFailure):
    """Failures of authorization at the OIDC application."""

    kind: ClassVar[str] = "okta-sign-in-failure"


class ApiToken(Observation):
    """An API token of the credentials' owner. The key is its id."""

    kind: ClassVar[str] = "okta-api-token"

    name: Annotated[str, Wire("name")]
    expires: Annotated[str | None, Wire("expiresAt")] = None
