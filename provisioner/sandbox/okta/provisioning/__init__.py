"""The emulated provisioning engine of Okta: users and groups go out to a SCIM endpoint over real HTTP."""

from provisioner.sandbox.okta.provisioning.client import Refused, verify
from provisioner.sandbox.okta.provisioning.groups import unlink_group
from provisioner.sandbox.okta.provisioning.push import push

__all__ = ["Refused", "push", "unlink_group", "verify"]
