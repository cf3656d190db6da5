"""GPUs are said to be there that are not: workers without one take their places."""

from __future__ import annotations

import msgspec
import pytest

from pcm.core.commands import Provision, Retire
from pcm.core.events import ProvisionFailed, WorkerJoined, WorkerLeft
from pcm.engines.local.engine import LocalEngine
from pcm.engines.local.sharing import Sharing
from pcm.engines.taskvine import TaskVineEngine
from pcm.errors import InputError
from tests.engines.local.driver import Driver
from workers.probe import ACCELERATORS_VARIABLE
from workers.protocol import Gpu


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = [Gpu(index, f"GPU-{index}", "Made up", 1 << 30) for index in range(2)]
    monkeypatch.setattr("workers.probe.gpus", lambda: gpus)


def test_more_workers_than_gpus_are_refused() -> None:
    with pytest.raises(InputError, match=r"workers.*there are 2"):
        LocalEngine(workers=3)
    with pytest.raises(InputError, match=r"workers.*there is 1"):
        LocalEngine(workers=2, gpus=[1])
    assert LocalEngine(workers=2).default_workers() == 2
    LocalEngine(workers=3, gpus=[])


def test_workers_with_several_gpus_each() -> None:
    assert LocalEngine(gpus_per_worker=2).default_workers() == 1
    with pytest.raises(InputError, match=r"workers: is 2, .*has 2 GPUs of its own and there are 2"):
        LocalEngine(workers=2, gpus_per_worker=2)
    with pytest.raises(InputError, match=r"gpus_per_worker: is 3, and of GPUs there are 2"):
        LocalEngine(gpus_per_worker=3)
    with pytest.raises(InputError, match=r"gpus_per_worker: is 2, and of GPUs there is 1"):
        LocalEngine(gpus_per_worker=2, gpus=[1])
    with pytest.raises(InputError, match=r"gpus_per_worker: is 3, and of GPUs there are 2"):
        TaskVineEngine(gpus_per_worker=3)
    with pytest.raises(InputError, match=r"gpus_per_worker: is 0"):
        LocalEngine(gpus_per_worker=0)


@pytest.mark.parametrize("options", [{"workers": 0}, {"listen": 0}])
def test_workers_from_elsewhere_bring_their_own(options: dict[str, int]) -> None:
    engine = TaskVineEngine(gpus_per_worker=3, **options)
    assert engine.default_workers() == 0


def test_shares_of_several_gpus_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = [Gpu(index, f"GPU-{index}", "Made up", 1 << 30) for index in range(5)]
    monkeypatch.setattr("workers.probe.gpus", lambda: gpus)
    sharing = Sharing(None, None, None, 2)
    assert sharing.default_workers == sharing.workers_left == 2
    one, other = sharing.take(2), sharing.take(2)
    assert one.gpus == ("GPU-0", "GPU-1")
    assert other.environment()["CUDA_VISIBLE_DEVICES"] == "GPU-2,GPU-3"
    assert sharing.workers_left == 0
    sharing.release(one)
    assert sharing.workers_left == 1
    assert sharing.take(2).gpus == ("GPU-0", "GPU-1")


def test_a_worker_with_two_gpus_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = [Gpu(index, f"GPU-{index}", "Made up", (1 + index) << 30) for index in range(2)]
    monkeypatch.setenv(ACCELERATORS_VARIABLE, msgspec.json.encode(gpus).decode())
    with Driver(gpus_per_worker=2) as driver:
        driver.order(Provision("local", 1, 0))
        capacity = driver.wait(WorkerJoined).capacity
    assert (capacity.gpus, capacity.gpu_memory_bytes) == (2, 1 << 30)


def test_what_no_gpu_is_left_for_will_never_come() -> None:
    with Driver() as driver:
        driver.order(Provision("local", 3, 0))
        never = driver.wait(ProvisionFailed)
        assert (never.workers, never.permanent) == (1, True)
        assert "there are 2" in never.error
        assert {driver.wait(WorkerJoined).worker for _ in range(2)} == {"local-1", "local-2"}


def test_a_replacement_waits_for_the_gpu_of_the_one_that_leaves() -> None:
    with Driver() as driver:
        driver.order(Provision("local", 2, 0))
        first, _ = driver.wait(WorkerJoined).worker, driver.wait(WorkerJoined)
        driver.order(Retire(first, 0, "test"), Provision("local", 1, 0))
        driver.wait(WorkerLeft, worker=first)
        assert driver.wait(WorkerJoined).worker == "local-3"
        assert not [h for h in driver.happened if isinstance(h, ProvisionFailed)]
