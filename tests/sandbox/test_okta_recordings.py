"""Recorded real traffic, replayed: same status, same error code, every recorded member with its type and value.

Ids are translated as responses arrive. What the recorded org had before the recording began is prepared by name.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioner.sandbox import Exchange, faults
from tests.okta_contract import ABSENT, CONTRACTS, OktaContract
from tests.sandbox.okta_fixtures import Org
from tests.sandbox.okta_recordings import (
    RECORDINGS,
    IdMap,
    Recorded,
    load,
    shape_differences,
    value_differences,
)
from tests.sandboxes import Sandbox

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings are not beside the repository"
)

# Recordings of behaviour that the sandbox does not have.
UNSUPPORTED = {
    "TestAccDataSourceOktaGroup_read_oie-00": "links of PROVISIONED users and a filter besides q are not emulated",
    "TestAccResourceOktaAppSignOnPolicyRule_AUTH_METHOD_CHAIN_oie-00": "app sign-in policies cannot be created",
    "TestAppUpdateStatus_update_auto_login_app_oie-00": "the app of this recording is not in the catalog",
    "TestAppUpdateStatus_update_bookmark_app_oie-00": "an inactive bookmark app cannot be replaced",
}
HEADERS = (
    "x-okta-request-id",
    "x-rate-limit-limit",
    "x-rate-limit-remaining",
    "x-rate-limit-reset",
    "date",
)
# Requests that are not replayed.
NOT_SERVED = {
    r"^/api/v1/idps(/|$)": "identity providers are not part of the sandbox; their mappings are prepared",
}
# Intended differences: part of the recording's name, pattern of the difference, reason. An unused entry fails a test.
DEVIATIONS = (
    (
        "",
        r"GET /api/v1/policies\?type=ACCESS_POLICY: \$ has \d+ items",
        "recorded in orgs with other policies",
    ),
    (
        "",
        r"\$(\[\])?\.universalLogout is None",
        "depends on the org: recorded as null, UNSUPPORTED and DISABLED",
    ),
    ("", r"okta-organization: \$\.(cell|settings\.\w+) is", "recorded in other cells, with other features"),
    (
        "",
        r"oauth-authorization-server: \$\.scopes_supported",
        "the sandbox has the scopes of the endpoints that it serves",
    ),
    ("AuthServerScopes_read", r"default/scopes: \$ has 7 items", "recorded in an org with other scopes"),
    (
        "test_list_oauth2_scopes",
        r"/scopes: \$ has 8 items, recorded 7",
        "recorded in 2020, before device_sso",
    ),
    (
        "test_assign_group_app",
        r"extendedProperties is missing",
        "recorded in 2020; current responses lack it",
    ),
    ("test_list_applications", r"ACTIVE%22: \$ has 4 items", "recorded in an org with other apps"),
    (
        "ProfileMappingResource",
        r"/mappings[^:]*: \$ has \d+ items, recorded 20",
        "recorded in an org with more apps",
    ),
    ("ProfileMapping_crud", r"/mappings\?limit=200: \$ has \d+ items", "recorded in an org with other apps"),
    (
        "ProfileMapping_crud",
        r"source\.name is 'okta_org2org'",
        "another app stands in for the identity provider",
    ),
    ("BaseSchema_change", r"\$\.name is 'oidc_client_\w+'", "ends with random letters"),
    (
        "AppGroupAssignment_crud",
        r"^\d+ PUT \S*: \$\.priority is 0, recorded 1$",
        "recorded while another group was being assigned; a moment later it was 0",
    ),
)


def names() -> list[str]:
    return [path.stem for path in sorted(RECORDINGS.glob("*/*.yaml"))]


def path_of(name: str) -> Path:
    return next(RECORDINGS.glob(f"*/{name}.yaml"))


class Replay:
    """The replay of one recording against a sandbox, and its differences: request and text."""

    def __init__(self, name: str, sandbox: Sandbox) -> None:
        self.name = name
        self.sandbox = sandbox
        self.org = Org(sandbox)
        self.ids = IdMap()
        self.differences: list[tuple[str, str]] = []

    def run(self) -> None:
        interactions = load(path_of(self.name))
        for prefix, prepare in PREPARATIONS.items():
            if self.name.startswith(prefix):
                prepare(self, interactions)
        for number, recorded in enumerate(interactions):
            if not any(re.search(pattern, recorded.path) for pattern in NOT_SERVED):
                self.send(number, recorded)

    def send(self, number: int, recorded: Recorded) -> None:
        if recorded.status == 429:
            self.sandbox.okta.set("rate_limits", {"apps": 0})
        path = self.ids.translate(recorded.path)
        body = json.loads(self.ids.translate(json.dumps(_body(recorded))))
        response = self.org.send(recorded.method, path, body)
        self.sandbox.okta.set("rate_limits", {})
        request = f"{number} {recorded.method} {recorded.path}"
        self.differences += [(request, text) for text in self.compare(recorded, response)]

    def compare(self, recorded: Recorded, response: httpx.Response) -> list[str]:
        actual = response.json() if response.content else None
        if response.status_code != recorded.status:
            return [f"status {response.status_code} {response.text[:200]}, recorded {recorded.status}"]
        self.ids.add_from(recorded.response, actual)
        differences = [*shape_differences(recorded.response, actual, self.ids)]
        differences += value_differences(recorded.response, actual, self.ids)
        if (recorded.response is None) != (actual is None):
            differences.append("only one of the responses has a body")
        if recorded.status >= 400 and recorded.response:
            for name in ("errorCode", "errorSummary", "errorCauses"):
                expected = json.loads(self.ids.translate(json.dumps(recorded.response[name])))
                if actual[name] != expected:
                    differences.append(f"{name} {actual[name]!r}, recorded {expected!r}")
        for name in HEADERS:
            if name in recorded.headers and name not in response.headers:
                differences.append(f"header {name} is missing")
        if "link" in recorded.headers and 'rel="self"' not in response.headers.get("link", ""):
            differences.append("no Link to itself")
        return differences


def _body(recorded: Recorded) -> Any:  # noqa: PLR0911 (one line per kind of request)
    """The request's body; cassettes of 2020 have none, so it is built from the response."""
    if recorded.body is not None or recorded.method in ("GET", "DELETE"):
        return recorded.body
    response = recorded.response
    match recorded.path.rpartition("/")[2], response:
        case "apps", {"name": _, "label": _}:
            members = {name: response[name] for name in ("name", "label", "signOnMode")}
            return {**members, "settings": {"app": response["settings"]["app"]}}
        case "groups", {"profile": profile}:
            return {"profile": {"name": profile["name"]}}
        case "authorizationServers", {"audiences": _}:
            return {name: response[name] for name in ("name", "description", "audiences", "issuerMode")}
        case "scopes", {"name": name}:
            return {"name": name}
        case "keyRotate", _:
            return {"use": "sig"}
    return None


def without_license(replay: Replay, _interactions: list[Recorded]) -> None:
    replay.sandbox.okta.set("api_access_management", False)


def with_423_faults(replay: Replay, interactions: list[Recorded]) -> None:
    count = sum(recorded.status == 423 for recorded in interactions)
    rule = {"on": "POST /api/v1/groups/rules", "effect": "status", "status": 423, "times": count}
    faults.add(replay.sandbox.store, rule)


def with_org2org_app(replay: Replay, interactions: list[Recorded]) -> None:
    """An existing Okta Org2Org app; its features need an enabled connection."""
    settings = {
        "acsUrl": "https://a.example/acs",
        "audRestriction": "https://a.example",
        "baseUrl": "https://a.example",
    }
    app = replay.org.app({"name": "okta_org2org", "label": "Org2Org", "settings": {"app": settings}})
    replay.ids.add("0oarblaf7hWdLawNg1d7", app["id"])
    if any("/features" in recorded.path for recorded in interactions):
        body = {"profile": {"authScheme": "TOKEN", "token": "t"}}
        replay.org.ok("POST", f"apps/{app['id']}/connections/default?activate=true", body)


def with_default_server(replay: Replay, _interactions: list[Recorded]) -> None:
    server = replay.org.ok("GET", "authorizationServers/default")
    replay.ids.add("aus123456789abcdefgh", server["id"])
    replay.ids.add("abcdefghijk0123456789", server["credentials"]["signing"]["kid"])


def with_identity_provider_mapping(replay: Replay, interactions: list[Recorded]) -> None:
    """The mapping of an identity provider, as the mapping of an application instead."""
    recorded_mapping = next(
        recorded.response
        for recorded in interactions
        if recorded.method == "GET" and "/mappings/prm" in recorded.path
    )
    app = replay.org.app({"name": "okta_org2org", "label": "Google"})
    mapping_id = replay.org.ok("GET", f"mappings?sourceId={app['id']}")[0]["id"]
    store = replay.sandbox.okta
    mapping = store.get("mapping", mapping_id)
    store.put("mapping", mapping_id, {**mapping, "properties": recorded_mapping["properties"]})
    replay.ids.add(recorded_mapping["id"], mapping_id)
    replay.ids.add(recorded_mapping["source"]["id"], app["id"])
    replay.ids.add(recorded_mapping["target"]["id"], mapping["target"]["id"])


PREPARATIONS: dict[str, Callable[[Replay, list[Recorded]], None]] = {
    "TestAccResourceOktaAuthServer_fullStack": without_license,
    "TestAccResourceOktaGroupRule_423ResponseCapture": with_423_faults,
    "TestAccDataSourceOktaAppFeatures_read": with_org2org_app,
    "TestAccResourceOktaAppConnection_cru": with_org2org_app,
    "TestAccDataSourceOktaAuthServerKeys_read": with_default_server,
    "TestAccResourceOktaProfileMapping_crud": with_identity_provider_mapping,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an org, to be copied."""
    home = tmp_path_factory.mktemp("recordings")
    with Sandbox(home) as sandbox:
        assert sandbox.okta_token()
    return home


@pytest.fixture(scope="module")
def differences(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Replays a recording against a new sandbox, once, and returns its differences."""
    results: dict[str, list[str]] = {}

    def replay_once(name: str) -> list[str]:
        if name not in results:
            copy = Path(shutil.copytree(home, tmp_path_factory.mktemp("replay") / "sandbox"))
            with Sandbox(copy).start() as sandbox:
                replay = Replay(name, sandbox)
                try:
                    replay.run()
                finally:
                    replay.org.http.close()
            results[name] = [f"{request}: {text}" for request, text in replay.differences]
        return results[name]

    return replay_once


def marked_names() -> list[Any]:
    return [
        pytest.param(name, marks=pytest.mark.xfail(reason=UNSUPPORTED[name])) if name in UNSUPPORTED else name
        for name in names()
    ]


@pytest.mark.parametrize("name", marked_names())
def test_recording(name, differences):
    unexpected = [
        difference
        for difference in differences(name)
        if not any(_is_expected(deviation, name, difference) for deviation in DEVIATIONS)
    ]
    assert not unexpected, "\n".join(dict.fromkeys(unexpected))


def test_every_deviation_still_occurs(differences):
    unused = [
        deviation
        for deviation in DEVIATIONS
        if not any(
            _is_expected(deviation, name, difference) for name in names() for difference in differences(name)
        )
    ]
    assert not unused


def test_every_recording_exists():
    assert len(names()) == 36
    assert set(UNSUPPORTED) <= set(names())


def _is_expected(deviation: tuple[str, str, str], name: str, difference: str) -> bool:
    recording, pattern, _ = deviation
    return recording in name and re.search(pattern, difference) is not None


@pytest.fixture(scope="module")
def contract() -> OktaContract:
    return OktaContract()


@pytest.mark.skipif(not CONTRACTS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("name", names())
def test_the_contract_accepts_recorded_traffic(name, contract):
    """A violation in a real response would be a mistake of the contract check, or a known defect of the description."""
    exchanges = [
        Exchange(recorded.method, recorded.path, {}, _body(recorded), recorded.status, recorded.response)
        for recorded in load(path_of(name))
    ]
    assert contract.problems(exchanges) == []
