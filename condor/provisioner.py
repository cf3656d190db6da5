"""Carries out the core's wishes by jobs: submits, removes, counts, and finds its own again."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from condor import expressions, materials
from condor.client import Client
from condor.description import AVOID, describe
from condor.faults import CondorError, is_limit
from condor.fleet import Fleet, Policy, Status
from condor.glideins import Glideins
from condor.invitation import Invitation
from condor.jobs import JobId
from condor.matching import demand
from condor.queue import JobQueue, QueuedJob
from pcm.core.events import ProvisionFailed
from pcm.errors import InputError

LOOK_SECONDS = 0.5
"""How often the logs are read."""
RECONCILE_SECONDS = 300.0
"""How often the schedd is asked what it has, in case a log has missed something."""
REMOVE_AGAIN_SECONDS = 60.0
"""When a job that was removed and is still there is removed again."""
RETRY_SECONDS = (1.0, 30.0)
"""The first and the longest pause after a schedd that did not answer."""
PATIENCE_SECONDS = 120.0
"""When it has not answered for so long, the core is told that nobody comes."""
CLOSE_SECONDS = 5.0
_RUN = re.compile(r"[\w.@+-]{1,200}")
_WORKER = re.compile(r"g\.([A-Za-z][\w-]*)\.(\d+)\.(\d+)\.(\d+)-.*")
_RUNNING, _REMOVED, _COMPLETED = 2, 3, 4


class Origin(NamedTuple):
    """Where a worker comes from: the class, the job, and which life of it."""

    class_: str
    job: JobId
    life: int


def origin(worker: str) -> Origin | None:
    """By a worker's name; None if it is no glidein's."""
    match = _WORKER.fullmatch(worker)
    if match is None:
        return None
    return Origin(match[1], (int(match[2]), int(match[3])), int(match[4]))


class Provisioner:
    """The glideins of one manager, of any number of classes.

    Args:
        classes: what the user declared; names are unique.
        directory: where files for the jobs and their logs are. With the run's id it finds its jobs
            again after a restart. The schedd must see it.
        on_event: called, from the provisioner's thread, with a ProvisionFailed for what is wanted
            and will not come.
        on_status: called, from that thread, with how the classes stand, whenever it has changed.
        say: called, from that thread, with a line for people.

    All methods return at once but ``stop``; what HTCondor has to say comes by the callbacks.
    """

    def __init__(
        self,
        classes: Sequence[Glideins],
        directory: Path,
        on_event: Callable[[ProvisionFailed], None],
        *,
        on_status: Callable[[Sequence[Status]], None] = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
        connect: Callable[[str, str], JobQueue] = Client,
        policy: Policy | None = None,
    ) -> None:
        names = [glideins.name for glideins in classes]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"two classes are {name!r}", field="glideins", mend="rename one")
        for glideins in classes:
            expressions.check(glideins)
        self._classes = {glideins.name: glideins for glideins in classes}
        self._fleets = {c.pool: Fleet(c.name, c.most, policy) for c in classes}
        self._directory = Path(directory).absolute()
        self._on_event, self._on_status = on_event, on_status
        self._say, self._connect = say, connect
        self._told: list[Status] = []
        self._queues: dict[tuple[str, str], JobQueue] = {}
        self._events_known: dict[str, int] = dict.fromkeys(self._classes, 0)
        self._avoided: dict[str, list[str]] = {name: [] for name in self._classes}
        self._wishes: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping: bool | None = None
        """Whether jobs are to be removed, once it is told to stop."""
        self._stop_by = 0.0
        self._found_again = False
        self._next_reconcile = 0.0
        self._removal_asked: dict[JobId, float] = {}
        self._failing_since: float | None = None
        self._retry_at, self._retry_seconds = 0.0, RETRY_SECONDS[0]

    # -- for the manager's thread ----------------------------------------------------------------

    def start(self, invitation: Invitation, run: str) -> None:
        """Take up the jobs of this run that are there, and wait for wishes. Raises InputError."""
        if not _RUN.fullmatch(run):
            raise InputError(f"{run!r} is no name for a run", field="run", mend="use a plain word")
        materials.lay_out(self._directory, invitation)
        self._invitation, self._run = invitation, run
        self._thread = threading.Thread(target=self._work, name="pcm-glideins", daemon=True)
        self._thread.start()

    def want(self, pool: str, workers: int) -> None:
        """So many are wanted in all; of what is too many, only those go that have not joined."""
        self._wish(lambda: self._fleets[pool].want(workers))

    def joined(self, worker: str) -> None:
        """A worker has joined; of a name that no glidein has, nothing follows."""
        found = origin(worker)
        if found is not None and found.class_ in self._classes:
            fleet = self._fleets[self._classes[found.class_].pool]
            self._wish(lambda: fleet.join(found.job, found.life))

    def status(self) -> list[Status]:
        """Of every class, in the order in which they were declared."""
        with self._changed:
            return [fleet.status(time.time()) for fleet in self._fleets.values()]

    def stop(self, remove: bool = True, wait_seconds: float = 60.0) -> None:
        """Remove all jobs and see the queue empty, for at most so long; or leave them be, for a
        manager after this one. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._changed:
            self._stopping, self._stop_by = remove, time.monotonic() + wait_seconds
            self._changed.notify()
        thread.join(wait_seconds + CLOSE_SECONDS)
        for queue in self._queues.values():
            queue.interrupt()  # It may wait for a schedd.
        thread.join()

    def _wish(self, wish: Callable[[], None]) -> None:
        with self._changed:
            self._wishes.append(wish)
            self._changed.notify()

    # -- its own thread --------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self._stopping is None:
                self._turn()
                self._tell_status()
                with self._changed:
                    if self._stopping is None and not self._wishes:
                        self._changed.wait(LOOK_SECONDS)
            if self._stopping:
                self._remove_all()
        finally:
            for queue in self._queues.values():
                queue.close()

    def _turn(self) -> None:
        with self._changed:
            wishes, self._wishes = self._wishes, []
            for wish in wishes:
                wish()
        if time.monotonic() < self._retry_at:
            return
        try:
            self._look()
            for fleet in self._fleets.values():
                self._act(fleet)
        except CondorError as error:
            self._fail(error)
        else:
            if self._failing_since is not None:
                self._say("HTCondor answers again")
                self._next_reconcile = 0.0
            self._failing_since, self._retry_seconds = None, RETRY_SECONDS[0]

    def _tell_status(self) -> None:
        statuses = self.status()
        if statuses != self._told:
            self._told = statuses
            self._on_status(statuses)

    def _look(self) -> None:
        self._read_logs()
        if time.monotonic() >= self._next_reconcile:
            self._reconcile()
            self._next_reconcile = time.monotonic() + RECONCILE_SECONDS
            self._read_logs()

    def _read_logs(self) -> None:
        """What is in them before the first look at the queue is of a manager before this one."""
        for glideins in self._classes.values():
            fleet, known = self._fleets[glideins.pool], self._events_known[glideins.name]
            log = materials.log(self._directory, glideins.name)
            events = self._queue(glideins).events(log, known)
            with self._changed:
                for event in events:
                    if self._found_again:
                        fleet.handle(event, time.time())
                    else:
                        fleet.jobs.handle(event)
            self._events_known[glideins.name] += len(events)

    def _reconcile(self) -> None:
        """What the schedd has of this run is ours; what invites to another manager goes."""
        for key, classes in self._by_queue().items():
            queued = [job for job in self._queues[key].jobs(self._run) if _is_live(job)]
            ours = [job for job in queued if self._is_ours(job)]
            strangers = [job.job for job in queued if job not in ours]
            self._queues[key].remove(strangers, "their manager is gone")
            now = time.time()
            with self._changed:
                for glideins in classes:
                    fleet = self._fleets[glideins.pool]
                    here = {
                        job.job: job.status == _RUNNING
                        for job in ours
                        if job.class_ == glideins.name
                    }
                    fleet.reconcile(here.items(), now)
                    if not self._found_again:
                        fleet.keep(now)
            if not self._found_again and ours:
                self._say(f"found {len(ours)} glideins of this run again")
        self._found_again = True

    def _is_ours(self, job: QueuedJob) -> bool:
        return job.class_ in self._classes and job.manager == self._invitation.address

    def _act(self, fleet: Fleet) -> None:
        glideins = self._classes[fleet.name]
        queue = self._queue(glideins)
        with self._changed:
            actions = fleet.actions(time.time())
        for failed in actions.failed:
            self._on_event(failed)
        self._remove(queue, actions.remove, "not wanted any more")
        queue.remove(actions.force, "their machines do not answer", force=True)
        self._avoid(fleet, queue)
        if actions.submit:
            self._submit(fleet, queue, actions.submit)

    def _remove(self, queue: JobQueue, jobs: Sequence[JobId], reason: str) -> None:
        """They may take a while to go."""
        now = time.monotonic()
        again = [id_ for id_ in jobs if now >= self._removal_asked.get(id_, 0.0)]
        queue.remove(again, reason)
        kept = {id_: at for id_, at in self._removal_asked.items() if at > now}
        self._removal_asked = kept | dict.fromkeys(again, now + REMOVE_AGAIN_SECONDS)

    def _submit(self, fleet: Fleet, queue: JobQueue, count: int) -> None:
        glideins = self._classes[fleet.name]
        if glideins.check_match and not fleet.jobs.submitted:
            self._warn_if_none_match(glideins, queue)
        commands = describe(glideins, self._invitation, self._run, self._directory)
        commands[f"My.{AVOID}"] = f'"{",".join(self._avoided[fleet.name])}"'
        try:
            ids = _submitted(queue, commands, count)
        except CondorError as error:
            if is_limit(error):
                self._limit(fleet, error)
                return
            if error.transient:
                raise
            with self._changed:
                fleet.refused(str(error), permanent=True)
            return
        with self._changed:
            fleet.submitted(ids, time.time())

    def _limit(self, fleet: Fleet, error: CondorError) -> None:
        with self._changed:
            news = fleet.limited(str(error), time.time())
        if news:
            self._say(f"class {fleet.name}: {error}")

    def _warn_if_none_match(self, glideins: Glideins, queue: JobQueue) -> None:
        """Not more than that: some pools make machines only when jobs ask for them."""
        with contextlib.suppress(CondorError):
            match = queue.match(demand(glideins))
            if not match.matching:
                self._say(f"class {glideins.name}: {match.text}")

    def _avoid(self, fleet: Fleet, queue: JobQueue) -> None:
        """Jobs that wait are to stay away from machines on which others could not work."""
        machines = fleet.avoided(time.time())
        if machines != self._avoided[fleet.name]:
            queue.set_text(sorted(fleet.jobs.live), AVOID, ",".join(machines))
            new = [name for name in machines if name not in self._avoided[fleet.name]]
            for name in new:
                self._say(f"class {fleet.name}: a worker cannot work on {name}, which is avoided")
            self._avoided[fleet.name] = machines

    def _fail(self, error: CondorError) -> None:
        now = time.monotonic()
        if self._failing_since is None:
            self._say(str(error))
            self._failing_since = now
        self._retry_at = now + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, RETRY_SECONDS[1])
        if not error.transient or now - self._failing_since > PATIENCE_SECONDS:
            with self._changed:
                for fleet in self._fleets.values():
                    fleet.refused(str(error), permanent=not error.transient)
                failed = [f for fleet in self._fleets.values() for f in fleet.take_failed()]
            for one in failed:
                self._on_event(one)

    # -- the end ---------------------------------------------------------------------------------

    def _remove_all(self) -> None:
        """By what the schedd has, not by what we know; those too that a person has submitted to
        join us. A job whose machine does not answer would stay until it does."""
        asked: set[JobId] = set()
        problem = ""

        def silent(job: QueuedJob) -> bool:
            fleets = self._fleets.values()
            known = [fleet.jobs.live[job.job] for fleet in fleets if job.job in fleet.jobs.live]
            return any(one.silent for one in known)

        while True:
            left: list[QueuedJob] = []
            try:
                self._read_logs()
                for key in self._by_queue():
                    here = [*self._queues[key].jobs(self._run), *self._by_hand(key)]
                    fresh = [job.job for job in here if _is_live(job) and job.job not in asked]
                    self._queues[key].remove(fresh, "the run has ended")
                    asked.update(fresh)
                    lost = [job.job for job in here if job.status == _REMOVED and silent(job)]
                    self._queues[key].remove(lost, "their machines do not answer", force=True)
                    left += [job for job in here if job.status != _COMPLETED]
                if not left:
                    materials.clear(self._directory)
                    return
                problem = f"{len(left)} glideins are still on their way out"
            except CondorError as error:
                problem = f"glideins may be left in the queue: {error}"
            if time.monotonic() >= self._stop_by:
                self._say(f"{problem}; see `pcm glidein status`")
                return
            time.sleep(min(LOOK_SECONDS, max(0.0, self._stop_by - time.monotonic())))

    def _by_hand(self, key: tuple[str, str]) -> list[QueuedJob]:
        """They have another run's name, and our address: who comes to it will find nobody."""
        every = self._queues[key].jobs("")
        address = self._invitation.address
        return [job for job in every if job.manager == address and job.run != self._run]

    # -- queues ----------------------------------------------------------------------------------

    def _queue(self, glideins: Glideins) -> JobQueue:
        key = (glideins.collector, glideins.schedd)
        if key not in self._queues:
            self._queues[key] = self._connect(*key)
        return self._queues[key]

    def _by_queue(self) -> dict[tuple[str, str], list[Glideins]]:
        found: dict[tuple[str, str], list[Glideins]] = {}
        for glideins in self._classes.values():
            self._queue(glideins)
            found.setdefault((glideins.collector, glideins.schedd), []).append(glideins)
        return found


def _submitted(queue: JobQueue, commands: dict[str, str], count: int) -> list[JobId]:
    """As many as the schedd takes: of more than that it takes none. Raises CondorError."""
    while True:
        try:
            return queue.submit(commands, count)
        except CondorError as error:
            if count == 1 or not is_limit(error):
                raise
        count //= 2


def _is_live(job: QueuedJob) -> bool:
    return job.status not in (_REMOVED, _COMPLETED)
