"""Microsoft's documented requests, replayed: the sandbox responds with the documented status and shape.

Ids in the examples are replaced by those of objects created for them. The shape is that every member of the documented
response is in ours with the same JSON type; null matches every type, and undocumented members are allowed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.graph_examples import Replay, Stage, route_of
from tests.sandbox.graph_fixtures import open_graph

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "examples" / "graph"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the documented examples are not beside the repository"
)

# Examples with an intentionally different response.
NOT_FOLLOWED = {
    "v1.0-user-get-2": "/me needs a signed-in user; the sandbox has application permissions only",
    "v1.0-user-get-4": "selects a schema extension; the sandbox has none",
    "v1.0-user-list-6": "selects a schema extension; the sandbox has none",
    "v1.0-user-post-users-2": "a local account of a B2C tenant, without a user principal name",
    "v1.0-contrib-schema-put-1": "the example's schema is cut short; Graph needs a whole one",
    "beta-synchronization-synchronizationschema-update-1": "the example's schema is cut short; Graph needs a whole one",
    "beta-synchronization-synchronizationjob-validatecredentials-1": "the example's body is not JSON",
    "v1.0-application-delta-1": "delta queries are not served",
    "v1.0-serviceprincipal-delta-1": "delta queries are not served",
    "v1.0-oauth2permissiongrant-delta-1": "delta queries are not served",
    "v1.0-signin-get-1": "the example shows the response of the list call",
}
STATUS = {
    "v1.0-contrib-synchronization-post-jobs-1": (201, "the page's text says 201 Created, its example 200"),
    "beta-synchronization-synchronizationjob-post-1": (
        201,
        "the page's text says 201 Created, its example 200",
    ),
}
# Members of documented responses that ours lack, by the last part of their path.
MEMBERS = {
    "@odata.id": "only some older examples show it; not part of minimal metadata",
    "creationOptions": "no longer in the metadata",
    "publisherName": "no longer in the metadata",
    "isMultipleDataLocationsForServicesEnabled": "no longer in the metadata",
    "directorySizeQuota": "beta only; no longer in the v1.0 metadata",
    "endpoints": "a relation; no longer shown in line",
    "schema": "a relation of the template, read on a path of its own",
    "times": "no longer in the metadata",
    "includeProtectionLevels": "no longer in the metadata",
}
MEMBERS_OF = {
    "v1.0-group-post-groups-3": (
        {
            "createdByAppId",
            "organizationId",
            "infoCatalogs",
            "isManagementRestricted",
            "writebackConfiguration",
        },
        "members that the metadata has in beta only, or that are returned only when selected",
    ),
    "v1.0-signin-list-1": ({"@odata.nextLink"}, "the example's first page of many; here there is one"),
    "v1.0-signin-list-2": ({"@odata.nextLink"}, "the example's first page of many; here there is one"),
}


def served() -> list[str]:
    names = []
    for path in sorted(EXAMPLES.glob("*.json")):
        example = json.loads(path.read_text())
        if isinstance(example, dict) and route_of(example) is not None:
            names.append(path.stem)
    return names


def differences(documented: Any, actual: Any, path: str = "$") -> Iterator[str]:
    """Where a response lacks what the documentation shows, or has another type."""
    if documented is None or actual is None:
        return
    if isinstance(documented, dict) and isinstance(actual, dict):
        for name, value in documented.items():
            if name in actual:
                yield from differences(value, actual[name], f"{path}.{name}")
            elif name not in MEMBERS:
                yield f"{path}.{name} is missing"
    elif isinstance(documented, list) and isinstance(actual, list):
        if documented and actual:
            yield from differences(documented[0], actual[0], f"{path}[0]")
    elif kind(documented) != kind(actual):
        yield f"{path} is {kind(actual)}, documented as {kind(documented)}"


def kind(value: Any) -> str:
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


@pytest.fixture(scope="module")
def stage(seeded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_graph(seeded_home, tmp_path_factory.mktemp("examples")) as (graph, sandbox):
        sandbox.directory.set("throttling", False)
        yield Stage(graph, sandbox)


@pytest.mark.parametrize("name", served() if EXAMPLES.is_dir() else [])
def test_documented_example(stage, name):
    if name in NOT_FOLLOWED:
        pytest.skip(NOT_FOLLOWED[name])
    example = json.loads((EXAMPLES / f"{name}.json").read_text())
    response = Replay(stage, example).send()
    expected = STATUS.get(name, (example["status"], ""))[0]
    assert response.status_code == expected, response.text
    if isinstance(example["responseBody"], dict):
        allowed = MEMBERS_OF.get(name, (set(), ""))[0]
        documented = {m: value for m, value in example["responseBody"].items() if m not in allowed}
        assert list(differences(documented, response.json())) == []
    else:
        assert response.content == b""


def test_most_examples_are_replayed():
    names = served()
    assert len(names) > 100
    assert set(NOT_FOLLOWED) | set(STATUS) <= set(names)


def test_a_difference_is_reported():
    assert list(differences({"a": {"b": [1]}}, {"a": {"b": ["x"]}})) == [
        "$.a.b[0] is str, documented as number"
    ]
    assert list(differences({"a": 1}, {})) == ["$.a is missing"]
