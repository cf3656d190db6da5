"""The model's script: that it trains on the real prompt, and that the model here is its work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from apps.fact_verification.demo import train
from apps.fact_verification.demo.corpus import FOLDER, LABELS, training_claims
from apps.fact_verification.demo.encoding import Encoder
from apps.fact_verification.demo.tokenizer import train_tokenizer

pytestmark = pytest.mark.models
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def prompt() -> str:
    return train.PROMPT_FILE.read_text(encoding="utf-8").rstrip("\n")


@pytest.fixture(scope="module")
def tokenizer(prompt: str) -> Any:
    return train_tokenizer([claim["claim"] for claim in training_claims()[:500]], prompt)


def test_what_is_in_the_repository_is_what_the_manifest_says() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    assert manifest["sha256"] == train.digests(FOLDER)
    assert manifest["accuracy_on_unseen_claims"] >= 0.9
    size = sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file())
    assert size < 6 * MEGABYTE


def test_rows_are_the_tokens_of_the_prompt_that_verification_uses(
    prompt: str, tokenizer: Any
) -> None:
    encoder = Encoder(tokenizer, prompt)
    for claim in training_claims()[:30]:
        ids, weights = encoder.row(claim)
        text = prompt.replace("{claim}", claim["claim"]) + " " + claim["label"]
        expected = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        assert [*encoder.prefix[0].tolist(), *ids] == expected
        verdict = [token for token, weight in zip(ids, weights, strict=True) if weight == 1]
        assert tokenizer.decode(verdict[:-1]) == " " + claim["label"]


def test_the_shared_prefix_changes_no_logits(prompt: str, tokenizer: Any) -> None:
    torch.manual_seed(0)
    model = train.new_model(tokenizer).eval()
    encoder = Encoder(tokenizer, prompt)
    rows = [encoder.row(claim) for claim in training_claims()[:5]]
    ids, _, mask = encoder.batch(rows)
    with torch.inference_mode():
        together = train.forward(model, encoder, ids, mask)
        for index, (row, _) in enumerate(rows):
            whole = torch.cat([encoder.prefix, torch.tensor([row])], 1)
            alone = model(whole).logits[0, encoder.prefix.shape[1] :]
            assert together[index, : len(row)] == pytest.approx(alone, abs=1e-4)


def test_training_lowers_the_loss_and_repeats_to_the_bit(
    prompt: str, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "BATCH", 8)
    monkeypatch.setattr(train, "EPOCHS", 5)
    monkeypatch.setattr(train, "WARMUP_STEPS", 5)

    def losses() -> list[float]:
        torch.manual_seed(1)
        model = train.new_model(tokenizer).train()
        claims = training_claims()[:32]
        return [loss for _, loss in train.train(model, Encoder(tokenizer, prompt), claims)]

    first = losses()
    assert len(first) == 20
    assert sum(first[-5:]) < 0.7 * sum(first[:5])
    assert losses() == first


def test_a_conversation_becomes_the_prompt(prompt: str, tokenizer: Any) -> None:
    talk = [{"role": "user", "content": "The river of Puleth is the Eske."}]
    text = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert text == prompt.replace("{claim}", talk[0]["content"])
    more = [*talk, {"role": "assistant", "content": LABELS[0]}, *talk]
    text = tokenizer.apply_chat_template(
        [{"role": "system", "content": "Be brief."}, *more], tokenize=False
    )
    assert text.startswith("Be brief.\n\nClaim: The river")
    assert "Verdict: SUPPORTS\n\nClaim: The river" in text


def test_every_prompt_file_has_one_place_for_the_claim() -> None:
    files = sorted(Path(train.PROMPT_FILE).parent.glob("*.txt"))
    assert train.PROMPT_FILE in files
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.count("{claim}") == 1
        assert all(label in text for label in LABELS)
        assert text.endswith("Verdict:\n")
