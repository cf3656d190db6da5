"""The form that an OpenAI Batch request wants its answer in: found, checked, and made plain.

As OpenAI has it: ``response_format``, of type ``json_schema`` or ``json_object``. As vLLM has it:
``structured_outputs`` with choice, json, regex, grammar or json_object, and the older fields
``guided_choice``, ``guided_json``, ``guided_regex`` and ``guided_grammar``. What a plain form is
says `workers.inference.base.Form`. Whether a schema or an expression is good shows on the worker:
a bad one is the error of its request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pcm.formats.lines import json_type

if TYPE_CHECKING:
    from pcm.formats.openai_parameters import Problem

GUIDED = {f"guided_{kind}": kind for kind in ("choice", "json", "regex", "grammar")}
FORM_FIELDS = frozenset(("response_format", "structured_outputs", *GUIDED))
ANY_OBJECT: dict[str, Any] = {"json": {"type": "object"}}

_TYPES = "give text, json_object or json_schema"


def form_problems(body: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with the form that a request's body asks for."""
    problems: list[Problem] = []
    asking: list[str] = []
    for field in sorted(FORM_FIELDS & body.keys()):
        value = body[field]
        if value is None or (field == "response_format" and value == {"type": "text"}):
            continue
        asking.append(field)
        if field in GUIDED:
            problems += _value_problems(field, GUIDED[field], value)
        elif not isinstance(value, dict):
            problems.append((field, f"is {json_type(value)}", "give an object"))
        elif field == "response_format":
            problems += _response_format_problems(value)
        else:
            problems += _structured_problems(value)
    if len(asking) > 1:
        problems.append((asking[-1], f"is given beside {asking[0]}", "give one of them"))
    return problems


def form_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The form that a body without problems asks for; None if any text will do."""
    for field in FORM_FIELDS & body.keys():
        value = body[field]
        if value is None or value == {"type": "text"}:
            continue
        if field in GUIDED:
            return {GUIDED[field]: value}
        if field == "response_format":
            is_any = value["type"] == "json_object"
            return ANY_OBJECT if is_any else {"json": value["json_schema"]["schema"]}
        given = {kind: one for kind, one in value.items() if one is not None}
        return ANY_OBJECT if "json_object" in given else given
    return None


def _response_format_problems(value: dict[str, Any]) -> list[Problem]:
    kind = value.get("type")
    if kind == "json_object":
        return []
    if kind != "json_schema":
        what = "is missing" if "type" not in value else f"{kind!r} is not supported"
        return [("response_format.type", what, _TYPES)]
    field, inner = "response_format.json_schema", value.get("json_schema")
    if not isinstance(inner, dict):
        what = f"is {json_type(inner)}" if "json_schema" in value else "is missing"
        return [(field, what, "give an object with a schema")]
    schema = inner.get("schema")
    if not isinstance(schema, dict):
        what = f"is {json_type(schema)}" if "schema" in inner else "is missing"
        return [(f"{field}.schema", what, "give a JSON schema")]
    return []


def _structured_problems(value: dict[str, Any]) -> list[Problem]:
    field = "structured_outputs"
    given = {kind: one for kind, one in value.items() if one is not None}
    kinds = (*GUIDED.values(), "json_object")
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "is empty"
        return [(field, what, f"give one of {', '.join(kinds)}")]
    ((kind, one),) = given.items()
    if kind not in kinds:
        return [(f"{field}.{kind}", "is not supported", f"give one of {', '.join(kinds)}")]
    return _value_problems(f"{field}.{kind}", kind, one)


def _value_problems(field: str, kind: str, value: Any) -> list[Problem]:
    is_good, mend = _RULES[kind]
    return [] if is_good(value) else [(field, f"is {json_type(value)}", mend)]


def _are_choices(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "choice": (_are_choices, "give a list of one text or more"),
    "json": (lambda value: isinstance(value, dict | str), "give a JSON schema"),
    "regex": (_is_text, "give a regular expression as text"),
    "grammar": (_is_text, "give a grammar as text"),
    "json_object": (lambda value: value is True, "give true"),
}
