"""Make the pictures of ``docs/dashboard.md``: every view, light and dark, and three on a phone.

``python -m tests.dashboard.browser.screenshots``. The scenes are made up, and always the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.dashboard.browser.conftest import ARGUMENTS, CHROMIUM
from tests.dashboard.browser.fake_server import FakeServer
from tests.dashboard.browser.palette_png import screenshot
from tests.dashboard.browser.scene import BEGAN, Scene

IMAGES = Path(__file__).parents[3] / "docs" / "images" / "dashboard"
LAPTOP = {"width": 1280, "height": 800}
TALL = {"width": 1280, "height": 1130}
"""All of the overview."""
PHONE = {"width": 390, "height": 844}
VIEWS = {
    "overview": ("overview", "", "64.0%"),
    "workers": ("workers", "", "1 to 40 of 40 workers"),
    "worker": ("workers", "worker:a10-0001", "until free"),
    "contexts": ("contexts", "context:ctx-b8e2207d", "61.0 GB from workers"),
    "items": ("items", "item:97", "Attempt 2"),
    "glideins": ("glideins", "glidein:a10", "Why they are held"),
    "findings": ("findings", "finding:f1", "Evidence"),
    "events": ("events", "event:41990", "The entry itself"),
}
ON_PHONE = ("overview", "workers", "items")
REPLAY = ("overview", "", "4,445 of")


def main() -> None:
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(parents=True, exist_ok=True)
    server = FakeServer([Scene()])
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
            blank = browser.new_page()
            for theme in ("light", "dark"):
                for name, view in VIEWS.items():
                    size = TALL if name == "overview" else LAPTOP
                    _take(browser, blank, server, f"{name}-{theme}", view, theme, size)
                for name in ON_PHONE:
                    view = (VIEWS[name][0], "", VIEWS[name][2] if name != "items" else "claim-")
                    _take(browser, blank, server, f"phone-{name}-{theme}", view, theme, PHONE)
            at = BEGAN + 1800
            _take(browser, blank, server, "replay-light", REPLAY, "light", LAPTOP, at=at)
            browser.close()
    finally:
        server.close()


def _take(
    browser: Any,
    blank: Any,
    server: FakeServer,
    name: str,
    view: tuple[str, str, str],
    theme: str,
    size: dict[str, int],
    at: float | None = None,
) -> None:
    tab, opened, shown = view
    context = browser.new_context(viewport=size, color_scheme=theme, timezone_id="Europe/Berlin")
    page = context.new_page()
    words = f"tab={tab}&open={opened}" + (f"&at={at}" if at else "")
    page.goto(f"{server.url}/#{words}")
    page.locator("body").get_by_text(shown).first.wait_for()
    page.wait_for_timeout(500)  # Lanes and fonts.
    content = screenshot(page, blank)
    (IMAGES / f"{name}.png").write_bytes(content)
    print(f"{name}: {len(content) / 1000:.0f} kB")
    context.close()


if __name__ == "__main__":
    main()
