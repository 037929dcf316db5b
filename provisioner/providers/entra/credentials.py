"""Who signs in to Microsoft Graph, and why nobody could, in our words."""

from __future__ import annotations

import base64
import json
import logging
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from provisioner.core.errors import RemoteError, UnreachableError, UsageError

from .resources import Json

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

_ATTEMPT: Final = re.compile(r"\n\t(\w+): (.*?)(?=\n\t|\nTo mitigate|\Z)", re.DOTALL)
_NOT_SET_UP: Final = re.compile(
    r"unavailable|not (fully configured|installed|found)|could not be found|requires the|'azd? (auth )?login'"
)
_NO_NETWORK: Final = re.compile(r"HTTPS?Connection|Failed to resolve|Max retries exceeded")
_REFUSED: Final = re.compile(r"AADSTS(\d+)")
_TRACE: Final = re.compile(r"\s*Trace ID: ([\w-]+).*", re.DOTALL)


@dataclass(frozen=True)
class SignedIn:
    """Whoever the machine is signed in as, for the playbook's tenant, whichever one the environment names.

    Asked for in this order: environment, workload identity (CI federation), managed identity, Azure CLI.

    Attributes:
        credential: the chain of azure-identity.
        tenant: the playbook's.
    """

    credential: TokenCredential
    tenant: str

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """An access token.

        Raises:
            RemoteError: there is none; see :func:`no_token`.
        """
        try:
            return self.credential.get_token(*scopes, **{"tenant_id": self.tenant, **options})
        except Exception as error:  # azure-identity's own errors share no root with those of its transport
            raise no_token(str(error) or type(error).__name__) from error


@dataclass(frozen=True)
class Given:
    """A credential that has its token already."""

    token: str = field(repr=False)

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """The token, good for an hour."""
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - start-up time

        return AccessToken(self.token, int(time.time()) + 3600)


def signed_in(authority: str, tenant: str) -> SignedIn:
    """Whoever the machine is signed in as.

    Args:
        authority: host of the sign-in service, such as ``login.microsoftonline.com``.
        tenant: the playbook's.

    Raises:
        UsageError: the environment holds credentials that cannot be any.
    """
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - start-up time

    library = logging.getLogger("azure.identity")
    library.addHandler(logging.NullHandler())  # else it warns on the screen of what no_token tells
    try:
        chain = DefaultAzureCredential(
            authority=authority,
            exclude_interactive_browser_credential=True,
            additionally_allowed_tenants=["*"],
        )
    except (ValueError, OSError) as error:  # a certificate that is not there, a tenant that is none
        first = str(error).partition("\n")[0] or type(error).__name__
        raise UsageError(
            f"the credentials in the environment are of no use: {first}",
            hint="correct the variables whose names begin with AZURE_",
        ) from error
    return SignedIn(chain, tenant)


def no_token(text: str) -> RemoteError:
    """Why there is no access token.

    The sign-in service's own words are kept, its trace id is the request id; its codes change over time, so none is
    interpreted (Microsoft Entra authentication and authorization error codes, introduction).

    Args:
        text: what azure-identity says, with what each credential of its chain said.
    """
    attempts = [(name, " ".join(said.split())) for name, said in _ATTEMPT.findall(text)]
    tried = [f"{name}: {said}" for name, said in attempts if not _NOT_SET_UP.search(said)]
    if attempts and not tried:
        names = ", ".join(name.removesuffix("Credential") for name, _ in attempts)
        return RemoteError(
            f"no access token for Microsoft Graph: nobody is signed in ({names})", hint=_SIGN_IN
        )
    told = "; ".join(tried) or text.partition("\n")[0]
    message = f"no access token for Microsoft Graph: {_TRACE.sub('', told)}"
    if _NO_NETWORK.search(told):
        return UnreachableError(
            message, hint="check the network and HTTPS_PROXY, then run the same command again"
        )
    code, trace = _REFUSED.search(told), _TRACE.search(told)
    return RemoteError(
        message,
        code=code.group() if code else "",
        request_id=trace.group(1) if trace else "",
        hint=_advice(told, code.group(1) if code else ""),
    )


def claims_of(token: str) -> Json:
    """The claims of a JWT, unverified: only to tell early which permission is missing. Empty if it is opaque."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


_SIGN_IN: Final = (
    "sign in with 'az login', or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET "
    "(or AZURE_FEDERATED_TOKEN_FILE in CI)"
)


def _advice(told: str, code: str) -> str:
    if "federated identity" in told:
        return "compare issuer, subject and audience of the federated credential with the pipeline's; case matters"
    looked_up = f"; the code explained: https://login.microsoftonline.com/error?code={code}" if code else ""
    return f"{_SIGN_IN}{looked_up}"
