"""axe-core finds no violation in any view, details open, light and dark, laptop and phone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.test_views import DETAILS, SHOWN, shows

OPENED = {
    "workers": "worker:a10-0001",
    "contexts": "context:ctx-b8e2207d",
    "items": "item:97",
    "glideins": "glidein:a10",
    "findings": "finding:f2",
    "events": "event:41990",
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(served: Any, opened: Open, dark: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # axe is put into the page from outside, past its policy.
    page = opened(f"{served().url}/", dark=dark, bypass_csp=True)
    faults: list[tuple[str, str, list[tuple[str, str]]]] = []
    for tab, texts in SHOWN.items():
        page.evaluate(
            "to => { location.hash = new URLSearchParams(to) }",
            {"tab": tab, "open": OPENED.get(tab, "")},
        )
        shows(page, "#main", texts)
        if tab in OPENED:
            shows(page, "#panel", DETAILS[OPENED[tab]])
        for found in axe.run(page).response["violations"]:
            where = [(node["html"][:160], node["failureSummary"]) for node in found["nodes"]]
            faults.append((tab, found["id"], where))
    page.get_by_role("button", name="Pause").click()
    page.locator("dialog").wait_for()
    faults += [("dialog", found["id"], []) for found in axe.run(page).response["violations"]]
    assert faults == []
