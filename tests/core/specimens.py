"""Kinds of resource made up for the tests of the core: one field for each mark, and how to generate them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from hypothesis import strategies as st
from pydantic import SecretStr

from provisioner.core.resource import (
    CONTAINS,
    CREATE_ONLY,
    KEYED,
    READ_ONLY,
    SECRET,
    UNORDERED,
    Model,
    Reference,
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
    parts: Annotated[tuple[Part, ...] | None, KEYED("name")] = None
    born: Annotated[str | None, CREATE_ONLY] = None
    token: Annotated[Secret | None, SECRET] = None

    id: Annotated[str | None, READ_ONLY] = None


class Landmark(Resource):
    """A resource that is only looked up."""

    kind: ClassVar[str] = "test-landmark"

    id: Annotated[str | None, READ_ONLY] = None


words = st.sampled_from(["red", "green", "blue", "Ünïted", "o'clock", ""])
word_tuples = st.lists(words, max_size=4).map(tuple)
maybe_words = st.none() | words
own_id = st.just(Reference(address="test-thing/self", field="id", template="thing:{}"))


def parts(*, owned: st.SearchStrategy[bool]) -> st.SearchStrategy[tuple[Part, ...]]:
    """Parts of different names."""
    one = st.builds(Part, name=words, size=st.none() | st.integers(0, 3), note=maybe_words, owned=owned)
    return st.lists(one, max_size=4, unique_by=lambda part: part.name).map(tuple)


@st.composite
def wished_parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """Desired parts: only what the author wrote is set."""
    found = draw(parts(owned=st.just(False)))
    return tuple(Part.model_validate(part.model_dump(exclude_none=True, exclude={"owned"})) for part in found)


def desired_things(key: str = "self", *, secrets: bool = False) -> st.SearchStrategy[Thing]:
    """Desired things, any field unmanaged or not; a secret costs time."""
    token = st.none() | words.map(SecretStr) if secrets else st.none()
    return st.builds(
        Thing,
        key=st.just(key),
        title=maybe_words,
        pages=st.none() | word_tuples,
        tags=st.none() | word_tuples,
        labels=st.none() | word_tuples,
        parts=st.none() | wished_parts(),
        born=maybe_words,
        token=token,
    )


def observed_things(key: str = "self", *, ours: bool = True) -> st.SearchStrategy[Thing]:
    """Things as they are read: collections are never None, a token is sealed or missing, parts may be ours."""
    return st.builds(
        Thing,
        key=st.just(key),
        title=maybe_words,
        owner=maybe_words,
        pages=word_tuples,
        tags=word_tuples,
        labels=word_tuples,
        parts=parts(owned=st.booleans() if ours else st.just(False)),
        born=maybe_words,
        token=st.none() | st.just(WriteOnlySecret()),
        id=st.just(f"id-{key}"),
    )
