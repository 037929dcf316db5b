"""People and groups as the API answers them."""

from __future__ import annotations

from provisioner.sandbox.okta.management.call import Call
from provisioner.sandbox.store import Document

_LINKS = {
    "ACTIVE": ("suspend", "resetPassword", "expirePassword", "deactivate"),
    "SUSPENDED": ("unsuspend", "deactivate"),
    "STAGED": ("activate",),
    "PROVISIONED": ("reactivate", "deactivate"),
    "DEPROVISIONED": ("activate",),
}


def user(call: Call, document: Document) -> Document:
    """A user as the API answers it."""
    base = f"users/{document['id']}"
    links: Document = {
        name: {"href": call.api(f"{base}/lifecycle/{_snake(name)}"), "method": "POST"}
        for name in _LINKS.get(document["status"], ())
    }
    schema = f"osc{document['type']['id'][3:]}"
    links["self"] = {"href": call.api(base)}
    links["schema"] = {"href": call.api(f"meta/schemas/user/{schema}")}
    links["type"] = {"href": call.api(f"meta/types/user/{document['type']['id']}")}
    shown = {name: value for name, value in document.items() if not name.startswith("_")}
    return {**shown, "_links": links}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def group(call: Call, document: Document) -> Document:
    """A group as the API answers it."""
    base = f"groups/{document['id']}"
    sizes = ("medium", "large")
    links = {
        "logo": [
            {
                "name": size,
                "href": f"{call.root}/assets/img/logos/groups/okta-{size}.png",
                "type": "image/png",
            }
            for size in sizes
        ],
        "owners": {"href": call.api(f"{base}/owners")},
        "users": {"href": call.api(f"{base}/users")},
        "apps": {"href": call.api(f"{base}/apps")},
    }
    if document.get("_appId"):
        links["source"] = {"href": call.api(f"apps/{document['_appId']}")}
    shown = {name: value for name, value in document.items() if not name.startswith("_")}
    return {**shown, "_links": links}


def app_user(call: Call, document: Document) -> Document:
    """An application user as the API answers it."""
    shown = {
        name: value for name, value in document.items() if not name.startswith("_") and value is not None
    }
    shown["passwordChanged"] = document.get("passwordChanged")
    app_id = document["_appId"]
    links = {
        "app": {"href": call.api(f"apps/{app_id}")},
        "user": {"href": call.api(f"users/{document['id']}")},
    }
    group_id = document.get("_groupId")
    if document["scope"] == "GROUP" and group_id:
        if group_id not in call.names:
            group = call.store.get("group", group_id)
            call.names[group_id] = group["profile"]["name"] if group else ""
        links["group"] = {"href": call.api(f"groups/{group_id}"), "name": call.names[group_id]}
    return {**shown, "_links": links}
