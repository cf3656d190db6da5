"""The page says when it is cut off, comes back by itself, and asks nothing while nobody looks."""

from __future__ import annotations

from typing import Any

from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.scene import Scene

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_lost_connection_is_told_at_once_and_taken_up_again(served: Any, opened: Open) -> None:
    server = served(Scene(seconds=4000.0))
    page = opened(f"{server.url}/")
    page.locator("#link", has_text="Live").wait_for()
    page.locator("#main", has_text="1 h 6 min").wait_for()
    server.close()
    page.locator("#banner", has_text="No connection for").wait_for()
    page.locator("#banner", has_text="What is shown is from").wait_for()
    page.locator("#link", has_text="Connection lost").wait_for()
    again = served(Scene(seconds=4100.0), port=server.server_address[1])
    page.locator("#banner", has_text="Connected again.").wait_for()
    page.locator("#link", has_text="Live").wait_for()
    page.locator("#main", has_text="1 h 8 min").wait_for()
    assert "/api/stream" in " ".join(again.asked)


def test_a_page_whose_token_is_refused_says_what_to_do(served: Any, opened: Open) -> None:
    server = served()
    server.refuses = True
    page = opened(f"{server.url}/")
    page.locator("#banner", has_text="no longer accepts this page's token").wait_for()
    page.locator("#link", has_text="Refused").wait_for()


def test_nothing_is_asked_while_the_page_is_hidden(served: Any, opened: Open) -> None:
    server = served(Scene(seconds=4000.0))
    page = opened(f"{server.url}/#tab=events")
    page.locator("#main", has_text="40,000").wait_for()
    page.evaluate(HIDE, True)
    page.wait_for_timeout(200)  # What was under way comes to its end.
    before = len(server.asked)
    for _ in range(5):
        server.tell(1.0)
    page.wait_for_timeout(300)
    assert server.asked[before:] == []
    page.evaluate(HIDE, False)
    page.locator("#main", has_text="40,050").wait_for()
