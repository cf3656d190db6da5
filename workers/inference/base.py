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
from typing import Any, Literal, TypedDict

Message = Mapping[str, str]
"""One turn of a conversation: ``role`` (system, user or assistant) and ``content``."""

Normalisation = Literal["sum", "mean"]


class Form(TypedDict, total=False):
    """What an answer must be, by exactly one of these; the names are those of vLLM's
    ``structured_outputs``.

    ``choice``: one of these texts. ``json``: JSON by this schema (a mapping, or as JSON text).
    ``regex``: a text that the expression matches as a whole, in the syntax of Rust's regex crate,
    which has no look-around and no back-references. ``grammar``: a text of this context-free
    grammar, in Lark's or GBNF's syntax.
    """

    choice: Sequence[str]
    json: Mapping[str, Any] | str
    regex: str
    grammar: str


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
    of text, a stop string or a complete form) or ``length``. ``completion_tokens`` counts all that
    were sampled.
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
        form: Form | Sequence[Form | None] | None = None,
        prefix: str | None = "",
    ) -> Iterator[Generation | ValueError]:
        """Continue each ``prefix + prompt``: greedily at temperature 0, else by nucleus sampling.

        ``prefix`` is as in `choose`.

        Every item samples from a random stream of its own, made from its seed; where that is None,
        from a hash of its prompt. Each argument may be a sequence with one value per item.

        ``form``: what the answer must be (see `Form`). Every token is picked among those with which
        it still can be, by the same settings, so an answer of finish_reason ``stop`` has the form;
        one of ``length`` has the beginning of it, and one that met a stop string ends before that.
        JSON is written on one line.
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
        form: Form | Sequence[Form | None] | None = None,
        template: Literal["model", "plain"] = "model",
        opening: Sequence[Message] = (),
        find_prefix: bool = False,
    ) -> Iterator[Generation | ValueError]:
        """Answer each conversation, written out by the model's own chat template.

        The settings are those of `generate`.

        A model without one answers with a ValueError, unless ``template="plain"`` chooses the plain
        form ``User: ...\\nAssistant:``. ``opening``: turns with which most conversations begin,
        such as a system prompt and examples. Their state is computed once and kept; conversations
        that begin otherwise are answered too. ``find_prefix``: what the conversations begin with is
        found instead, with rounding as for ``prefix=None``; not together with an opening. Raises
        ValueError for a turn of the opening without role or content.
        """
