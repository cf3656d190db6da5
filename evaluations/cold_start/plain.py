"""The same question in a new process, with nothing but transformers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import json, sys, time
marks = {"process": time.monotonic()}
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
marks["imports"] = time.monotonic()
job = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(job["model"])
model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=job["dtype"]).eval()
marks["weights"] = time.monotonic()
scores = {}
with torch.inference_mode():
    prompt = tokenizer(job["prompt"])["input_ids"]
    for label in job["labels"]:
        tokens = tokenizer(label)["input_ids"]
        logits = model(torch.tensor([prompt + tokens[:-1]]), use_cache=False).logits
        logs = logits[0, len(prompt) - 1 :].float().log_softmax(-1)
        scores[label] = sum(logs[range(len(tokens)), tokens].tolist())
marks["answer"] = time.monotonic()
print(json.dumps([max(scores, key=scores.get), marks]))
"""


def answer(
    model: Path, dtype: str, prompt: str, labels: tuple[str, ...]
) -> tuple[str, dict[str, float]]:
    """The label, and seconds by part; their sum under ``total``."""
    job = {"model": str(model), "dtype": dtype, "prompt": prompt, "labels": labels}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(job),
        text=True,
        check=True,
        capture_output=True,
    )
    label, marks = json.loads(done.stdout.splitlines()[-1])
    parts, last = {}, begun
    for name, mark in marks.items():
        parts[name], last = mark - last, mark
    return label, parts | {"total": last - begun}
