"""The project's own model through the resident engine, against plain transformers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.inference.oracle import score_labels
from workers.inference import Choice, Generation, LanguageModel, load

pytestmark = pytest.mark.models
APP = Path(__file__).parents[2] / "apps" / "fact_verification"
LABELS = (" SUPPORTS", " REFUTES", " NOT ENOUGH INFO")
FEVER = os.environ.get("PCM_FEVER_CLAIMS", "")


@pytest.fixture(scope="module")
def demo() -> LanguageModel:
    return load(str(APP / "demo" / "model"), device="cpu")


def prompt() -> tuple[str, str]:
    before, after = (APP / "prompts" / "default.txt").read_text().rstrip("\n").split("{claim}")
    return before, after


def claims(file: Path, count: int) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()[:count]]


def check_against_plain(demo: LanguageModel, rows: list[dict[str, str]]) -> int:
    """How many labels are right, after comparing every one with the plain way."""
    before, after = prompt()
    right = 0
    choices = demo.choose([row["claim"] + after for row in rows], LABELS, before)
    for row, choice in zip(rows, choices, strict=True):
        assert isinstance(choice, Choice)
        text = before + row["claim"] + after
        expected = score_labels(demo.model, demo.tokenizer, text, LABELS)  # type: ignore[attr-defined]
        assert choice.scores == pytest.approx(expected, abs=1e-4)
        assert choice.label == max(expected, key=expected.__getitem__)
        right += choice.label.strip() == row["label"]
    return right


def test_nine_of_ten_unseen_claims_are_judged_right(demo: LanguageModel) -> None:
    rows = claims(APP / "demo" / "claims.jsonl", 200)
    assert check_against_plain(demo, rows) >= 180


@pytest.mark.skipif(not FEVER, reason="set PCM_FEVER_CLAIMS to a FEVER file in JSONL")
def test_labels_of_claims_from_fever_are_those_of_the_plain_way(demo: LanguageModel) -> None:
    check_against_plain(demo, claims(Path(FEVER), 200))


def test_a_chat_request_is_answered_by_a_verdict(demo: LanguageModel) -> None:
    rows = claims(APP / "demo" / "claims.jsonl", 20)
    talks = [[{"role": "user", "content": row["claim"]}] for row in rows]
    before, after = prompt()
    chosen = demo.choose([row["claim"] + after for row in rows], LABELS, before)
    for answer, choice in zip(demo.chat(talks, 8), chosen, strict=True):
        assert isinstance(answer, Generation)
        assert isinstance(choice, Choice)
        assert answer.finish_reason == "stop"
        assert answer.text == choice.label
