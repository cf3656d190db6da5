"""Items that decode together on this rank's caches: begun by their prompts, then step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workers.inference.cascade import no_mask, running
from workers.inference.continuation import Continuation
from workers.inference.fairkv.attending import DecodePass, Observe, PromptPass, Segment
from workers.inference.fairkv.budgets import Rule
from workers.inference.fairkv.caches import Caches
from workers.inference.fairkv.seats import Seats
from workers.inference.next_tokens import grow_all


class Decoding:
    """Up to as many items as the caches have slots. Every rank makes the same calls: the logits are
    the same on all, and so are the tokens."""

    def __init__(self, model: Any, caches: Caches, rule: Rule) -> None:
        self.caches = caches
        self._model, self._rule = model, rule
        self._seats = Seats(caches.slots)
        self._members: dict[int, Continuation] = {}
        """By slot."""

    @property
    def free(self) -> int:
        return self._seats.free

    @property
    def items(self) -> list[Continuation]:
        """In the order in which a step has them."""
        return [self._members[slot] for slot in self.caches.batch.items]

    def seat(self, item: Continuation) -> int:
        """The slot that it gets, with room in all caches. Only where one is free."""
        slot = self._seats.take()
        self.caches.enter(slot, len(item.prompt))
        self._members[slot] = item
        return slot

    @torch.inference_mode()
    def begin(self, items: Sequence[Continuation], observe: Observe | None = None) -> None:
        """Compute their prompts in one pass, keep of them what the budgets say, and give each the
        first token of its answer. Only if so many slots are free."""
        segments, start = [], 0
        for item in items:
            segments.append(Segment(start, len(item.prompt), self.seat(item)))
            start += len(item.prompt)
        pass_ = PromptPass(self.caches, segments, self._rule, observe)
        ids = [token for item in items for token in item.prompt]
        positions = [at for item in items for at in range(len(item.prompt))]
        grow_all(items, self._logits(pass_, [ids], [positions], ends=segments))

    @torch.inference_mode()
    def step(self) -> None:
        """One more token for every item; there must be some."""
        items = self.items
        self.caches.step()
        ids = [[item.tokens[-1]] for item in items]
        positions = [[len(item.prompt) + len(item.tokens) - 1] for item in items]
        grow_all(items, self._logits(DecodePass(self.caches), ids, positions))

    def release(self) -> list[Continuation]:
        """Take out the items that are finished."""
        finished = [slot for slot, item in self._members.items() if item.finish_reason]
        for slot in finished:
            self.caches.leave(slot)
            self._seats.give_back(slot)
        return [self._members.pop(slot) for slot in finished]

    def _logits(
        self,
        pass_: PromptPass | DecodePass,
        ids: list[list[int]],
        positions: list[list[int]],
        ends: Sequence[Segment] = (),
    ) -> torch.Tensor:
        """[rows, vocabulary] behind the last token of each row, or of each segment."""
        device = self._model.device
        last = [segment.start + segment.tokens - 1 for segment in ends] or [-1]
        with running(self._model, pass_):
            logits: torch.Tensor = self._model(
                torch.tensor(ids, device=device),
                attention_mask=no_mask(self._model),
                position_ids=torch.tensor(positions, device=device),
                use_cache=False,
                logits_to_keep=torch.tensor(last, device=device),
            ).logits
        return logits[0] if ends else logits[:, -1]
