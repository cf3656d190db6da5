"""Trains the demonstration model: ``python -m apps.fact_verification.demo.train``.

A Llama of under a million parameters learns the knowledge table from the training claims, with the
very prompt that verification uses. Everything is seeded: on one kind of machine with one version of
torch the result is the same to the bit. It takes some five minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import transformers
from torch.nn import functional

from apps.fact_verification.demo.corpus import (
    FOLDER,
    LABELS,
    Claim,
    training_claims,
    unseen_claims,
)
from apps.fact_verification.demo.encoding import Encoder
from apps.fact_verification.demo.tokenizer import CONTEXT_TOKENS, train_tokenizer

PROMPT_FILE = FOLDER.parent / "prompts" / "default.txt"
SEED = 20
THREADS = 2
BATCH = 96
EPOCHS = 4
PEAK_LEARNING_RATE = 3e-3
WARMUP_STEPS = 100
WEIGHT_DECAY = 0.05


def new_model(tokenizer: Any) -> Any:
    """The untrained model."""
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT_TOKENS,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def forward(model: Any, encoder: Encoder, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Logits [rows, longest, vocabulary]; the prefix is computed once and shared by the rows."""
    cache = transformers.DynamicCache()
    model(encoder.prefix, past_key_values=cache)
    for layer in cache.layers:
        layer.keys = layer.keys.expand(len(ids), -1, -1, -1)
        layer.values = layer.values.expand(len(ids), -1, -1, -1)
    logits: torch.Tensor = model(ids, attention_mask=mask, past_key_values=cache).logits
    return logits


def train(model: Any, encoder: Encoder, claims: Sequence[Claim]) -> Iterator[tuple[int, float]]:
    """Yield (step, loss) after every step."""
    rows = [encoder.row(claim) for claim in claims]
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": WEIGHT_DECAY},
            {"params": others, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
    )
    steps = EPOCHS * len(rows) // BATCH
    for step in range(steps):
        progress = step / steps
        rate = min((step + 1) / WARMUP_STEPS, 0.5 * (1 + math.cos(math.pi * progress)) + 0.01)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_LEARNING_RATE * rate
        chosen = torch.randint(len(rows), (BATCH,)).tolist()
        ids, weights, mask = encoder.batch([rows[i] for i in chosen])
        logits = forward(model, encoder, ids, mask)
        loss = functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        loss = (loss * weights[:, 1:].flatten()).sum() / len(chosen)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield step, loss.item()


@torch.inference_mode()
def predictions(model: Any, encoder: Encoder, claims: Sequence[Claim]) -> Iterator[str]:
    """For each claim the label with the greatest log-probability."""
    for start in range(0, len(claims), BATCH):
        scores = []
        for label in LABELS:
            rows = [
                encoder.row({**claim, "label": label}) for claim in claims[start : start + BATCH]
            ]
            ids, weights, mask = encoder.batch([(i[:-1], w[:-1]) for i, w in rows])
            logs = forward(model, encoder, ids, mask)[:, :-1].log_softmax(-1)
            logs = logs.gather(-1, ids[:, 1:, None])[..., 0]
            scores.append((logs * (weights[:, 1:] == 1)).sum(1))
        yield from (LABELS[i] for i in torch.stack(scores).argmax(0).tolist())


def recalls(model: Any, encoder: Encoder, claims: Sequence[Claim]) -> dict[str, float]:
    """The share of right verdicts among the claims of each label."""
    right: Counter[str] = Counter()
    total = Counter(claim["label"] for claim in claims)
    for claim, predicted in zip(claims, predictions(model, encoder, claims), strict=True):
        right[claim["label"]] += predicted == claim["label"]
    return {label: round(right[label] / total[label], 4) for label in total}


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of the corpus and of every file of the model, by relative path."""
    files = [*sorted(folder.glob("*.jsonl")), *sorted((folder / "model").iterdir())]
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def write_manifest(out: Path, model: Any, recall: dict[str, float], seconds: float) -> None:
    """Say beside the model what it is, how good, and how it was made."""
    manifest = {
        "command": "python -m apps.fact_verification.demo.train",
        "accuracy_on_unseen_claims": round(mean(recall.values()), 4),
        "recall": recall,
        "unseen_claims": len(unseen_claims()),
        "training_claims": len(training_claims()),
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds": round(seconds),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "sha256": digests(out),
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train, measure on the claims that were not trained on, and write model and manifest."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--out", type=Path, default=FOLDER, help="folder for model/ and the manifest"
    )
    out = parser.parse_args().out
    started = time.monotonic()
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.disable_progress_bar()

    prompt = PROMPT_FILE.read_text(encoding="utf-8").rstrip("\n")
    claims = training_claims()
    prompted = [prompt.replace("{claim}", c["claim"]) + " " + c["label"] for c in claims[:300]]
    tokenizer = train_tokenizer([*(claim["claim"] for claim in claims), *prompted], prompt)
    encoder = Encoder(tokenizer, prompt)
    model = new_model(tokenizer)
    losses = []
    for step, loss in train(model, encoder, claims):
        losses.append(loss)
        if (step + 1) % 100 == 0:
            recent, seconds = mean(losses[-100:]), time.monotonic() - started
            print(f"step {step + 1}: loss {recent:.3f}, {seconds:.0f} s", flush=True)
    model.eval()
    model.save_pretrained(out / "model")
    tokenizer.save_pretrained(out / "model")
    for file in (out / "model").iterdir():
        file.chmod(0o644)
    recall = recalls(model, encoder, unseen_claims())
    write_manifest(out, model, recall, time.monotonic() - started)
    print(f"accuracy on unseen claims: {mean(recall.values()):.1%}; {recall}")


if __name__ == "__main__":
    main()
