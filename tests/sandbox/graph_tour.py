"""A session that calls every route of the emulated Graph, with every kind of response."""

from __future__ import annotations

from typing import Any

import httpx

from tests.sandbox.graph_fixtures import NON_GALLERY, Kiro, Provisioned
from tests.sandboxes import Sandbox


def session(graph: httpx.Client, sandbox: Sandbox) -> None:
    """Call every route, with every kind of response."""
    kiro = Kiro(graph)
    groups = graph.get("/groups", params={"$filter": "displayName eq 'Kiro-Users'"}).json()["value"]
    group_id = groups[0]["id"]
    registrations(graph, sandbox, kiro)
    directory(graph, sandbox, group_id)
    assignments(graph, kiro, group_id)
    provisioning(graph, sandbox, group_id)
    tenant(graph, sandbox)
    deleted_items(graph, kiro)
    batch(graph)


def registrations(graph: httpx.Client, sandbox: Sandbox, kiro: Kiro) -> None:
    app_id = kiro.application["appId"]
    scopes = [
        *kiro.application["api"]["oauth2PermissionScopes"],
        {
            "id": "5f1a3d0e-52ae-4d39-9ef3-3c8c86cf1a01",
            "value": "codewhisperer:completions",
            "type": "User",
            "isEnabled": True,
            "adminConsentDisplayName": "codewhisperer:completions",
            "adminConsentDescription": "codewhisperer:completions",
            "userConsentDisplayName": None,
            "userConsentDescription": None,
        },
    ]
    graph.patch(
        kiro.app_url,
        json={
            "identifierUris": [f"api://{app_id}"],
            "api": {"oauth2PermissionScopes": scopes, "requestedAccessTokenVersion": 2},
        },
    )
    graph.patch(kiro.app_url, json={"publicClient": {"redirectUris": ["kiro://kiro.oauth/callback"]}})
    graph.patch(kiro.app_url, json={"api": {"oauth2PermissionScopes": []}})
    graph.patch(f"/applications(appId='{app_id}')", json={"tags": ["t"]})
    for url in (
        kiro.app_url,
        kiro.principal_url,
        f"/applications(appId='{app_id}')",
        f"/servicePrincipals(appId='{app_id}')",
    ):
        graph.get(url)
        graph.get(url, params={"$select": "id,appId,displayName"})
    graph.get("/applications", params={"$filter": "displayName eq 'Kiro-Entra'", "$top": "1"})
    graph.get(
        "/servicePrincipals",
        params={"$search": '"displayName:Kiro"'},
        headers={"ConsistencyLevel": "eventual"},
    )
    graph.patch(kiro.principal_url, json={"appRoleAssignmentRequired": True})
    created = graph.post("/applications", json={"displayName": "Plain"}).json()
    graph.post("/servicePrincipals", json={"appId": created["appId"]})
    alice = graph.get("/users/alice@contoso.example").json()["id"]
    for url in (kiro.app_url, kiro.principal_url):
        secret = graph.post(f"{url}/addPassword", json={"passwordCredential": {"displayName": "p"}}).json()
        graph.post(f"{url}/removePassword", json={"keyId": secret["keyId"]})
        graph.post(f"{url}/owners/$ref", json={"@odata.id": f"{sandbox.url}/v1.0/directoryObjects/{alice}"})
        graph.get(f"{url}/owners")
        graph.delete(f"{url}/owners/{alice}/$ref")
    graph.get("/applicationTemplates")
    graph.get(f"/applicationTemplates/{NON_GALLERY}")
    graph.get("/applications/00000000-0000-0000-0000-000000000001")


def directory(graph: httpx.Client, sandbox: Sandbox, group_id: str) -> None:
    users = graph.get("/users", params={"$top": "2"}).json()
    graph.get(users["@odata.nextLink"])
    alice = users["value"][0]["id"]
    password = {"forceChangePasswordNextSignIn": True, "password": "xWwvJ]6NMw+bWH-d"}
    new = {
        "accountEnabled": True,
        "displayName": "N",
        "mailNickname": "n",
        "userPrincipalName": "n@contoso.example",
        "passwordProfile": password,
    }
    user = graph.post("/users", json=new).json()["id"]
    graph.patch(f"/users/{user}", json={"department": "Sales", "businessPhones": ["+1"]})
    graph.get(f"/users/{alice}")
    graph.get(f"/users/{alice}/memberOf")
    graph.get(f"/users/{alice}/transitiveMemberOf")
    graph.get(f"/users/{alice}", params={"$select": "id,accountEnabled,userType,identities,mailNickname"})
    group = graph.post(
        "/groups",
        json={"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True},
    ).json()["id"]
    graph.patch(f"/groups/{group}", json={"description": "d"})
    for member in (user, group_id):
        graph.post(
            f"/groups/{group}/members/$ref",
            json={"@odata.id": f"{sandbox.url}/v1.0/directoryObjects/{member}"},
        )
    for relation in ("members", "transitiveMembers", "memberOf", "owners"):
        graph.get(f"/groups/{group}/{relation}")
    graph.get(f"/groups/{group_id}")
    graph.get("/groups", params={"$expand": "members"})
    graph.get(f"/groups/{group}/transitiveMemberOf")
    graph.post(f"/groups/{group}/owners/$ref", json={"@odata.id": f"{sandbox.url}/v1.0/users/{alice}"})
    graph.delete(f"/groups/{group}/owners/{alice}/$ref")
    graph.get(f"/users/{alice}/oauth2PermissionGrants")
    graph.put(f"/users/{user}/manager/$ref", json={"@odata.id": f"{sandbox.url}/v1.0/users/{alice}"})
    graph.get(f"/users/{user}/manager")
    graph.delete(f"/users/{user}/manager/$ref")
    graph.get(f"/users/{user}/manager")
    graph.get("/me")
    service = graph_principal(graph)["id"]
    for url in (
        f"/users/{alice}",
        f"/groups/{group}",
        f"/servicePrincipals/{service}",
        f"/directoryObjects/{alice}",
    ):
        for action in ("getMemberGroups", "getMemberObjects"):
            graph.post(f"{url}/{action}", json={"securityEnabledOnly": True})
        graph.post(f"{url}/checkMemberGroups", json={"groupIds": [group_id]})
        graph.post(f"{url}/checkMemberObjects", json={"ids": [group_id]})
    graph.delete(f"/groups/{group}/members/{user}/$ref")
    graph.post("/directoryObjects/getByIds", json={"ids": [alice, group_id], "types": ["user", "group"]})
    graph.get(f"/directoryObjects/{group_id}")
    graph.delete(f"/users/{user}")
    graph.delete(f"/groups/{group}")


def assignments(graph: httpx.Client, kiro: Kiro, group_id: str) -> None:
    body = {"principalId": group_id, "resourceId": kiro.principal["id"], "appRoleId": kiro.user_role}
    assignment_id = graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=body).json()["id"]
    graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=body)
    graph.get(f"{kiro.principal_url}/appRoleAssignedTo")
    graph.get(f"{kiro.principal_url}/appRoleAssignments")
    graph.get(f"/groups/{group_id}/appRoleAssignments")
    graph.get(f"{kiro.principal_url}/appRoleAssignedTo/{assignment_id}")
    graph.delete(f"{kiro.principal_url}/appRoleAssignedTo/{assignment_id}")
    alice = graph.get("/users/alice@contoso.example").json()["id"]
    role = next(r for r in graph_principal(graph)["appRoles"] if r["value"] == "User.Read.All")["id"]
    own = {"principalId": kiro.principal["id"], "resourceId": graph_principal(graph)["id"], "appRoleId": role}
    for url, request in (
        (f"/groups/{group_id}", body),
        (f"/users/{alice}", {**body, "principalId": alice}),
        (kiro.principal_url, own),
    ):
        assignment_id = graph.post(f"{url}/appRoleAssignments", json=request).json()["id"]
        graph.get(f"{url}/appRoleAssignments")
        graph.get(f"{url}/appRoleAssignments/{assignment_id}")
        graph.delete(f"{url}/appRoleAssignments/{assignment_id}")
    graph.get(f"{kiro.principal_url}/memberOf")
    graph.get(f"{kiro.principal_url}/transitiveMemberOf")
    consent = {
        "clientId": kiro.principal["id"],
        "consentType": "AllPrincipals",
        "resourceId": kiro.principal["id"],
        "scope": "codewhisperer:completions",
    }
    grant = graph.post("/oauth2PermissionGrants", json=consent).json()["id"]
    graph.get("/oauth2PermissionGrants", params={"$filter": f"clientId eq '{kiro.principal['id']}'"})
    graph.get(f"/oauth2PermissionGrants/{grant}")
    graph.get(f"{kiro.principal_url}/oauth2PermissionGrants")
    graph.patch(f"/oauth2PermissionGrants/{grant}", json={"scope": "codewhisperer:conversations"})
    graph.delete(f"/oauth2PermissionGrants/{grant}")


def graph_principal(graph: httpx.Client) -> dict[str, Any]:
    return graph.get("/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')").json()


def provisioning(graph: httpx.Client, sandbox: Sandbox, group_id: str) -> None:
    job = Provisioned(graph, sandbox, Kiro(graph, "Provisioned"), group_id)
    graph.get(f"{job.base}/templates")
    graph.get(f"{job.base}/templates/scim")
    graph.get(f"{job.kiro.app_url}/synchronization/templates")
    graph.get(f"{job.base}/jobs")
    graph.get(f"{job.base}/secrets")
    graph.patch(job.url, json={"synchronizationJobSettings": [{"name": "x", "value": "y"}]})
    variables = sandbox.variables()
    saved = [("BaseAddress", variables["KIRO_SCIM_ENDPOINT"]), ("SecretToken", variables["KIRO_SCIM_TOKEN"])]
    pairs = [{"key": key, "value": value} for key, value in saved]
    graph.post(f"{job.base}/jobs/validateCredentials", json={"templateId": "scim", "credentials": pairs})
    graph.post(f"{job.url}/validateCredentials", json={"useSavedCredentials": True})
    job.start()
    alice = graph.get("/users/alice@contoso.example").json()["id"]
    rule = graph.get(f"{job.url}/schema").json()["synchronizationRules"][0]["id"]
    graph.post(
        f"{job.url}/provisionOnDemand",
        json={"parameters": [{"ruleId": rule, "subjects": [{"objectId": alice, "objectTypeName": "User"}]}]},
    )
    log = graph.get("/auditLogs/provisioning").json()["value"]
    graph.get(f"/auditLogs/provisioning/{log[0]['id']}")
    graph.post(f"{job.url}/restart", json={"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}})
    job.after_cycle()
    job.save_credentials(SecretToken="wrong")
    graph.post(f"{job.url}/restart", json={"criteria": {"resetScope": "Full"}})
    job.after_cycle()
    graph.post(f"{job.url}/pause")
    graph.delete(f"{job.url}/schema")
    graph.delete(job.url)


SIGN_IN = {
    "id": "66ea54eb-6301-4ee5-be62-ff5a759b0100",
    "createdDateTime": "2026-11-20T19:15:41Z",
    "userDisplayName": "Alice Anders",
    "userPrincipalName": "alice@contoso.example",
    "userId": "26be570a-ae82-4189-b4e2-a37c6808512d",
    "appId": "de8bc8b5-d9f9-48b1-a8ad-b748da725064",
    "appDisplayName": "Kiro-Entra",
    "conditionalAccessStatus": "notApplied",
    "isInteractive": True,
    "status": {
        "errorCode": 50011,
        "failureReason": "The redirect URI does not match.",
        "additionalDetails": None,
    },
}
AUDIT = {
    "id": "Directory_1",
    "category": "ApplicationManagement",
    "result": "success",
    "activityDisplayName": "Update application",
    "activityDateTime": "2026-11-20T19:15:41Z",
    "targetResources": [],
}


def tenant(graph: httpx.Client, sandbox: Sandbox) -> None:
    for kind, name, entry in (("signIn", "signIns", SIGN_IN), ("directoryAudit", "directoryAudits", AUDIT)):
        sandbox.directory.put(kind, entry["id"], entry)
        graph.get(f"/auditLogs/{name}")
        graph.get(f"/auditLogs/{name}/{entry['id']}")
    for name in ("authorizationPolicy", "adminConsentRequestPolicy", "defaultAppManagementPolicy"):
        graph.get(f"/policies/{name}")
    for name in ("organization", "domains", "subscribedSkus"):
        first = graph.get(f"/{name}").json()["value"][0]["id"]
        graph.get(f"/{name}/{first}")
    policy = {
        "displayName": "Require MFA",
        "state": "disabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }
    base = "/identity/conditionalAccess/policies"
    policy_id = graph.post(base, json=policy).json()["id"]
    graph.get(base)
    graph.get(f"{base}/{policy_id}")
    graph.patch(f"{base}/{policy_id}", json={"state": "enabled"})
    graph.delete(f"{base}/{policy_id}")


def deleted_items(graph: httpx.Client, kiro: Kiro) -> None:
    graph.delete(kiro.principal_url)
    graph.delete(kiro.app_url)
    for kind in ("application", "servicePrincipal", "group", "user"):
        graph.get(f"/directory/deletedItems/microsoft.graph.{kind}")
    graph.get(f"/directory/deletedItems/{kiro.application['id']}")
    graph.post(f"/directory/deletedItems/{kiro.application['id']}/restore")
    graph.delete(f"/directory/deletedItems/{kiro.principal['id']}")


def batch(graph: httpx.Client) -> None:
    requests = [
        {"id": "1", "method": "GET", "url": "/groups?$top=1"},
        {"id": "2", "method": "GET", "url": "/users/unknown@contoso.example"},
    ]
    graph.post("/$batch", json={"requests": requests})
