"""Claims as rows of tokens behind the prompt's shared beginning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from apps.fact_verification.demo.corpus import Claim

STATEMENT_WEIGHT = 0.3
"""Weight of the words of a true claim in the loss, against 1 for the verdict: they are what the
model is to know."""

Row = tuple[list[int], list[float]]


class Encoder:
    """Claims as token rows behind the prompt's shared beginning."""

    def __init__(self, tokenizer: Any, prompt: str) -> None:
        self.tokenizer = tokenizer
        before, self.rest = prompt.split("{claim}")
        self.before = before.rstrip(" ")
        self.space = before[len(self.before) :]
        self.prefix = torch.tensor([self._ids(self.before)])

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def row(self, claim: Claim) -> Row:
        """Token ids after the prefix, and the weight in the loss of each."""
        statement = self._ids(self.space + claim["claim"])
        rest = self._ids(self.rest)
        verdict = [*self._ids(" " + claim["label"]), self.tokenizer.eos_token_id]
        weight = STATEMENT_WEIGHT if claim["label"] == "SUPPORTS" else 0.0
        weights = [weight] * len(statement) + [0.0] * len(rest) + [1.0] * len(verdict)
        return statement + rest + verdict, weights

    def batch(self, rows: Sequence[Row]) -> tuple[torch.Tensor, ...]:
        """ids [rows, longest], weights [rows, longest], mask [rows, prefix + longest]."""
        longest = max(len(ids) for ids, _ in rows)
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in rows])
        weights = torch.tensor([w + [0.0] * (longest - len(w)) for _, w in rows])
        mask = torch.cat([torch.ones(len(rows), self.prefix.shape[1]), (ids != pad)], 1).long()
        return ids, weights, mask
