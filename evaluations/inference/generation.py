"""Answers generated, as long as those of a trace of conversations."""

from __future__ import annotations

from functools import partial
from typing import Any

from evaluations.inference import CONTINUOUS, PCM, STATIC
from evaluations.inference.floor import (
    Span,
    matrix_rate,
    memory_rate,
    operations,
    weight_bytes,
)
from evaluations.inference.plan import Plan
from evaluations.inference.texts import answer_lengths, claim_texts
from evaluations.inference.transformers_ways import Ways
from evaluations.inference.turns import Timed, clocked

OTHERS = 12
"""So many of the items are generated once more, backwards and by themselves."""


class Generation:
    """One plan's prompts and the lengths of their answers."""

    def __init__(self, plan: Plan, llm: Any, ways: Ways) -> None:
        self._plan, self._llm, self._ways = plan, llm, ways
        self._texts = claim_texts(plan.items)
        self._rows: list[list[int]] = [llm.tokenizer(text)["input_ids"] for text in self._texts]
        self._lengths = answer_lengths(plan.items, plan.most_new_tokens)
        self._answers: list[Any] = []

    def timed(self) -> Timed:
        """All ways see all items."""
        ways, given = self._ways, (self._rows, self._lengths)
        timed: Timed = {
            f"{STATIC} {size}": partial(ways.static, *given, size, count_tokens=True)
            for size in self._plan.static_batches
        }
        timed[CONTINUOUS] = partial(ways.continuous, *given, count_tokens=True)
        timed[PCM] = clocked(self._generate)
        return timed

    def facts(self) -> dict[str, Any]:
        """How the tokens stand to those of transformers' own greedy search, one by one, and to
        those among other items."""
        if not self._answers:
            self._generate()
        picked = range(0, len(self._texts), max(1, len(self._texts) // OTHERS))
        backwards = [*picked][::-1]
        others = self._llm.generate(
            [self._texts[index] for index in backwards],
            [self._lengths[index] for index in backwards],
        )
        again = sum(
            self._answers[index] == answer for index, answer in zip(backwards, others, strict=True)
        )
        checked = range(self._plan.checked)
        same = sum(
            self._answers[index].tokens == self._ways.greedy(self._rows[index], length)
            for index, length in zip(checked, self._lengths, strict=False)
        )
        return {
            "answers": len(self._texts),
            "tokens_asked": sum(self._lengths),
            "longest_answer_tokens": max(self._lengths),
            "prompt_tokens": sum(map(len, self._rows)),
            "answers_checked": len(checked),
            "same_tokens": same / len(checked),
            "same_bits_in_other_batches": again / len(backwards),
        }

    def floor(self) -> dict[str, float]:
        """The least seconds for all answers: of arithmetic, and of reading the weights for each
        token of the longest one; these may be at the same time."""
        model = self._llm.model
        spans = [
            Span(len(row) + length - 1, 0, length)
            for row, length in zip(self._rows, self._lengths, strict=True)
        ]
        rate, read = matrix_rate(model, self._llm.sizes.packing.tokens), memory_rate()
        arithmetic = operations(model, spans) / rate
        reading = max(self._lengths) * weight_bytes(model) / read
        return {
            "matrix_gflops": rate / 1e9,
            "memory_gb_per_second": read / 1e9,
            "floor_seconds": max(arithmetic, reading),
            "done": float(sum(self._lengths)),
        }

    def _generate(self) -> float:
        self._answers = list(self._llm.generate(self._texts, self._lengths))
        return float(sum(answer.completion_tokens for answer in self._answers))
