"""The parameters of an OpenAI Batch request: which are known, and their ranges.

A parameter that would change the answer and is not carried out is refused, not ignored; with its
neutral value (the one that changes nothing) or null it is taken. Only what has no bearing on the
answer is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pcm.formats.openai_forms import FORM_FIELDS, form_problems

Problem = tuple[str, str, str]
"""(field within the body, what is wrong, how to mend it)."""

CARRIED_OUT = frozenset(
    ("max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop")
)
IGNORED = frozenset(
    (
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "user",
    )
)
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "min_p": (0,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "stream": (False,),
    "suffix": ("",),
    "tool_choice": ("none",),
    "tools": ([],),
    "top_k": (-1, 0),
    "top_logprobs": (0,),
}
MAX_STOPS = 4


def parameter_problems(body: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with the parameters of a request's body."""
    problems: list[Problem] = []
    for field, value in body.items():
        if field in CARRIED_OUT:
            is_good, mend = _RULES[field]
            if value is not None and not is_good(value):
                problems.append((field, f"is {value!r}", mend))
        elif field in NEUTRAL:
            if value is not None and not any(_same(value, neutral) for neutral in NEUTRAL[field]):
                problems.append((field, f"{value!r} is not supported", "leave it out"))
        elif field not in IGNORED | FORM_FIELDS | {"model", "messages", "prompt"}:
            problems.append((field, "is not a known parameter", "leave it out"))
    return problems + form_problems(body)


def _same(value: Any, neutral: Any) -> bool:
    # False == 0 in Python, and {"n": false} is no number of choices.
    return bool(value == neutral) and isinstance(value, bool) == isinstance(neutral, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_stops(value: object) -> bool:
    stops = value if isinstance(value, list) else [value]
    return len(stops) <= MAX_STOPS and all(isinstance(stop, str) and stop for stop in stops)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "max_tokens": (_is_count, "give a whole number from 1 up"),
    "max_completion_tokens": (_is_count, "give a whole number from 1 up"),
    "temperature": (lambda value: _is_number(value) and 0 <= value <= 2, "give a number 0 to 2"),
    "top_p": (lambda value: _is_number(value) and 0 < value <= 1, "give a number above 0, up to 1"),
    "seed": (_is_seed, "give a whole number"),
    "stop": (_are_stops, f"give text, or a list of up to {MAX_STOPS} texts"),
}
