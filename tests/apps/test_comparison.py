"""Scores of pairs, which is best, and the table, from runs whose rows are known."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

import pcm
from apps.fact_verification.comparison import Comparison, Trial
from apps.fact_verification.scoring import Confusion

LABELS = ("S", "R", "N")
TRUTH: dict[str | int, str | None] = {1: "S", 2: "S", 3: "R", 4: "N", 5: None}


class Ended:
    """A run that has ended with these predictions; "" is a claim that failed."""

    directory = Path("somewhere")

    def __init__(self, predicted: str, error: pcm.PcmError | None = None) -> None:
        self.predicted, self.error = predicted, error
        self.outcome = "failed" if error else "completed"

    def __iter__(self) -> Iterator[Any]:
        for key, label in enumerate(self.predicted.split(","), start=1):
            value = {"predicted_label": label} if label else None
            yield SimpleNamespace(key=key, ok=bool(label), value=value)

    def summary(self) -> Any:
        return SimpleNamespace(to_dict=lambda: {"items": 5})


def comparison(**runs: Ended) -> Comparison:
    """Of runs by PROMPT_MODEL."""
    trials = []
    for name, run in runs.items():
        prompt, model = name.split("_")
        trials.append(Trial(prompt, model, cast(pcm.Run, run)))
    return Comparison(trials, TRUTH, LABELS)


def test_a_failed_claim_counts_as_wrong_and_an_unlabelled_one_not_at_all() -> None:
    scores = comparison(p_m=Ended("S,S,R,N,S"), p_n=Ended("S,,R,,R")).scores
    assert scores["p", "m"].accuracy == scores["p", "m"].macro_f1 == 1.0
    assert scores["p", "n"].accuracy == 0.5
    assert scores["p", "n"].macro_f1 == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_accuracy_decides_then_macro_f1_then_the_order() -> None:
    # Both have three of four right; F1 of S, R, N: 4/5, 0, 1 against 2/3, 2/3, 1.
    by_f1 = comparison(p_m=Ended("S,S,S,N,N"), q_m=Ended("S,R,R,N,N"))
    assert by_f1.best == ("q", "m")
    assert comparison(p_m=Ended("S,R,R,N,N"), q_m=Ended("S,R,R,N,N")).best == ("p", "m")
    assert comparison(p_m=Ended("R,R,R,R,R"), p_n=Ended("S,S,S,R,R")).best == ("p", "n")


def test_the_table_marks_the_best_pair_and_what_failed() -> None:
    broken = Ended("", pcm.RunError("its loader failed"))
    table = comparison(
        one_m=Ended("S,S,R,S,S"), one_n=broken, two_m=Ended("S,S,R,N,S"), two_n=Ended("R,R,R,R,R")
    )
    text = StringIO()
    Console(file=text, width=100).print(table.table())
    cells = [line.split("│") for line in text.getvalue().splitlines() if "│" in line]
    assert [[cell.strip() for cell in row[1:-1]] for row in cells] == [
        ["one", "75.0% / 0.600", "failed"],
        ["two", "100.0% / 1.000 *", "25.0% / 0.133"],
    ]
    data = table.to_dict()
    assert data["best"] == {"prompt": "two", "model": "m", "accuracy": 1.0, "macro_f1": 1.0}
    assert [pair["accuracy"] for pair in data["pairs"]] == [0.75, None, 1.0, 0.25]
    assert [pair["error"] for pair in data["pairs"]] == [None, "its loader failed", None, None]


def test_without_any_finished_run_there_is_no_best() -> None:
    none = comparison(p_m=Ended("", pcm.RunError("no")))
    assert none.best is None
    assert none.to_dict()["best"] is None


def test_macro_f1_is_of_labels_that_occur() -> None:
    confusion = Confusion(LABELS)
    assert confusion.macro_f1 is None
    confusion.add([("S", "S"), ("S", "R")])
    assert confusion.macro_f1 == pytest.approx((2 / 3 + 0) / 2)
