"""What a plan or an audit looks at besides the managed resources. Only ever read."""

from __future__ import annotations

from typing import Annotated, ClassVar

from provisioner.core.resource import MAY_NAME_PEOPLE, PERSONAL_DATA, Observation


class Provisioning(Observation):
    """What the SCIM application tells of its provisioning: the switches no API can set.

    That ``features`` follows the switches of this very application is an inference from the API description
    (Okta Management API, application features) and from what people report; it was never recorded.

    Attributes:
        integrated: "Enable API integration" was done. None: it was not, or does not show.
        create_users, update_users, deactivate_users: the To App switches.
        complete: all three are on.
    """

    kind: ClassVar[str] = "okta-provisioning"

    features: tuple[str, ...] = ()
    integrated: bool | None = None
    create_users: bool | None = None
    update_users: bool | None = None
    deactivate_users: bool | None = None
    complete: bool | None = None


class ApiAccessManagement(Observation):
    """Whether the organization may have custom authorization servers."""

    kind: ClassVar[str] = "okta-api-access-management"

    licensed: bool


class OtherApplication(Observation):
    """Another application of the same label."""

    kind: ClassVar[str] = "okta-other-application"

    id: str
    label: str
    name: str
    status: str
    created: str | None = None


class OtherPolicy(Observation):
    """Another access policy of the authorization server, with its rules; the key is its id."""

    kind: ClassVar[str] = "okta-other-policy"

    name: str
    active: bool
    clients: tuple[str, ...] = ()
    priority: int


class OtherRule(Observation):
    """A rule that is not the playbook's; the key is its id."""

    kind: ClassVar[str] = "okta-other-rule"

    policy: str
    name: str
    active: bool
    priority: int
    grant_types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    excluded_groups: tuple[str, ...] = ()
    excluded_users: tuple[str, ...] = ()


class Discovery(Observation):
    """A discovery document of the authorization server; the key is its name."""

    kind: ClassVar[str] = "okta-discovery"

    url: str
    issuer: str | None = None
    jwks_uri: str | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    grant_types: tuple[str, ...] = ()
    challenge_methods: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class CustomDomain(Observation):
    """A custom domain of the organization."""

    kind: ClassVar[str] = "okta-custom-domain"

    domain: str
    verified: bool


class People(Observation):
    """Who is in the two applications, counted; at most twenty names of each sort are kept.

    Attributes:
        signing_in: how many users the OIDC application has.
        provisioned: how many the SCIM application has.
        only_provisioned: names of those in the SCIM application only.
        only_signing_in: names of those in the OIDC application only.
        not_active: names of assigned users whose account is not active.
        in_error: names of provisioned users whose synchronization failed, with the reason where it is known.
    """

    kind: ClassVar[str] = "okta-people"

    signing_in: int = 0
    provisioned: int = 0
    only_provisioned: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    only_provisioned_count: int = 0
    only_signing_in: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    only_signing_in_count: int = 0
    not_active: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    not_active_count: int = 0
    in_error: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    in_error_count: int = 0


class UnassignedMembers(Observation):
    """Members of a pushed group that are not in the SCIM application; the key is the group's."""

    kind: ClassVar[str] = "okta-unassigned-members"

    members: int = 0
    unassigned: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    unassigned_count: int = 0


class ProvisioningFailure(Observation):
    """Failures of provisioning in the system log, by event type and reason.

    Attributes:
        who: whom the newest is about.
        called: display names of those people; the reason may hold them.
    """

    kind: ClassVar[str] = "okta-provisioning-failure"

    event: str
    reason: Annotated[str | None, MAY_NAME_PEOPLE] = None
    count: int
    who: Annotated[str | None, PERSONAL_DATA] = None
    called: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    last: str | None = None


class SignInFailure(Observation):
    """Failures of authorization at the application in the system log, by event type and reason; else the same."""

    kind: ClassVar[str] = "okta-sign-in-failure"

    event: str
    reason: Annotated[str | None, MAY_NAME_PEOPLE] = None
    count: int
    who: Annotated[str | None, PERSONAL_DATA] = None
    called: Annotated[tuple[str, ...], PERSONAL_DATA] = ()
    last: str | None = None


class ApiToken(Observation):
    """An API token that belongs to whoever the credentials are for."""

    kind: ClassVar[str] = "okta-api-token"

    name: str
    expires: str | None = None
