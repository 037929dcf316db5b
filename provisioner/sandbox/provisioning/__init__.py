"""The provisioning service of the emulated Microsoft Entra ID."""

from provisioner.sandbox.provisioning.cycle import run_cycle
from provisioner.sandbox.provisioning.on_demand import provision_on_demand
from provisioner.sandbox.provisioning.schema_rules import schema_problems
from provisioner.sandbox.provisioning.scim_client import validate_credentials
from provisioner.sandbox.provisioning.template import default_schema, templates

__all__ = [
    "default_schema",
    "provision_on_demand",
    "run_cycle",
    "schema_problems",
    "templates",
    "validate_credentials",
]
