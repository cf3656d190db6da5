"""The shape of a run file, as pydantic models; the JSON schema of run files is made from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from pcm.errors import InputError
from pcm.runfile.glidein_class import GlideinClass
from pcm.runfile.part import Part


def _batch(value: Any) -> int | Literal["auto"]:
    if value == "auto" or (type(value) is int and value >= 1):
        return value  # type: ignore[no-any-return]
    raise ValueError("must be auto or a whole number of items, at least 1")


BatchSize = Annotated[
    int | Literal["auto"],
    PlainValidator(_batch),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1}]}),
]


def _dashboard(value: Any) -> bool | int | str | None:
    from pcm.access import Address

    if value is not None and not isinstance(value, bool):
        try:
            Address.of(value)
        except InputError:
            raise ValueError("must be true, false, a port or ADDRESS:PORT") from None
    checked: bool | int | str | None = value
    return checked


DashboardPlace = Annotated[
    bool | int | str | None,
    PlainValidator(_dashboard),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "integer", "minimum": 0, "maximum": 65535},
                {"type": "string", "pattern": "^.+:[0-9]+$"},
                {"type": "null"},
            ]
        }
    ),
]

Reference = Annotated[
    str,
    Field(
        pattern=r"^[^:]+(\.py|[^./]):[A-Za-z_][A-Za-z0-9_.]*$",
        description="FILE.py:NAME, or PACKAGE.MODULE:NAME",
    ),
]


class Context(Part):
    """What has to be loaded before the task can run."""

    factory: Reference = Field(description="Gives the recipe when called with the arguments")
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Values; {path: P} is a path, {file: P} the text of a file, {value: V} just V",
    )


class Items(Part):
    """Where the items come from: a JSON Lines file with one object per line."""

    file: str = Field(min_length=1, description="JSON Lines, one object per line")
    key: str | None = Field(
        default=None, description="The field that names an item; without it, its place in the file"
    )
    limit: int | None = Field(default=None, ge=1, description="Only so many items from the start")
    fields: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Send only these fields to the workers (the key always goes with them)",
    )


class Output(Part):
    """One output file; a relative path lies in the run's directory."""

    jsonl: str | None = Field(default=None, min_length=1)
    parquet: str | None = Field(default=None, min_length=1)
    openai_batch: str | None = Field(default=None, min_length=1)
    errors: str | None = Field(
        default=None, min_length=1, description="Of openai_batch: the file of failed requests"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Output:
        kinds = [self.jsonl, self.parquet, self.openai_batch]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("must have exactly one of jsonl, parquet and openai_batch")
        if self.errors is not None and self.openai_batch is None:
            raise ValueError("has errors without openai_batch")
        return self


class RunFile(Part):
    """One run: a task over items, on workers that hold a context."""

    name: str = Field(default="", description="What the run is called; else the file's own name")
    task: Reference = Field(description="The task: FILE.py:NAME, or PACKAGE.MODULE:NAME")
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Bound to the task; {path: P}, {file: P} and {value: V} as in context",
    )
    context: Context
    items: Items
    engine: str = Field(
        default="local",
        min_length=1,
        description="local or taskvine; with glideins, taskvine if it is left out",
    )
    engine_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Options of the engine, such as listen, password_file and ssl of taskvine",
    )
    workers: int | None = Field(
        default=None, ge=0, description="How many to start here; else the engine's default"
    )
    glideins: list[GlideinClass] = Field(
        default_factory=list, description="Classes of HTCondor jobs to get workers from"
    )
    home: str | None = Field(
        default=None,
        min_length=1,
        description="With glideins: a directory by which a killed run finds them again; else"
        " manager/ in the run's directory",
    )
    host: str = Field(
        default="",
        description="With glideins: how the pool's nodes reach this machine; else its full name",
    )
    batch: BatchSize = "auto"
    directory: str | None = Field(
        default=None, min_length=1, description="The run's directory; else runs/NAME"
    )
    outputs: list[Output] = Field(default_factory=lambda: [Output(jsonl="results.jsonl")])
    failure_limit: int | None = Field(
        default=100,
        ge=1,
        description="Fail the run after so many failed items without a success; null: never",
    )
    telemetry: Literal["off", "advisory", "closed-loop"] = Field(
        default="advisory",
        description="Whether work goes by what workers read of their machines; closed-loop: also"
        " replace workers that stay slow",
    )

    dashboard: DashboardPlace = Field(
        default=None,
        description="Where the page of the run is served: true (the default) or false, a port of"
        " this machine's own, or ADDRESS:PORT",
    )

    @property
    def carrier(self) -> str:
        """The engine's name. Glideins need no further word about theirs."""
        implied = self.glideins and "engine" not in self.model_fields_set
        return "taskvine" if implied else self.engine
