"""What the evaluation of the paper's experiments calibrates, counts and expects."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from evaluations.paper import experiments, gpus, published
from evaluations.paper.calibration import calibrate, seconds_besides
from evaluations.paper.measuring import done_at_all, targets
from evaluations.paper.opportunistic import off_by
from evaluations.paper.progress import Progress
from pcm.engines.simulated import Visit, simulate
from tests.evaluations import program


def test_what_batches_take_besides_their_work() -> None:
    assert seconds_besides([10.0], 1 / 15.0) == pytest.approx(5.0)
    # 1/(10+10) + 1/(30+10) of a batch per second.
    assert seconds_besides([10.0, 30.0], 0.075) == pytest.approx(10.0)
    with pytest.raises(ValueError, match="no cold start"):
        seconds_besides([10.0], 0.2)


def test_calibration_by_hand() -> None:
    """1000 inferences in 100 s alone: 0.1 s each, 0.23 s on the slow one. Batches of 100 on one A10
    in 1000 s: 100 s each, of which 10 s are work."""
    found = calibrate(100.0, 1000.0, inferences=1000, batch_items=100, kinds=["a10"])
    assert found.a10_inference_seconds == pytest.approx(0.1)
    assert found.titan_inference_seconds == pytest.approx(0.23)
    assert found.cold_seconds == pytest.approx(90.0)
    # Divided as 3.7 + 3.7 fetched, 10.5 unpacked and 3.7 + 3.7 loaded: 25.3 in all.
    assert found.fetch_seconds == pytest.approx(90.0 * 7.4 / 25.3)
    assert found.unpack_seconds == pytest.approx(90.0 * 10.5 / 25.3)
    assert found.load_seconds == pytest.approx(90.0 * 7.4 / 25.3)
    assert found.origin_bytes_per_second == pytest.approx(10 * 7.4e9 / 1000.0)


def test_what_it_was_calibrated_on_comes_out() -> None:
    found = calibrate()
    model = experiments.everything_each_time(found)
    scenario = experiments.scenario(found, experiments.twenty_gpus(), model)
    seconds = simulate(scenario, experiments.naive(100)).makespan_seconds
    assert seconds == pytest.approx(published.SECONDS["pv1"].value, rel=0.02)


def test_the_parts_of_a_cold_start_are_the_whole() -> None:
    found = calibrate()
    scenario = experiments.scenario(found, experiments.one_gpu(), experiments.alone(found))
    assert scenario.cold_seconds("model", "a10") == pytest.approx(found.cold_seconds)
    contended, one_by_one = experiments.contended(found), experiments.links(found, 1)
    scenario = experiments.scenario(found, experiments.one_gpu(), contended, through=one_by_one)
    assert scenario.cold_seconds("model", "a10") == pytest.approx(found.cold_seconds)
    halved = experiments.shorter(contended, 0.5)
    scenario = experiments.scenario(found, experiments.one_gpu(), halved, through=one_by_one)
    assert scenario.cold_seconds("model", "a10") == pytest.approx(found.cold_seconds / 2.0)


def test_speeds_keep_the_one_known_ratio() -> None:
    speeds = gpus.speeds()
    assert speeds["a10"] == 1.0
    assert speeds["titan"] == pytest.approx(1.0 / published.TITAN_SLOWER)
    assert list(speeds) == list(gpus.CLUSTER)


def test_gpus_are_drawn_as_the_cluster_has_them() -> None:
    assert Counter(gpus.apportioned(7, {"a": 2, "b": 1, "c": 1})) == {"a": 3, "b": 2, "c": 2}
    one, other = (gpus.drawn(186, np.random.default_rng(seed)) for seed in (0, 1))
    assert one != other
    assert Counter(one) == Counter(other)
    assert len(one) == 186


def test_gpus_join_when_they_did() -> None:
    starts = sorted(visit.start_seconds for visit in experiments.opportunistic(0))
    for at, number in published.GPUS:
        # The last ones of a step join at its very end, give or take a rounding.
        assert sum(start <= at + 1e-6 for start in starts) == number


def test_what_is_done_until_the_last_one_goes() -> None:
    found = calibrate(1000.0, 10_000.0, inferences=10_000, batch_items=100, kinds=["a10"])
    visits = (Visit(kind="a10", start_seconds=0.0, end_seconds=9.5),)
    model = experiments.shorter(experiments.alone(found), 0.0)
    for salvages, done in ((False, 80), (True, 93)):
        scenario = experiments.scenario(found, visits, model, salvages=salvages, inferences=200)
        assert done_at_all(scenario, experiments.pervasive(20)) == done


def test_progress_counts_at_times() -> None:
    found = calibrate(1000.0, 10_000.0, inferences=10_000, batch_items=100, kinds=["a10"])
    model = experiments.shorter(experiments.alone(found), 0.0)
    scenario = experiments.scenario(found, experiments.one_gpu(), model, inferences=100)
    progress = Progress(experiments.pervasive(20), 100)
    simulate(scenario, progress)
    # Batches of 2 s, and a little around each.
    assert progress.at([0.0, 1.9, 2.5, 4.5, 8.5]) == [0, 0, 20, 40, 80]


def test_the_distance_of_curves() -> None:
    known = [done for _, done in published.DONE]
    assert off_by(known) == 0.0
    assert off_by([*known[:-1], 135_000]) == 0.1


def one_way(error: float, off: float, pcm: float) -> dict[str, Any]:
    return {
        "relative_error": error,
        "done_off_by": off,
        "pcm": {"seconds": {"median": pcm}},
    }


def test_what_is_expected() -> None:
    figures = {
        "experiments": {
            "pv1": {"relative_error": 0.5, "calibrated_on": True},
            "pv2": {"relative_error": -0.11, "calibrated_on": False},
            "pv3_1": {"relative_error": None, "calibrated_on": False},
            "pv6": {"relative_error": 0.09, "calibrated_on": False},
        },
        "pv6": {
            "load_times_alone": one_way(0.09, 0.09, 700.0),
            "links_shared": one_way(-0.2, 0.2, 699.0),
        },
    }
    assert {target.what: target.met for target in targets(figures)} == {
        "the paper's policy, pv2, off what was published by": False,
        "the paper's policy, pv6, off what was published by": True,
        "pv6, done at any time, off what was published by, as a share of all": True,
        "pcm, pv6 [s]": False,
        "the paper's policy, pv6, links shared, off what was published by": False,
        "pv6, links shared, done at any time, off what was published by, as a share of all": False,
        "pcm, pv6, links shared [s]": True,
    }


def test_it_prints_its_figures() -> None:
    printed = program.quick("paper")
    rows = printed["figures"]["experiments"]
    assert {"pv0", "pv1", "pv2", "pv3_100", "pv4_100", "pv6"} == set(rows)
    assert [name for name, row in rows.items() if row["calibrated_on"]] == ["pv0", "pv1"]
    program.assert_complete(printed["targets"], 8)
