"""Application templates: the gallery's "create your own application" entry (Microsoft Graph v1.0, applicationTemplate).

What instantiate creates follows Microsoft's sample for the non-gallery template in the tutorial "Configure application
proxy by using the Microsoft Graph API".
"""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents, odata
from provisioner.sandbox.entra.graph.applications import initial_domain, save
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.request import GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

NON_GALLERY_TEMPLATES = {
    "global": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
    "usgov": "4602d0b4-76bb-404b-bca9-2652e1a39c6d",
    "china": "5a532e38-1581-4918-9658-008dc27c1d68",
}
USER_ROLE = "18d14569-c3bd-439b-9a66-3a2aee01d14f"
MSIAM_ACCESS_ROLE = "b9632174-c057-4f7e-951b-be3adc52bfe6"
_TAGS = (
    "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
    "WindowsAzureActiveDirectoryIntegratedApp",
)
_HOME_PAGE = (
    "https://account.activedirectory.windowsazure.com:444/applications/default.aspx"
    "?metadata=customappsso|ISV9.1|primary|z"
)


def _template(request: GraphRequest) -> Document:
    """The only template of this cloud (setting ``cloud``: global, usgov or china)."""
    return {
        "id": NON_GALLERY_TEMPLATES[request.directory.setting("cloud", "global")],
        "displayName": "Custom",
        "homePageUrl": None,
        "supportedSingleSignOnModes": ["saml", "password", "oidc", "notSupported"],
        "supportedProvisioningTypes": ["sync"],
        "logoUrl": "https://az495088.vo.msecnd.net/app-logo/customappsso_215.png",
        "categories": [],
        "publisher": None,
        "description": None,
        "endpoints": [],
    }


def list_templates(request: GraphRequest) -> GraphResponse:
    """``GET /applicationTemplates``."""
    return odata.collection(request, [_template(request)], "applicationTemplate", "applicationTemplates")


def read_template(request: GraphRequest, key: str) -> GraphResponse:
    """``GET /applicationTemplates/{id}``."""
    return odata.entity(request, _find(request, key), "applicationTemplate", "applicationTemplates")


def _find(request: GraphRequest, key: str) -> Document:
    template = _template(request)
    if key != template["id"]:
        raise GraphError(404, "Request_ResourceNotFound", f"Application template '{key}' does not exist.")
    return template


def instantiate(request: GraphRequest, key: str) -> GraphResponse:
    """``POST /applicationTemplates/{id}/instantiate``: an application and its service principal, owned by the caller."""
    template = _find(request, key)
    body = request.json_object()
    unknown = set(body) - {"displayName", "serviceManagementReference", "@odata.type"}
    if unknown or not isinstance(body.get("displayName"), str) or not body["displayName"]:
        raise bad_request("Invalid request body: 'displayName' is required.", "BadRequest")
    application = _application(request, template["id"], body["displayName"])
    application["serviceManagementReference"] = body.get("serviceManagementReference")
    save(request, None, application)
    principal = documents.service_principal(application, request.tenant_id, _TAGS)
    principal |= {"appRoleAssignmentRequired": True, "_owners": [request.caller.principal_id]}
    request.directory.put("servicePrincipal", principal["id"], principal)
    result = {
        "@odata.context": f"{request.root}/$metadata#microsoft.graph.applicationServicePrincipal",
        "application": odata.public(application),
        "servicePrincipal": odata.public(principal),
    }
    return GraphResponse(201, result)


def _application(request: GraphRequest, template_id: str, name: str) -> Document:
    document = documents.application(name, initial_domain(request.directory))
    document |= {
        "applicationTemplateId": template_id,
        "createdByAppId": request.caller.app_id,
        "isFallbackPublicClient": False,
        "appRoles": [
            documents.app_role("User", USER_ROLE),
            documents.app_role("msiam_access", MSIAM_ACCESS_ROLE),
        ],
        "_owners": [request.caller.principal_id],
    }
    document["api"]["oauth2PermissionScopes"] = [_user_impersonation(name)]
    document["web"]["homePageUrl"] = _HOME_PAGE
    return document


def _user_impersonation(name: str) -> Document:
    purpose = f"Allow the application to access {name} on"
    return {
        "adminConsentDescription": f"{purpose} behalf of the signed-in user.",
        "adminConsentDisplayName": f"Access {name}",
        "id": documents.new_id(),
        "isEnabled": True,
        "type": "User",
        "userConsentDescription": f"{purpose} your behalf.",
        "userConsentDisplayName": f"Access {name}",
        "value": "user_impersonation",
    }
