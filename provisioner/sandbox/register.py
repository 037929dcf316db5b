"""The vendors that the sandbox emulates. Their modules are imported when a sandbox is opened, not before."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisioner.sandbox.vendor import Vendor

VENDORS = {
    "entra": "provisioner.sandbox.entra.vendor:Entra",
    "okta": "provisioner.sandbox.okta.vendor:Okta",
}
"""The class of each vendor, by the name that a playbook's ``provider:`` has."""


def vendor_class(name: str) -> type[Vendor]:
    """The class of a vendor.

    Raises:
        KeyError: the sandbox does not emulate this vendor.
    """
    loaded: Any = resolve_name(VENDORS[name])
    vendor: type[Vendor] = loaded
    return vendor
