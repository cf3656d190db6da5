"""The forms that answers must have, compiled to grammars over a model's tokens.

This is done by the library llguidance, which is imported when the first form is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from workers.inference.base import Form
from workers.inference.constraint import Constraint

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

GRAMMARS_KEPT = 64
"""Compiled grammars that are kept: the items of a task mostly have the same form."""

KINDS = ("choice", "json", "regex", "grammar")
ON_ONE_LINE: Any = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}
"""JSON as programs write it. Where any white space is allowed, small models run on in it."""

MISSING = (
    "answers of a given form need the library llguidance, which is not installed here; "
    "pip install 'pcm[inference]' brings it"
)


class Grammars:
    """Forms as constraints on the tokens of one tokenizer. ``ends`` are those that end a text."""

    def __init__(self, tokenizer: Any, ends: Collection[int | None]) -> None:
        self._tokenizer = tokenizer
        self._ends = sorted(end for end in ends if end is not None)
        self._kept = lru_cache(GRAMMARS_KEPT)(self._compiled)

    def constraint(self, form: Form) -> Constraint:
        """What holds one answer to the form.

        Raises ValueError for what is no form, for a schema, expression or grammar that the library
        refuses, in its words, and where this tokenizer cannot be used.
        """
        kind, text = _kind_and_text(form)
        vocabulary = self._vocabulary
        if isinstance(vocabulary, str):
            raise ValueError(vocabulary)

        def matcher(anew: bool) -> LLMatcher:
            if anew:
                self._kept.cache_clear()
            return self._kept(kind, text).deep_copy()

        return Constraint(vocabulary, matcher)

    def _compiled(self, kind: str, text: str) -> LLMatcher:
        from llguidance import LLMatcher, LLParserLimits

        assert not isinstance(self._vocabulary, str)
        limits = LLParserLimits(verbose_errors=False)
        try:
            definition = _definition(kind, text)
        except ValueError as error:
            raise _refusal(kind, error) from error
        matcher = LLMatcher(self._vocabulary, definition, log_level=0, limits=limits)
        if matcher.is_error():
            raise _refusal(kind, matcher.get_error())
        return matcher

    @cached_property
    def _vocabulary(self) -> LLTokenizer | str:
        """The bytes of all tokens, or why they cannot be had."""
        try:
            from llguidance.hf import from_tokenizer
        except ImportError:
            return MISSING
        if not self._ends:
            return "the model has no end-of-text token, so no answer of a form can end"
        size = max(len(self._tokenizer), self._ends[-1] + 1)
        try:
            return from_tokenizer(self._tokenizer, size, self._ends)
        except Exception as error:
            return (
                "answers of a given form need a fast tokenizer whose tokens are pieces of bytes; "
                f"the model's is another: {error}"
            )


def _kind_and_text(form: Form) -> tuple[str, str]:
    """The form as two texts, by which its grammar is kept. Raises ValueError."""
    given: Mapping[str, Any] = form if isinstance(form, Mapping) else {}
    if len(given) != 1 or not given.keys() <= set(KINDS):
        found = ", ".join(map(repr, given)) or (repr(form) if form else "nothing")
        raise ValueError(f"a form is a mapping with one of {', '.join(KINDS)}, not with {found}")
    ((kind, value),) = given.items()
    if kind == "choice" and _are_texts(value):
        return kind, json.dumps(list(value))
    if kind == "json" and isinstance(value, Mapping):
        try:
            return kind, json.dumps(value)
        except TypeError as error:
            raise _refusal(kind, error) from error
    if kind != "choice" and isinstance(value, str):
        return kind, value
    expected = {"choice": "a list of one text or more", "json": "a mapping, or JSON text"}
    what = type(value).__name__ if value else repr(value)
    raise ValueError(f"the form's {kind} must be {expected.get(kind, 'text')}, not {what}")


def _are_texts(value: object) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return False
    return len(value) > 0 and all(isinstance(text, str) for text in value)


def _definition(kind: str, text: str) -> str:
    """The grammar in llguidance's own language. Raises ValueError."""
    from llguidance import LLMatcher, grammar_from

    if kind == "json":
        return LLMatcher.grammar_from_json_schema(text, defaults=ON_ONE_LINE)
    if kind == "choice":
        # One lexeme of them all: hundreds of choices cost a parser much, and a lexer little.
        texts = " | ".join(json.dumps(one, ensure_ascii=False) for one in json.loads(text))
        return LLMatcher.grammar_from_lark(f"start: CHOICE\nCHOICE: {texts}")
    if kind == "regex":
        return LLMatcher.grammar_from_regex(text)
    return grammar_from("grammar", text)


def _refusal(kind: str, why: object) -> ValueError:
    on_one_line = " ".join(str(why).split())
    return ValueError(f"the form's {kind} is refused: {on_one_line}")
