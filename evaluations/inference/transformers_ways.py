"""The same work by plain transformers: one by one, in static batches, continuously batched."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.cache_utils import DynamicCache

from evaluations.inference.turns import Turn

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
    ) -> Turn:
        """By arrival; a batch lasts as long as its longest answer."""
        begun = time.perf_counter()
        for start in range(0, len(rows), size):
            self._generate(rows[start : start + size], max(lengths[start : start + size]))
        done = sum(lengths) if count_tokens else len(rows)
        return Turn(float(done), time.perf_counter() - begun)

    def continuous(self, rows: Rows, lengths: Sequence[int], *, count_tokens: bool = False) -> Turn:
        """With block sharing. On a CPU its own sizes would take it half a minute to set up; what it
        takes with these, and to stop, does not count."""
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
                start = time.perf_counter()
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
                seconds = time.perf_counter() - start
        finally:
            self._model.config._attn_implementation = before
        return Turn(float(tokens if count_tokens else len(rows)), seconds)

    @torch.inference_mode()
    def score(self, row: list[int], labels: Sequence[list[int]]) -> list[list[float]]:
        """The log-likelihood of each token of each label: the model's own pass over the whole
        prompt, and one per label behind it by the model's own cache."""
        cache = DynamicCache(config=self._model.config)
        ids = torch.tensor([row])
        first = self._model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        scores = []
        for label in labels:
            logits = [first]
            if len(label) > 1:
                ids = torch.tensor([label[:-1]])
                logits.append(self._model(ids, past_key_values=cache, use_cache=True).logits)
                cache.crop(1 - len(label))
            logs = torch.cat(logits, 1)[0].float().log_softmax(-1)
            scores.append(logs[range(len(label)), label].tolist())
        return scores

    @torch.inference_mode()
    def greedy(self, row: list[int], length: int) -> list[int]:
        """The most likely tokens, one item by itself."""
        found: list[int] = self._generate([row], length)[0, len(row) :].tolist()
        return found

    def _generate(self, rows: Rows, length: int) -> torch.Tensor:
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        found: torch.Tensor = self._model.generate(
            ids, attention_mask=mask, max_new_tokens=length, do_sample=False, pad_token_id=0
        )
        return found
