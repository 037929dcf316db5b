"""Credentials for Microsoft Graph, and the error when there is no access token."""

from __future__ import annotations

import base64
import json
import logging
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from provisioner.core.errors import RemoteError, UnreachableError, UsageError
from provisioner.core.redaction import remember
from provisioner.providers.base.wire import Json

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

_SIGN_IN: Final = (
    "sign in with 'az login', or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET "
    "(or AZURE_FEDERATED_TOKEN_FILE in CI)"
)

# Parts of azure-identity's message: one attempt of the chain, a credential that is not configured, a failure of the
# network, a refusal by the sign-in service, and its trace id.
_ATTEMPT: Final = re.compile(r"\n\t(\w+): (.*?)(?=\n\t|\nTo mitigate|\Z)", re.DOTALL)
_NOT_CONFIGURED: Final = re.compile(
    r"unavailable|not (fully configured|installed|found)|could not be found|requires the|'azd? (auth )?login'"
)
_NO_NETWORK: Final = re.compile(r"HTTPS?Connection|Failed to resolve|Max retries exceeded")
_REFUSED: Final = re.compile(r"AADSTS(\d+)")
_TRACE: Final = re.compile(r"Trace ID: ([\w-]+)")


@dataclass(frozen=True)
class TenantCredential:
    """The credentials of this machine or pipeline, for the playbook's tenant, whatever tenant the environment names.

    They are tried in this order: environment, workload identity (CI federation), managed identity, Azure CLI.

    Attributes:
        credential: the chain of azure-identity.
        tenant: the playbook's tenant.
    """

    credential: TokenCredential
    tenant: str

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """An access token.

        Raises:
            RemoteError: there is none; see :func:`no_token_error`.
        """
        try:
            token = self.credential.get_token(*scopes, **{"tenant_id": self.tenant, **options})
        except (
            Exception
        ) as error:  # azure-identity's errors and those of its transport have no common base class
            raise no_token_error(str(error) or type(error).__name__) from error
        remember(token.token)
        return token


@dataclass(frozen=True)
class AccessTokenCredential:
    """An access token that exists already."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        remember(self.token)

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """The token, valid for an hour."""
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - start-up time

        return AccessToken(self.token, int(time.time()) + 3600)


def tenant_credential(authority: str, tenant: str) -> TenantCredential:
    """The credentials of this machine or pipeline.

    Args:
        authority: host of the sign-in service, such as ``login.microsoftonline.com``.
        tenant: the playbook's tenant.

    Raises:
        UsageError: the credentials in the environment are not valid.
    """
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - start-up time

    library = logging.getLogger("azure.identity")
    library.addHandler(logging.NullHandler())  # else it prints a warning in addition to no_token_error
    try:
        chain = DefaultAzureCredential(
            authority=authority,
            exclude_interactive_browser_credential=True,
            additionally_allowed_tenants=["*"],
        )
    except (ValueError, OSError) as error:  # a missing certificate file, an invalid tenant
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UsageError(
            f"the credentials in the environment are not valid: {reason}",
            hint="correct the variables that begin with AZURE_",
        ) from error
    return TenantCredential(chain, tenant)


def no_token_error(text: str) -> RemoteError:
    """The error when there is no access token.

    It quotes the sign-in service and does not interpret its error codes, which change over time (Microsoft Entra
    authentication and authorization error codes, introduction). The trace id becomes the request id.

    Args:
        text: azure-identity's message, which contains the message of each credential of its chain.
    """
    attempts = [(name, " ".join(message.split())) for name, message in _ATTEMPT.findall(text)]
    failed = [f"{name}: {message}" for name, message in attempts if not _NOT_CONFIGURED.search(message)]
    if attempts and not failed:
        names = ", ".join(name.removesuffix("Credential") for name, _ in attempts)
        return RemoteError(
            f"no access token for Microsoft Graph: no credentials are configured ({names})", hint=_SIGN_IN
        )
    reason = "; ".join(failed) or text.partition("\n")[0]
    code, trace = _REFUSED.search(reason), _TRACE.search(reason)
    shown = reason[: trace.start()].rstrip() if trace else reason
    message = f"no access token for Microsoft Graph: {shown}"
    if _NO_NETWORK.search(reason):
        return UnreachableError(
            message, hint="check the network and HTTPS_PROXY, then run the same command again"
        )
    return RemoteError(
        message,
        code=code.group() if code else "",
        request_id=trace.group(1) if trace else "",
        hint=_hint(reason, code.group(1) if code else ""),
    )


def _hint(reason: str, code: str) -> str:
    if "federated identity" in reason:
        return "compare issuer, subject and audience of the federated credential with the pipeline's; case matters"
    explanation = f"; the code explained: https://login.microsoftonline.com/error?code={code}" if code else ""
    return f"{_SIGN_IN}{explanation}"


def claims_of(token: str) -> Json:
    """The claims of a JWT, not verified: they only show early which permission is missing. Empty if it is opaque."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
