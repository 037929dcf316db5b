"""Microsoft's documented requests, replayed: the sandbox answers with the documented status and shape.

Ids in the examples are replaced by those of objects made to fit. "Shape" means that every member of the documented
answer is in ours with the same JSON type; null fits every type, and what the documentation leaves out may be there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.graph_examples import Replay, Stage, route_of
from tests.sandboxes import Sandbox

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "examples" / "graph"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the documented examples are not beside the repository"
)

# Examples the sandbox answers differently on purpose.
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
    "v1.0-signin-get-1": "the example shows the answer of the list call",
}
STATUS = {
    "v1.0-contrib-synchronization-post-jobs-1": (201, "the page's text says 201 Created, its example 200"),
    "beta-synchronization-synchronizationjob-post-1": (
        201,
        "the page's text says 201 Created, its example 200",
    ),
}
# Members of documented answers that ours lack, by the last part of their path.
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


def misfits(documented: Any, answered: Any, path: str = "$") -> Iterator[str]:
    """Where an answer lacks what the documentation shows, or has another type."""
    if documented is None or answered is None:
        return
    if isinstance(documented, dict) and isinstance(answered, dict):
        for name, value in documented.items():
            if name in answered:
                yield from misfits(value, answered[name], f"{path}.{name}")
            elif name not in MEMBERS:
                yield f"{path}.{name} is missing"
    elif isinstance(documented, list) and isinstance(answered, list):
        if documented and answered:
            yield from misfits(documented[0], answered[0], f"{path}[0]")
    elif kind(documented) != kind(answered):
        yield f"{path} is {kind(answered)}, documented as {kind(documented)}"


def kind(value: Any) -> str:
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


@pytest.fixture(scope="module")
def stage(seeded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = Path(shutil.copytree(seeded_home, tmp_path_factory.mktemp("examples") / "sandbox"))
    with Sandbox(home) as sandbox:
        sandbox.directory.set("throttling", False)
        sandbox.start()
        headers = {"Authorization": f"Bearer {sandbox.access_token()}"}
        with httpx.Client(base_url=f"{sandbox.url}/v1.0", headers=headers, timeout=30, verify=False) as graph:
            yield Stage(graph, sandbox)


@pytest.mark.parametrize("name", served() if EXAMPLES.is_dir() else [])
def test_documented_example(stage, name):
    if name in NOT_FOLLOWED:
        pytest.skip(NOT_FOLLOWED[name])
    example = json.loads((EXAMPLES / f"{name}.json").read_text())
    answer = Replay(stage, example).send()
    expected = STATUS.get(name, (example["status"], ""))[0]
    assert answer.status_code == expected, answer.text
    if isinstance(example["responseBody"], dict):
        allowed = MEMBERS_OF.get(name, (set(), ""))[0]
        documented = {m: value for m, value in example["responseBody"].items() if m not in allowed}
        assert list(misfits(documented, answer.json())) == []
    else:
        assert answer.content == b""


def test_most_examples_are_replayed():
    names = served()
    assert len(names) > 100
    assert set(NOT_FOLLOWED) | set(STATUS) <= set(names)


def test_a_misfit_would_be_noticed():
    assert list(misfits({"a": {"b": [1]}}, {"a": {"b": ["x"]}})) == ["$.a.b[0] is str, documented as number"]
    assert list(misfits({"a": 1}, {})) == ["$.a is missing"]
