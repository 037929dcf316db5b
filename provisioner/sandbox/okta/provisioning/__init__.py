"""The emulated provisioning engine of Okta: sends users and groups to a SCIM endpoint over HTTP."""

from provisioner.sandbox.okta.provisioning.client import ScimError, verify
from provisioner.sandbox.okta.provisioning.groups import unlink_group
from provisioner.sandbox.okta.provisioning.push import push

__all__ = ["ScimError", "push", "unlink_group", "verify"]
