"""Results come in the order of the items, and no later than they must."""

from __future__ import annotations

from collections.abc import Iterator

from workers.inference.order import in_order


def test_a_result_waits_only_for_those_before_it() -> None:
    asked: list[int] = []

    def results() -> Iterator[tuple[int, str]]:
        for index in (1, 0, 2, 3):
            asked.append(index)
            yield index, str(index)

    ordered = in_order(results())
    assert [next(ordered), next(ordered)] == ["0", "1"]
    assert asked == [1, 0]
    assert list(ordered) == ["2", "3"]
