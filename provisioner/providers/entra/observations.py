"""What audits read in addition to the managed resources."""

from __future__ import annotations

from typing import Annotated, ClassVar

from provisioner.core.resource import MAY_NAME_PEOPLE, PERSONAL_DATA, Observation
from provisioner.providers.base.wire import Wire


class OrphanedApplication(Observation):
    """An application that an interrupted run created and did not finish; it still has its provisional name."""

    kind: ClassVar[str] = "entra-orphaned-application"

    id: Annotated[str, Wire("id")]
    display_name: Annotated[str, Wire("displayName")]


class OtherApplication(Observation):
    """Another application with the same display name."""

    kind: ClassVar[str] = "entra-other-application"

    id: Annotated[str, Wire("id")]
    app_id: Annotated[str, Wire("appId")]
    display_name: Annotated[str, Wire("displayName")]
    created: Annotated[str | None, Wire("createdDateTime")] = None


class DeletedApplication(Observation):
    """A deleted application: it stays in the recycle bin for 30 days and keeps its uniqueName."""

    kind: ClassVar[str] = "entra-deleted-application"

    id: Annotated[str, Wire("id")]
    app_id: Annotated[str | None, Wire("appId")] = None
    display_name: Annotated[str | None, Wire("displayName")] = None
    unique_name: Annotated[str | None, Wire("uniqueName")] = None
    deleted: Annotated[str | None, Wire("deletedDateTime")] = None


class GroupMembers(Observation):
    """The direct members of an assigned group.

    Attributes:
        users: number of users.
        nested: display names of groups.
    """

    kind: ClassVar[str] = "entra-group-members"

    users: int = 0
    nested: tuple[str, ...] = ()


class SignInError(Observation):
    """Failed sign-ins to the application with one error code; the key is the code."""

    kind: ClassVar[str] = "entra-sign-in-error"

    code: int
    count: int
    reason: Annotated[str | None, MAY_NAME_PEOPLE] = None
    last: str | None = None


class ProvisioningFailure(Observation):
    """Failures in the provisioning log with one error code.

    Attributes:
        subject: display name of the user or group of the latest failure.
    """

    kind: ClassVar[str] = "entra-provisioning-failure"

    code: str
    count: int
    reason: Annotated[str | None, MAY_NAME_PEOPLE] = None
    subject: Annotated[str | None, PERSONAL_DATA] = None
    last: str | None = None


class WrongExternalId(Observation):
    """A user with an externalId other than the object id; the key is the object id."""

    kind: ClassVar[str] = "entra-wrong-external-id"

    name: Annotated[str | None, PERSONAL_DATA] = None
    external_id: Annotated[str, PERSONAL_DATA]


class ConditionalAccessPolicy(Observation):
    """An enabled Conditional Access policy that covers the application."""

    kind: ClassVar[str] = "entra-conditional-access-policy"

    display_name: str
    controls: tuple[str, ...] = ()


class ConsentPolicy(Observation):
    """Whether users can consent for themselves."""

    kind: ClassVar[str] = "entra-consent-policy"

    user_consent: bool


class Licences(Observation):
    """The Entra ID service plans of the tenant."""

    kind: ClassVar[str] = "entra-licences"

    plans: tuple[str, ...] = ()
