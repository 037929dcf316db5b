"""Sample kinds of resource for the tests of the core, with a field for each mark, and strategies that generate them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from hypothesis import strategies as st
from pydantic import SecretStr

from provisioner.core.resource import (
    CONTAINS,
    CREATE_ONLY,
    READ_ONLY,
    SECRET,
    UNORDERED,
    KeyedBy,
    Model,
    Resource,
    Secret,
    Text,
    WriteOnlySecret,
)


class Part(Model):
    """An element of a keyed collection."""

    name: str
    size: int | None = None
    note: str | None = None
    owned: bool = False


class Thing(Resource):
    """A resource with a field for each mark."""

    kind: ClassVar[str] = "test-thing"

    title: str | None = None
    owner: Text | None = None
    pages: tuple[str, ...] | None = None
    tags: Annotated[tuple[str, ...] | None, UNORDERED] = None
    labels: Annotated[tuple[Text, ...] | None, CONTAINS] = None
    parts: Annotated[tuple[Part, ...] | None, KeyedBy("name")] = None
    region: Annotated[str | None, CREATE_ONLY] = None
    token: Annotated[Secret | None, SECRET] = None

    id: Annotated[str | None, READ_ONLY] = None


class Landmark(Resource):
    """A resource with read-only fields: plans look it up and never create it."""

    kind: ClassVar[str] = "test-landmark"

    id: Annotated[str | None, READ_ONLY] = None


words = st.sampled_from(["red", "green", "blue", "Ünïted", "o'clock", ""])
optional_words = st.none() | words
word_tuples = st.lists(words, max_size=4).map(tuple)


def parts(*, owned: st.SearchStrategy[bool]) -> st.SearchStrategy[tuple[Part, ...]]:
    """Parts with different names."""
    part = st.builds(Part, name=words, size=st.none() | st.integers(0, 3), note=optional_words, owned=owned)
    return st.lists(part, max_size=4, unique_by=lambda part: part.name).map(tuple)


@st.composite
def desired_parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """Desired parts: only the fields that the playbook contains are set."""
    complete = draw(parts(owned=st.just(False)))
    return tuple(
        Part.model_validate(part.model_dump(exclude_none=True, exclude={"owned"})) for part in complete
    )


def desired_things(key: str = "self", *, secrets: bool = False) -> st.SearchStrategy[Thing]:
    """Desired things, in which any field can be unmanaged. Secrets are optional because digests take time."""
    token = st.none() | words.map(SecretStr) if secrets else st.none()
    return st.builds(
        Thing,
        key=st.just(key),
        title=optional_words,
        pages=st.none() | word_tuples,
        tags=st.none() | word_tuples,
        labels=st.none() | word_tuples,
        parts=st.none() | desired_parts(),
        region=optional_words,
        token=token,
    )


def existing_things(key: str = "self", *, owned_parts: bool = True) -> st.SearchStrategy[Thing]:
    """Things as they are read: collections are never None, and a token is a write-only secret or missing.

    Args:
        key: the key of the things.
        owned_parts: whether this product can have created some of the parts.
    """
    return st.builds(
        Thing,
        key=st.just(key),
        title=optional_words,
        owner=optional_words,
        pages=word_tuples,
        tags=word_tuples,
        labels=word_tuples,
        parts=parts(owned=st.booleans() if owned_parts else st.just(False)),
        region=optional_words,
        token=st.none() | st.just(WriteOnlySecret()),
        id=st.just(f"id-{key}"),
    )
