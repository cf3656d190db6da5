"""Texts that others wrote do nothing: markup, scripts, long lines, controls, marks of direction."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.scene import Scene
from tests.dashboard.browser.test_views import SHOWN

MARKUP = (
    "<img src=x onerror=pwned=1><script>pwned=1</script><svg onload=pwned=1>"
    '"><iframe src=javascript:pwned=1></iframe><style>*{display:none}</style>'
    "<a href='javascript:pwned=1'>x</a>{{7*7}}${7*7}"
)
UNSEEN = "\x1b[31m\x00\x08 gpj.\u202eexe\u2066 \u200b\ud7ff\ufeff"


def hostile(text: str) -> Scene:
    scene = Scene(workers=16)
    scene.foreign = text
    rows = []
    for given in scene.failed_items[:3]:
        attempts = [
            msgspec.structs.replace(
                one, worker=text, kind=text, error=text, message=text, traceback=text
            )
            for one in given.attempts
        ]
        row = msgspec.structs.replace(given, key=text, worker=text, error=text, attempts=attempts)
        rows.append(msgspec.structs.replace(row, message=text, traceback=text, history=[text]))
    scene.failed_items = rows
    return scene


def walk(page: Any) -> None:
    """Through all views with details open."""
    for tab in SHOWN:
        page.locator(f"#tabs a[data-tab={tab}]").click()
        page.locator(f"#tabs a[data-tab={tab}][aria-current]").wait_for()
        if tab != "overview":
            page.locator("#main tbody a[data-open]").first.click()
            page.locator("#panel h2").wait_for()


def test_markup_is_text(served: Any, opened: Open) -> None:
    page = opened(f"{served(hostile(MARKUP)).url}/")
    walk(page)
    page.locator("#tabs a[data-tab=items]").click()
    page.locator("#main tbody a[data-open]").first.click()
    page.locator("#panel pre", has_text="<script>pwned=1</script>").first.wait_for()
    made = (
        "main img, main iframe, main style, main script, .panel img, .panel iframe, .panel script"
    )
    assert page.locator(made).count() == 0
    assert page.evaluate("[...document.links].every(a => !/^javascript:/i.test(a.href))")
    assert page.evaluate("typeof pwned") == "undefined"


def test_what_cannot_be_seen_is_made_visible(served: Any, opened: Open) -> None:
    page = opened(f"{served(hostile(UNSEEN)).url}/")
    walk(page)
    page.locator("#tabs a[data-tab=items]").click()
    page.locator("#main tbody a[data-open]").first.click()
    pre = page.locator("#panel pre").first
    pre.wait_for()
    text = pre.text_content()
    assert r"\x1b[31m\x00\x08 gpj.\u202eexe" in text
    raw = "\x00\x08\x1b\u202e\u2066\u200b\ufeff"
    everything = page.locator("body").text_content() + page.title()
    assert [hex(ord(c)) for c in raw if c in everything] == []


@pytest.mark.parametrize("text", ["x" * 300_000, "line\n" * 60_000, "ﷺ" * 100_000])
def test_what_is_long_is_cut_until_all_is_asked_for(served: Any, opened: Open, text: str) -> None:
    page = opened(f"{served(hostile(text)).url}/#tab=items")
    page.locator("#main tbody a[data-open]").first.click()
    pre = page.locator("#panel pre").first
    pre.wait_for()
    assert len(pre.text_content()) <= 4000
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.locator("#panel").get_by_role("button", name="Show all").first.click()
    assert len(pre.text_content()) == len(text)
    assert page.locator(".panel-body").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
