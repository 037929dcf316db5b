"""The human steps: what has no API, in Kiro's console and in Okta's."""

from __future__ import annotations

from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.resource import Reference, Resource

from . import observations as seen
from . import resources as kinds
from .playbook_models import ScimSection

_ONBOARDING = (
    "Select 'Sign up for Kiro', then 'Set up application as Admin', "
    "then 'Connect an existing external Identity provider', then Okta."
)
_TOKEN = "In 'Access Tokens', select 'Generate Token' and copy it: it is shown only once."  # noqa: S105 - a click path
_COPY = "Copy the 'SCIM Endpoint' from the same page. Both go into Okta, in the next step."
_UNSEEN = (
    "If this step stays open although it is done, the application does not show it: "
    "say scim: console_steps: confirmed in the playbook."
)
_SWITCHES = (
    "Select 'Edit'; enable 'Create Users', 'Update User Attributes' and 'Deactivate Users'; select 'Save'."
)
_EARLIER = (
    "People who were assigned before are provisioned with 'Force Sync', "
    "or with 'Provision User' under Assignments."
)


def human_steps(name: str, scim: ScimSection, mapped: str) -> tuple[ManualStep, ...]:
    """Kiro, Okta guide, step 3 (profile and token) and step 4 (the Provisioning tab), in order.

    Args:
        name: the playbook's.
        scim: its keys.
        mapped: the address of what must be right before provisioning is switched on.
    """
    profile, token = _in_kiro(name, scim)
    return (profile, token, *_in_okta(name, scim, (mapped, token.address)))


def _at(kind: type[Resource], name: str) -> str:
    return f"{kind.kind}/{name}"


def _in_kiro(name: str, scim: ScimSection) -> tuple[ManualStep, ManualStep]:
    confirmed = scim.console_steps == "confirmed"
    integrated = (StepProof(address=_at(seen.Provisioning, name), field="integrated"),)
    profile = ManualStep(
        key="kiro-profile",
        depends_on=(_at(kinds.Application, name), _at(kinds.PolicyRule, name)),
        title="create the Kiro profile",
        location="AWS Management Console, Kiro",
        instructions=(
            _ONBOARDING,
            Reference(
                address=_at(kinds.AuthorizationServer, name), field="issuer", template="Issuer URI: {}"
            ),
            Reference(address=_at(kinds.Application, name), field="client_id", template="Client ID: {}"),
            "Select 'Enable'.",
        ),
        completed=confirmed or scim.endpoint is not None,
        proofs=integrated,
    )
    token = ManualStep(
        key="kiro-scim-token",
        depends_on=(profile.address,),
        title="generate the SCIM token",
        location="Kiro console, Settings, Identity Management",
        instructions=(_TOKEN, _COPY),
        completed=confirmed,
        proofs=integrated,
    )
    return profile, token


def _in_okta(name: str, scim: ScimSection, after: tuple[str, ...]) -> tuple[ManualStep, ManualStep]:
    confirmed = scim.console_steps == "confirmed"
    shown = _at(seen.Provisioning, name)
    tab = f"Okta Admin Console, Applications, {scim.label}, Provisioning"
    base_url = (scim.endpoint or "the SCIM endpoint of the Kiro console").rstrip("/")
    integration = ManualStep(
        key="okta-api-integration",
        depends_on=after,
        title="let Okta provision to Kiro",
        location=f"{tab}, Integration",
        instructions=(
            "Select 'Configure API integration', tick 'Enable API integration'.",
            f"Base URL: {base_url} (without a slash at the end)",
            "API Token: the token of the Kiro console.",
            "Select 'Test API Credentials', then 'Save'.",
            _UNSEEN,
        ),
        completed=confirmed,
        proofs=(StepProof(address=shown, field="integrated"),),
    )
    switches = ManualStep(
        key="okta-to-app",
        depends_on=(integration.address,),
        title="switch provisioning on",
        location=f"{tab}, To App",
        instructions=(_SWITCHES, _EARLIER),
        completed=confirmed,
        proofs=(StepProof(address=shown, field="complete"),),
    )
    return integration, switches
