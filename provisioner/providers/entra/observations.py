"""What an audit looks at besides the managed resources. Only ever read."""

from __future__ import annotations

from typing import Annotated, ClassVar

from provisioner.core.resource import MAY_NAME_PEOPLE, PERSONAL_DATA, Observation


class OrphanedApplication(Observation):
    """An application that an interrupted run created and never finished; known by its provisional name."""

    kind: ClassVar[str] = "entra-orphaned-application"

    id: str
    display_name: str


class OtherApplication(Observation):
    """Another application of the same display name."""

    kind: ClassVar[str] = "entra-other-application"

    id: str
    app_id: str
    display_name: str
    created: str | None = None


class DeletedApplication(Observation):
    """A copy in the recycle bin, where it stays for 30 days and keeps its uniqueName."""

    kind: ClassVar[str] = "entra-deleted-application"

    id: str
    app_id: str | None = None
    display_name: str | None = None
    unique_name: str | None = None
    deleted: str | None = None


class GroupMembers(Observation):
    """The direct members of an assigned group."""

    kind: ClassVar[str] = "entra-group-members"

    users: int = 0
    nested: tuple[str, ...] = ()


class SignInError(Observation):
    """Failed sign-ins to the application, by error code; the key is the code."""

    kind: ClassVar[str] = "entra-sign-in-error"

    code: int
    count: int
    reason: Annotated[str | None, MAY_NAME_PEOPLE] = None
    last: str | None = None


class ProvisioningFailure(Observation):
    """Failures in the provisioning log, by error code."""

    kind: ClassVar[str] = "entra-provisioning-failure"

    code: str
    count: int
    reason: Annotated[str | None, MAY_NAME_PEOPLE] = None
    who: Annotated[str | None, PERSONAL_DATA] = None
    last: str | None = None


class WrongExternalId(Observation):
    """A user who was provisioned with an externalId that is not the object id; the key is the object id."""

    kind: ClassVar[str] = "entra-wrong-external-id"

    name: Annotated[str | None, PERSONAL_DATA] = None
    external_id: Annotated[str, PERSONAL_DATA]


class ConditionalAccessPolicy(Observation):
    """A Conditional Access policy that is switched on and covers the application."""

    kind: ClassVar[str] = "entra-conditional-access-policy"

    display_name: str
    controls: tuple[str, ...] = ()


class ConsentPolicy(Observation):
    """Whether users may consent for themselves."""

    kind: ClassVar[str] = "entra-consent-policy"

    user_consent: bool


class Licences(Observation):
    """The tenant's Entra ID plans."""

    kind: ClassVar[str] = "entra-licences"

    plans: tuple[str, ...] = ()
