"""How good the verdicts are, where the claims come with labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table


class Confusion:
    """Counts of (true label, predicted label); what is predicted may be none of the labels."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.counts.update(pairs)

    @property
    def accuracy(self) -> float | None:
        """The share of right predictions; None without any labelled claim."""
        total = self.counts.total()
        right = sum(self.counts[label, label] for label in self.labels)
        return right / total if total else None

    @property
    def macro_f1(self) -> float | None:
        """The mean F1 of the labels that are true or predicted of any claim; None without any."""
        scores = []
        for label in self.labels:
            true = sum(n for (is_, _), n in self.counts.items() if is_ == label)
            predicted = sum(n for (_, said), n in self.counts.items() if said == label)
            if true + predicted:
                scores.append(2 * self.counts[label, label] / (true + predicted))
        return sum(scores) / len(scores) if scores else None

    def table(self) -> Table:
        table = Table(
            title="true label (row) against predicted label (column)", title_justify="left"
        )
        table.add_column("")
        for label in [*self.labels, "recall"]:
            table.add_column(label, justify="right")
        for true in self.labels:
            row = [self.counts[true, predicted] for predicted in self.labels]
            recall = f"{self.counts[true, true] / sum(row):.1%}" if sum(row) else "-"
            table.add_row(true, *map(str, row), recall)
        return table
