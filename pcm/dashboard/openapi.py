"""The schema of the API, made of the structs that it answers with."""

from __future__ import annotations

from typing import Any

import msgspec

from pcm.dashboard import views
from pcm.dashboard.questions import ItemsQuestion, Question, StreamQuestion
from pcm.dashboard.routes import RUN_ROUTES

VERSION = "1"
_REFERENCE = "#/components/schemas/{name}"


class Fault(views.View, frozen=True, kw_only=True):
    """What is wrong with a question, and what to do about it."""

    error: str
    mend: str


def schema() -> dict[str, Any]:
    """An OpenAPI 3.1 document."""
    types = [route.answer for route in RUN_ROUTES]
    types += [list[views.RunHead], views.Action, views.ActionAnswer, Fault]
    made, components = msgspec.json.schema_components(
        types, schema_hook=_anything, ref_template=_REFERENCE
    )
    of_runs, action, acted, fault = made[len(RUN_ROUTES) :]
    paths: dict[str, Any] = {
        "/api/runs": {"get": _get("The runs that are shown.", of_runs, fault)},
        "/api/stream": {
            "get": _get(
                "Server-sent events: `runs` with a list of RunHead, `overview` with an Overview.",
                {"type": "string"},
                fault,
                StreamQuestion,
                media="text/event-stream",
            )
        },
        "/metrics": {"get": _get("For Prometheus.", {"type": "string"}, fault, media="text/plain")},
    }
    for route, answer in zip(RUN_ROUTES, made, strict=False):
        paths[f"/api/runs/{{run}}/{route.path}"] = {
            "parameters": [_RUN],
            "get": _get(route.what, answer, fault, route.question),
        }
    paths["/api/runs/{run}/items.jsonl"] = {
        "parameters": [_RUN],
        "get": _get(
            "All items that were given up and match: an ItemRow a line.",
            {"type": "string"},
            fault,
            ItemsQuestion,
            media="application/x-ndjson",
        ),
    }
    paths["/api/runs/{run}/actions"] = {
        "parameters": [_RUN],
        "post": {
            "summary": "Ask the run's manager for something; with the header X-PCM-Action: 1.",
            "requestBody": {"required": True, "content": _content(action)},
            "responses": _responses(acted, fault),
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "pcm dashboard", "version": VERSION},
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "pcm_*"},
            },
        },
    }


_RUN = {"name": "run", "in": "path", "required": True, "schema": {"type": "string"}}


def _anything(_: type) -> dict[str, Any]:
    """Of what is whatever JSON has, such as a field of a log entry."""
    return {"description": "any value"}


def _get(
    what: str,
    answer: Any,
    fault: Any,
    question: type[Question] | None = None,
    media: str = "application/json",
) -> dict[str, Any]:
    return {
        "summary": what,
        "parameters": [] if question is None else _parameters(question),
        "responses": _responses(answer, fault, media),
    }


def _parameters(question: type[Question]) -> list[dict[str, Any]]:
    (_,), made = msgspec.json.schema_components([question], ref_template=_REFERENCE)
    return [
        {"name": name, "in": "query", "required": False, "schema": one}
        for name, one in made[question.__name__]["properties"].items()
    ]


def _responses(answer: Any, fault: Any, media: str = "application/json") -> dict[str, Any]:
    return {
        "200": {"description": "The answer.", "content": _content(answer, media)},
        "4XX": {"description": "What is wrong.", "content": _content(fault)},
    }


def _content(schema_of_it: Any, media: str = "application/json") -> dict[str, Any]:
    return {media: {"schema": schema_of_it}}
