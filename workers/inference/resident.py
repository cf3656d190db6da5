"""A transformers model that stays loaded: the first engine behind `LanguageModel`."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

from workers.inference.base import (
    Choice,
    Form,
    Generation,
    LanguageModel,
    Message,
    Normalisation,
)
from workers.inference.chat import chat_tokens, checked_turns, opening_tokens
from workers.inference.choose import Scores
from workers.inference.continuation import Continuation
from workers.inference.generate import generate, generate_plainly
from workers.inference.grammar import Grammars
from workers.inference.labels import LabelTree, label_tree
from workers.inference.limits import context_tokens, length_problem, text_problem, window_tokens
from workers.inference.memory import Sizes
from workers.inference.offloading import Offloading
from workers.inference.order import in_order
from workers.inference.plain import score_plainly, takes_cascades
from workers.inference.prefix import (
    NOTHING,
    Prefix,
    compute_prefix,
    shared_beginnings,
    stable_tokens,
)
from workers.inference.prefix_store import PrefixStore
from workers.inference.ranks import agree
from workers.inference.sampling import Sampling, per_item
from workers.inference.scoring import best_label, normalised, score_within_memory
from workers.inference.shortened import shortened
from workers.telemetry import progress

Tokens = list[int]

TEXTS_KEPT = 64
"""Batches of a task have the same labels, prefix and baseline again and again."""


class ResidentModel(LanguageModel):
    """See `LanguageModel` for what is promised.

    Neighbours: every item meets tensor shapes that follow from the item alone
    (`workers.inference.packing`), so scores and sampled tokens are the same to the bit for any
    batch, any order and any number of items, in float32 and in bfloat16 on a CPU. Number formats,
    other tokens per pass or slots than were proved to be equal, numbers of threads or of ranks, and
    the kept prefix against the same text without it, differ by rounding. On a GPU the same shapes
    are used; equal bits have not been measured there.
    """

    def __init__(self, model: Any, tokenizer: Any, sizes: Sizes, *, name: str = "") -> None:
        self.name, self.sizes = name, sizes
        self.model, self.tokenizer = model, tokenizer
        self.prefixes = PrefixStore(self._compute_prefix, sizes.prefix_bytes)
        self._offloading = Offloading(model, lambda: self.prefixes.tensors)
        self._stable_tokens = lru_cache(TEXTS_KEPT)(partial(stable_tokens, tokenizer))
        self._opening_tokens = lru_cache(TEXTS_KEPT)(partial(opening_tokens, tokenizer))
        self._trees = lru_cache(TEXTS_KEPT)(partial(label_tree, tokenizer))
        self._baselines = lru_cache(TEXTS_KEPT)(self._score_baseline)
        self._limit, self._window = context_tokens(model, tokenizer), window_tokens(model)
        ends = [model.generation_config.eos_token_id, tokenizer.eos_token_id]
        self._ends = {i for end in ends for i in (end if isinstance(end, list) else [end])}
        self._grammars = Grammars(tokenizer, self._ends)

    def __repr__(self) -> str:
        return f"ResidentModel({self.name!r}, {self.model.dtype}, {self.model.device})"

    @cached_property
    def takes_cascades(self) -> bool:
        """Whether the fast ways give this model's own answers; found out by trying."""
        memo = self.sizes.memo
        found = memo.takes_cascades() if memo is not None else None
        if found is None:
            with shortened(self.model) as model:
                found = bool(agree(takes_cascades(model)))
            if memo is not None:
                memo.write_takes_cascades(found)
        return found

    def choose(
        self,
        prompts: Sequence[str],
        labels: Sequence[str],
        prefix: str | None = "",
        *,
        normalisation: Normalisation = "sum",
        baseline: str | None = None,
    ) -> Iterator[Choice | ValueError]:
        tree = self._trees(tuple(labels))
        less = [0.0] * len(tree.labels)
        normalised(less, tree, normalisation)  # a wrong one is told at the call
        if baseline is not None:
            less = normalised(self._baselines(baseline, tree, prefix), tree, normalisation)
        rows = self._tokenize(prompts, prefix)

        def choice(index: int, scores: Scores | ValueError) -> Choice | ValueError:
            row = rows[index]
            if isinstance(scores, ValueError):
                return scores
            assert not isinstance(row, ValueError)
            values = normalised(scores, tree, normalisation)
            values = [value - base for value, base in zip(values, less, strict=True)]
            return best_label(tree, values, prompt_tokens=len(row))

        scored = self.sizes.watched(self._score(rows, tree, prefix))
        return in_order((index, choice(index, scores)) for index, scores in scored)

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
        settings: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "seed": seed}
        settings |= {"stop": stop, "form": form}
        rows = self._tokenize(prompts, prefix)
        shared = self._shared_tokens(prefix)
        made = self._generations(rows, max_new_tokens, settings, shared)
        return in_order(self.sizes.watched(made))

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
        if opening and find_prefix:
            raise ValueError("give an opening or have the prefix found, not both")
        shared = self._opening_tokens(checked_turns(opening), template)
        rows: list[Tokens | ValueError] = []
        for conversation in conversations:
            try:
                rows.append(chat_tokens(self.tokenizer, conversation, template))
            except ValueError as error:
                rows.append(error)
        settings: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "seed": seed}
        settings |= {"stop": stop, "form": form}
        given = None if find_prefix else shared
        made = self._generations(rows, max_new_tokens, settings, given)
        return in_order(self.sizes.watched(made))

    def kept_states(self) -> tuple[Collection[Hashable], Collection[Hashable]]:
        """Names of the prefixes that were used since this was last asked, and of those that are
        kept now: of which tasks a worker keeps them is told to the scheduler."""
        return self.prefixes.kept_states()

    def offload_to_host(self) -> None:
        """Leave the accelerator, with the kept prefixes, until ``return_to_device``; nothing may be
        asked in between. Errors are those of `workers.inference.offloading`."""
        self._offloading.offload()

    def return_to_device(self) -> None:
        """Be where it was before ``offload_to_host``, with the same answers to the bit."""
        self._offloading.bring_back()

    def _tokenize(self, prompts: Sequence[str], prefix: str | None) -> list[Tokens | ValueError]:
        """Each prompt's tokens, the prefix included."""
        problems = [text_problem(prompt) for prompt in prompts]
        good = [p for p, problem in zip(prompts, problems, strict=True) if not problem]
        texts = [(prefix or "") + prompt for prompt in good]
        ids = iter(self.tokenizer(texts)["input_ids"] if texts else [])
        return [problem or next(ids) for problem in problems]

    def _compute_prefix(self, tokens: Tokens) -> Prefix:
        """Where memory runs out, the kept prefixes make room."""
        try:
            return compute_prefix(self.model, tokens)
        except Exception as error:
            if not self.sizes.ran_out(error) or not self.prefixes.memory_bytes:
                raise
        self.prefixes.clear()
        return compute_prefix(self.model, tokens)

    def _shared_tokens(self, prefix: str | None) -> Tokens | None:
        """What the state of a prefix covers; None if it is to be found."""
        return None if prefix is None else self._stable_tokens(prefix)

    def _by_prefix(
        self, rows: Mapping[int, Tokens], shared: Tokens | None
    ) -> Iterator[tuple[Prefix, list[int]]]:
        """The rows that go on after each prefix, and in the end those after none. The prefix is
        the tokens ``shared``; None: those that rows share, as found."""
        if not rows:
            return
        if shared is None:
            for tokens, keys in shared_beginnings(rows):
                yield self.prefixes.get(tokens, uses=len(keys)), keys
            return
        covered = [key for key, row in rows.items() if Prefix(shared, []).covers(row)]
        if covered:
            yield self.prefixes.get(shared, uses=len(covered)), covered
        if others := [key for key in rows if key not in set(covered)]:
            yield NOTHING, others

    def _score_baseline(self, text: str, tree: LabelTree, prefix: str | None) -> Scores:
        rows = self._tokenize([text], prefix)
        ((_, scores),) = self.sizes.watched(self._score(rows, tree, prefix))
        if isinstance(scores, ValueError):
            raise ValueError(f"the baseline cannot be scored: {scores}")
        return scores

    def _score(
        self, rows: Sequence[Tokens | ValueError], tree: LabelTree, prefix: str | None
    ) -> Iterator[tuple[int, Scores | ValueError]]:
        """Each item goes the way that its own tokens decide."""
        progress.HERE.given(_tokens(rows))
        fast: dict[int, Tokens] = {}
        alone: dict[int, Tokens] = {}
        for index, row in enumerate(rows):
            if isinstance(row, ValueError):
                yield index, row
            elif problem := length_problem(len(row), tree.longest, self._limit):
                yield index, problem
            elif not self.takes_cascades or len(row) + tree.longest > self._window:
                alone[index] = row
            else:
                fast[index] = row
        for state, keys in self._by_prefix(fast, self._shared_tokens(prefix)):
            members = [fast[key] for key in keys]
            for at, scores in score_within_memory(self.model, members, state, tree, self.sizes):
                yield keys[at], scores
        for index, row in alone.items():
            yield index, score_plainly(self.model, row, tree)

    def _generations(
        self,
        rows: list[Tokens | ValueError],
        max_new_tokens: int | Sequence[int],
        settings: dict[str, Any],
        shared: Tokens | None,
    ) -> Iterator[tuple[int, Generation | ValueError]]:
        progress.HERE.given(_tokens(rows))
        samplings = per_item(len(rows), max_new_tokens=max_new_tokens, **settings)
        together: dict[int, Continuation] = {}
        alone: list[Continuation] = []
        for index, (row, sampling) in enumerate(zip(rows, samplings, strict=True)):
            if isinstance(row, ValueError):
                yield index, row
            elif isinstance(sampling, ValueError):
                yield index, sampling
            elif problem := length_problem(len(row), sampling.max_new_tokens, self._limit):
                yield index, problem
            elif isinstance(item := self._continuation(index, row, sampling), ValueError):
                yield index, item
            elif self.takes_cascades and item.capacity_tokens <= self._window:
                together[index] = item
            else:
                alone.append(item)
        prompts = {index: item.prompt for index, item in together.items()}
        for state, keys in self._by_prefix(prompts, shared):
            members = [together[key] for key in keys]
            for item in generate(self.model, members, state, self.sizes):
                yield item.index, item.answer()
        for item in alone:
            yield item.index, generate_plainly(self.model, item).answer()

    def _continuation(
        self, index: int, row: Tokens, sampling: Sampling
    ) -> Continuation | ValueError:
        try:
            constraint = None if sampling.form is None else self._grammars.constraint(sampling.form)
            return Continuation(index, row, sampling, self.tokenizer, self._ends, constraint)
        except ValueError as error:
            return error


def _tokens(rows: Sequence[Tokens | ValueError]) -> int:
    """Of all prompts together."""
    return sum(len(row) for row in rows if not isinstance(row, ValueError))
