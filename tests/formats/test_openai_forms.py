"""Forms of answers: read as OpenAI and vLLM write them, and refused by field."""

from __future__ import annotations

from typing import Any

import pytest

from pcm.formats.openai_forms import form_of, form_problems

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
OPENAI = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({}, None),
        ({"response_format": None, "structured_outputs": None}, None),
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "text"}, "guided_regex": "a"}, {"regex": "a"}),
        ({"response_format": OPENAI}, {"json": SCHEMA}),
        ({"response_format": {"type": "json_object"}}, {"json": {"type": "object"}}),
        ({"structured_outputs": {"json": SCHEMA, "regex": None}}, {"json": SCHEMA}),
        ({"structured_outputs": {"json_object": True}}, {"json": {"type": "object"}}),
        ({"structured_outputs": {"choice": ["a", "b"]}}, {"choice": ["a", "b"]}),
        ({"structured_outputs": {"grammar": "start: A"}}, {"grammar": "start: A"}),
        ({"guided_choice": ["a"]}, {"choice": ["a"]}),
        ({"guided_json": '{"type": "object"}'}, {"json": '{"type": "object"}'}),
        ({"guided_grammar": "start: A"}, {"grammar": "start: A"}),
    ],
)
def test_all_spellings_give_a_plain_form(body: dict[str, Any], form: dict[str, Any] | None) -> None:
    assert form_problems(body) == []
    assert form_of(body) == form


@pytest.mark.parametrize(
    ("body", "field", "what"),
    [
        ({"response_format": "json"}, "response_format", "is text"),
        ({"response_format": {}}, "response_format.type", "is missing"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "'xml' is not supported"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            "is missing",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
            "is missing",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": []}}},
            "response_format.json_schema.schema",
            "is a list",
        ),
        ({"structured_outputs": {}}, "structured_outputs", "is empty"),
        ({"structured_outputs": []}, "structured_outputs", "is a list"),
        (
            {"structured_outputs": {"json": SCHEMA, "regex": "a"}},
            "structured_outputs",
            "has json and regex",
        ),
        (
            {"structured_outputs": {"structural_tag": "x"}},
            "structured_outputs.structural_tag",
            "is not supported",
        ),
        ({"structured_outputs": {"choice": []}}, "structured_outputs.choice", "is a list"),
        ({"structured_outputs": {"regex": 1}}, "structured_outputs.regex", "is a whole number"),
        ({"guided_choice": "ab"}, "guided_choice", "is text"),
        ({"guided_json": ["a"]}, "guided_json", "is a list"),
        (
            {"guided_regex": "a", "response_format": OPENAI},
            "response_format",
            "is given beside guided_regex",
        ),
    ],
)
def test_what_is_wrong_is_said_by_field(body: dict[str, Any], field: str, what: str) -> None:
    ((at, problem, mend),) = form_problems(body)
    assert (at, problem) == (field, what)
    assert mend.startswith("give ")
