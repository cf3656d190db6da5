"""What is refused before anything starts, and what is only told."""

from __future__ import annotations

from typing import Any

import pytest

from condor import Glideins, prospects
from condor.faults import CondorError
from condor.matching import Match
from condor.prospects import Prospect, answer, check, judged, question
from pcm.errors import InputError

classad2 = pytest.importorskip("classad2")

BIG = Glideins(name="big", most=1, gpu_memory="40 GB", memory="1 GB", disk="1 GB")
NONE = Match(12, 0, "0 of 12 GPUs match; 9 would with gpu_memory <= 10 GB")


def machine(memory_megabytes: int, **more: Any) -> Any:
    gpu = classad2.ClassAd({"GlobalMemoryMb": memory_megabytes, "DeviceName": "X"})
    ad = {"AssignedGPUs": "GPU-1", "GPUs_GPU_1": gpu, "TotalSlotGPUs": 1, "TotalSlotCpus": 8}
    return classad2.ClassAd(ad | {"TotalSlotMemory": 9999, "TotalSlotDisk": 99999999} | more)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Its machines, or an error in their place; the schedd takes jobs."""
    ads: list[Any] = []

    def slots(collector: str) -> list[Any]:
        if ads and isinstance(ads[0], CondorError):
            raise ads[0]
        return list(ads)

    monkeypatch.setattr(prospects, "slots", slots)
    monkeypatch.setattr(prospects, "_of_schedd", lambda *_: None)
    return ads


def hopeless(glideins: Glideins) -> bool:
    (found,) = answer([question(glideins)])
    return found.hopeless


def test_machines_that_will_never_match(pool: list[Any]) -> None:
    assert not hopeless(BIG), "a pool without machines may have some later"
    pool.append(machine(10_000))
    assert hopeless(BIG)
    pool.append(machine(50_000))
    assert not hopeless(BIG)


def test_what_varies_may_be_fulfilled_later(pool: list[Any]) -> None:
    pool.append(machine(50_000, State="Claimed", Arch="X86_64"))
    for requirements in ('State == "Unclaimed"', "TARGET.Memory > 20000", "MY.x =!= 1"):
        assert not hopeless(Glideins(name="x", most=1, requirements=requirements)), requirements
    assert hopeless(Glideins(name="x", most=1, requirements='Arch == "ARM"'))
    varies_too = Glideins(name="x", most=1, gpu_memory="90 GB", requirements="Memory > 20000")
    assert hopeless(varies_too), "its GPUs do not grow"


def test_a_pool_that_does_not_answer(pool: list[Any]) -> None:
    pool.append(CondorError("it does not answer", "ask"))
    (found,) = answer([question(BIG)])
    assert (found.match, found.hopeless) == (None, False)
    assert judged([BIG], [found]) == ["it does not answer; ask"]


def test_every_place_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(prospects, "slots", lambda collector: asked.append(collector) or [])
    monkeypatch.setattr(prospects, "_of_schedd", lambda *place: asked.append(place))
    far = Glideins(name="far", most=1, collector="c", schedd="s")
    assert len(answer([question(one) for one in (BIG, BIG, far)])) == 3
    assert asked == [("", ""), "", ("c", "s"), "c"]


def test_what_is_hopeless_is_refused_with_class_and_field() -> None:
    with pytest.raises(InputError, match=r"class big: 0 of 12 .* with gpu_memory .*check_match"):
        judged([BIG], [Prospect("big", NONE, hopeless=True)])
    assert judged([BIG], [Prospect("big", NONE)]) == []
    patient = Glideins(name="big", most=1, check_match=False)
    assert judged([patient], [Prospect("big", NONE, hopeless=True)]) == [f"class big: {NONE.text}"]


def test_a_schedd_that_refuses_and_one_that_starts() -> None:
    trouble = Prospect("big", problem="no schedd", mend="go to one")
    with pytest.raises(InputError, match="class big: no schedd; go to one"):
        judged([BIG], [trouble])
    starting = Prospect("big", problem="no answer", mend="wait", transient=True)
    assert judged([BIG, BIG], [starting, starting]) == ["no answer; wait"]


def test_without_a_pool_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDOR_CONFIG", "/dev/null")
    monkeypatch.setattr("os.geteuid", lambda: 1)
    with pytest.raises(InputError, match=r"class big: .*(no schedd here|no jobs of root)"):
        check([BIG])
    with pytest.raises(InputError, match="requirements"):
        check([Glideins(name="x", most=1, requirements=")")])
    assert "not answered in time" in check([BIG], limit_seconds=0.0)[0]
