"""The model of an Acme playbook, and its desired state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from provisioner.core.plan import DesiredState
from provisioner.core.resource import Model, Reference
from provisioner.providers import kiro
from provisioner.providers.base.playbook_models import (
    Endpoint,
    IntegrationPlaybook,
    PrincipalEntry,
    UnmanagedRules,
    Waivers,
)
from provisioner.providers.dns.playbook import Domains, LookupSection

from . import resources as kinds


class ConnectionSection(Model):
    """The directory."""

    url: Endpoint = Field(description="Address of the directory.")

    @property
    def names(self) -> str:
        return self.url


class ApplicationSection(Model):
    """The application."""

    redirect_uris: tuple[str, ...] = Field(default=(kiro.KIRO_URI,), description="Redirect URIs.")


class AcmePlaybook(IntegrationPlaybook):
    """A playbook whose provider is ``acme``."""

    provider: Literal["acme"] = Field(description="The identity provider.")
    connection: ConnectionSection
    application: ApplicationSection = ApplicationSection()
    groups: tuple[PrincipalEntry, ...] = Field(default=(), description="The assigned groups.")
    domains: Domains | None = Field(default=None, description="Domains of users' e-mail addresses.")
    lookup: LookupSection = LookupSection()
    unmanaged: UnmanagedRules = ()
    waivers: Waivers = ()

    @property
    def cloud(self) -> str:
        return ""

    def for_sandbox(self, values: Mapping[str, str]) -> AcmePlaybook:
        return self.model_copy(update={"connection": ConnectionSection(url=values["ACME_URL"])})

    def desired_state(self) -> DesiredState:
        application = kinds.Application(key=self.name, redirect_uris=self.application.redirect_uris)
        groups = [kinds.Group(key=entry.key) for entry in self.groups]
        assignments = [
            kinds.GroupAssignment(
                key=group.key,
                depends_on=(application.address,),
                group=Reference(address=group.address, field="id"),
            )
            for group in groups
        ]
        return DesiredState(
            resources=(application, *groups, *assignments),
            exhaustive=frozenset({kinds.GroupAssignment.kind}),
            unmanaged=self.unmanaged,
        )
