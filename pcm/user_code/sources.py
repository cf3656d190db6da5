"""The source of functions, classes and modules in a form in which only the meaning matters.

Comments, formatting and line numbers do not show; docstrings do, since programs read them. Where
there is no source (a prompt, ``exec``, a lambda within a line) the code object's content serves,
which is as exact but depends on the version of Python.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from types import CodeType, FunctionType

from pcm.user_code.modules import ModuleSource

_WITHOUT_MEANING = frozenset({"kind", "type_comment", "type_ignores", "ctx"})

_FLAGS_OF_MEANING = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)


def digest(content: str | bytes) -> str:
    """A 128-bit content hash in hexadecimal digits."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def function_digest(function: FunctionType) -> str:
    """Hash of a function's source without its decorators: what those do shows in the object."""
    code = function.__code__
    # Of the code object, since ``inspect`` looks through ``__wrapped__`` of a function.
    definition = None if code.co_name == "<lambda>" else _definition(code, code.co_name)
    if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        definition.decorator_list = []
        return digest(canonical(definition))
    return digest(_code_content(code))


def class_digest(cls: type) -> str | None:
    """Hash of a class's source with its decorators; None where the source cannot be read."""
    definition = _definition(cls, cls.__name__)
    return digest(canonical(definition)) if isinstance(definition, ast.ClassDef) else None


def module_digest(module: ModuleSource) -> str:
    """Hash of a module's source."""
    try:
        return digest(canonical(ast.parse(module.text)))
    except (SyntaxError, ValueError):
        return digest(module.text)


def canonical(node: object) -> str:
    """A syntax tree as text that is the same in every version of Python that has this syntax."""
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__}={_constant(node.value)}"
    if isinstance(node, ast.AST):
        fields = (
            f"{name}={canonical(value)}"
            for name, value in ast.iter_fields(node)
            # Absent fields are left out: newer versions add fields that are empty as a rule.
            if name not in _WITHOUT_MEANING and value is not None and value != []
        )
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(canonical(element) for element in node)}]"
    return repr(node)


def _definition(of: CodeType | type, name: str) -> ast.stmt | None:
    try:
        text = inspect.getsource(of)
        if text[:1].isspace():  # not dedented, which would change strings of several lines
            tree: ast.Module | ast.stmt = ast.parse(f"if True:\n{text}").body[0]
        else:
            tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    assert isinstance(tree, ast.Module | ast.If)
    first = tree.body[0] if len(tree.body) == 1 else None
    # A file that was edited after its import gives other lines than those that run.
    return first if getattr(first, "name", None) == name else None


def _code_content(code: CodeType) -> str:
    flags = code.co_flags & _FLAGS_OF_MEANING
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    constants = "".join(f"({_constant(constant)})" for constant in code.co_consts)
    return f"{shape}{names}{code.co_code.hex()}{constants}"


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return _code_content(value)
    if isinstance(value, frozenset):  # in an order that does not depend on the hash seed
        return f"frozenset{sorted(_constant(element) for element in value)}"
    if isinstance(value, tuple):
        return f"({','.join(_constant(element) for element in value)})"
    return repr(value)
