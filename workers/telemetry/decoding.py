"""What the replicas of a worker tell of their language models, as readings.

Numbers of decoding are means over the time in which it went on, and there are none while nothing
decodes: a replica tells of up to a second at a time, and seconds of its own.
"""

from __future__ import annotations

from typing import ClassVar

from workers.protocol import Decoded
from workers.telemetry.base import Reading, Sampler


class DecodeSignals(Sampler):
    """Is told what replicas tell, by context."""

    signals: ClassVar[frozenset[str]] = frozenset(
        {
            "requests.prompt_tokens_per_second",
            "decode.tokens_per_second",
            "decode.active",
            "decode.empty_share",
        }
    )

    def __init__(self) -> None:
        self._told: dict[str, Decoded] = {}
        """Sums since the last reading: nobody need ever read."""
        self._read_at: float | None = None
        self._has_prompts = False
        """Whether any ever came: a worker without a language model has none, and not 0."""

    def told(self, context: str, decoded: Decoded) -> None:
        before = self._told.get(context)
        self._told[context] = decoded if before is None else _together(before, decoded)

    def read(self, now_seconds: float) -> list[Reading]:
        told, self._told = list(self._told.values()), {}
        before, self._read_at = self._read_at, now_seconds
        found: list[Reading] = []
        prompt_tokens = sum(one.prompt_tokens for one in told)
        self._has_prompts = self._has_prompts or prompt_tokens > 0
        if self._has_prompts and before is not None and now_seconds > before:
            rate = prompt_tokens / (now_seconds - before)
            found.append(("requests.prompt_tokens_per_second", "", rate))
        decoding = [one for one in told if one.seconds > 0]
        active = sum(one.active_seconds / one.seconds for one in decoding)
        slots = sum(one.slot_seconds / one.seconds for one in decoding)
        if slots > 0:
            tokens_per_second = sum(one.tokens / one.seconds for one in decoding)
            found += [
                ("decode.tokens_per_second", "", tokens_per_second),
                ("decode.active", "", active),
                ("decode.empty_share", "", min(1.0, max(0.0, 1.0 - active / slots))),
            ]
        return found


def _together(one: Decoded, other: Decoded) -> Decoded:
    return Decoded(
        one.prompt_tokens + other.prompt_tokens,
        one.tokens + other.tokens,
        one.seconds + other.seconds,
        one.active_seconds + other.active_seconds,
        one.slot_seconds + other.slot_seconds,
    )
