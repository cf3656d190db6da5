"""A run that is ready to start: everything that a run file names, found and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pcm.errors import InputError
from pcm.runfile.arguments import resolved
from pcm.runfile.blame import blaming
from pcm.runfile.document import Document
from pcm.runfile.document import Path as At
from pcm.runfile.engine import engine_of
from pcm.runfile.glideins import ENGINE, glideins_of
from pcm.runfile.importing import UserCodeError, referenced
from pcm.runfile.items import ItemFile
from pcm.runfile.shape import Output, RunFile

if TYPE_CHECKING:
    from condor import Glideins
    from pcm.formats import Output as RunOutput
    from pcm.recipe import Recipe, Task

T = TypeVar("T")

MODEL = ("model",)
"""Arguments that stand for files, of a factory that does not say which do."""


@dataclass(frozen=True)
class Plan:
    """The arguments of ``Manager`` and of ``Manager.map``."""

    name: str
    task: Task
    context: Recipe
    items: ItemFile
    item_count: int
    engine: str
    engine_options: dict[str, Any]
    workers: int | None
    batch: int | Literal["auto"]
    directory: Path
    outputs: list[RunOutput]
    failure_limit: int | None
    telemetry: Literal["off", "advisory", "closed-loop"] = "advisory"
    glideins: tuple[Glideins, ...] = ()
    home: Path | None = None
    """None: the default of whoever starts the manager."""
    host: str = ""
    dashboard: bool | int | str | None = None


def prepare(
    run_file: RunFile,
    document: Document,
    *,
    engine: str | None = None,
    engine_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    directory: str | None = None,
    limit: int | None = None,
) -> Plan:
    """Find, import and check everything that the run file names; starts nothing.

    The keyword arguments override the file; a ``directory`` given so is relative to the current
    one. Raises InputError with the line and the field of what is wrong.
    """
    base = Path(document.file).absolute().parent
    name = run_file.name or Path(document.file).stem
    items = _items(run_file, document, base, limit)
    glideins = glideins_of(run_file, document, base)
    carrier, options = engine_of(
        run_file, document, base, engine=engine, options=engine_options or {}, workers=workers
    )
    where = Path(directory) if directory else base / (run_file.directory or f"runs/{name}")
    plan = Plan(
        name=name,
        task=_task(run_file, document, base),
        context=_context(run_file, document, base),
        items=items,
        item_count=items.check(),
        engine=carrier,
        engine_options=options,
        workers=run_file.workers if workers is None else workers,
        batch=run_file.batch,
        directory=Path(os.path.normpath(where.expanduser().absolute())),
        outputs=[_output(one) for one in run_file.outputs],
        failure_limit=run_file.failure_limit,
        telemetry=run_file.telemetry,
        glideins=glideins if carrier == ENGINE else (),
        home=_home(run_file, base),
        host=run_file.host,
        dashboard=run_file.dashboard,
    )
    _check_writable(plan, document)
    return plan


def _items(run_file: RunFile, document: Document, base: Path, limit: int | None) -> ItemFile:
    path = os.path.normpath(base / Path(run_file.items.file).expanduser())
    if not os.path.isfile(path):
        raise document.error(("items", "file"), f"there is no file {path}")
    fields = run_file.items.fields
    return ItemFile(
        path,
        run_file.items.key,
        limit or run_file.items.limit,
        None if fields is None else tuple(fields),
    )


def _home(run_file: RunFile, base: Path) -> Path | None:
    if run_file.home is None:
        return None
    return Path(os.path.normpath(base / Path(run_file.home).expanduser()))


def _task(run_file: RunFile, document: Document, base: Path) -> Task:
    from pcm.recipe import Task

    with blaming(document, ("task",)):
        task = referenced(run_file.task, base)
        if not isinstance(task, Task):
            problem = f"{run_file.task} is no task"
            raise InputError(problem, mend="decorate the function with @pcm.task")
    at = ("arguments",)
    arguments = resolved(run_file.arguments, at, document, base)
    bound: Task = _called(task.bind, arguments, at, document)
    with blaming(document, at):
        bound.identity  # noqa: B018 - raises if arguments are missing
    return bound


def _context(run_file: RunFile, document: Document, base: Path) -> Recipe:
    from pcm.recipe import Recipe

    mend = "decorate the loader with @pcm.context"
    reference = run_file.context.factory
    with blaming(document, ("context", "factory")):
        factory = referenced(reference, base)
        if not callable(factory):
            raise InputError(f"{reference} is no context", mend=mend)
    at = ("context", "arguments")
    arguments = resolved(run_file.context.arguments, at, document, base)
    for name in getattr(factory, "files", MODEL):
        if name in arguments:
            arguments[name] = _beside(arguments[name], base)
    recipe = _called(factory, arguments, at, document)
    if not isinstance(recipe, Recipe):
        raise document.error(
            ("context", "factory"),
            f"{reference} gave an object of type {type(recipe).__name__}, not a recipe",
            mend,
        )
    with blaming(document, at):
        recipe.identity  # noqa: B018 - raises if its files cannot be read
    return recipe


def _beside(value: Any, base: Path) -> Any:
    """A path that starts at the run file as an absolute one; anything else may be a hub id.

    ``folder/name`` is taken for a path where there is such a folder, even if it lacks the name.
    """
    if not isinstance(value, str) or not value:
        return value
    path = base / Path(value).expanduser()
    if path.exists() or (len(Path(value).parts) > 1 and path.parent.is_dir()):
        return os.path.normpath(path)
    return value


def _called(function: Callable[..., T], arguments: dict[str, Any], at: At, document: Document) -> T:
    with blaming(document, at):
        try:
            return function(**arguments)
        except InputError:
            raise
        except TypeError as error:
            raise InputError(str(error)) from None
        except Exception as error:
            raise UserCodeError(f"raised {type(error).__name__}: {error}", error) from error


def _output(output: Output) -> RunOutput:
    from pcm.formats import Jsonl, OpenAIBatch, Parquet

    if output.jsonl is not None:
        return Jsonl(output.jsonl)
    if output.parquet is not None:
        return Parquet(output.parquet)
    return OpenAIBatch(str(output.openai_batch), output.errors)


def _check_writable(plan: Plan, document: Document) -> None:
    from pcm.formats import check_outputs

    with blaming(document, ("directory",)):
        check_directory(plan.directory)
    if plan.home is not None:
        with blaming(document, ("home",)):
            check_directory(plan.home)
    for index in range(len(plan.outputs)):
        # With those before it, since two outputs must not have the same path.
        with blaming(document, ("outputs", index)):
            check_outputs(plan.outputs[: index + 1], plan.directory)


def check_directory(directory: Path) -> None:
    """Raises InputError if a run directory cannot be made here, or the one here not be used."""
    nearest = directory
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise InputError(f"{nearest} is a file", mend="give another directory")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{nearest} cannot be written to", mend="give another directory")
