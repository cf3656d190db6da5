"""Labels as tokens, and the tree in which one forward pass scores them all.

The inputs of an item are its prompt, then the tokens of a tree: labels that begin alike share the
tokens of their beginning. A node of the tree sees the prompt and the nodes above it only and has
the position that it would have alone, so that every label is scored as if it were the only one.
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

    Columns are counted from the prompt's last token, which is column 0. Column ``c`` is the node
    with the beginning ``nodes[c - 1]`` of one or several labels.
    """

    labels: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]

    @cached_property
    def nodes(self) -> list[tuple[int, ...]]:
        """Every beginning of a label that predicts a next token, parents before children."""
        beginnings = {tokens[:end]: None for tokens in self.tokens for end in range(1, len(tokens))}
        return list(beginnings)

    @cached_property
    def inputs(self) -> list[int]:
        return [node[-1] for node in self.nodes]

    @cached_property
    def depths(self) -> list[int]:
        return [len(node) for node in self.nodes]

    @cached_property
    def sees(self) -> list[list[bool]]:
        """Whether a node (first index) is another (second) or stands below it."""
        return [[node[: len(above)] == above for above in self.nodes] for node in self.nodes]

    @cached_property
    def longest(self) -> int:
        return max(map(len, self.tokens))

    @cached_property
    def targets(self) -> list[list[tuple[int, int]]]:
        """For each label the pairs (column that predicts, token predicted) of all its tokens."""
        columns = {node: column for column, node in enumerate(self.nodes, start=1)} | {(): 0}
        return [
            [(columns[tokens[:end]], tokens[end]) for end in range(len(tokens))]
            for tokens in self.tokens
        ]


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
