"""A local stand-in for Microsoft Entra ID, Okta, Kiro and the DNS, to rehearse without a tenant.

Written from the vendors' documentation, API descriptions and published samples. It imports nothing of the rest of this
package.
"""

from provisioner.sandbox.exchange import Exchange
from provisioner.sandbox.home import SandboxError
from provisioner.sandbox.sandbox import Sandbox

__all__ = ["Exchange", "Sandbox", "SandboxError"]
