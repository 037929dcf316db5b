"""Recorded real traffic, replayed request by request: same status, same error code, every recorded member with its type.

Ids are translated as answers come. What Okta had before a recording began, and what state it was in, is set up by name.
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
from tests.sandbox.okta_recordings import RECORDINGS, Ids, Recorded, differences, load, misfits
from tests.sandboxes import Sandbox

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings are not beside the repository"
)

# Requests that are not replayed.
NOT_SERVED = {
    r"^/api/v1/idps(/|$)": "identity providers are not part of the sandbox; what they left behind is set up",
}
# What differs on purpose: recordings, what is found, why. One that no longer occurs in any of them fails the test.
DEVIATIONS = (
    (
        "",
        r"GET /api/v1/policies\?type=ACCESS_POLICY: \$ has \d+ items",
        "recorded in orgs with policies of their own",
    ),
    (
        "",
        r"\$(\[\])?\.universalLogout is None",
        "an org's feature: recorded as null, UNSUPPORTED and DISABLED",
    ),
    ("", r"okta-organization: \$\.(cell|settings\.\w+) is", "recorded in other cells, with other features"),
    ("", r"oauth-authorization-server: \$\.scopes_supported", "the sandbox has the scopes of what it serves"),
    ("AuthServerScopes_read", r"default/scopes: \$ has 7 items", "recorded in an org with scopes of its own"),
    (
        "test_list_oauth2_scopes",
        r"/scopes: \$ has 8 items, recorded 7",
        "recorded in 2020, before device_sso",
    ),
    (
        "test_assign_group_app",
        r"extendedProperties is missing",
        "recorded in 2020; answers of today have it no more",
    ),
    ("test_list_applications", r"ACTIVE%22: \$ has 4 items", "recorded in an org with apps of its own"),
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
    ("BaseSchema_change", r"\$\.name is 'oidc_client_\w+'", "ends with letters that mean nothing"),
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
    """A sandbox, what it stands in for, and what did not fit."""

    def __init__(self, name: str, sandbox: Sandbox) -> None:
        self.name = name
        self.sandbox = sandbox
        self.org = Org(sandbox)
        self.ids = Ids()
        self.found: list[tuple[str, str]] = []

    def run(self) -> None:
        recorded = load(path_of(self.name))
        for begin, prepare in PREPARED.items():
            if self.name.startswith(begin):
                prepare(self, recorded)
        for number, each in enumerate(recorded):
            if not any(re.search(pattern, each.path) for pattern in NOT_SERVED):
                self.send(number, each)

    def send(self, number: int, recorded: Recorded) -> None:
        if recorded.status == 429:  # the minute's requests are used up at this moment
            self.sandbox.okta.set("rate_limits", {"apps": 0})
        path = self.ids.translated(recorded.path)
        body = json.loads(self.ids.translated(json.dumps(_body(recorded))))
        answer = self.org.send(recorded.method, path, body)
        self.sandbox.okta.set("rate_limits", {})
        self.judge(number, recorded, answer)

    def judge(self, number: int, recorded: Recorded, answer: httpx.Response) -> None:
        where = f"{number} {recorded.method} {recorded.path}"
        ours = answer.json() if answer.content else None
        if answer.status_code != recorded.status:
            self.found.append(
                (where, f"status {answer.status_code} {answer.text[:200]}, recorded {recorded.status}")
            )
            return
        self.ids.compare(recorded.answer, ours)
        self.found += [(where, line) for line in misfits(recorded.answer, ours, self.ids)]
        self.found += [(where, line) for line in differences(recorded.answer, ours, self.ids)]
        if (recorded.answer is None) != (ours is None):
            self.found.append((where, "one answer has a body, the other has none"))
        if recorded.status >= 400 and recorded.answer:
            for name in ("errorCode", "errorSummary", "errorCauses"):
                wanted = json.loads(self.ids.translated(json.dumps(recorded.answer[name])))
                if ours[name] != wanted:
                    self.found.append((where, f"{name} {ours[name]!r}, recorded {wanted!r}"))
        for name in (
            "x-okta-request-id",
            "x-rate-limit-limit",
            "x-rate-limit-remaining",
            "x-rate-limit-reset",
            "date",
        ):
            if name in recorded.headers and name not in answer.headers:
                self.found.append((where, f"header {name} is missing"))
        self.judge_links(where, recorded, answer)

    def judge_links(self, where: str, recorded: Recorded, answer: httpx.Response) -> None:
        if "link" in recorded.headers and 'rel="self"' not in answer.headers.get("link", ""):
            self.found.append((where, "no Link to itself"))


def _body(recorded: Recorded) -> Any:  # noqa: PLR0911 (one line per kind of request)
    """The request's body; cassettes of 2020 have none, so it is made from the answer."""
    if recorded.body is not None or recorded.method in ("GET", "DELETE"):
        return recorded.body
    answer = recorded.answer
    match recorded.path.rpartition("/")[2], answer:
        case "apps", {"name": _, "label": _}:
            wanted = {name: answer[name] for name in ("name", "label", "signOnMode")}
            return {**wanted, "settings": {"app": answer["settings"]["app"]}}
        case "groups", {"profile": profile}:
            return {"profile": {"name": profile["name"]}}
        case "authorizationServers", {"audiences": _}:
            return {name: answer[name] for name in ("name", "description", "audiences", "issuerMode")}
        case "scopes", {"name": name}:
            return {"name": name}
        case "keyRotate", _:
            return {"use": "sig"}
    return None


def unlicensed(replay: Replay, _recorded: list[Recorded]) -> None:
    replay.sandbox.okta.set("api_access_management", False)


def reconciling(replay: Replay, recorded: list[Recorded]) -> None:
    count = sum(each.status == 423 for each in recorded)
    rule = {"on": "POST /api/v1/groups/rules", "effect": "status", "status": 423, "times": count}
    faults.add(replay.sandbox.store, rule)


def org2org(replay: Replay, recorded: list[Recorded]) -> None:
    """An Okta Org2Org app that was there already; its features need an enabled connection."""
    settings = {
        "acsUrl": "https://a.example/acs",
        "audRestriction": "https://a.example",
        "baseUrl": "https://a.example",
    }
    app = replay.org.app({"name": "okta_org2org", "label": "Org2Org", "settings": {"app": settings}})
    replay.ids.learn("0oarblaf7hWdLawNg1d7", app["id"])
    if any("/features" in each.path for each in recorded):
        body = {"profile": {"authScheme": "TOKEN", "token": "t"}}
        replay.org.ok("POST", f"apps/{app['id']}/connections/default?activate=true", body)


def default_server(replay: Replay, _recorded: list[Recorded]) -> None:
    server = replay.org.ok("GET", "authorizationServers/default")
    replay.ids.learn("aus123456789abcdefgh", server["id"])
    replay.ids.learn("abcdefghijk0123456789", server["credentials"]["signing"]["kid"])


def identity_provider(replay: Replay, recorded: list[Recorded]) -> None:
    """The mapping that an identity provider came with, on an application that stands in for it."""
    shown = next(each.answer for each in recorded if each.method == "GET" and "/mappings/prm" in each.path)
    app = replay.org.app({"name": "okta_org2org", "label": "Google"})
    listed = replay.org.ok("GET", f"mappings?sourceId={app['id']}")
    store = replay.sandbox.okta
    mapping = store.get("mapping", listed[0]["id"])
    store.put("mapping", mapping["id"], {**mapping, "properties": shown["properties"]})
    replay.ids.learn(shown["id"], mapping["id"])
    replay.ids.learn(shown["source"]["id"], app["id"])
    replay.ids.learn(shown["target"]["id"], mapping["target"]["id"])


PREPARED: dict[str, Callable[[Replay, list[Recorded]], None]] = {
    "TestAccResourceOktaAuthServer_fullStack": unlicensed,
    "TestAccResourceOktaGroupRule_423ResponseCapture": reconciling,
    "TestAccDataSourceOktaAppFeatures_read": org2org,
    "TestAccResourceOktaAppConnection_cru": org2org,
    "TestAccDataSourceOktaAuthServerKeys_read": default_server,
    "TestAccResourceOktaProfileMapping_crud": identity_provider,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an org in it, to be copied."""
    home = tmp_path_factory.mktemp("recordings")
    with Sandbox(home) as sandbox:
        assert sandbox.okta_token()
    return home


@pytest.fixture(scope="module")
def found(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """What did not fit when a recording was replayed against a fresh sandbox."""
    known: dict[str, list[str]] = {}

    def replayed(name: str) -> list[str]:
        if name not in known:
            copy = Path(shutil.copytree(home, tmp_path_factory.mktemp("replay") / "sandbox"))
            with Sandbox(copy).start() as sandbox:
                replay = Replay(name, sandbox)
                try:
                    replay.run()
                finally:
                    replay.org.http.close()
            known[name] = [f"{where}: {line}" for where, line in replay.found]
        return known[name]

    return replayed


@pytest.mark.parametrize("name", names())
def test_recording(name, found):
    unexpected = [line for line in found(name) if not any(_covers(each, name, line) for each in DEVIATIONS)]
    assert not unexpected, "\n".join(dict.fromkeys(unexpected))


def test_every_deviation_still_occurs(found):
    left = [
        each
        for each in DEVIATIONS
        if not any(_covers(each, name, line) for name in names() for line in found(name))
    ]
    assert not left


def test_every_recording_is_there():
    assert len(names()) == 32


def _covers(deviation: tuple[str, str, str], name: str, line: str) -> bool:
    recording, pattern, _ = deviation
    return recording in name and re.search(pattern, line) is not None


@pytest.fixture(scope="module")
def contract() -> OktaContract:
    return OktaContract()


@pytest.mark.skipif(not CONTRACTS.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("name", names())
def test_the_judge_of_contracts_agrees_with_recorded_traffic(name, contract):
    """Whatever the judge says against real answers would be its own mistake, or a defect it has to know of."""
    exchanges = [
        Exchange(each.method, each.path, {}, _body(each), each.status, each.answer)
        for each in load(path_of(name))
    ]
    assert contract.problems(exchanges) == []
