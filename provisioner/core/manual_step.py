"""Manual steps: what no API offers, as a resource in the plan."""

from __future__ import annotations

from typing import Annotated, ClassVar

from .resource import READ_ONLY, Address, Model, Resource, Text


class StepProof(Model):
    """A field whose value proves that a manual step was done."""

    address: Address
    field: str


class ManualStep(Resource):
    """A step that an admin does in a console. The plan waits for it without failing.

    Attributes:
        title: what to do, in a few words.
        location: the console and the page in it.
        instructions: the clicks, in order, with the exact values.
        outputs: environment variables to set afterwards, each with what it contains.
        completed: the values of ``outputs`` are known already.
        output: the value that the step has just returned.
        proofs: fields that prove, once read, that the step was done. Any one is enough.
    """

    kind: ClassVar[str] = "step"

    title: Annotated[str, READ_ONLY]
    location: Annotated[str, READ_ONLY] = ""
    instructions: Annotated[tuple[Text, ...], READ_ONLY] = ()
    outputs: Annotated[tuple[tuple[str, str], ...], READ_ONLY] = ()
    completed: Annotated[bool, READ_ONLY] = False
    output: Annotated[str, READ_ONLY] = ""
    proofs: Annotated[tuple[StepProof, ...], READ_ONLY] = ()
