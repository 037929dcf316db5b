"""The provisioning service of the emulated Microsoft Entra ID.

Its modules are loaded on first use: they would slow down every start of the sandbox.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisioner.sandbox.entra.provisioning.cycle import run_cycle
    from provisioner.sandbox.entra.provisioning.job import new_job
    from provisioner.sandbox.entra.provisioning.on_demand import provision_on_demand
    from provisioner.sandbox.entra.provisioning.schema_validation import schema_problems
    from provisioner.sandbox.entra.provisioning.scim_client import validate_credentials
    from provisioner.sandbox.entra.provisioning.template import default_schema, templates

__all__ = [
    "default_schema",
    "new_job",
    "provision_on_demand",
    "run_cycle",
    "schema_problems",
    "templates",
    "validate_credentials",
]

_MODULES = {
    "default_schema": "template",
    "new_job": "job",
    "provision_on_demand": "on_demand",
    "run_cycle": "cycle",
    "schema_problems": "schema_validation",
    "templates": "template",
    "validate_credentials": "scim_client",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
