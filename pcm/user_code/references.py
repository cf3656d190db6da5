"""What a function refers to, read from its code object: global names, closure, defaults, imports.

The byte code is asked and not the source, since it is there for every function and has resolved
which names are local, free and global.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Literal, NamedTuple

from pcm.user_code.modules import is_user_module

_LOAD_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_LOAD_ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD"})


class Import(NamedTuple):
    """An import statement in a function's body: ``from ..module import names`` has level 2."""

    module: str
    names: tuple[str, ...]
    level: int


class CodeNames(NamedTuple):
    """Names in a code object and those nested in it, in order of appearance.

    ``chains``: a global name and the attributes read from it at once, (``a``, ``b``) for ``a.b``.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]


class Reference(NamedTuple):
    """One thing a function refers to.

    ``name`` reads as in the source (``helpers.PROMPT``). ``through`` lists the user's modules that
    were passed on the way to the value, each with the attribute that was read from it.
    """

    kind: Literal["global", "variable", "default"]
    name: str
    value: object
    through: tuple[tuple[ModuleType, str], ...] = ()


@lru_cache(maxsize=4096)
def code_names(code: CodeType) -> CodeNames:
    """The global names and imports of a code object, nested ones included."""
    chains: dict[tuple[str, ...], None] = {}
    imports: dict[Import, None] = {}
    instructions = list(dis.get_instructions(code))
    for position, instruction in enumerate(instructions):
        if instruction.opname in _LOAD_GLOBAL:
            chain = [instruction.argval]
            for following in instructions[position + 1 :]:
                if following.opname not in _LOAD_ATTRIBUTE:
                    break
                chain.append(following.argval)
            chains[tuple(chain)] = None
        elif instruction.opname == "IMPORT_NAME":
            level, names = (before.argval for before in instructions[position - 2 : position])
            imports[Import(instruction.argval, tuple(names or ()), level)] = None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            nested = code_names(constant)
            chains.update(dict.fromkeys(nested.chains))
            imports.update(dict.fromkeys(nested.imports))
    return CodeNames(tuple(chains), tuple(imports))


def references(function: FunctionType) -> Iterator[Reference]:
    """Everything a function refers to directly. Built-ins and undefined names are left out."""
    for chain in code_names(function.__code__).chains:
        if chain[0] in function.__globals__:
            yield _resolve(chain, function.__globals__[chain[0]])
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield Reference("variable", name, cell.cell_contents)
        except ValueError:  # an empty cell: a variable that is not assigned yet
            continue
    for parameter in _defaults(function):
        yield Reference("default", *parameter)


def imported_modules(function: FunctionType) -> Iterator[str]:
    """Full names of the user's modules that the function's body may import, some twice."""
    package = function.__globals__.get("__package__") or ""
    for statement in code_names(function.__code__).imports:
        yield from resolve_import(statement, package)


def resolve_import(statement: Import, package: str) -> Iterator[str]:
    """The user's modules that an import statement in a package may bring in."""
    base = statement.module
    if statement.level:
        parents = package.split(".")
        kept = parents[: len(parents) - statement.level + 1]
        base = ".".join([*kept, base] if base else kept)
    if not base or not is_user_module(base):
        return
    yield base
    for name in statement.names:  # each may be a module or an attribute: the caller finds out
        if name != "*":
            yield f"{base}.{name}"


def _resolve(chain: tuple[str, ...], value: object) -> Reference:
    through: list[tuple[ModuleType, str]] = []
    passed = 1
    for attribute in chain[1:]:
        if not (isinstance(value, ModuleType) and is_user_module(value.__name__)):
            break
        try:
            following = getattr(value, attribute)
        except AttributeError:
            break
        through.append((value, attribute))
        value, passed = following, passed + 1
    return Reference("global", ".".join(chain[:passed]), value, tuple(through))


def _defaults(function: FunctionType) -> Iterator[tuple[str, object]]:
    code = function.__code__
    values = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    yield from zip(positional[len(positional) - len(values) :], values, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def is_plain_function(function: object) -> bool:
    """Whether this is a function written in Python (and no coroutine function)."""
    return isinstance(function, FunctionType) and not (
        inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    )
