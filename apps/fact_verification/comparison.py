"""Prompts and models compared: how right each pair is, and which is best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

import pcm
from apps.fact_verification.scoring import Confusion

BEST = "*"


@dataclass(frozen=True)
class Trial:
    """One prompt with one model, and the run that tries them."""

    prompt: str
    model: str
    run: pcm.Run


class Comparison:
    """The trials of a search, all ended, against the true labels by claim id.

    A claim that failed counts as judged wrong, so that all pairs are measured on the same claims; a
    run that failed has no accuracy.
    """

    def __init__(
        self, trials: Sequence[Trial], truth: Mapping[str | int, str | None], labels: Sequence[str]
    ) -> None:
        self.trials = trials
        self.scores = {
            (t.prompt, t.model): _confusion(t.run, truth, labels)
            for t in trials
            if t.run.error is None and t.run.outcome == "completed"
        }

    @property
    def best(self) -> tuple[str, str] | None:
        """Prompt and model of the highest accuracy, then macro-F1, then the first."""
        return max(self.scores, key=self._rank, default=None)

    def table(self) -> Table:
        """Prompts are rows, models columns."""
        table = Table(title=f"accuracy / macro-F1, {BEST} best", title_justify="left")
        table.add_column("prompt")
        models = dict.fromkeys(trial.model for trial in self.trials)
        for model in models:
            table.add_column(escape(model), justify="right")
        for prompt in dict.fromkeys(trial.prompt for trial in self.trials):
            table.add_row(escape(prompt), *(self._cell(prompt, model) for model in models))
        return table

    def to_dict(self) -> dict[str, Any]:
        """``pairs`` and ``best`` as plain data for JSON; None where there is no number."""
        return {"pairs": [self._pair(trial) for trial in self.trials], "best": self._best_pair()}

    def _pair(self, trial: Trial) -> dict[str, Any]:
        score = self.scores.get((trial.prompt, trial.model))
        return {
            "prompt": trial.prompt,
            "model": trial.model,
            "accuracy": score and score.accuracy,
            "macro_f1": score and score.macro_f1,
            "error": None if trial.run.error is None else str(trial.run.error),
            "directory": str(trial.run.directory),
            "summary": trial.run.summary().to_dict(),
        }

    def _best_pair(self) -> dict[str, Any] | None:
        if self.best is None:
            return None
        score = self.scores[self.best]
        return {
            "prompt": self.best[0],
            "model": self.best[1],
            "accuracy": score.accuracy,
            "macro_f1": score.macro_f1,
        }

    def _rank(self, pair: tuple[str, str]) -> tuple[float, float]:
        score = self.scores[pair]
        return score.accuracy or 0.0, score.macro_f1 or 0.0

    def _cell(self, prompt: str, model: str) -> str:
        score = self.scores.get((prompt, model))
        if score is None or score.accuracy is None or score.macro_f1 is None:
            return "failed"
        text = f"{score.accuracy:.1%} / {score.macro_f1:.3f}"
        return f"[bold]{text} {BEST}[/bold]" if (prompt, model) == self.best else f"{text}  "


def _confusion(
    run: pcm.Run, truth: Mapping[str | int, str | None], labels: Sequence[str]
) -> Confusion:
    confusion = Confusion(labels)
    confusion.add(
        (label, row.value["predicted_label"] if row.ok else "")
        for row in run
        if (label := truth[row.key]) is not None
    )
    return confusion
