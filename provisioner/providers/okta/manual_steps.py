"""The manual steps of Okta: what has no API, in Kiro's console and in Okta's."""

from __future__ import annotations

from typing import Final

from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.resource import Address, Reference, Resource
from provisioner.providers import kiro

from . import observations
from . import resources as kinds

_ONBOARDING: Final = (
    "Select 'Sign up for Kiro', then 'Set up application as Admin', "
    "then 'Connect an existing external Identity provider', then Okta."
)
_COPY: Final = "Copy the 'SCIM Endpoint' from the same page. Both go into Okta, in the next step."
_NOT_SHOWN: Final = (
    "If this step stays pending after you did it, the application does not show its settings: "
    "set scim: manual_steps: confirmed in the playbook."
)
_TO_APP: Final = (
    "Select 'Edit'; enable 'Create Users', 'Update User Attributes' and 'Deactivate Users'; select 'Save'."
)
_EARLIER_USERS: Final = (
    "Users that were assigned earlier are provisioned with 'Force Sync', "
    "or with 'Provision User' under Assignments."
)


def manual_steps(
    name: str, *, label: str, endpoint: str | None, confirmed: bool, depends_on: Address
) -> tuple[ManualStep, ...]:
    """Kiro, Okta guide, step 3 (profile and token) and step 4 (the Provisioning tab), in order.

    Args:
        name: the playbook's name.
        label: label of the SCIM application.
        endpoint: the SCIM endpoint, if the playbook has it.
        confirmed: the playbook states that all steps are done.
        depends_on: the resource that must be right before provisioning is enabled.
    """
    profile, token = _kiro_steps(name, profile_exists=confirmed or endpoint is not None, confirmed=confirmed)
    tab = f"Okta Admin Console, Applications, {label}, Provisioning"
    base_url = (endpoint or "the SCIM endpoint of the Kiro console").rstrip("/")
    integration = ManualStep(
        key="okta-api-integration",
        depends_on=(depends_on, token.address),
        title="connect Okta to Kiro's SCIM endpoint",
        location=f"{tab}, Integration",
        instructions=(
            "Select 'Configure API integration', tick 'Enable API integration'.",
            f"Base URL: {base_url} (without a slash at the end)",
            "API Token: the token of the Kiro console.",
            "Select 'Test API Credentials', then 'Save'.",
            _NOT_SHOWN,
        ),
        completed=confirmed,
        proofs=(_provisioning_shows(name, "integrated"),),
    )
    to_app = ManualStep(
        key="okta-to-app",
        depends_on=(integration.address,),
        title="enable provisioning of users",
        location=f"{tab}, To App",
        instructions=(_TO_APP, _EARLIER_USERS),
        completed=confirmed,
        proofs=(_provisioning_shows(name, "complete"),),
    )
    return profile, token, integration, to_app


def _kiro_steps(name: str, *, profile_exists: bool, confirmed: bool) -> tuple[ManualStep, ManualStep]:
    application, server = _address(kinds.Application, name), _address(kinds.AuthorizationServer, name)
    proofs = (_provisioning_shows(name, "integrated"),)
    profile = ManualStep(
        key="kiro-profile",
        depends_on=(application, _address(kinds.PolicyRule, name)),
        title="create the Kiro profile",
        location="AWS Management Console, Kiro",
        instructions=(
            _ONBOARDING,
            Reference(address=server, field="issuer", template="Issuer URI: {}"),
            Reference(address=application, field="client_id", template="Client ID: {}"),
            "Select 'Enable'.",
        ),
        completed=profile_exists,
        proofs=proofs,
    )
    token = ManualStep(
        key="kiro-scim-token",
        depends_on=(profile.address,),
        title="generate the SCIM token",
        location=kiro.IDENTITY_SETTINGS,
        instructions=(kiro.GENERATE_INSTRUCTION, _COPY),
        completed=confirmed,
        proofs=proofs,
    )
    return profile, token


def _provisioning_shows(name: str, field: str) -> StepProof:
    return StepProof(address=_address(observations.Provisioning, name), field=field)


def _address(kind: type[Resource], name: str) -> Address:
    return f"{kind.kind}/{name}"
