"""How classes of glideins stand, as it is written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from condor import Glideins
from condor.fleet import Status
from pcm.core.commands import Want
from pcm.core.events import Event, PoolState, ProvisionFailed
from pcm.journal.entries import ClassStand
from pcm.manager.glideins import GlideinSupply
from pcm.manager.stands import EVERY_SECONDS, Stands


def status(name: str = "a", **counts: Any) -> Status:
    plain = {"asked": 0, "queued": 0, "running": 0, "joined": 0, "silent": 0}
    rest = {"submitted": 0, "lives": 0, "evictions": 0, "waits_seconds": (), "avoided": ()}
    return Status(**{"name": name, "held": {}, **plain, **rest, **counts})


def test_changes_are_told_of_and_not_too_often() -> None:
    woken: list[int] = []
    stands = Stands([("a", "glidein:a"), ("b", "glidein:b")], lambda: woken.append(1))
    assert stands.due_in_seconds(100.0) == 0.0
    assert [one.name for one in stands.written(100.0).classes] == ["a", "b"]
    assert stands.due_in_seconds(100.0) is None
    stands.wanted("glidein:b", 3)
    stands.jobs([status("a"), status("b", asked=2, queued=1, held={"no disk": 2, "no net": 1})])
    assert len(woken) == 2
    assert stands.due_in_seconds(100.5) == pytest.approx(EVERY_SECONDS - 0.5)
    assert stands.due_in_seconds(100.0 + EVERY_SECONDS) == 0.0
    assert stands.written(103.0).classes[1] == ClassStand(
        name="b",
        wanted=3,
        asked=2,
        queued=1,
        running=0,
        joined=0,
        held=3,
        holds={"no disk": 2, "no net": 1},
    )
    stands.jobs([status("a"), status("b", asked=2, queued=1, held={"no disk": 2, "no net": 1})])
    assert len(woken) == 2
    assert stands.due_in_seconds(200.0) is None


def test_a_trouble_lasts_until_a_worker_joins() -> None:
    stands = Stands([("a", "glidein:a")], lambda: None)
    stands.jobs([status(running=1, joined=1)])
    stands.failed("glidein:a", "all jobs are held")
    stands.jobs([status(running=2, joined=1)])
    assert stands.now().classes[0].trouble == "all jobs are held"
    stands.jobs([status(running=2, joined=2)])
    assert stands.now().classes[0].trouble == ""


def test_the_supply_tells_of_all_this(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Callable[[Any], None]] = {}

    class Provisioner:
        def __init__(self, classes: Sequence[Glideins], _: Path, on_event: Any, **by: Any) -> None:
            given.update(on_event=on_event, on_status=by["on_status"])

        def want(self, pool: str, workers: int) -> None:
            pass

    monkeypatch.setattr("condor.provisioner.Provisioner", Provisioner)
    told: list[Event] = []
    changes: list[int] = []
    one = Glideins(name="a", most=3)
    supply = GlideinSupply(
        [one], tmp_path, "id", told.append, print, changed=lambda: changes.append(1)
    )
    supply.order(Want(one.pool, 2, 0))
    given["on_status"]([status(queued=2)])
    given["on_event"](ProvisionFailed(one.pool, 2, "nothing matches"))
    (stand,) = supply.stands.now().classes
    assert (stand.wanted, stand.queued, stand.trouble) == (2, 2, "nothing matches")
    assert told == [PoolState(one.pool, 2), ProvisionFailed(one.pool, 2, "nothing matches")]
    assert len(changes) == 3
