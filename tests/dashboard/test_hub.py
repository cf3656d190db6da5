"""Viewers: the newest of each kind waits, a slow one holds nobody up, there are not too many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pcm.dashboard import hub as hubs
from pcm.dashboard.hub import Hub, Viewer
from pcm.dashboard.shelf import Shelf
from pcm.journal import Journal
from tests.dashboard import runs


@pytest.fixture(autouse=True)
def costless(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told when does not go by this machine's speed."""
    monkeypatch.setattr(hubs, "COST_FACTOR", 0.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with runs.at_work(tmp_path / "run") as journal:
        yield journal


@pytest.fixture
def shelf(tmp_path: Path, journal: Journal) -> Iterator[Shelf]:
    shelf = Shelf()
    shelf.add(tmp_path / "run")
    shelf.follow(10.0)
    yield shelf
    shelf.close()


async def waiting(viewer: Viewer) -> list[tuple[str, Any]]:
    """What is there for it now."""
    viewer.tell("end", b"event: end\ndata: 0\n\n")
    found: list[tuple[str, Any]] = []
    messages: AsyncIterator[bytes] = viewer.messages()
    async for message in messages:
        lines = dict(line.split(": ", 1) for line in message.decode().splitlines() if ": " in line)
        if lines.get("event") == "end":
            return found
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    raise AssertionError


def test_who_comes_is_told_at_once_and_then_what_changes(shelf: Shelf, journal: Journal) -> None:
    async def story() -> None:
        hub = Hub(shelf)
        viewer = hub.join(runs.RUN)
        assert viewer is not None
        hub.turn(100.0, is_reading=False)
        first = await waiting(viewer)
        assert [kind for kind, _ in first] == ["runs", "overview"]
        hub.turn(100.1, is_reading=False)
        assert await waiting(viewer) == []
        runs.log_more(journal, [(91.0, runs.finding("w3"))])
        shelf.follow(1.0)
        hub.turn(100.2, is_reading=False)
        assert await waiting(viewer) == []  # Twice a second at most.
        hub.turn(100.6, is_reading=False)
        ((kind, overview),) = await waiting(viewer)
        assert (kind, overview["seq"]) == ("overview", len(runs.story()) + 1)
        hub.turn(101.2, is_reading=False)
        assert await waiting(viewer) == []
        hub.turn(104.0, is_reading=False)  # Time passes in a run that is live.
        assert [kind for kind, _ in await waiting(viewer)] == ["overview"]

    asyncio.run(story())


def test_a_slow_viewer_has_one_message_of_a_kind_waiting_however_long_it_takes(
    shelf: Shelf,
) -> None:
    async def story() -> None:
        hub = Hub(shelf)
        slow = hub.join(runs.RUN)
        assert slow is not None
        for number in range(1000):
            hub.turn(100.0 + 3 * number, is_reading=False)
        assert len(slow._waiting) == 2
        assert len(await waiting(slow)) == 2

    asyncio.run(story())


def test_while_a_log_is_read_anew_nobody_is_told_older_things_than_he_knows(shelf: Shelf) -> None:
    async def story() -> None:
        hub = Hub(shelf)
        seen = len(runs.story()) + 5
        viewer = hub.join(runs.RUN, seen)
        assert viewer is not None
        hub.turn(100.0, is_reading=True)
        assert [kind for kind, _ in await waiting(viewer)] == ["runs"]
        hub.turn(103.0, is_reading=False)  # There is no more: the log is shorter than it was.
        assert [kind for kind, _ in await waiting(viewer)] == ["overview"]

    asyncio.run(story())


def test_a_quiet_line_shows_that_it_is_there(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "HEARTBEAT_SECONDS", 0.0)

    async def story() -> None:
        messages = Viewer(runs.RUN).messages()
        assert await anext(messages) == hubs.HELLO
        assert await anext(messages) == hubs.HEARTBEAT
        await messages.aclose()

    asyncio.run(story())


def test_there_are_so_many_at_most(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MOST_VIEWERS", 2)

    async def story() -> None:
        hub = Hub(shelf)
        first, second = hub.join(runs.RUN), hub.join("")
        assert first is not None
        assert second is not None
        assert hub.join(runs.RUN) is None
        hub.leave(first)
        assert hub.join(runs.RUN) is not None
        assert hub.viewer_count == 2

    asyncio.run(story())


def test_at_the_end_all_are_told_how_things_stand(shelf: Shelf) -> None:
    async def story() -> None:
        hub = Hub(shelf)
        viewer = hub.join(runs.RUN)
        assert viewer is not None
        hub.turn(100.0, is_reading=False)
        await waiting(viewer)
        hub.close()
        messages = [message async for message in viewer.messages()]
        assert [message.split(b"event: ")[1].split()[0] for message in messages[1:]] == [
            b"runs",
            b"overview",
        ]

    asyncio.run(story())


def test_an_overview_that_takes_long_is_told_more_rarely(
    shelf: Shelf, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "COST_FACTOR", 1e9)

    async def story() -> None:
        hub = Hub(shelf)
        viewer = hub.join(runs.RUN)
        assert viewer is not None
        hub.turn(100.0, is_reading=False)
        await waiting(viewer)
        runs.log_more(journal, [(91.0, runs.finding("w3"))])
        shelf.follow(1.0)
        hub.turn(101.9, is_reading=False)
        assert await waiting(viewer) == []
        hub.turn(102.0, is_reading=False)
        assert [kind for kind, _ in await waiting(viewer)] == ["overview"]

    asyncio.run(story())
