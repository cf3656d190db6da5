from __future__ import annotations

from pcm.core.commands import Dispatch, Finish, Load, Provision, Retire
from pcm.core.events import Capacity, PoolSized, WorkerDrained, WorkerJoined, WorkerNotice
from pcm.core.provisioning import DRAINED
from tests.core.story import Story, none, only


def test_a_drained_worker_ends_what_it_was_given_and_goes() -> None:
    story = Story()
    (dispatch,) = story.start(4, "a", batch_items=2)
    assert none(story.tell(WorkerDrained("a")), Retire, Dispatch)
    (view,) = story.scheduler.worker_views()
    assert (view.available, view.going) == (False, DRAINED)
    commands = story.finish(dispatch)
    retired = only(commands, Retire)
    assert (retired.worker, retired.reason, retired.force) == ("a", DRAINED, False)
    assert none(commands, Dispatch)
    story.leave("a", "retired")
    assert story.scheduler.progress("run").waiting == 2


def test_an_idle_worker_goes_at_once() -> None:
    story = Story()
    story.join("a")
    assert only(story.tell(WorkerDrained("a")), Retire).worker == "a"


def test_what_is_queued_behind_what_runs_is_ended_too() -> None:
    story = Story()
    (dispatch,) = story.start(40, "a", batch_items=1)
    for _ in range(5):
        batches = [c for c in story.finish(dispatch, 0.01) if isinstance(c, Dispatch)]
        dispatch = batches[0] if batches else story.all(Dispatch)[-1]
    (view,) = story.scheduler.worker_views()
    assert len(view.batches) == 2
    story.tell(WorkerDrained("a"))
    first, second = (d for d in story.all(Dispatch) if d.batch in view.batches)
    assert none(story.finish(first, 0.01), Retire, Dispatch)
    assert only(story.finish(second, 0.01), Retire).worker == "a"


def test_another_comes_in_its_place() -> None:
    story = Story()
    story.tell(PoolSized("local", 1))
    story.join("a")
    commands = story.tell(WorkerDrained("a"))
    assert only(commands, Provision).workers == 1
    story.leave("a", "retired")
    assert none(story.join("b"), Provision, Retire)


def test_its_work_goes_on_elsewhere() -> None:
    story = Story()
    first, second = story.start(6, "a", "b", batch_items=2)
    on_a = first if first.worker == "a" else second
    on_b = second if on_a is first else first
    story.tell(WorkerDrained("a"))
    story.finish(on_a)
    last = only(story.finish(on_b), Dispatch)
    assert last.worker == "b"
    assert only(story.finish(last), Finish).outcome == "completed"


def test_one_that_loads_goes_at_once_and_loads_elsewhere() -> None:
    story = Story()
    story.join("a")
    story.open(2)
    commands = story.tell(WorkerDrained("a"), WorkerJoined("b", Capacity()))
    assert only(commands, Retire).worker == "a"
    assert only(commands, Load).worker == "b"


def test_draining_twice_or_one_that_goes_or_is_gone_changes_nothing() -> None:
    story = Story()
    (dispatch,) = story.start(4, "a", batch_items=2)
    story.tell(WorkerDrained("a"))
    assert story.tell(WorkerDrained("a")) == []
    story.tell(WorkerNotice("a", 5.0))
    assert story.leave("a", "lost") == []
    assert story.tell(WorkerDrained("a"), WorkerDrained("nobody")) == []
    assert story.scheduler.lease(dispatch.batch) is None
    assert story.scheduler._state.drained == {}
