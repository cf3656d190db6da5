"""What events make of jobs."""

from __future__ import annotations

from typing import Any

from condor.jobs import MACHINE_UNFIT, ON_EXIT, EventKind, JobEvent, Jobs

JOB = (7, 0)


Told = EventKind | tuple[EventKind, dict[str, Any]]


def told(*kinds: Told) -> Jobs:
    """One event a second, from second 100 on."""
    jobs = Jobs()
    for at, kind in enumerate(kinds, start=100):
        name, more = kind if isinstance(kind, tuple) else (kind, {})
        jobs.handle(JobEvent(name, JOB, float(at), **more))
    return jobs


UNFIT: Told = (
    "held",
    {"code": ON_EXIT, "subcode": MACHINE_UNFIT, "detail": "machine n1.org: no GPU"},
)


def test_a_job_with_two_lives() -> None:
    jobs = told("submitted", "running", "evicted", "running", "evicted")
    job = jobs.live[JOB]
    assert (job.status, job.since, job.lives, job.evictions) == ("idle", 104, 2, 2)
    assert jobs.waits_seconds == [1, 1]
    assert (jobs.submitted, jobs.lives, jobs.evictions) == (1, 2, 2)


def test_a_job_that_is_gone_is_forgotten() -> None:
    assert told("submitted", "running", "ended").live == {}
    assert told("submitted", "held", "removed").live == {}


def test_a_hold_that_passes_and_one_that_does_not() -> None:
    jobs = told("submitted", "running", UNFIT)
    assert jobs.live[JOB].backs_off
    assert jobs.unfit_machines == {"n1.org": 102}
    assert not told("submitted", ("held", {"code": 1})).live[JOB].backs_off
    assert told("submitted", ("held", {"code": 1})).live[JOB].stuck
    assert told("submitted", "held", "released").live[JOB].status == "idle"
    unfit_once: list[Told] = ["running", UNFIT, "released"]
    often = told("submitted", *unfit_once * 4, "running", UNFIT)
    assert often.live[JOB].stuck


def test_an_eviction_of_a_job_that_does_not_run_is_none() -> None:
    assert told("submitted", "running", "evicted", "evicted").evictions == 1


def test_a_log_that_begins_in_the_middle() -> None:
    assert told("running").live[JOB].status == "running"
    assert told("evicted").live[JOB].status == "idle"


def test_a_silent_machine_is_still_running_the_job() -> None:
    job = told("submitted", "running", ("silent", {"detail": "no word"})).live[JOB]
    assert (job.status, job.detail) == ("running", "no word")


def test_a_machine_that_was_given_up_begins_another_life() -> None:
    jobs = told("submitted", "running", "silent", "running")
    assert (jobs.live[JOB].lives, jobs.evictions, jobs.live[JOB].silent) == (2, 1, False)
    assert told("submitted", "running", "silent", "back").live[JOB].lives == 1


def test_what_the_queue_has_not_is_forgotten() -> None:
    jobs = told("submitted")
    assert jobs.forget(JOB, 200) is not None
    assert jobs.forget(JOB, 201) is None
    assert jobs.live == {}
