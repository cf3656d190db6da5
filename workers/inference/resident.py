"""A transformers model that stays loaded: the first engine behind `LanguageModel`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

from workers.inference.base import Choice, Generation, LanguageModel, Message
from workers.inference.chat import chat_tokens
from workers.inference.choose import choose
from workers.inference.continuation import Continuation
from workers.inference.generate import generate, generate_plainly
from workers.inference.labels import LabelTree, label_tree
from workers.inference.limits import context_tokens, length_problem, text_problem, window_tokens
from workers.inference.order import in_order
from workers.inference.plain import choose_plainly, takes_trees
from workers.inference.prefix import NOTHING, PrefixStore
from workers.inference.sampling import per_item
from workers.inference.shapes import Shapes
from workers.inference.shortened import shortened

Tokens = list[int]

TREES_KEPT = 64
"""Batches of a task choose among the same labels again and again."""


class ResidentModel(LanguageModel):
    """See `LanguageModel` for what is promised.

    Neighbours: every item meets tensor shapes that follow from the item alone
    (`workers.inference.shapes`), so scores and sampled tokens are the same to the bit for any
    batch, any order and any number of items, in float32 and in bfloat16 on a CPU (400 claims, rows
    of 1, 8 and 32: no bit differed). Number formats, numbers of rows and threads, and the kept
    prefix against the same text without it, differ by rounding: scores by about 1e-5 in float32 and
    0.1 in bfloat16, where 2 of 400 labels are other than in float32. On a GPU the same shapes are
    used; equal bits have not been measured there.
    """

    def __init__(
        self, model: Any, tokenizer: Any, shapes: Shapes, *, slots: int, name: str = ""
    ) -> None:
        self.name = name
        self.model, self.tokenizer = model, tokenizer
        self._shapes, self._slots = shapes, slots
        self._prefixes = PrefixStore(model, tokenizer)
        self._trees = lru_cache(TREES_KEPT)(partial(label_tree, tokenizer))
        self._limit, self._window = context_tokens(model, tokenizer), window_tokens(model)
        ends = [model.generation_config.eos_token_id, tokenizer.eos_token_id]
        self._ends = {i for end in ends for i in (end if isinstance(end, list) else [end])}

    def __repr__(self) -> str:
        return f"ResidentModel({self.name!r}, {self.model.dtype}, {self.model.device})"

    @cached_property
    def takes_trees(self) -> bool:
        """Whether the fast ways give this model's own answers; found out by trying."""
        with shortened(self.model) as model:
            return takes_trees(model)

    def choose(
        self, prompts: Sequence[str], labels: Sequence[str], prefix: str = ""
    ) -> Iterator[Choice | ValueError]:
        tree = self._trees(tuple(labels))
        return in_order(self._choices(self._tokenize(prompts, prefix), tree, prefix))

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int | Sequence[int],
        temperature: float | Sequence[float] = 0.0,
        top_p: float | Sequence[float] = 1.0,
        *,
        seed: int | Sequence[int | None] | None = None,
        stop: Sequence[str] | Sequence[Sequence[str]] = (),
    ) -> Iterator[Generation | ValueError]:
        settings = {"temperature": temperature, "top_p": top_p, "seed": seed, "stop": stop}
        return in_order(self._generations(self._tokenize(prompts), max_new_tokens, settings))

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
    ) -> Iterator[Generation | ValueError]:
        rows: list[Tokens | ValueError] = []
        for conversation in conversations:
            try:
                rows.append(chat_tokens(self.tokenizer, conversation, template))
            except ValueError as error:
                rows.append(error)
        settings = {"temperature": temperature, "top_p": top_p, "seed": seed, "stop": stop}
        return in_order(self._generations(rows, max_new_tokens, settings))

    def _tokenize(self, prompts: Sequence[str], prefix: str = "") -> list[Tokens | ValueError]:
        """Each prompt's tokens, the prefix included."""
        problems = [text_problem(prompt) for prompt in prompts]
        texts = [prefix + p for p, problem in zip(prompts, problems, strict=True) if not problem]
        ids = iter(self.tokenizer(texts)["input_ids"] if texts else [])
        return [problem or next(ids) for problem in problems]

    def _choices(
        self, rows: list[Tokens | ValueError], tree: LabelTree, prefix: str
    ) -> Iterator[tuple[int, Choice | ValueError]]:
        """Each item goes the way that its own tokens decide."""
        fast: dict[int, Tokens] = {}
        alone: dict[int, Tokens] = {}
        for index, row in enumerate(rows):
            if isinstance(row, ValueError):
                yield index, row
            elif problem := length_problem(len(row), tree.longest, self._limit):
                yield index, problem
            elif not self.takes_trees or len(row) + tree.longest > self._window:
                alone[index] = row
            else:
                fast[index] = row
        state = self._prefixes.get(prefix) if fast else NOTHING
        covered = [index for index, row in fast.items() if state.covers(row)]
        others = [index for index, row in fast.items() if not state.covers(row)]
        for indices, beginning in ((covered, state), (others, NOTHING)):
            members = [fast[index] for index in indices]
            for at, choice in choose(self.model, members, beginning, tree, self._shapes):
                yield indices[at], choice
        for index, row in alone.items():
            yield index, choose_plainly(self.model, row, tree)

    def _generations(
        self,
        rows: list[Tokens | ValueError],
        max_new_tokens: int | Sequence[int],
        settings: dict[str, Any],
    ) -> Iterator[tuple[int, Generation | ValueError]]:
        samplings = per_item(len(rows), max_new_tokens=max_new_tokens, **settings)
        together: list[Continuation] = []
        alone: list[Continuation] = []
        for index, (row, sampling) in enumerate(zip(rows, samplings, strict=True)):
            if isinstance(row, ValueError):
                yield index, row
            elif isinstance(sampling, ValueError):
                yield index, sampling
            elif problem := length_problem(len(row), sampling.max_new_tokens, self._limit):
                yield index, problem
            else:
                item = Continuation(index, row, sampling, self.tokenizer, self._ends)
                fits = self.takes_trees and item.capacity_tokens <= self._window
                (together if fits else alone).append(item)
        for item in generate(self.model, together, self._slots):
            yield item.index, item.answer()
        for item in alone:
            yield item.index, generate_plainly(self.model, item).answer()
