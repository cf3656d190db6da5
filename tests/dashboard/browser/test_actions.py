"""Nothing is done to a run before a person has read what will happen and said yes."""

from __future__ import annotations

from typing import Any

from pcm.dashboard.views import Action
from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.scene import Scene
from tests.dashboard.browser.test_views import shows


def test_pause_is_explained_confirmed_and_answered(served: Any, opened: Open) -> None:
    server = served()
    page = opened(f"{server.url}/")
    page.get_by_role("button", name="Pause").click()
    shows(page, "dialog", ["Pause this run?", "No new batches are sent.", "verify claims, March"])
    page.keyboard.press("Enter")  # The focus is on the way back.
    page.locator("dialog").wait_for(state="detached")
    assert server.actions == []
    page.get_by_role("button", name="Pause").click()
    page.locator("dialog").get_by_role("button", name="Pause").click()
    shows(page, "dialog", ["Done.", "pause: so it was done"])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Unpause").wait_for()
    shows(page, "#main", ["Paused"])
    assert server.actions == [Action(action="pause")]


def test_cancel_retry_and_drain(served: Any, opened: Open) -> None:
    server = served()
    page = opened(f"{server.url}/#tab=workers&open=worker:a10-0001")
    for button, says in (
        ("Cancel", "6,912 items will have no result"),
        ("Retry failed", "23 items that failed or was given up"),
        ("Drain this worker", "Nothing more is sent to a10-0001."),
    ):
        page.get_by_role("button", name=button, exact=True).click()
        shows(page, "dialog", [says])
        page.locator("dialog .buttons button").last.click()
        shows(page, "dialog", ["Done."])
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")
    actions = [(one.action, one.worker) for one in server.actions]
    assert actions == [("cancel", ""), ("retry_failed", ""), ("drain", "a10-0001")]


def test_a_run_that_has_ended_offers_nothing(served: Any, opened: Open) -> None:
    page = opened(f"{served(Scene(state='completed')).url}/")
    shows(page, "#main", ["Completed"])
    assert page.locator("#acts button").count() == 0
