"""What a language model of this process does: counted where it decodes, told to who listens.

A count is a few additions. Decoding asks for the time once a step, which is when it may be told:
once a second at most, and with each batch's end. Where nobody listens nothing is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from workers.protocol import Decoded

TOLD_SECONDS = 1.0


class Progress:
    """Counts since they were told last. For the thread that computes."""

    def __init__(self) -> None:
        self.listener: Callable[[Decoded], None] | None = None
        self.due = 0.0
        """When it may be told again, by ``time.monotonic``."""
        self.prompt_tokens = 0
        self.tokens = 0
        self.seconds = 0.0
        self.active_seconds = 0.0
        self.slot_seconds = 0.0

    def given(self, prompt_tokens: int) -> None:
        """Prompts have come, of so many tokens together."""
        self.prompt_tokens += prompt_tokens
        if (now := time.monotonic()) >= self.due:
            self.tell(now)

    def take(self) -> Decoded | None:
        """What there is, once; None if that is nothing."""
        if not self.prompt_tokens and not self.tokens:
            return None
        taken = Decoded(
            self.prompt_tokens, self.tokens, self.seconds, self.active_seconds, self.slot_seconds
        )
        self.prompt_tokens = self.tokens = 0
        self.seconds = self.active_seconds = self.slot_seconds = 0.0
        return taken

    def tell(self, now_seconds: float) -> None:
        self.due = now_seconds + TOLD_SECONDS
        if self.listener is not None and (taken := self.take()) is not None:
            self.listener(taken)


HERE = Progress()
"""That of this process."""


class Steps:
    """The steps of items that decode together: in ``slots``, or fewer where there are fewer items.
    So a slot is empty when its item has ended and none waits for it."""

    __slots__ = ("_at", "_progress", "_slots")

    def __init__(self, slots: int, progress: Progress = HERE) -> None:
        self._slots, self._progress = slots, progress
        self._at = time.monotonic()

    def begun(self) -> None:
        """An item has its first token, from its prompt."""
        self._progress.tokens += 1

    def done(self, active: int) -> None:
        """A step, which gave each of so many items a token."""
        now = time.monotonic()
        seconds, self._at = now - self._at, now
        progress = self._progress
        progress.tokens += active
        progress.seconds += seconds
        progress.active_seconds += active * seconds
        progress.slot_seconds += self._slots * seconds
        if now >= progress.due:
            progress.tell(now)
