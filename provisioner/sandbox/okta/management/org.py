"""The org itself, its custom domains, its API tokens, and the grants of its service apps.

Okta Management API 2026.06.3, OrgSettingGeneral, ApplicationGrants; Okta Developer, "API token management" and "Custom
domains" (these two are not in the subset of the description that the tests read).
"""

from __future__ import annotations

from provisioner.sandbox.okta.management import service_app
from provisioner.sandbox.okta.management.apps import find as find_app
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import invalid, not_found
from provisioner.sandbox.okta.management.log_events import app_target, note
from provisioner.sandbox.okta.management.server_documents import link
from provisioner.sandbox.store import Document


def _org(call: Call) -> Reply:
    kept: Document = call.store.setting("org")
    links = {
        "preferences": {"href": call.api("org/preferences")},
        "uploadLogo": link(call, "org/logo", "POST"),
        "oktaCommunication": {"href": call.api("org/privacy/oktaCommunication")},
        "oktaSupport": {"href": call.api("org/privacy/oktaSupport")},
        "contacts": {"href": call.api("org/contacts")},
    }
    return Reply(200, {**kept, "_links": links})


def _domains(call: Call) -> Reply:
    return Reply(200, {"domains": [_domain(call, each) for each in call.store.all("domain")]})


def _get_domain(call: Call, domain_id: str) -> Reply:
    found = call.store.get("domain", domain_id)
    if found is None:
        raise not_found(domain_id, "CustomDomain")
    return Reply(200, _domain(call, found))


def _domain(call: Call, domain: Document) -> Document:
    return {**domain, "_links": {"self": link(call, f"domains/{domain['id']}", "GET", "DELETE")}}


def _tokens(call: Call) -> Reply:
    return Reply(200, [_token(call, each) for each in call.store.all("apiToken")])


def _get_token(call: Call, token_id: str) -> Reply:
    found = call.store.get("apiToken", token_id)
    if found is None:
        raise not_found(token_id, "ApiToken")
    return Reply(200, _token(call, found))


def _revoke(call: Call, token_id: str) -> Reply:
    if call.store.get("apiToken", token_id) is None:
        raise not_found(token_id, "ApiToken")
    call.store.delete("apiToken", token_id)
    return Reply(204)


def _token(call: Call, token: Document) -> Document:
    shown = {name: value for name, value in token.items() if not name.startswith("_")}
    return {**shown, "_link": {"self": link(call, f"api-tokens/{token['id']}", "GET", "DELETE")}}


def _grants(call: Call, app_id: str) -> Reply:
    find_app(call.store, app_id)
    found = [each for each in call.store.all("grant") if each["_appId"] == app_id]
    return Reply(200, [_grant(call, each) for each in found])


def _get_grant(call: Call, app_id: str, grant_id: str) -> Reply:
    return Reply(200, _grant(call, _find_grant(call, app_id, grant_id)))


def _find_grant(call: Call, app_id: str, grant_id: str) -> Document:
    find_app(call.store, app_id)
    found = call.store.get("grant", grant_id)
    if found is None or found["_appId"] != app_id:
        raise not_found(grant_id, "OAuth2ScopeConsentGrant")
    return found


def _grant(call: Call, grant: Document) -> Document:
    app = f"apps/{grant['_appId']}"
    shown = {name: value for name, value in grant.items() if not name.startswith("_")}
    links = {
        "app": {"href": call.api(app)},
        "self": link(call, f"{app}/grants/{grant['id']}", "GET", "DELETE"),
        "client": {"href": f"{call.root}/oauth2/v1/clients/{grant['clientId']}"},
    }
    return {**shown, "issuer": call.root, "_links": links}


def _create_grant(call: Call, app_id: str) -> Reply:
    """Let a service app ask for a scope of Okta's own APIs; granting one again changes nothing (not recorded)."""
    app, sent = find_app(call.store, app_id), call.document()
    scope = sent.get("scopeId")
    if scope not in service_app.SCOPES:
        raise invalid("scopeId", f"scopeId: '{scope}' is not a scope of the org authorization server")
    if str(sent.get("issuer", "")).rstrip("/") != call.root:
        raise invalid("issuer", "issuer: must be the org authorization server")
    found = next(
        (each for each in call.store.all("grant") if (each["_appId"], each["scopeId"]) == (app_id, scope)),
        None,
    )
    if found is None:
        found = service_app.grant(call.store, app, str(scope), call.caller.id, call.caller.kind)
        note(call, "app.oauth2.client.scope.consent.grant", app_target(app))
    return Reply(201, _grant(call, found))


def _revoke_grant(call: Call, app_id: str, grant_id: str) -> Reply:
    service_app.revoke(call.store, _find_grant(call, app_id, grant_id))
    return Reply(204)


_GRANT_READ, _GRANT_MANAGE = ("okta.appGrants.read",), ("okta.appGrants.manage",)
_GRANTS, _TOKENS = "/api/v1/apps/{app_id}/grants", "/api/v1/api-tokens"
ROUTES = (
    Route("GET", "/api/v1/org", _org, ("okta.orgs.read",), "other"),
    Route("GET", "/api/v1/domains", _domains, ("okta.domains.read",), "other"),
    Route("GET", "/api/v1/domains/{domain_id}", _get_domain, ("okta.domains.read",), "other"),
    Route("GET", _TOKENS, _tokens, ("okta.apiTokens.read",), "other"),
    Route("GET", f"{_TOKENS}/{{token_id}}", _get_token, ("okta.apiTokens.read",), "other"),
    Route("DELETE", f"{_TOKENS}/{{token_id}}", _revoke, ("okta.apiTokens.manage",), "other"),
    Route("GET", _GRANTS, _grants, _GRANT_READ, "apps"),
    Route("POST", _GRANTS, _create_grant, _GRANT_MANAGE, "apps"),
    Route("GET", f"{_GRANTS}/{{grant_id}}", _get_grant, _GRANT_READ, "apps"),
    Route("DELETE", f"{_GRANTS}/{{grant_id}}", _revoke_grant, _GRANT_MANAGE, "apps"),
)
