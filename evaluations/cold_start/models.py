"""The model whose cold start is timed: made from a configuration, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

IMPORTS = (
    "torch",
    "transformers",
    "transformers.models.llama.modeling_llama",
    "workers.inference.loading",
    "pcm",
)
"""What a replica needs to have imported for it."""

PROGRAM = """
import json, random, sys
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

job = json.load(sys.stdin)
torch.manual_seed(0)
config = LlamaConfig(
    hidden_size=job["hidden"], intermediate_size=job["hidden"] * 8 // 3,
    num_hidden_layers=job["layers"], num_attention_heads=job["hidden"] // 64,
    num_key_value_heads=max(1, job["hidden"] // 192), vocab_size=job["tokens"],
    max_position_embeddings=8192, tie_word_embeddings=True,
    bos_token_id=0, eos_token_id=0, pad_token_id=0,
)
model = LlamaForCausalLM(config)

# As many merges as a vocabulary of that size has: its file takes as long to read as a real one.
chance = random.Random(0)
vocabulary = {"<end>": 0}
for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
    vocabulary[letter] = len(vocabulary)
words, merges = list(vocabulary)[1:], []
while len(vocabulary) < job["tokens"]:
    one, other = chance.choice(words), chance.choice(words)
    if one + other not in vocabulary and len(one + other) < 12:
        vocabulary[one + other] = len(vocabulary)
        words.append(one + other)
        merges.append((one, other))
bpe = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>")

for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
    directory = job["place"] + "/" + name
    model.to(dtype).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
"""


def make(place: Path, *, layers: int, hidden: int, tokens: int) -> dict[str, Path]:
    """The model's directory by the type in which its weights are stored."""
    job = {"place": str(place), "layers": layers, "hidden": hidden, "tokens": tokens}
    subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(job),
        text=True,
        check=True,
        capture_output=True,
    )
    return {name: place / name for name in ("float32", "bfloat16")}


def weight_bytes(directory: Path) -> int:
    """Of all its weight files."""
    return sum(file.stat().st_size for file in directory.glob("*.safetensors"))
