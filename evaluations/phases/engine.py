"""Continuous batching with the parts of pcm's resident model: it writes down when tokens are made.

``LanguageModel.generate`` gives whole answers to a batch; a server takes requests as they come and
gives tokens as they are made. The passes, the slots and the growing answers are those of
`workers.inference`; what is here is their loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from workers.inference.continuation import Continuation
from workers.inference.prefix import NOTHING
from workers.inference.prompts import Prompts
from workers.inference.sampling import Sampling
from workers.inference.slots import Slots

MOST_ROWS = 8


class Streamed(Continuation):
    """An answer of ``new_tokens`` tokens. ``hear`` is told of each as soon as it is picked: its
    number, and whether it is the last."""

    def __init__(
        self,
        prompt: list[int],
        new_tokens: int,
        tokenizer: Any,
        hear: Callable[[int, bool], None],
    ) -> None:
        self._hear = hear
        # There is no token at which it ends before.
        super().__init__(0, prompt, Sampling(new_tokens), tokenizer, ends=())
        self.started: float = 0.0
        """When the pass with its prompt began, seconds since 1970."""
        self.made: list[float] = []
        """When each token was there."""

    def take(self, token: int) -> None:
        self.made.append(time.time())
        super().take(token)
        self._hear(token, self.finish_reason is not None)


class Engine:
    def __init__(self, llm: Any, most_tokens: int) -> None:
        """``most_tokens``: of a prompt with its answer."""
        list(llm.generate(["It finds out which passes it can use."], 2))
        self._llm = llm
        self._slots = Slots(llm.model, NOTHING, llm.sizes.ladder.within(MOST_ROWS), most_tokens)

    def run(self, inbox: SimpleQueue[Streamed | None]) -> None:
        """Until None comes. Whoever waits begins before those who decode go on."""
        while True:
            while not self._slots.full:
                try:
                    item = inbox.get(block=not self._slots.members)
                except Empty:
                    break
                if item is None:
                    return
                self._begin(item)
            self._slots.step()
            self._slots.release()

    def _begin(self, item: Streamed) -> None:
        item.started = time.time()
        (begun,) = Prompts(self._llm.model, [item], NOTHING, self._llm.sizes.packing)
        if not item.finish_reason:
            self._slots.admit(begun)
