"""The shape of a class of glideins in a run file: the fields of ``condor.Glideins``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from pcm.runfile.part import Part

_TEXT_OR_NUMBER = WithJsonSchema({"type": ["string", "number"]})


def _quantity(example: str) -> Callable[[Any], str | int | float]:
    """What it means is for ``Glideins`` to say; but YAML takes 5e9 for text."""

    def check(value: Any) -> str | int | float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"must be text or a number, such as {example}")
        with contextlib.suppress(ValueError):
            return float(value) if isinstance(value, str) else value
        return value

    return check


def _expression(value: Any) -> str:
    """ClassAds write true, false and numbers as YAML does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("must be text, a number, true or false")


def _variable(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be text or a whole number; put it in quotes")
    return str(value)


Size = Annotated[str | int | float, PlainValidator(_quantity("40 GB")), _TEXT_OR_NUMBER]
Seconds = Annotated[str | int | float, PlainValidator(_quantity("8 h")), _TEXT_OR_NUMBER]
Expression = Annotated[
    str,
    PlainValidator(_expression),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Variable = Annotated[
    str, PlainValidator(_variable), WithJsonSchema({"type": ["string", "integer"]})
]


class GlideinClass(Part):
    """One class of HTCondor jobs that start workers."""

    name: str = Field(description="Of the class, such as a100")
    most: int = Field(description="How many there may be at a time")
    least: int = Field(default=0, description="How many there are at least while there is work")
    gpus: int = Field(default=1, description="GPUs of each; 0: none")
    gpu_memory: Size | None = Field(
        default=None, description="What each GPU has at least, such as 40 GB"
    )
    capability: float | None = Field(default=None, description="The least CUDA capability")
    require_gpus: str = Field(default="", description="As the submit command of this name")
    cpus: int = Field(default=1, description="Cores of each")
    memory: Size = Field(default="8 GB", description="Of each, such as 16 GB")
    disk: Size = Field(default="10 GB", description="Of each, such as 20 GB")
    requirements: str = Field(default="", description="As the submit command of this name")
    rank: str = Field(default="", description="As the submit command of this name")
    walltime: Seconds | None = Field(
        default=None, description="Each leaves in good order before so long, such as 8 h"
    )
    grace: Seconds = Field(
        default="60 s", description="How long an evicted one may take to return what it has"
    )
    accounting_group: str = ""
    accounting_user: str = ""
    attributes: dict[str, Expression] = Field(
        default_factory=dict,
        description="Of the job: ClassAd expressions; text has quotes of its own",
    )
    submit: dict[str, Expression] = Field(
        default_factory=dict, description="Further submit commands"
    )
    environment: dict[str, Variable] = Field(
        default_factory=dict, description="Variables for the job"
    )
    image: str = Field(
        default="", description="A container: docker://..., a .sif file, or a path on the nodes"
    )
    archive: str = Field(default="", description="A packed environment (.tar.gz) to be sent")
    python: str = Field(
        default="", description="The worker's Python: a path on the node, or in the archive"
    )
    scratch: str = Field(default="", description="A directory on the nodes; else the job's own")
    collector: str = Field(default="", description="Another pool than this machine's")
    schedd: str = Field(default="", description="Another schedd than this machine's")
    check_gpus: bool = Field(
        default=True, description="Look for the GPU first; false where GPUs are simulated"
    )
    check_match: bool = Field(
        default=True, description="Refuse it if no machine of the pool matches"
    )
