"""Labels as tokens, and the tree in which one forward pass scores them all.

The inputs of a row are the prompt, then each label's tokens but its last. A label's tokens attend
to the prompt and to their own label only and have the positions they would have alone, so that
every label is scored as if it were the only one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ANCHOR = ":"
"""Labels are tokenised as they stand after this text: some tokenizers treat the beginning of a
text differently from its middle."""


@dataclass(frozen=True)
class LabelTree:
    """The labels' tokens, and where in a row of ``prompt + tree`` each is predicted.

    Columns are counted from the prompt's last token, which is column 0. Column ``c`` of the tree
    holds the token ``inputs[c - 1]``, the ``depths[c - 1]``-th of the label ``owners[c - 1]``.
    """

    labels: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]

    @cached_property
    def owners(self) -> list[int]:
        return [label for label, tokens in enumerate(self.tokens) for _ in tokens[:-1]]

    @cached_property
    def depths(self) -> list[int]:
        return [depth for tokens in self.tokens for depth in range(1, len(tokens))]

    @cached_property
    def inputs(self) -> list[int]:
        return [token for tokens in self.tokens for token in tokens[:-1]]

    @cached_property
    def longest(self) -> int:
        return max(map(len, self.tokens))

    @cached_property
    def targets(self) -> list[list[tuple[int, int]]]:
        """For each label the pairs (column that predicts, token predicted) of all its tokens."""
        targets, column = [], 1
        for tokens in self.tokens:
            columns = [0, *range(column, column + len(tokens) - 1)]
            targets.append(list(zip(columns, tokens, strict=True)))
            column += len(tokens) - 1
        return targets


def label_tree(tokenizer: Any, labels: Sequence[str]) -> LabelTree:
    """The labels as tokens.

    Raises ValueError when there are no labels, one is repeated, or one has no tokens of its own.
    """
    if not labels:
        raise ValueError("choose needs at least one label")
    if repeated := {label for label in labels if list(labels).count(label) > 1}:
        raise ValueError(f"labels must differ; given more than once: {sorted(repeated)}")
    anchor: list[int] = tokenizer(ANCHOR)["input_ids"]
    tokens = []
    for label in labels:
        ids: list[int] = tokenizer(ANCHOR + label)["input_ids"]
        if ids[: len(anchor)] != anchor or len(ids) == len(anchor):
            ids, own = tokenizer(label, add_special_tokens=False)["input_ids"], 0
        else:
            own = len(anchor)
        if not ids[own:]:
            raise ValueError(f"the label {label!r} has no tokens; give a text that is not empty")
        tokens.append(tuple(ids[own:]))
    return LabelTree(tuple(labels), tuple(tokens))
