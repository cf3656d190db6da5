"""What is wanted of a class, and the jobs that bring it."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from condor.fleet import AVOID_SECONDS, Fleet, Policy
from condor.jobs import MACHINE_UNFIT, ON_EXIT, UNFIT_TIMES, EventKind, JobEvent, JobId
from pcm.core.events import ProvisionFailed

POLICY = Policy(ramp_jobs=3, ramp_seconds=10, release_seconds=15, return_seconds=60)
UNFIT: dict[str, Any] = {
    "code": ON_EXIT,
    "subcode": MACHINE_UNFIT,
    "detail": "machine n1: no GPU",
}


class Story:
    """A fleet, and a queue that does at once what it wants."""

    def __init__(self, most: int = 100, policy: Policy = POLICY) -> None:
        self.fleet = Fleet("a", most, policy)
        self.now = 1000.0
        self.jobs: list[JobId] = []
        self.failed: list[ProvisionFailed] = []

    def act(self, seconds: float = 0.0) -> tuple[int, list[JobId]]:
        """Carry out what is to be done after so long: how many were submitted, which removed."""
        self.now += seconds
        actions = self.fleet.actions(self.now)
        self.failed += actions.failed
        if actions.submit:
            new = [(len(self.jobs) + n, 0) for n in range(actions.submit)]
            self.jobs += new
            self.fleet.submitted(new, self.now)
        for job in actions.remove:
            self.happens("removed", job)
        return actions.submit, actions.remove

    def want(self, workers: int) -> None:
        """And have them submitted."""
        self.fleet.want(workers)
        while self.act(10)[0]:
            pass

    def happens(self, kind: EventKind, job: JobId, **more: Any) -> None:
        self.fleet.handle(JobEvent(kind, job, self.now, **more), self.now)

    def joins(self, *numbers: int) -> None:
        for number in numbers:
            self.happens("running", (number, 0))
            self.fleet.join((number, 0), self.fleet.jobs.live[number, 0].lives)


def test_submissions_are_ramped() -> None:
    story = Story()
    story.fleet.want(8)
    assert story.act()[0] == 3
    assert story.act(9)[0] == 0
    assert [story.act(10)[0] for _ in range(3)] == [3, 2, 0]


def test_what_was_evicted_is_not_asked_for_twice() -> None:
    story = Story()
    story.want(2)
    story.joins(0)
    story.happens("evicted", (0, 0))
    story.happens("running", (1, 0))
    story.happens("evicted", (1, 0))
    assert story.act(1000) == (0, [])


def test_of_too_many_those_go_that_are_farthest_from_joining() -> None:
    story = Story()
    story.want(4)
    story.joins(0)
    story.happens("running", (1, 0))
    story.happens("held", (2, 0), **UNFIT)
    story.fleet.want(2)
    assert story.act() == (0, [(2, 0), (3, 0)])
    story.fleet.want(0)
    assert story.act() == (0, [(1, 0)])
    assert story.act() == (0, [])  # Who has joined leaves when the core lets it go.
    assert story.failed == []


def test_a_schedd_that_takes_no_more_is_left_alone_for_a_while() -> None:
    story = Story()
    story.want(2)
    story.fleet.want(5)
    assert story.fleet.limited("no more", story.now)
    assert not story.fleet.limited("no more", story.now), "no news"
    assert story.act(POLICY.limit_seconds - 1)[0] == 0
    assert story.act(1)[0] == 3
    assert story.failed == [], "two are there, and may come"
    assert story.fleet.limited("no more", story.now), "it has taken some since"
    empty = Story()
    empty.fleet.want(1)
    empty.fleet.limited("no more", empty.now)
    empty.act()
    assert empty.failed == [ProvisionFailed("glidein:a", 1, "no more", permanent=False)]


def test_a_removal_that_failed_is_asked_for_again() -> None:
    fleet = Fleet("a", 10, POLICY)
    fleet.submitted([(0, 0)], 1.0)
    assert fleet.actions(2.0).remove == [(0, 0)]
    assert fleet.actions(3.0).remove == [(0, 0)]
    assert fleet.actions(3.0).force == []
    fleet.handle(JobEvent("silent", (0, 0), 4.0), 4.0)
    assert fleet.actions(4.0).force == [(0, 0)]


def test_who_was_let_go_is_not_replaced_at_once() -> None:
    """Perhaps the core is about to want fewer."""
    story = Story()
    story.want(2)
    story.joins(0, 1)
    story.happens("ended", (0, 0))
    assert story.act(14)[0] == 0
    assert story.act(1)[0] == 1
    assert story.failed == []


def test_an_end_before_it_joined_is_told_of_and_slows_down() -> None:
    story = Story()
    story.want(1)
    for number, pause in enumerate((10, 20, 40)):
        story.happens("ended", (number, 0), detail="it ended with exit status 0")
        assert story.act(pause - 1)[0] == 0
        assert story.act(1)[0] == 1
    story.joins(3)
    story.happens("evicted", (3, 0))
    story.happens("removed", (3, 0), detail="via condor_rm")
    assert story.act(10)[0] == 1  # One that has joined shows that it goes again.
    assert [(one.pool, one.workers, one.permanent) for one in story.failed] == [
        ("glidein:a", 1, False)
    ] * 4
    assert story.failed[0].error == "glidein 0.0: it ended with exit status 0"


def test_a_hold_is_told_of_unless_it_passes() -> None:
    story = Story()
    story.want(2)
    story.happens("held", (0, 0), **UNFIT)
    story.act()
    assert story.failed == []
    story.happens("held", (1, 0), code=1, detail="via condor_hold")
    assert story.act(10) == (1, [])  # For the second. It stays, for a person to see.
    assert "via condor_hold (a user held it" in story.failed[0].error
    assert story.fleet.status(story.now).held == {
        "machine n1: no GPU": 1,
        "via condor_hold (a user held it: condor_release lets it go on)": 1,
    }
    story.happens("removed", (1, 0))
    story.act()
    assert len(story.failed) == 1
    assert story.fleet.status(story.now).asked == 0


def test_a_job_that_no_machine_suits_is_told_of() -> None:
    story = Story()
    story.want(1)
    for _ in range(UNFIT_TIMES):
        story.happens("released", (0, 0))
        story.happens("running", (0, 0))
        story.happens("held", (0, 0), **UNFIT)
    story.act()
    assert len(story.failed) == 1


def test_where_jobs_break_no_more_are_submitted() -> None:
    story = Story()
    story.want(3)
    for job in list(story.jobs):
        story.happens("held", job, code=ON_EXIT, subcode=76, detail="this glidein is broken: x")
    story.fleet.want(5)
    assert story.act(1000) == (0, [])
    assert [one.permanent for one in story.failed] == [False, False, True]
    assert story.failed[-1].error == "glidein 2.0: this glidein is broken: x"
    story.happens("removed", (0, 0))  # By a person, who has mended it.
    assert story.act(1000)[0] == 3


def test_no_more_than_the_most() -> None:
    story = Story(most=2)
    story.fleet.want(5)
    assert [story.act(10)[0] for _ in range(2)] == [2, 0]


def test_what_cannot_be_submitted_is_told_of_once_and_tried_when_it_may_help() -> None:
    story = Story()
    story.fleet.want(2)
    for _ in range(3):
        story.fleet.refused("no permission", permanent=True)
        assert story.act(10)[0] == 0
    assert story.failed == [ProvisionFailed("glidein:a", 2, "no permission", True)]
    story.fleet.want(1)
    assert story.act()[0] == 1
    story.fleet.want(2)
    story.fleet.refused("no permission", permanent=True)
    assert [story.act(POLICY.backoff_seconds_max)[0] for _ in range(2)] == [0, 1]


def test_machines_are_avoided_for_a_while() -> None:
    story = Story()
    story.want(1)
    story.happens("held", (0, 0), **UNFIT)
    assert story.fleet.avoided(story.now) == ["n1"]
    assert story.fleet.avoided(story.now + AVOID_SECONDS) == []


def test_jobs_of_a_manager_before_are_kept_for_a_while() -> None:
    story = Story()
    queued = {(0, 0): True, (1, 0): True, (2, 0): False}
    story.fleet.reconcile(queued.items(), story.now)
    story.fleet.keep(story.now)
    assert story.act(59) == (0, [])
    story.fleet.join((0, 0), 1)
    assert story.act(1) == (0, [(1, 0), (2, 0)])
    story.fleet.reconcile([], story.now)
    story.happens("evicted", (0, 0))  # The log is behind.
    story.happens("removed", (0, 0))
    story.act()
    assert (story.fleet.jobs.live, story.failed) == ({}, [])
    story.fleet.reconcile([((0, 0), True)], story.now)
    story.happens("evicted", (0, 0))
    assert story.fleet.jobs.live[0, 0].status == "idle"


def test_the_core_may_know_before_the_events_do() -> None:
    story = Story()
    story.want(1)
    story.fleet.join((0, 0), 1)
    story.fleet.want(0)
    story.happens("submitted", (0, 0))
    assert story.act() == (0, [])
    story.happens("running", (0, 0))
    assert story.fleet.joined == {(0, 0): 1}
    # Evicted, and there again, before the first of it is read in the log.
    story.fleet.join((0, 0), 2)
    story.happens("evicted", (0, 0))
    assert story.act() == (0, [])
    story.happens("running", (0, 0))
    assert story.fleet.joined == {(0, 0): 2}


def test_a_job_whose_machine_does_not_answer_is_replaced() -> None:
    story = Story(most=1)
    story.want(1)
    story.joins(0)
    story.happens("silent", (0, 0))
    assert story.act() == (1, [])
    story.happens("back", (0, 0))
    assert story.act() == (0, [(1, 0)])


class Wishes(RuleBasedStateMachine):
    """Whatever happens: who has joined is never removed, and in the end there is what is wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(most=6)

    @property
    def live(self) -> list[JobId]:
        return sorted(self.story.fleet.jobs.live)

    @rule(workers=st.integers(0, 8))
    def want(self, workers: int) -> None:
        self.story.fleet.want(workers)

    @rule(seconds=st.sampled_from([0.0, 5.0, 70.0]))
    def act(self, seconds: float) -> None:
        fleet = self.story.fleet
        joined = set(fleet.joined)
        _, removed = self.story.act(seconds)
        assert not joined & set(removed)

    @precondition(lambda self: self.live)
    @rule(
        data=st.data(),
        kind=st.sampled_from(
            [
                "running",
                "running",
                "evicted",
                "unfit",
                "held",
                "released",
                "ended",
                "silent",
                "back",
            ]
        ),
    )
    def job(self, data: st.DataObject, kind: Any) -> None:
        job = data.draw(st.sampled_from(self.live))
        if kind == "unfit":
            self.story.happens("held", job, **UNFIT)
        else:
            self.story.happens(kind, job)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        """Perhaps before its event is read."""
        job = self.story.fleet.jobs.live[data.draw(st.sampled_from(self.live))]
        self.story.fleet.join(job.id, job.lives + (job.status != "running"))

    @invariant()
    def no_more_than_the_most(self) -> None:
        fleet = self.story.fleet
        assert set(fleet.joined) <= set(fleet.jobs.live)
        assert fleet.wanted <= 6

    def teardown(self) -> None:
        """Held jobs are seen to, machines answer again, and time passes."""
        fleet = self.story.fleet
        for job in self.live:
            if fleet.jobs.live[job].status == "held":
                self.story.happens("removed", job)
            elif fleet.jobs.live[job].silent:
                self.story.happens("back", job)
        for _ in range(4):
            self.act(700.0)
        staying = len(set(fleet.joined) | set(fleet._early))
        assert len(self.live) == max(fleet.wanted, staying)


TestWishes = Wishes.TestCase
TestWishes.settings = settings(max_examples=200, stateful_step_count=40)
