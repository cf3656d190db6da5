"""A language model whose heads keep unequal numbers of tokens, on the ranks of a replica."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from workers.heads.plan import HeadPlan
from workers.heads.profile import HeadProfile
from workers.inference.base import Generation
from workers.inference.continuation import Continuation
from workers.inference.fairkv.budgets import Budgets, Rule
from workers.inference.fairkv.caches import Caches, cache_bytes_per_slot
from workers.inference.fairkv.decoding import Decoding
from workers.inference.fairkv.following import Following
from workers.inference.fairkv.observing import Observer
from workers.inference.fairkv.shards import (
    check_plan,
    deal_anew,
    head_bytes,
    head_shape,
    shard,
    shares_of,
)
from workers.inference.limits import context_tokens, length_problem, text_problem, window_tokens
from workers.inference.memory import CACHE_SHARE, free_bytes
from workers.inference.order import in_order
from workers.inference.ranks import agree, here
from workers.inference.sampling import Sampling, per_item
from workers.telemetry import progress

ANSWER_UNIT_TOKENS = 64
"""Caches have room for answers of a multiple of this, so that they need not be made anew."""


class FairModel:
    """Generation with compressed caches. Of every prompt each KV head keeps its budget, chosen by
    the rule, and all of the answer.

    Every rank of a replica makes the same calls with the same arguments, and reads the answers to
    their end. Answers follow from the item, the model and the budgets; its neighbours, slots, plan
    and ranks change them by rounding only. Memory is for ``slots`` items, or as many as fit.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        plan: HeadPlan,
        budgets: Budgets,
        *,
        slots: int = 32,
        pass_tokens: int = 512,
        rule: Rule | None = None,
        name: str = "",
    ) -> None:
        """``model`` is whole, on its device or on the host; this rank keeps its part of it. Raises
        ValueError for models that cannot be dealt, and for a plan or budgets of another model."""
        if slots < 1:
            raise ValueError(f"slots must be at least 1, not {slots}")
        self.name, self.model, self.tokenizer = name, model, tokenizer
        self.rule = rule or Rule()
        self._slots, self._pass_tokens = slots, pass_tokens
        self._following: Following | None = None
        self._caches: Caches | None = None
        shard(model, plan)
        self._set(plan, budgets)
        self._limit, self._window = context_tokens(model, tokenizer), window_tokens(model)
        ends = [model.generation_config.eos_token_id, tokenizer.eos_token_id]
        self._ends = {i for end in ends for i in (end if isinstance(end, list) else [end])}

    def __repr__(self) -> str:
        rank, count = here()
        return f"FairModel({self.name!r}, rank {rank} of {count}, {self.model.device})"

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
        """As `workers.inference.base.LanguageModel.generate`."""
        settings: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "seed": seed}
        samplings = per_item(len(prompts), stop, max_new_tokens=max_new_tokens, **settings)
        return in_order(self._generations(prompts, samplings))

    def deal(self, plan: HeadPlan, budgets: Budgets | None = None) -> None:
        """Go over to another plan, and to other budgets if they are given; between batches. Raises
        ValueError if they are of another model."""
        if plan != self.plan:
            deal_anew(self.model, self.plan, plan)
        self._set(plan, self.budgets if budgets is None else budgets)

    def follow(self, following: Following) -> None:
        """Go over to another plan when it says so. Every rank needs one like it."""
        self._following = following

    def profile(self, prompts: Sequence[str], budget_tokens: int) -> HeadProfile:
        """What heads keep of these prompts by the rule, where a layer's heads keep
        ``budget_tokens`` on average: a pass over each prompt. Raises ValueError for a prompt that
        is too long, a budget that is too small, and without prompts."""
        layers, heads = len(self.budgets), len(self.budgets[0])
        observer = Observer(self.rule, budget_tokens, layers, heads)
        shares = shares_of(self.plan, here().rank)
        observer.look_with(shares)
        least = tuple((1,) * heads for _ in range(layers))  # nothing has to be kept
        caches = Caches(shares, least, 1, 1, self._like())
        decoding = Decoding(self.model, caches, self.rule)
        for index, row in enumerate(self._tokenize(prompts)):
            item = self._continuation(index, row, Sampling(1))
            if isinstance(item, ValueError):
                raise item
            decoding.begin([item], observer)
            decoding.release()
        return observer.profile(self.name, head_bytes(self.model))

    def decoding(self, answer_tokens: int) -> Decoding:
        """Empty slots for items with answers of up to so many tokens."""
        if self._caches is None or self._caches.answer_tokens < answer_tokens:
            self._caches = None
            room = -(-answer_tokens // ANSWER_UNIT_TOKENS) * ANSWER_UNIT_TOKENS
            shares = shares_of(self.plan, here().rank)
            count = self._fitting_slots(room)
            self._caches = Caches(shares, self.budgets, count, room, self._like())
        self._caches.clear()
        return Decoding(self.model, self._caches, self.rule)

    def _set(self, plan: HeadPlan, budgets: Budgets) -> None:
        check_plan(self.model, plan)
        if [len(layer) for layer in budgets] != [plan.heads] * len(plan.layers):
            raise ValueError(
                f"budgets are not of {len(plan.layers)} layers of {plan.heads} heads, as the plan "
                "is: take both from one profile"
            )
        if min(map(min, budgets)) < 1:
            raise ValueError("a budget must be at least 1 token")
        self.plan, self.budgets = plan, budgets
        self._caches = None

    def _like(self) -> torch.Tensor:
        dim = head_shape(self.model.config)[2]
        return torch.empty(dim, 0, dtype=self.model.dtype, device=self.model.device)

    def _fitting_slots(self, answer_tokens: int) -> int:
        """The same on all ranks. Those of a CPU have their memory in common."""
        dim = head_shape(self.model.config)[2]
        itemsize = self.model.dtype.itemsize
        each = cache_bytes_per_slot(self.budgets, answer_tokens, dim, itemsize)
        if self.model.device.type != "cpu":
            each = -(-each // here().count)
        free = free_bytes(self.model.device) * CACHE_SHARE
        return max(1, agree(min(self._slots, int(free / each))))

    def _tokenize(self, prompts: Sequence[str]) -> list[list[int] | ValueError]:
        rows: list[list[int] | ValueError] = []
        for prompt in prompts:
            problem = text_problem(prompt)
            rows.append(problem or self.tokenizer(prompt)["input_ids"])
        return rows

    def _continuation(
        self, index: int, row: list[int] | ValueError, sampling: Sampling | ValueError
    ) -> Continuation | ValueError:
        if isinstance(row, ValueError):
            return row
        if isinstance(sampling, ValueError):
            return sampling
        limit = min(self._limit, self._window)  # keys are kept from anywhere in a prompt
        if problem := length_problem(len(row), sampling.max_new_tokens, limit):
            return problem
        return Continuation(index, row, sampling, self.tokenizer, self._ends)

    def _generations(
        self, prompts: Sequence[str], samplings: Sequence[Sampling | ValueError]
    ) -> Iterator[tuple[int, Generation | ValueError]]:
        if self._following and (renewed := self._following.renewed()):
            self.deal(*renewed)
        items: list[Continuation] = []
        rows = self._tokenize(prompts)
        for index, (row, sampling) in enumerate(zip(rows, samplings, strict=True)):
            item = self._continuation(index, row, sampling)
            if isinstance(item, ValueError):
                yield index, item
            else:
                items.append(item)
        if not items:
            return
        progress.HERE.given(sum(len(item.prompt) for item in items))
        answer_tokens = max(item.capacity_tokens - len(item.prompt) for item in items)
        for item in self._drain(self.decoding(answer_tokens), deque(items)):
            if self._following:
                self._following.served(len(item.prompt), len(item.tokens))
            yield item.index, item.answer()

    def _drain(self, decoding: Decoding, coming: deque[Continuation]) -> Iterator[Continuation]:
        steps = progress.Steps(min(decoding.free, len(coming)))
        while coming or decoding.items:
            while coming and decoding.free:
                fitting = self._fitting(coming, decoding.free)
                decoding.begin(fitting, self._next_observer())
                for _ in fitting:
                    steps.begun()
                yield from decoding.release()
            if decoding.items:
                decoding.step()
                steps.done(len(decoding.items))
                yield from decoding.release()

    def _fitting(self, coming: deque[Continuation], free: int) -> list[Continuation]:
        """As many as a pass holds, at least one."""
        taken: list[Continuation] = []
        tokens = 0
        while coming and len(taken) < free:
            tokens += len(coming[0].prompt)
            if taken and tokens > self._pass_tokens:
                break
            taken.append(coming.popleft())
        return taken

    def _next_observer(self) -> Observer | None:
        observer = self._following.next_observer() if self._following else None
        if observer:
            observer.look_with(shares_of(self.plan, here().rank))
        return observer
