"""The provisioner with a queue that is told how to behave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from condor import Glideins, materials
from condor.faults import CondorError
from condor.fleet import Policy, Status
from condor.invitation import Invitation
from condor.jobs import JobEvent, JobId
from condor.matching import Demand, Match
from condor.provisioner import Provisioner, origin
from condor.queue import QueuedJob
from pcm.core.events import ProvisionFailed
from pcm.errors import InputError

pytest.importorskip("classad2")

DEADLINE_SECONDS = 20.0


class Queue:
    """In place of HTCondor: jobs are idle until ``happens`` is told otherwise."""

    def __init__(self) -> None:
        self.submitted: list[dict[str, str]] = []
        self.here: dict[JobId, QueuedJob] = {}
        self.texts: dict[str, str] = {}
        self.trouble: CondorError | None = None
        self.closed = False
        self.room = 1000
        self._events: dict[Path, list[JobEvent]] = {}

    def _try(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def submit(self, commands: dict[str, str], count: int) -> list[JobId]:
        self._try()
        if count > self.room - len(self.here):
            raise CondorError("submitting: the schedd takes no more jobs of yours", transient=True)
        self.submitted.append(commands)
        ids = [(len(self.submitted), proc) for proc in range(count)]
        words = [commands[f"My.{name}"].strip('"') for name in ("PcmClass", "PcmRun", "PcmManager")]
        for id_ in ids:
            self.here[id_] = QueuedJob(id_, 1, words[0], words[1], words[2])
            self._tell(JobEvent("submitted", id_, time.time()), Path(commands["log"]))
        return ids

    def remove(self, jobs: Sequence[JobId], reason: str, *, force: bool = False) -> None:
        self._try()
        for job in jobs:
            del self.here[job]
            self.happens("removed", job)

    def jobs(self, run: str) -> list[QueuedJob]:
        self._try()
        return [job for job in self.here.values() if not run or job.run == run]

    def set_text(self, jobs: Sequence[JobId], attribute: str, value: str) -> None:
        self.texts[attribute] = value

    def events(self, log: Path, known: int) -> list[JobEvent]:
        return self._events.get(log, [])[known:]

    def match(self, demand: Demand) -> Match:
        return Match(12, 0, "0 of 12 GPUs match; 9 would with gpu_memory <= 10 GB")

    def interrupt(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def happens(self, kind: Any, job: JobId, **more: Any) -> None:
        log = Path(self.submitted[job[0] - 1]["log"])
        self._tell(JobEvent(kind, job, time.time(), **more), log)

    def _tell(self, event: JobEvent, log: Path) -> None:
        self._events.setdefault(log, []).append(event)


class Scene:
    def __init__(self, directory: Path, queue: Queue | None = None, **options: Any) -> None:
        self.directory, self.queue = directory, queue or Queue()
        self.failed: list[ProvisionFailed] = []
        self.said: list[str] = []
        self.statuses: list[Sequence[Status]] = []
        (directory / "secret").write_text("x")
        self.provisioner = Provisioner(
            [Glideins(name="a", most=5), Glideins(name="b", most=5)],
            directory / "jobs",
            self.failed.append,
            on_status=self.statuses.append,
            say=self.said.append,
            connect=lambda *_: self.queue,
            policy=Policy(**({"ramp_jobs": 100, "return_seconds": 0.0} | options)),
        )

    def start(self, address: str = "host:1", run: str = "run") -> None:
        self.provisioner.start(Invitation(address, self.directory / "secret"), run)

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not true():
            assert time.monotonic() < deadline, (self.provisioner.status(), self.said, self.failed)
            time.sleep(0.01)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    scene.start()
    yield scene
    scene.provisioner.stop()
    assert scene.queue.closed
    assert "pcm-glideins" not in {thread.name for thread in threading.enumerate()}


def test_names_of_workers() -> None:
    assert origin("g.a100.12.3.1-6ed60b") == ("a100", (12, 3), 1)
    assert origin("g.a-100_x.12.3.2-6ed60b.4") == ("a-100_x", (12, 3), 2)
    for other in ("local-1", "g.a100.12-6ed60b", "vm-77-aabbcc"):
        assert origin(other) is None


def test_wishes_become_jobs_and_the_end_leaves_none(scene: Scene) -> None:
    scene.provisioner.want("glidein:a", 2)
    scene.provisioner.want("glidein:b", 1)
    scene.until(lambda: len(scene.queue.here) == 3)
    assert (scene.directory / "jobs" / materials.KIT).exists()
    scene.until(lambda: [one.queued for one in scene.provisioner.status()] == [2, 1])
    scene.until(lambda: [one.queued for one in scene.statuses[-1]] == [2, 1])
    assert scene.said[0] == "class a: 0 of 12 GPUs match; 9 would with gpu_memory <= 10 GB"
    scene.provisioner.stop()
    assert scene.queue.here == {}
    assert not (scene.directory / "jobs" / materials.PASSWORD).exists()
    scene.provisioner.stop()


def test_a_worker_that_joins_keeps_its_job_when_others_are_withdrawn(scene: Scene) -> None:
    scene.provisioner.want("glidein:a", 2)
    scene.until(lambda: len(scene.queue.here) == 2)
    scene.provisioner.joined("g.a.1.1.1-abc")  # The core may know first.
    scene.queue.happens("running", (1, 1))
    scene.provisioner.joined("local-1")
    scene.provisioner.joined("g.unknown.1.1.1-abc")
    scene.provisioner.want("glidein:a", 0)
    scene.until(lambda: list(scene.queue.here) == [(1, 1)])
    scene.until(lambda: scene.provisioner.status()[0].joined == 1)


def test_a_machine_that_is_unfit_is_told_to_all(scene: Scene) -> None:
    scene.provisioner.want("glidein:a", 1)
    scene.until(lambda: len(scene.queue.here) == 1)
    scene.queue.happens("held", (1, 0), code=3, subcode=75, detail="machine n1: no GPU")
    scene.until(lambda: scene.queue.texts == {"PcmAvoid": "n1"})
    scene.provisioner.want("glidein:a", 2)
    scene.until(lambda: len(scene.queue.submitted) == 2)
    assert scene.queue.submitted[1]["My.PcmAvoid"] == '"n1"'
    assert scene.failed == []


def test_a_schedd_that_does_not_answer_for_a_while(scene: Scene) -> None:
    scene.queue.trouble = CondorError("the schedd does not answer", transient=True)
    scene.provisioner.want("glidein:a", 2)
    scene.until(lambda: "the schedd does not answer" in scene.said)
    scene.queue.trouble = None
    scene.until(lambda: len(scene.queue.here) == 2)
    assert scene.said[-1] == "HTCondor answers again"
    assert scene.failed == []


def test_a_schedd_that_takes_no_more_is_filled_and_asked_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, limit_seconds=0.0)
    scene.queue.room = 3
    scene.start()
    scene.provisioner.want("glidein:a", 5)
    scene.until(lambda: len(scene.queue.here) == 3)
    scene.until(lambda: any("takes no more" in line for line in scene.said))
    scene.queue.happens("running", (1, 0))
    scene.until(lambda: scene.provisioner.status()[0].running == 1)
    scene.queue.room = 5
    scene.until(lambda: len(scene.queue.here) == 5)
    scene.provisioner.stop()
    assert sum("takes no more" in line for line in scene.said) == 1
    assert scene.failed == []


def test_what_is_not_allowed_is_told_at_once(scene: Scene) -> None:
    scene.until(lambda: bool(scene.provisioner.status()))
    scene.queue.trouble = CondorError("no permission", "ask")
    scene.provisioner.want("glidein:a", 2)
    scene.until(lambda: scene.failed != [])
    assert scene.failed[0] == ProvisionFailed("glidein:a", 2, "no permission; ask", True)
    scene.queue.trouble = None


def test_jobs_of_the_manager_before(tmp_path: Path) -> None:
    before = Scene(tmp_path)
    before.start()
    before.provisioner.want("glidein:a", 2)
    before.until(lambda: len(before.queue.here) == 2)
    before.provisioner.stop(remove=False)
    after = Scene(tmp_path, before.queue, return_seconds=60.0)
    after.start()
    after.until(lambda: after.said == ["found 2 glideins of this run again"])
    after.provisioner.want("glidein:a", 3)
    after.until(lambda: len(after.queue.here) == 3)
    after.provisioner.stop(remove=False)
    elsewhere = Scene(tmp_path, before.queue)
    elsewhere.start("host:2")
    elsewhere.until(lambda: elsewhere.queue.here == {})
    elsewhere.provisioner.stop()


def test_what_a_person_has_submitted_goes_with_the_manager_that_it_is_for(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.start("host:1")
    scene.provisioner.want("glidein:a", 1)
    scene.until(lambda: len(scene.queue.here) == 1)
    for proc, manager in ((1, "host:1"), (2, "host:2")):
        scene.queue.here[1, proc] = QueuedJob((1, proc), 1, "a", "by-hand", manager)
    scene.provisioner.stop()
    assert list(scene.queue.here) == [(1, 2)]


def test_jobs_that_cannot_be_removed_are_told_of(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.start()
    scene.provisioner.want("glidein:a", 1)
    scene.until(lambda: len(scene.queue.here) == 1)
    scene.queue.trouble = CondorError("the schedd does not answer", transient=True)
    scene.provisioner.stop(wait_seconds=0.0)
    assert "glideins may be left in the queue: the schedd does not answer" in scene.said[-1]


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two classes"):
        Provisioner([Glideins(name="a", most=1)] * 2, tmp_path, print)
    with pytest.raises(InputError, match="rank"):
        Provisioner([Glideins(name="a", most=1, rank=")")], tmp_path, print)
    scene = Scene(tmp_path)
    with pytest.raises(InputError, match="no name for a run"):
        scene.start(run='x" || true')
    scene.provisioner.stop()
