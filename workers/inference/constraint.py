"""One answer held to its form: which token may come next, and when the form is complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer


class Constraint:
    """A form's grammar and how far one answer has come in it.

    ``make`` gives a matcher at the form's beginning. Those of one form share what they have found
    out about it. When that reaches the library's limits, ``make(True)`` gives one that shares
    nothing with earlier ones, so that an item fails by what it is and not by who came before.
    """

    def __init__(self, vocabulary: LLTokenizer, make: Callable[[bool], LLMatcher]) -> None:
        self._vocabulary, self._make = vocabulary, make
        self.restart()

    def restart(self) -> None:
        """Back to the form's beginning. Raises ValueError for a form that cannot be used."""
        self._tokens: list[int] = []
        self._matcher = self._make(False)

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits [vocabulary], minus infinity for all tokens that may not come next.

        Raises ValueError if none may: the vocabulary lacks what the form needs.
        """
        biases = self._matcher.compute_logit_bias()
        if self._matcher.is_error():
            self._begin_anew()
            biases = self._matcher.compute_logit_bias()
            self._check()
        allowed = torch.frombuffer(bytearray(biases), dtype=torch.uint8) != 0
        # Models often have logits for more tokens than there are, and sometimes for fewer.
        allowed = torch.nn.functional.pad(allowed, (0, len(logits) - len(allowed)))
        if not allowed.any():
            raise self._end("the model has no token that goes on in it")
        return torch.where(allowed, logits, float("-inf"))

    def accept(self, token: int) -> bool:
        """Take an allowed token; whether the form is now complete and nothing may follow."""
        self._tokens.append(token)
        self._matcher.consume_token(token)
        if self._matcher.is_error():
            self._begin_anew()
            self._check()
        return self._matcher.is_stopped() and self._matcher.is_accepting()

    def decode(self, tokens: Sequence[int]) -> str:
        """The text in which the form is kept, byte for byte. A tokenizer's own decoding may take
        the first space away."""
        return self._vocabulary.decode_str(list(tokens))

    def _begin_anew(self) -> None:
        self._matcher = self._make(True)
        self._matcher.consume_tokens(self._tokens)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise self._end(self._matcher.get_error().removesuffix("<non-verbose/>").strip())

    def _end(self, why: str) -> ValueError:
        return ValueError(f"the form cannot be kept after {self.decode(self._tokens)!r}: {why}")
