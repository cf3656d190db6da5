from __future__ import annotations

from typing import Any

from condor.fleet import Status
from pcm.watching.glideins import HOLDS_TOLD, Holds, standing


def status(name: str, **more: Any) -> Status:
    counts = dict.fromkeys(("asked", "queued", "running", "joined", "silent", "submitted"), 0)
    return Status(
        **{
            **counts,
            "name": name,
            "held": {},
            "lives": 0,
            "evictions": 0,
            "waits_seconds": (),
            "avoided": (),
            **more,
        }
    )


def test_in_one_line() -> None:
    assert standing([]) == ""
    classes = [
        status("a100", running=4, joined=2, silent=1, queued=5, asked=3, held={"x": 1, "y": 2}),
        status("v100"),
    ]
    assert standing(classes) == (
        "glideins: a100 2 at work, 1 starting, 1 silent, 5 queued, 3 to be submitted, 3 held;"
        " v100 none wanted"
    )


def test_a_reason_is_told_once() -> None:
    holds = Holds()
    first = status("a", held={"no disk (ask)": 2})
    assert holds.fresh([first]) == ["glideins of class a: 2 held: no disk (ask)"]
    assert holds.fresh([first, status("b", held={"no disk (ask)": 1})]) == [
        "glideins of class b: 1 held: no disk (ask)"
    ]
    many = {f"machine {number}: no GPU": 1 for number in range(2 * HOLDS_TOLD)}
    assert len(holds.fresh([status("c", held=many)])) == HOLDS_TOLD
    assert holds.fresh([status("c", held=many)]) == []
