"""The growing answer to one prompt: when it ends, and what its text is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import torch

from workers.inference.base import Generation
from workers.inference.constraint import Constraint
from workers.inference.limits import NOT_FINITE
from workers.inference.sampling import Sampler, Sampling

BYTES_PER_CHARACTER = 4
SLACK_TOKENS = 8


class Continuation:
    """One item in the making. ``capacity_tokens`` is the length that it can grow to."""

    def __init__(
        self,
        index: int,
        prompt: Sequence[int],
        sampling: Sampling,
        tokenizer: Any,
        ends: Collection[int],
        constraint: Constraint | None = None,
    ) -> None:
        self.index, self.prompt = index, list(prompt)
        self.capacity_tokens = len(self.prompt) + sampling.max_new_tokens
        self._sampling, self._tokenizer, self._ends = sampling, tokenizer, ends
        self._constraint = constraint
        longest = max(map(len, sampling.stop), default=0)
        self._tail_tokens = longest * BYTES_PER_CHARACTER + SLACK_TOKENS
        self.restart()

    def restart(self) -> None:
        """Forget the answer so far. The next one is the same: its random stream begins anew."""
        self.tokens: list[int] = []
        self.finish_reason: Literal["stop", "length"] | None = None
        self._sampler = Sampler(self._sampling, self.prompt)
        if self._constraint:
            self._constraint.restart()
        self._sampled = 0
        self._error: ValueError | None = None

    @property
    def takes_the_best(self) -> bool:
        """Whether the next token is the one with the largest logit, whatever it is; ``take`` of it
        is then the same as ``grow``, so that many items' may be found in one operation."""
        return self._sampling.temperature == 0 and self._constraint is None

    def grow(self, logits: torch.Tensor) -> None:
        """Pick the next token by its logits [vocabulary] (float32 on the CPU; left as they are),
        and see whether this is the end."""
        if logits.isnan().any():
            self.fail(ValueError(NOT_FINITE))
            return
        try:
            allowed = self._constraint.mask(logits) if self._constraint else logits
            self.take(self._sampler.pick(allowed))
        except ValueError as error:
            self.fail(error)

    def take(self, token: int) -> None:
        """The next token is this one. See whether this is the end."""
        self._sampled += 1
        if token in self._ends:
            self.finish_reason = "stop"
            return
        self.tokens.append(token)
        is_complete = self._constraint is not None and self._constraint.accept(token)
        if is_complete or (
            self._stops_within(self.tokens[-self._tail_tokens :])
            and self._stops_within(self.tokens)
        ):
            self.finish_reason = "stop"
        elif self._sampled == self._sampling.max_new_tokens:
            self.finish_reason = "length"

    def fail(self, error: ValueError) -> None:
        """There is no answer, for this reason."""
        self._error = error
        self.finish_reason = "stop"

    def _stops_within(self, tokens: list[int]) -> bool:
        if not self._sampling.stop:
            return False
        text = self._decode(tokens)
        return any(stop in text for stop in self._sampling.stop)

    def _decode(self, tokens: list[int]) -> str:
        if self._constraint:
            return self._constraint.decode(tokens)
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def answer(self) -> Generation | ValueError:
        """The finished answer, or why there is none."""
        assert self.finish_reason is not None
        if self._error:
            return self._error
        text = self._decode(self.tokens)
        found = [at for stop in self._sampling.stop if (at := text.find(stop)) >= 0]
        return Generation(
            text[: min(found, default=len(text))],
            list(self.tokens),
            self.finish_reason,
            prompt_tokens=len(self.prompt),
            completion_tokens=self._sampled,
        )
