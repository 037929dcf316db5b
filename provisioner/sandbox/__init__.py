"""A local stand-in for Microsoft Entra ID, Microsoft Graph and Kiro, for trying things out without a tenant.

Written from the vendors' documentation, API descriptions and published samples; it knows nothing of the rest of this
package.
"""

from provisioner.sandbox.exchange import Exchange
from provisioner.sandbox.sandbox import Sandbox, SandboxError

__all__ = ["Exchange", "Sandbox", "SandboxError"]
