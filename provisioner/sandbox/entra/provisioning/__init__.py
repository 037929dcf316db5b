"""The provisioning service of the emulated Microsoft Entra ID."""

from provisioner.sandbox.entra.provisioning.cycle import run_cycle
from provisioner.sandbox.entra.provisioning.on_demand import provision_on_demand
from provisioner.sandbox.entra.provisioning.schema_rules import schema_problems
from provisioner.sandbox.entra.provisioning.scim_client import validate_credentials
from provisioner.sandbox.entra.provisioning.template import default_schema, templates

__all__ = [
    "default_schema",
    "provision_on_demand",
    "run_cycle",
    "schema_problems",
    "templates",
    "validate_credentials",
]
