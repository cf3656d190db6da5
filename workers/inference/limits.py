"""What a model can take, and which inputs it cannot."""

from __future__ import annotations

from typing import Any

UNBOUNDED_TOKENS = 1 << 40
NOT_FINITE = (
    "the model's output is not a finite number; its weights may be damaged, or too coarse in this "
    'type: load it with dtype="float32" or "bfloat16"'
)


def context_tokens(model: Any, tokenizer: Any) -> int:
    """The most tokens that prompt and answer may have together."""
    config = model.config.get_text_config(decoder=True)
    limit = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(limit, UNBOUNDED_TOKENS))


def window_tokens(model: Any) -> int:
    """The length up to which every layer sees the whole text; `UNBOUNDED_TOKENS` for most models.

    Beyond it a mask of our making would show the layers with a sliding window too much.
    """
    config = model.config.get_text_config(decoder=True)
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and all(kind == "full_attention" for kind in kinds):
        return UNBOUNDED_TOKENS
    windows = [getattr(config, n, None) for n in ("sliding_window", "attention_chunk_size")]
    return min((int(window) for window in windows if window), default=UNBOUNDED_TOKENS)


def text_problem(text: object) -> ValueError | None:
    """Why this cannot be tokenised, or None."""
    if not isinstance(text, str):
        return ValueError(f"the prompt is not text but {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return ValueError(f"the prompt is not valid Unicode: {error}")
    return None


def length_problem(prompt_tokens: int, answer_tokens: int, limit: int) -> ValueError | None:
    """Why a prompt of this length cannot have an answer of up to that length, or None."""
    if prompt_tokens == 0:
        return ValueError("the prompt is empty: it has no tokens")
    if prompt_tokens + answer_tokens > limit:
        return ValueError(
            f"the prompt has {prompt_tokens} tokens and the answer up to {answer_tokens}, but the "
            f"model takes at most {limit} together; shorten the prompt or the answer"
        )
    return None
