"""Wire names: parsing, $select and bodies follow the annotations."""

from __future__ import annotations

from typing import Annotated, ClassVar

from provisioner.core.resource import READ_ONLY, Model, Resource, Text
from provisioner.providers.base.wire import Wire, build_body, parse_fields, parse_resource, select


class Part(Model):
    name: Annotated[str, Wire("displayName")]
    enabled: Annotated[bool, Wire("isEnabled", absent=True)] = True


class Thing(Resource):
    kind: ClassVar[str] = "wire-test-thing"

    title: Annotated[str | None, Wire("displayName")] = None
    version: Annotated[int | None, Wire("api.requestedVersion")] = None
    parts: Annotated[tuple[Part, ...] | None, Wire("api.parts")] = None
    tags: Annotated[tuple[Text, ...], Wire("tags")] = ()
    owner: Annotated[Part | None, Wire("owner")] = None
    id: Annotated[str | None, READ_ONLY, Wire("id")] = None
    derived: bool | None = None


def test_select_names_top_level_members_once():
    assert select(Thing) == "displayName,api,tags,owner,id"


def test_parsing_reads_nested_members_and_models():
    data = {
        "id": "1",
        "displayName": "A",
        "api": {"requestedVersion": 2, "parts": [{"displayName": "x"}]},
        "owner": {"displayName": "o", "isEnabled": False},
    }
    thing = Thing(key="k", **parse_fields(Thing, data))
    assert thing == Thing(
        key="k", title="A", version=2, parts=(Part(name="x"),), owner=Part(name="o", enabled=False), id="1"
    )


def test_a_value_that_may_be_a_reference_is_parsed_as_it_is():
    assert parse_fields(Thing, {"tags": ["a", "b"]})["tags"] == ("a", "b")


def test_computed_fields_replace_what_is_parsed():
    data = {"id": "1", "displayName": "A"}
    thing = parse_resource(Thing, "k", data, title="computed", derived=True)
    assert thing == Thing(key="k", title="computed", derived=True, parts=(), id="1")


def test_absent_members_are_none_and_absent_collections_are_empty():
    assert parse_fields(Thing, {"api": None}) == {
        "title": None,
        "version": None,
        "parts": (),
        "tags": (),
        "owner": None,
        "id": None,
    }


def test_a_body_holds_only_the_given_fields_and_joins_members_of_one_object():
    body = build_body(Thing, {"title": "B", "version": 2, "parts": (Part(name="x"),), "derived": True})
    assert body == {
        "displayName": "B",
        "api": {"requestedVersion": 2, "parts": [{"displayName": "x", "isEnabled": True}]},
    }


def test_what_is_built_is_parsed_back():
    values = {
        "title": "C",
        "version": 1,
        "parts": (Part(name="p"),),
        "tags": ("t",),
        "owner": None,
        "id": "2",
    }
    assert parse_fields(Thing, build_body(Thing, values)) == values
