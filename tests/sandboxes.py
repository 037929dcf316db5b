"""The sandbox, with shorthands for what tests of its two vendors use all the time."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner import sandbox
from provisioner.sandbox.entra.vendor import Entra
from provisioner.sandbox.okta.vendor import Okta
from provisioner.sandbox.store import Store


class Sandbox(sandbox.Sandbox):
    """A sandbox; ``directory`` and ``okta`` are the documents of its Entra tenant and its Okta org."""

    @property
    def entra_vendor(self) -> Entra:
        vendor = self.vendors["entra"]
        assert isinstance(vendor, Entra)
        return vendor

    @property
    def okta_vendor(self) -> Okta:
        vendor = self.vendors["okta"]
        assert isinstance(vendor, Okta)
        return vendor

    @property
    def directory(self) -> Store:
        return self.entra_vendor.store

    @property
    def okta(self) -> Store:
        return self.okta_vendor.store

    @property
    def tenant_id(self) -> str:
        return self.entra_vendor.tenant_id

    def access_token(self, permissions: Sequence[str] | None = None) -> str:
        return self.entra_vendor.admin_token(permissions)

    def okta_token(self) -> str:
        return self.okta_vendor.admin_token()

    def okta_client(self) -> dict[str, str]:
        return self.okta_vendor.service_app

    def variables(self, provider: str = "entra") -> dict[str, str]:
        return self.vendors[provider].variables()

    def wait_for_cycles(self, seconds: float | None = None) -> bool:
        return self.entra_vendor.wait(seconds)

    def wait_for_pushes(self, seconds: float | None = None) -> bool:
        return self.okta_vendor.wait(seconds)
