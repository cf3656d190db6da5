"""The contract of a resident language model, and what it answers with.

An engine is a file that implements `LanguageModel`. All methods yield one answer per input, in the
order of the inputs; an input that cannot be answered yields a ValueError that says why, and the
others are answered. An item's answer depends on the item and the model alone, never on the items
beside it, on their order or on their number.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Message = Mapping[str, str]
"""One turn of a conversation: ``role`` (system, user or assistant) and ``content``."""

Normalisation = Literal["sum", "mean"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The most likely of the given labels.

    ``scores`` maps each label to its log-likelihood in nats: the sum over the label's tokens of
    ln p(token | prompt and the label's tokens before it), divided by the number of tokens and less
    the label's score after the baseline only where that was asked for. The end of the text after
    the label is not part of it. Of equal scores the first label wins.
    """

    label: str
    scores: dict[str, float]
    prompt_tokens: int

    @property
    def probabilities(self) -> dict[str, float]:
        """The scores normalised over the given labels: their softmax, which sums to 1."""
        top = max(self.scores.values())
        weights = {label: math.exp(score - top) for label, score in self.scores.items()}
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}


@dataclass(frozen=True, slots=True)
class Generation:
    """A continuation of a prompt.

    ``text`` is without special tokens and ends before the stop string, if there was one;
    ``tokens`` are all sampled ids except an end-of-text token. ``finish_reason`` is ``stop`` (end
    of text or a stop string) or ``length``. ``completion_tokens`` counts all that were sampled.
    """

    text: str
    tokens: list[int]
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


class LanguageModel(ABC):
    """A causal language model that stays loaded."""

    @abstractmethod
    def choose(
        self,
        prompts: Sequence[str],
        labels: Sequence[str],
        prefix: str | None = "",
        *,
        normalisation: Normalisation = "sum",
        baseline: str | None = None,
    ) -> Iterator[Choice | ValueError]:
        """Score every label exactly as the continuation of ``prefix + prompt``, for each prompt.

        ``prefix`` is what all prompts begin with; its state is computed once and kept. None means
        that the prompts are whole, and what they share is found: the answers are then the same but
        for rounding, which depends on what the items of the batch share. Labels are taken
        literally: after a prompt that ends with a colon they usually begin with a space.

        ``normalisation`` is ``sum`` (the log-likelihood) or ``mean`` (the same per token).
        ``baseline`` is a prompt without content: from each score that of the label after
        ``prefix + baseline`` is subtracted, which takes away what makes a label likely anywhere.
        Raises ValueError when the labels are empty, repeated, or one of them has no tokens, and
        when the baseline cannot be scored.
        """

    @abstractmethod
    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int | Sequence[int],
        temperature: float | Sequence[float] = 0.0,
        top_p: float | Sequence[float] = 1.0,
        *,
        seed: int | Sequence[int | None] | None = None,
        stop: Sequence[str] | Sequence[Sequence[str]] = (),
        prefix: str | None = "",
    ) -> Iterator[Generation | ValueError]:
        """Continue each ``prefix + prompt``: greedily at temperature 0, else by nucleus sampling.

        ``prefix`` is as in `choose`.

        Every item samples from a random stream of its own, made from its seed; where that is None,
        from a hash of its prompt. Each argument may be a sequence with one value per item.
        """

    @abstractmethod
    def chat(
        self,
        conversations: Sequence[Sequence[Message]],
        max_new_tokens: int | Sequence[int],
        temperature: float | Sequence[float] = 0.0,
        top_p: float | Sequence[float] = 1.0,
        *,
        seed: int | Sequence[int | None] | None = None,
        stop: Sequence[str] | Sequence[Sequence[str]] = (),
        template: Literal["model", "plain"] = "model",
        find_prefix: bool = False,
    ) -> Iterator[Generation | ValueError]:
        """Answer each conversation, written out by the model's own chat template.

        A model without one answers with a ValueError, unless ``template="plain"`` chooses the plain
        form ``User: ...\\nAssistant:``. ``find_prefix``: what the conversations begin with, such as
        a system prompt, is found and computed once, with rounding as for ``prefix=None``.
        """
