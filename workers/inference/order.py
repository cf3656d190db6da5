"""Results in the order of the items, each as soon as those before it are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_order(results: Iterable[tuple[int, T]]) -> Iterator[T]:
    """Yield the results of the items 0, 1, 2, ... from (index, result) in any order."""
    waiting: dict[int, T] = {}
    following = 0
    for index, result in results:
        waiting[index] = result
        while following in waiting:
            yield waiting.pop(following)
            following += 1
