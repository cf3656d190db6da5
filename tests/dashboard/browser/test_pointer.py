"""The timeline by pointer: what is under it is told, dragging moves, wheels zoom, a click opens."""

from __future__ import annotations

from typing import Any

from tests.dashboard.browser.conftest import Open


def test_the_timeline_by_pointer(served: Any, opened: Open) -> None:
    page = opened(f"{served().url}/#tab=workers")
    total = page.locator(".timeline .section-head .hint")
    total.filter(has_text="40 lanes, 16:13:20 to 17:23:20").wait_for()
    box = page.locator(".timeline-scroll").bounding_box()
    right, second_lane = box["x"] + box["width"] - 300, box["y"] + 24 + 30
    page.mouse.move(right, second_lane)
    told = page.locator(".timeline .hint-box")
    told.filter(has_text="a10-0034").wait_for()
    told.filter(has_text="useful, batch").wait_for()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -700)
    page.keyboard.up("Control")
    total.filter(has_text="24 min").wait_for()
    before = total.text_content()
    page.mouse.down()
    page.mouse.move(right + 150, second_lane, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "was => document.querySelector('.timeline .section-head .hint').textContent !== was",
        arg=before,
    )
    assert page.locator("#panel").is_hidden()  # A drag is not a click.
    page.mouse.click(right, second_lane)
    page.locator("#panel h2", has_text="a10-0034").wait_for()
