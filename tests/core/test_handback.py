from __future__ import annotations

from pcm.core.commands import Dispatch, Provision, Retire
from pcm.core.events import Capacity, PoolOffered
from tests.core.story import Story, none, only

POOL = "glidein:a"


def workers(*names: str, least: int = 0) -> Story:
    story = Story()
    story.tell(PoolOffered(POOL, 10, Capacity(kind="a", pool=POOL), least))
    story.join(*names, kind="a", pool=POOL)
    return story


def retired(story: Story) -> list[str]:
    return [command.worker for command in story.all(Retire)]


def idle(*others: str, load_seconds: float) -> Story:
    """A worker that was loaded for so long and has just done all that there was to do."""
    story = workers("warm")
    story.open(1)
    story.finish(only(story.warm("warm", after=load_seconds), Dispatch))
    story.join(*others, kind="a", pool=POOL)
    return story


def test_a_cold_one_goes_soon_and_a_warm_one_when_it_has_idled_for_its_cold_start() -> None:
    story = idle("cold", load_seconds=45.0)
    assert none(story.tick(10.0), Retire)
    story.tick(10.0)
    assert retired(story) == ["cold"]
    story.tick(29.0)  # 49 s of the load's 45 and the start's 5
    assert retired(story) == ["cold"]
    story.tick(2.0)
    assert retired(story) == ["cold", "warm"]


def test_however_long_its_cold_start_was_it_does_not_idle_for_ever() -> None:
    story = idle(load_seconds=3000.0)
    story.tick(5.0)  # It is seen to be idle now and then.
    story.tick(299.0)
    assert retired(story) == []
    story.tick(2.0)
    assert retired(story) == ["warm"]


def test_the_least_stay() -> None:
    story = workers("a", "b", least=1)
    story.tick(6.0)
    story.tick(1000.0)
    assert len(retired(story)) == 1


def test_who_works_stays() -> None:
    story = workers("a")
    story.open(1)
    story.warm("a")
    story.tick(6.0)
    assert none(story.tick(200.0), Retire)


def test_its_place_is_not_filled() -> None:
    story = workers("a")
    story.tick(6.0)
    commands = story.tick(20.0)
    assert only(commands, Retire).worker == "a"
    assert none(commands, Provision)


def test_nobody_of_another_pool_goes() -> None:
    story = workers()
    story.join("local-1")
    story.tick(6.0)
    assert none(story.tick(1000.0), Retire)
