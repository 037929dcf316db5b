"""Human steps: what has no API, as a resource like any other."""

from __future__ import annotations

from typing import Annotated, ClassVar

from .resource import OBSERVED, Address, Model, Resource, Text


class Evidence(Model):
    """A field that, once it has a value, proves that somebody did the step."""

    address: Address
    field: str


class ManualStep(Resource):
    """Something a person does in a console, that the plan waits for without failing.

    Attributes:
        title: what to do, in a few words.
        where: the console and the place in it.
        instructions: the clicks, in order, with the exact values.
        brings: environment variables to set afterwards, each with what goes in it.
        given: what the step brings is at hand already.
        brought: what somebody brought back who did it just now.
        proof: fields that prove, by reading, that the step was done.
    """

    kind: ClassVar[str] = "step"

    title: Annotated[str, OBSERVED]
    where: Annotated[str, OBSERVED] = ""
    instructions: Annotated[tuple[Text, ...], OBSERVED] = ()
    brings: Annotated[tuple[tuple[str, str], ...], OBSERVED] = ()
    given: Annotated[bool, OBSERVED] = False
    brought: Annotated[str, OBSERVED] = ""
    proof: Annotated[tuple[Evidence, ...], OBSERVED] = ()
