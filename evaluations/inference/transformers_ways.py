"""The same work by plain transformers: one by one, in static batches, continuously batched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig

PAGE_TOKENS = 32
MOST_BATCH_TOKENS = 512
REQUESTS_AT_A_TIME = 16

Rows = Sequence[list[int]]


class Ways:
    """Each way gives what it has done: items, or tokens that were asked for."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer

    @torch.inference_mode()
    def static(
        self, rows: Rows, lengths: Sequence[int], size: int, *, count_tokens: bool = False
    ) -> float:
        """By arrival; a batch lasts as long as its longest answer."""
        for start in range(0, len(rows), size):
            self._generate(rows[start : start + size], max(lengths[start : start + size]))
        return float(sum(lengths) if count_tokens else len(rows))

    def continuous(
        self, rows: Rows, lengths: Sequence[int], *, count_tokens: bool = False
    ) -> float:
        """With block sharing. On a CPU its own sizes would take it half a minute to set up."""
        longest = max(len(row) + length for row, length in zip(rows, lengths, strict=True))
        blocks = (REQUESTS_AT_A_TIME + 2) * (longest // PAGE_TOKENS + 2)
        config = ContinuousBatchingConfig(
            page_size=PAGE_TOKENS,
            num_blocks=blocks,
            max_batch_tokens=MOST_BATCH_TOKENS,
            max_requests_per_batch=REQUESTS_AT_A_TIME,
        )
        before = self._model.config._attn_implementation
        settings = GenerationConfig(do_sample=False, eos_token_id=None, pad_token_id=0)
        tokens = 0
        try:
            with self._model.continuous_batching_context_manager(
                generation_config=settings, continuous_batching_config=config, warmup=False
            ) as manager:
                for row, length in zip(rows, lengths, strict=True):
                    manager.add_request(row, max_new_tokens=length)
                left = len(rows)
                while left:
                    result = manager.get_result(timeout=1)
                    if result is None:
                        if not manager.is_running():
                            raise RuntimeError("continuous batching has ended early")
                    elif result.is_finished():
                        left -= 1
                        tokens += len(result.generated_tokens)
        finally:
            self._model.config._attn_implementation = before
        return float(tokens if count_tokens else len(rows))

    @torch.inference_mode()
    def score(self, row: list[int], labels: Sequence[str]) -> dict[str, float]:
        """The mean log-likelihood of each label's tokens, by one plain pass per label."""
        scores = {}
        for label in labels:
            own = self._tokenizer(label, add_special_tokens=False)["input_ids"]
            ids = torch.tensor([[*row, *own[:-1]]], device=self._model.device)
            logits = self._model(ids, use_cache=False, logits_to_keep=len(own)).logits[0]
            logs = logits.float().log_softmax(-1)
            scores[label] = sum(logs[range(len(own)), own].tolist()) / len(own)
        return scores

    def _generate(self, rows: Rows, length: int) -> None:
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        self._model.generate(
            ids, attention_mask=mask, max_new_tokens=length, do_sample=False, pad_token_id=0
        )
