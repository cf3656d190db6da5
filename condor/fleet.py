"""The jobs of one class, beside the number of workers that the core wants of it.

Pure: wishes and what happens to jobs go in; jobs to submit and to remove, and bad news for the
core, come out. A job that was evicted is queued again by HTCondor and counts as it did before.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from condor.faults import hold_mend
from condor.jobs import Job, JobEvent, JobId, Jobs
from pcm.core.events import ProvisionFailed

STUCK_JOBS = 3
"""With so many jobs held for good, more of the same would be held as well."""
AVOID_SECONDS = 3600.0
"""How long a machine is left alone that could not run a worker."""


class Policy(msgspec.Struct, frozen=True):
    """How fast jobs are submitted and replaced; times in seconds."""

    ramp_jobs: int = 10
    ramp_seconds: float = 5.0
    """At most so many jobs are submitted within so long."""
    release_seconds: float = 15.0
    """One that the manager let go is replaced after so long at the earliest: perhaps fewer are
    about to be wanted."""
    return_seconds: float = 60.0
    """Jobs of a manager before this one are kept for so long, for their workers to join again."""
    backoff_seconds: float = 10.0
    """After a job that failed, nothing is submitted for so long; twice as long after another."""
    backoff_seconds_max: float = 600.0
    limit_seconds: float = 60.0
    """A schedd that takes no more jobs of this user is asked again after so long."""


class Actions(msgspec.Struct):
    """What is to be done now. What is not reported as done is asked for again."""

    submit: int = 0
    remove: list[JobId] = []
    force: list[JobId] = []
    """Those removed before, whose machines do not answer."""
    failed: list[ProvisionFailed] = []


class Status(msgspec.Struct, frozen=True):
    """What a person wants to see of a class."""

    name: str
    asked: int
    """Jobs that are yet to be submitted."""
    queued: int
    running: int
    joined: int
    silent: int
    """Running ones whose machines do not answer."""
    held: dict[str, int]
    """Reasons, and how many jobs are held for each."""
    submitted: int
    lives: int
    evictions: int
    waits_seconds: tuple[float, ...]
    avoided: tuple[str, ...]


class Fleet:
    """The jobs of one class of at most so many."""

    def __init__(self, name: str, most: int, policy: Policy | None = None) -> None:
        self.name, self.most = name, most
        self.pool = f"glidein:{name}"
        self.jobs = Jobs()
        self.wanted = 0
        self.joined: dict[JobId, int] = {}
        """Those whose worker has joined, and in which life."""
        self.removing: set[JobId] = set()
        self._policy = policy or Policy()
        self._early: dict[JobId, int] = {}
        """Joined by what the core says, in a life that no event has told of yet."""
        self._forgotten: set[JobId] = set()
        self._submitted_at: list[float] = []
        self._released_at: list[float] = []
        self._kept_until: dict[JobId, float] = {}
        self._failures = 0
        self._not_before = 0.0
        self._refused = self._blocked = self._limited = False
        self._failed: list[ProvisionFailed] = []

    # -- what the core says ----------------------------------------------------------------------

    def want(self, workers: int) -> None:
        """There shall be so many in all."""
        if workers != self.wanted and self._refused:
            self._refused = self._blocked = False
            self._not_before = 0.0
        self.wanted = min(workers, self.most)

    def join(self, id_: JobId, life: int) -> None:
        """Its worker has joined. ``life`` of the job, as its worker counts: the core may know
        before the events do."""
        self._failures, self._not_before = 0, 0.0
        self._kept_until.pop(id_, None)
        job = self.jobs.live.get(id_)
        if job is None:
            return
        if job.status == "running" and self.joined.get(id_, life) == life:
            self.joined[id_] = life
        else:
            self._early[id_] = life

    # -- what happens to jobs --------------------------------------------------------------------

    def handle(self, event: JobEvent, now: float) -> None:
        """``now``, as everywhere here, in seconds since 1970."""
        if event.job in self._forgotten:
            return
        had_joined = event.job in self.joined or event.job in self._early
        before = self.jobs.live.get(event.job)
        was_stuck = before is not None and before.stuck
        lives = 0 if before is None else before.lives
        job = self.jobs.handle(event)
        if job.status != "running" or job.lives > lives:
            self.joined.pop(job.id, None)
        if job.status == "running" and job.id in self._early:
            self.joined[job.id] = self._early.pop(job.id)
        if job.stuck and not was_stuck:
            self._fail(job, now)
        elif job.status == "gone":
            if event.kind == "ended" and had_joined:
                self._released_at.append(now)
            elif job.id not in self.removing and not was_stuck:
                self._fail(job, now)
            self._forget(job.id)

    def reconcile(self, queued: Iterable[tuple[JobId, bool]], now: float) -> None:
        """What the queue has, each with whether it runs, is live, and nothing else is."""
        there = dict(queued)
        for id_ in [id_ for id_ in self.jobs.live if id_ not in there]:
            self.jobs.forget(id_, now)
            self._forget(id_)
            self._forgotten.add(id_)  # Events may yet tell how it went.
        self._forgotten.difference_update(there)
        for id_ in [id_ for id_ in there if id_ not in self.jobs.live]:
            self.jobs.handle(JobEvent("running" if there[id_] else "submitted", id_, now))

    def keep(self, now: float) -> None:
        """What is there was another manager's: let its workers join again."""
        for id_ in self.jobs.live:
            self._kept_until[id_] = now + self._policy.return_seconds

    # -- what is to be done ----------------------------------------------------------------------

    def actions(self, now: float) -> Actions:
        policy = self._policy
        usable = self._usable()
        self._remove_surplus(usable, now)
        self._submitted_at = [at for at in self._submitted_at if now - at < policy.ramp_seconds]
        submit = min(self._missing(now), policy.ramp_jobs - len(self._submitted_at))
        if self._blocked:
            self._blocked, self._not_before = False, now + policy.backoff_seconds_max
        if self._stuck_for_good() or now < self._not_before:
            submit = 0
        silent = {job.id for job in self.jobs.live.values() if job.silent}
        gone = self.removing & silent
        return Actions(max(0, submit), sorted(self.removing), sorted(gone), self.take_failed())

    def submitted(self, ids: Iterable[JobId], now: float) -> None:
        """They are in the queue now, in fulfilment of ``Actions.submit``."""
        for id_ in ids:
            self._submitted_at.append(now)
            if id_ not in self.jobs.live:
                self.jobs.handle(JobEvent("submitted", id_, now))
        self._refused = self._limited = False

    def refused(self, error: str, *, permanent: bool) -> None:
        """What is missing cannot be submitted. The core is told once; it is tried again when
        another number is wanted, and now and then, if that may help."""
        missing = self.wanted - len(self._usable())
        if missing > 0 and not self._refused:
            self._refused, self._blocked = True, permanent
            self._failed.append(ProvisionFailed(self.pool, missing, error, permanent))

    def limited(self, error: str, now: float) -> bool:
        """The schedd takes no more jobs for now; those that it has are waited for. Gives whether
        that is news."""
        news = not self._limited
        self._limited = True
        self._not_before = max(self._not_before, now + self._policy.limit_seconds)
        if not self._usable():
            self.refused(error, permanent=False)
        return news

    def take_failed(self) -> list[ProvisionFailed]:
        """Bad news, each of which is told once."""
        failed, self._failed = self._failed, []
        return failed

    def avoided(self, now: float) -> list[str]:
        """Machines to be left alone at the moment."""
        machines = self.jobs.unfit_machines.items()
        return sorted(name for name, at in machines if now - at < AVOID_SECONDS)

    def status(self, now: float) -> Status:
        held: dict[str, int] = {}
        for job in self.jobs.having("held"):
            reason = _held(job)
            held[reason] = held.get(reason, 0) + 1
        return Status(
            name=self.name,
            asked=max(0, self._missing(now)),
            queued=sum(1 for _ in self.jobs.having("idle")),
            running=sum(1 for _ in self.jobs.having("running")),
            joined=len(self.joined),
            silent=sum(job.silent for job in self.jobs.having("running")),
            held=held,
            submitted=self.jobs.submitted,
            lives=self.jobs.lives,
            evictions=self.jobs.evictions,
            waits_seconds=tuple(self.jobs.waits_seconds),
            avoided=tuple(self.avoided(now)),
        )

    # -- within ----------------------------------------------------------------------------------

    def _usable(self) -> list[Job]:
        """Jobs with a worker, now or sooner or later."""
        return [
            job
            for job in self.jobs.live.values()
            if job.id not in self.removing and not job.stuck and not job.silent
        ]

    def _missing(self, now: float) -> int:
        released = [at for at in self._released_at if now - at < self._policy.release_seconds]
        self._released_at = released
        return self.wanted - len(self._usable()) - len(released)

    def _remove_surplus(self, usable: list[Job], now: float) -> None:
        """Those that are farthest from joining; who has joined leaves when the core lets it go."""
        far = {"held": 0, "idle": 1, "running": 2}
        waiting = [
            job
            for job in usable
            if job.id not in self.joined
            and job.id not in self._early
            and now >= self._kept_until.get(job.id, 0.0)
        ]
        waiting.sort(key=lambda job: (far[job.status], -job.since, job.id))
        surplus = max(0, len(usable) - self.wanted)
        self.removing.update(job.id for job in waiting[:surplus])

    def _stuck_for_good(self) -> bool:
        """Whether one more job is likely to be stuck as others are; the core is told once."""
        stuck = [job for job in self.jobs.live.values() if job.stuck]
        return len(stuck) >= STUCK_JOBS

    def _fail(self, job: Job, now: float) -> None:
        if job.id not in self.removing:
            error = f"glidein {job.id[0]}.{job.id[1]}: {_held(job)}"
            stuck = job.stuck and self._stuck_for_good()
            self._failed.append(ProvisionFailed(self.pool, 1, error, permanent=stuck))
        self._back_off(now)

    def _back_off(self, now: float) -> None:
        policy = self._policy
        pause = policy.backoff_seconds * 2.0 ** min(self._failures, 30)
        self._failures += 1
        self._not_before = now + min(pause, policy.backoff_seconds_max)

    def _forget(self, id_: JobId) -> None:
        self.removing.discard(id_)
        for known in (self.joined, self._early):
            known.pop(id_, None)
        self._kept_until.pop(id_, None)


def _held(job: Job) -> str:
    """What happened to it, and if it is held, what may help."""
    mend = hold_mend(job.hold_code) if job.status == "held" else ""
    return f"{job.detail} ({mend})" if mend else job.detail
