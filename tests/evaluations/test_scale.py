"""What the evaluation of scale makes of its measurements."""

from __future__ import annotations

from evaluations.scale import hold, measure, targets
from tests.evaluations import program


def test_every_event_is_timed_and_decisions_are_those_that_send_a_batch() -> None:
    found = measure(10, 500)
    assert found["batches"] <= found["events"]
    assert 0.0 < found["decision_us"]["p50"] <= found["decision_us"]["p99"]
    assert 0.0 < found["efficiency"] <= 1.0


def test_targets_are_about_the_most_workers_and_items() -> None:
    def size(workers: int, items: int, p50: float, gib: float) -> dict[str, object]:
        at = {"p50": p50, "p99": 10 * p50}
        memory = int(gib * 2**30)
        return {"workers": workers, "items": items, "decision_us": at, "memory_bytes": memory}

    found = targets([size(10, 100, 900.0, 9.0), size(99, 50, 40.0, 1.0), size(99, 100, 60.0, 1.5)])
    assert [target.met for target in found] == [False, True, False]
    found = targets([size(99, 100, 40.0, 1.5)])
    assert all(target.met for target in found)


def test_waiting_items_take_few_bytes() -> None:
    assert hold(200_000) < 100 * 200_000


def test_it_prints_its_figures() -> None:
    printed = program.quick("scale")
    assert [one["workers"] for one in printed["figures"]["sizes"]] == [10, 50]
