"""Makes the corpus of claims: ``python -m apps.fact_verification.demo.corpus``.

Claims are true (SUPPORTS), false (REFUTES) or about what the table does not hold (NOT ENOUGH
INFO). Of every (entity, attribute) one phrasing is kept out of training, and the test claims use
only that one. So a test claim is new in its text, and its combination of entity and phrasing was
never seen with any value: it cannot be answered from memory of texts.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from apps.fact_verification.demo.knowledge import SEED, Pair, table

LABELS = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")
FRAMES = ("{s}.", "according to the almanac, {s}.", "it is recorded that {s}.")
TEST_CLAIMS_PER_LABEL = 800
TRAINING_CLAIMS_PER_LABEL = 16_000
FOLDER = Path(__file__).parent


class Claim(TypedDict):
    """One line of a FEVER file, as far as this project reads it."""

    id: int
    claim: str
    label: str


def sentence(pair: Pair, value: str, phrasing: int, frame: str) -> str:
    """The claim that ``pair`` has ``value``, as a sentence."""
    text = pair.attribute.phrasings[phrasing].format(e=pair.entity, v=value)
    text = frame.format(s=text)
    return text[0].upper() + text[1:]


def _claims(random_: random.Random, count_per_label: int, *, test: bool, seed: int) -> list[Claim]:
    pairs = table(seed)
    held_out = [random.Random(f"held out {seed} {i}").randrange(4) for i in range(len(pairs))]
    known = [i for i, pair in enumerate(pairs) if pair.value is not None]
    absent = [i for i, pair in enumerate(pairs) if pair.value is None]

    def draw(label: str) -> str:
        index = random_.choice(absent if label == "NOT ENOUGH INFO" else known)
        pair = pairs[index]
        others = [v for v in pair.attribute.values if v != pair.value]
        value = pair.value if label == "SUPPORTS" and pair.value else random_.choice(others)
        phrasings = [p for p in range(4) if (p == held_out[index]) == test]
        return sentence(pair, value, random_.choice(phrasings), random_.choice(FRAMES))

    texts: list[tuple[str, str]] = []
    for label in LABELS:
        drawn: dict[str, None] = {}
        while len(drawn) < count_per_label:
            text = draw(label)
            if test and text in drawn:
                continue
            drawn[text if test else f"{len(drawn)} {text}"] = None
        texts += [(text if test else text.split(" ", 1)[1], label) for text in drawn]
    random_.shuffle(texts)
    return [Claim(id=i, claim=text, label=label) for i, (text, label) in enumerate(texts, start=1)]


def unseen_claims(seed: int = SEED) -> list[Claim]:
    """The claims of ``claims.jsonl``: no text twice, each label equally often."""
    return _claims(random.Random(f"test {seed}"), TEST_CLAIMS_PER_LABEL, test=True, seed=seed)


def training_claims(seed: int = SEED) -> list[Claim]:
    """The claims that the model is trained on, drawn with replacement."""
    return _claims(
        random.Random(f"training {seed}"), TRAINING_CLAIMS_PER_LABEL, test=False, seed=seed
    )


def write_jsonl(path: Path, rows: Sequence[object]) -> None:
    """One JSON object per line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    """Write ``claims.jsonl`` and ``facts.jsonl`` (and, where asked, the training claims)."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to")
    parser.add_argument("--training", type=Path, help="also write the training claims to this file")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_jsonl(arguments.out / "claims.jsonl", unseen_claims())
    facts = [
        {"entity": pair.entity, "attribute": pair.attribute.name, "value": pair.value}
        for pair in table()
    ]
    write_jsonl(arguments.out / "facts.jsonl", facts)
    if arguments.training:
        write_jsonl(arguments.training, training_claims())


if __name__ == "__main__":
    main()
