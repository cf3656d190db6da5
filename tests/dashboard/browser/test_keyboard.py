"""Everything can be done by keyboard, and the focus is where one expects it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.scene import Scene
from tests.dashboard.browser.test_views import shows


def focused(page: Any) -> str:
    said: str = page.evaluate("document.activeElement.textContent")
    return said


def test_tabs_tables_and_details(served: Any, opened: Open) -> None:
    page = opened(f"{served().url}/")
    page.locator("#tabs a[data-tab=overview]").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    shows(page, "#main", ["claim-00097"])
    assert focused(page) == "Items"
    page.locator("#main tbody a[data-open]").first.focus()
    page.keyboard.press("ArrowDown")
    assert focused(page) == "claim-00097"
    page.keyboard.press("Enter")
    page.locator("#panel h2", has_text="claim-00097").wait_for()
    page.wait_for_function("document.activeElement.tagName === 'H2'")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.textContent === 'claim-00097'")
    assert page.locator("#panel").is_hidden()


def test_the_timeline(served: Any, opened: Open) -> None:
    server = served()
    page = opened(f"{server.url}/#tab=workers")
    line = page.get_by_role("application", name="Timeline of workers")
    line.focus()
    said = page.locator(".timeline [role=status]")
    total = page.locator(".timeline .section-head .hint")
    total.filter(has_text="40 lanes, 16:13:20 to 17:23:20, 1 h 10 min").wait_for()
    page.keyboard.press("+")
    total.filter(has_text="43 min 45 s").wait_for()
    page.keyboard.press("ArrowLeft")
    total.filter(has_text="16:19:10 to 17:02:55").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    said.filter(has_text="a10-0034, NVIDIA A10, there since").wait_for(state="attached")
    page.keyboard.press("Shift+ArrowRight")
    said.filter(has_text="batch 34").wait_for(state="attached")
    page.keyboard.press("Home")
    total.filter(has_text="1 h 10 min").wait_for()
    page.keyboard.press("Enter")
    page.locator("#panel h2", has_text="a10-0034").wait_for()


def test_the_timeline_asks_for_what_is_seen_only(served: Any, opened: Open) -> None:
    server = served(Scene(workers=1000, batches=20))
    page = opened(f"{server.url}/#tab=workers")
    line = page.get_by_role("application", name="Timeline of workers")
    page.locator(".timeline .hint", has_text="1,000 lanes").wait_for()
    line.focus()
    for _ in range(40):
        page.keyboard.press("PageDown")
    page.locator(".timeline [role=status]", has_text="-").wait_for(state="attached")
    page.wait_for_function("document.querySelector('.timeline-scroll').scrollTop > 7000")
    page.wait_for_timeout(300)
    asked = [
        dict(parse_qsl(path.partition("?")[2])) for path in server.asked if "/timeline?" in path
    ]
    assert len(asked) < 20
    assert all(int(one["lanes"]) <= 100 for one in asked)
    assert int(asked[-1]["first_lane"]) > 300


def test_charts_are_read_and_lead_to_their_moment(served: Any, opened: Open) -> None:
    page = opened(f"{served().url}/")
    shows(page, "#main", ["As it developed"])
    chart = page.get_by_role("img", name="Workers. ")
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    page.locator(".curves .when", has_text="16:17:44, 4 min 24 s in").wait_for()
    page.keyboard.press("Enter")
    shows(page, "#link", ["Replay", "16:17:44"])
    shows(page, "#replay", ["16:17:44, 4 min 24 s in"])


def test_replay_and_back_to_now(served: Any, opened: Open) -> None:
    page = opened(f"{served(Scene(seconds=600.0)).url}/")
    shows(page, "#main", ["64.0%"])
    page.get_by_label("Moment of the run").focus()
    page.keyboard.press("Home")
    shows(page, "#main", ["0.0%"])
    shows(page, "#link", ["Replay"])
    assert page.locator("#acts button").count() == 0
    page.get_by_label("Speed of the replay").select_option("600")
    page.get_by_role("button", name="Play the run").click()
    page.locator("#main .big", has_text="64.0%").wait_for()
    shows(page, "#link", ["Live"])
    page.get_by_label("Moment of the run").press("ArrowLeft")
    page.get_by_role("button", name="Back to now").click()
    shows(page, "#link", ["Live"])
