"""Claims verified: by the resident model's choice among labels, and by generating the label."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from evaluations.inference import CONTINUOUS, ONE_BY_ONE, PCM, STATIC
from evaluations.inference.floor import Span, matrix_rate, operations
from evaluations.inference.plan import Plan
from evaluations.inference.texts import claim_texts, prompt
from evaluations.inference.transformers_ways import Ways
from evaluations.inference.turns import Timed, clocked
from evaluations.workloads import LABELS

NO_CLAIM = "N/A"
BATCHES = (1, 6, 25)
"""Sizes of batches, in turn, in which shuffled claims are chosen once more."""


class Verification:
    """One plan's claims, behind one prompt."""

    def __init__(self, plan: Plan, llm: Any, ways: Ways) -> None:
        self._plan, self._llm, self._ways = plan, llm, ways
        self._before, self._after = prompt(plan.prefix_tokens, lambda text: len(self._ids(text)))
        self._rests = [claim + self._after for claim in claim_texts(plan.items)]
        self._rows = [self._ids(self._before + rest) for rest in self._rests]

    def timed(self) -> Timed:
        """The slow ways see the first of the claims only: theirs is a rate of its own."""
        rows, slow = self._rows, self._plan.slow_items
        longest = max(len(self._own_ids(label)) for label in LABELS)
        static, ways = self._plan.static_batches, self._ways
        timed: Timed = {ONE_BY_ONE: partial(ways.static, rows[:slow], [longest] * slow, 1)}
        for size in static:
            timed[f"{STATIC} {size}"] = partial(ways.static, rows[:size], [longest] * size, size)
        many = rows[: 4 * slow]
        timed[CONTINUOUS] = partial(ways.continuous, many, [longest] * len(many))
        timed[PCM] = clocked(lambda: float(sum(1 for _ in self._choose(self._rests))))
        return timed

    def facts(self) -> dict[str, Any]:
        """How the labels stand to those of plain passes, and to those in other batches."""
        # By the mean of a label's tokens, and less what fits any claim: else one label fits all.
        given = {"normalisation": "mean", "baseline": NO_CLAIM + self._after}
        choices = list(self._choose(self._rests, **given))
        again = dict(self._in_other_batches(given))
        base = self._plain_scores(self._ids(self._before + NO_CLAIM + self._after))
        checked = self._rows[: self._plan.checked]
        same, differences = 0, []
        for choice, row in zip(choices, checked, strict=False):
            plain = self._plain_scores(row)
            scores = {label: plain[label] - base[label] for label in LABELS}
            same += choice.label == max(scores, key=scores.__getitem__)
            differences += [abs(choice.scores[label] - scores[label]) for label in LABELS]
        chosen = [choice.label for choice in choices]
        return {
            "prefix_tokens": self._plan.prefix_tokens,
            "own_tokens_per_claim": sum(map(self._own_tokens, self._rows)) / len(self._rows),
            "claims": len(choices),
            "labels_chosen": {label: chosen.count(label) for label in LABELS},
            "labels_checked": len(checked),
            "same_labels": same / len(checked),
            "least_same": 1.0 if self._plan.dtype == "float32" else 0.9,
            "greatest_difference_of_scores": max(differences),
            "same_bits_in_other_batches": sum(
                choice == again[index] for index, choice in enumerate(choices)
            )
            / len(choices),
        }

    def floor(self) -> dict[str, float]:
        """The least seconds for all claims. The prompt that they share is not counted."""
        nodes = {
            tuple(ids[:end]) for ids in map(self._own_ids, LABELS) for end in range(1, len(ids))
        }  # labels that begin alike share the tokens of their beginning
        own = [self._own_tokens(row) for row in self._rows]
        before = len(self._ids(self._before))
        spans = [Span(count + len(nodes), before, 1 + len(nodes)) for count in own]
        rate = matrix_rate(self._llm.model, self._llm.sizes.packing.tokens)
        return {
            "matrix_gflops": rate / 1e9,
            "floor_seconds": operations(self._llm.model, spans) / rate,
            "done": float(len(self._rows)),
        }

    def _choose(self, rests: Sequence[str], **given: Any) -> Iterator[Any]:
        answers: Iterator[Any] = self._llm.choose(rests, LABELS, self._before, **given)
        return answers

    def _in_other_batches(self, given: dict[str, Any]) -> Iterator[tuple[int, Any]]:
        order = list(range(len(self._rests)))
        random.Random(0).shuffle(order)
        sizes = 0
        while order:
            size = BATCHES[sizes % len(BATCHES)]
            some, order, sizes = order[:size], order[size:], sizes + 1
            rests = [self._rests[index] for index in some]
            yield from zip(some, self._choose(rests, **given), strict=True)

    def _plain_scores(self, row: list[int]) -> dict[str, float]:
        """The mean log-likelihood of each label's tokens."""
        return {
            label: sum(logs) / len(logs)
            for label, logs in zip(
                LABELS, self._ways.score(row, list(map(self._own_ids, LABELS))), strict=True
            )
        }

    def _own_tokens(self, row: list[int]) -> int:
        return len(row) - len(self._ids(self._before))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._llm.tokenizer(text)["input_ids"]
        return ids

    def _own_ids(self, label: str) -> list[int]:
        ids: list[int] = self._llm.tokenizer(label, add_special_tokens=False)["input_ids"]
        return ids
