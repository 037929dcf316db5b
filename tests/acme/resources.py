"""The kinds of resource in an Acme directory."""

from __future__ import annotations

from typing import Annotated, ClassVar

from provisioner.core.resource import IMMUTABLE, READ_ONLY, UNORDERED, Resource, Text
from provisioner.providers.base.wire import Wire


class Application(Resource):
    """An application. Its name is the playbook's marker."""

    kind: ClassVar[str] = "acme-application"

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None
    redirect_uris: Annotated[tuple[str, ...] | None, Wire("redirectUris"), UNORDERED] = None


class Group(Resource):
    """A group that the playbook names."""

    kind: ClassVar[str] = "acme-group"

    id: Annotated[str | None, Wire("id"), READ_ONLY] = None


class GroupAssignment(Resource):
    """A group is assigned to the application: its members may sign in."""

    kind: ClassVar[str] = "acme-group-assignment"
    grants_access: ClassVar[bool] = True

    group: Annotated[Text | None, IMMUTABLE] = None
