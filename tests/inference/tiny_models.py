"""Language models of a few kilobytes with seeded weights, and texts for them."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedTokenizerFast,
)

POSITIONS = 256
TEXT = (
    "the river flows past a town whose people sell copper honey and salt in every month of the "
    "year while ships carry grain to ports that nobody has seen since the great storm of winter"
)
WORDS = tuple(TEXT.split())
LABELS = (" SUPPORTS", " REFUTES", " NOT ENOUGH INFO", " NOT")
"""Of one and of several tokens; one is the beginning of another."""
PREFIX = "Judge the claim by what you know of the town and the river.\nClaim: "


@cache
def tokenizer() -> Any:
    """Byte-level BPE with enough merges that most words are one token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([TEXT, " SUPPORTS", PREFIX] * 10, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>")


def _sharpened(model: Any) -> Any:
    """Larger weights than a fresh model's, so that its answers differ from text to text."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
    return model.eval()


def _settings(**changes: Any) -> dict[str, Any]:
    """Those that Llama and its relatives have in common."""
    common: dict[str, Any] = {
        "vocab_size": len(tokenizer()),
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": POSITIONS,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    return common | changes


def llama(*, dtype: torch.dtype = torch.float32, seed: int = 0, **changes: Any) -> Any:
    torch.manual_seed(seed)
    return _sharpened(LlamaForCausalLM(LlamaConfig(**_settings(**changes)))).to(dtype)


def mistral(window: int) -> Any:
    """Layers that see only the last ``window`` tokens."""
    torch.manual_seed(0)
    return _sharpened(MistralForCausalLM(MistralConfig(**_settings(sliding_window=window))))


def mixtral() -> Any:
    """Its experts are stored one by one and computed together."""
    torch.manual_seed(0)
    return _sharpened(MixtralForCausalLM(MixtralConfig(**_settings(num_local_experts=4))))


def gemma2() -> Any:
    """Every second layer sees the last few tokens only."""
    torch.manual_seed(0)
    config = Gemma2Config(**_settings(num_hidden_layers=4, head_dim=8, sliding_window=3))
    return _sharpened(Gemma2ForCausalLM(config))


def gpt2() -> Any:
    """Learnt positions."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer()),
        n_embd=48,
        n_layer=2,
        n_head=4,
        n_positions=POSITIONS,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return _sharpened(GPT2LMHeadModel(config))


def bloom() -> Any:
    """Biases by distance instead of positions: it takes no mask of our making."""
    torch.manual_seed(0)
    config = BloomConfig(
        vocab_size=len(tokenizer()),
        hidden_size=48,
        n_layer=2,
        n_head=4,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return _sharpened(BloomForCausalLM(config))


def texts(count: int, seed: int = 0, longest_words: int = 40) -> list[str]:
    """Random texts of one to ``longest_words`` words, with some bytes that are no known word."""
    random_ = random.Random(seed)
    return [
        " ".join(
            random_.choices([*WORDS, "Zürich", "42", "\n"], k=random_.randint(1, longest_words))
        )
        for _ in range(count)
    ]
