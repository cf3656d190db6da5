"""The corpus: made from a seed, balanced, and with nothing of the test in the training."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from apps.fact_verification.demo.corpus import (
    FOLDER,
    FRAMES,
    LABELS,
    Claim,
    sentence,
    training_claims,
    unseen_claims,
)
from apps.fact_verification.demo.knowledge import ATTRIBUTES, Pair, table


@pytest.fixture(scope="module")
def training() -> list[Claim]:
    return training_claims()


def meaning() -> dict[str, tuple[Pair, str, int]]:
    """Every sentence that can be said about the table: its pair, value and phrasing."""
    return {
        sentence(pair, value, phrasing, frame): (pair, value, phrasing)
        for pair in table()
        for value in pair.attribute.values
        for phrasing in range(4)
        for frame in FRAMES
    }


def test_labels_follow_from_the_table(training: list[Claim]) -> None:
    meanings = meaning()
    for claim in [*unseen_claims(), *training[:3000]]:
        pair, value, _ = meanings[claim["claim"]]
        if pair.value is None:
            assert claim["label"] == "NOT ENOUGH INFO"
        else:
            assert claim["label"] == ("SUPPORTS" if value == pair.value else "REFUTES")


def test_no_phrasing_of_a_test_claim_is_trained_on_with_any_value(training: list[Claim]) -> None:
    meanings = meaning()

    def asked(claims: list[Claim]) -> set[tuple[str, str, int]]:
        found = [meanings[claim["claim"]] for claim in claims]
        return {(pair.entity, pair.attribute.name, phrasing) for pair, _, phrasing in found}

    assert asked(unseen_claims()).isdisjoint(asked(training))
    texts = {claim["claim"] for claim in unseen_claims()}
    assert texts.isdisjoint(claim["claim"] for claim in training)


def test_labels_are_equally_frequent_and_texts_and_ids_differ() -> None:
    claims = unseen_claims()
    assert set(Counter(claim["label"] for claim in claims).values()) == {800}
    assert {claim["label"] for claim in claims} == set(LABELS)
    assert len({claim["claim"] for claim in claims}) == len({c["id"] for c in claims}) == 2400


def test_a_third_of_the_table_is_absent_and_phrasings_take_entity_and_value() -> None:
    absent = sum(pair.value is None for pair in table())
    assert len(table()) / 4 < absent < len(table()) / 2
    for attribute in ATTRIBUTES:
        assert len(set(attribute.values)) == 12
        assert all("{e}" in text and "{v}" in text for text in attribute.phrasings)


def test_the_script_writes_what_is_in_the_repository(tmp_path: Path) -> None:
    module = "apps.fact_verification.demo.corpus"
    command = [sys.executable, "-m", module, "--out", str(tmp_path)]
    subprocess.run([*command, "--training", str(tmp_path / "training.jsonl")], check=True)
    for name in ("claims.jsonl", "facts.jsonl"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
    lines = (tmp_path / "training.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == training_claims()
