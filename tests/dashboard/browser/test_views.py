"""Every view shows what the server says of it, and nothing is lost on a narrow screen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.scene import Scene

SHOWN = {
    "overview": ["Something is wrong", "64.0%", "12,288 of 19,200 items", "ends in", "held"],
    "workers": ["Timeline", "1 to 40 of 40 workers", "a10-0000", "NVIDIA A10", "gemma-3-27b-it"],
    "contexts": ["gemma-3-27b-it", "e5-large", "1.2 TB", "38 s"],
    "items": ["1 to 23 of 23 items", "claim-00097", "quarantined", "no verdict in"],
    "glideins": ["t4-backfill", "Running", "no space left on the submit machine"],
    "findings": ["Its GPU is held down by heat", "1.60", "Drain the worker"],
    "events": ["42,000", "Dispatch", "batch 10500: 8 items to", "100 entries shown"],
}
DETAILS = {
    "worker:a10-0001": ["64.0 GB", "batch 1059", "until free", "is done 2.4 s before the next"],
    "context:ctx-b8e2207d": ["OutOfMemoryError", "61.0 GB from workers", "Where it is"],
    "item:97": ["claim-00097", "Traceback", "Attempt 2", "raise ValueError"],
    "glidein:a10": ["Why they are held", "failed to send file"],
    "finding:f2": ["Explained by", "batch_seconds_over_kind", "1.58"],
    "event:41990": ["ItemsDone, entry 41,990", '"event": "ItemsDone"'],
}


def shows(page: Any, place: str, texts: list[str]) -> None:
    for text in texts:
        page.locator(place).get_by_text(text).first.wait_for()


@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
def test_every_view_shows_its_data_and_fits(served: Any, opened: Open, phone: bool) -> None:
    page = opened(f"{served().url}/", phone=phone)
    for tab, texts in SHOWN.items():
        page.locator(f"#tabs a[data-tab={tab}]").click()
        shows(page, "#main", texts[: 2 if phone else None])  # It has fewer columns.
        across = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(across) == 0
        assert page.locator("main").evaluate("e => e.scrollWidth - e.clientWidth") <= 0, tab


def test_details_of_everything(served: Any, opened: Open) -> None:
    page = opened(f"{served().url}/#tab=contexts")
    for what, texts in DETAILS.items():
        page.evaluate("open => { location.hash = new URLSearchParams({open}) }", what)
        shows(page, "#panel", texts)


def test_a_run_that_is_well_says_so_and_shows_no_troubles(served: Any, opened: Open) -> None:
    page = opened(f"{served(Scene(troubled=False)).url}/")
    shows(page, "#main", ["Going well"])
    assert page.locator(".troubles").is_hidden()
    page.locator("#tabs a[data-tab=glideins]").click()
    shows(page, "#main", ["This run asks for no glideins"])
    page.locator("#tabs a[data-tab=items]").click()
    shows(page, "#main", ["None: every item that was computed has an answer."])


def test_several_runs_are_chosen_from(served: Any, opened: Open) -> None:
    done = Scene(name="embed the corpus", run="run-done", state="completed", troubled=False)
    page = opened(f"{served(Scene(), done).url}/")
    shows(page, "#main", ["Something is wrong"])
    page.get_by_label("Run", exact=True).select_option("run-done")
    shows(page, "#main", ["Completed", "100.0%"])
    shows(page, "#link", ["Ended"])
    page.go_back()
    shows(page, "#main", ["Something is wrong"])


def test_what_goes_on_is_shown_as_it_goes(served: Any, opened: Open) -> None:
    server = served(Scene(state="running", seconds=4000.0))
    page = opened(f"{server.url}/#tab=events")
    shows(page, "#main", ["40,000"])
    server.tell(seconds=1.0)
    shows(page, "#main", ["40,010", "110 entries shown"])


def test_filters_ask_the_server(served: Any, opened: Open) -> None:
    page = opened(f"{served().url}/#tab=workers")
    page.get_by_label("Find workers").fill("t4-000")
    shows(page, "#main", ["of 4 workers"])
    page.locator("#tabs a[data-tab=events]").click()
    page.get_by_role("button", name="run", exact=True).click()
    shows(page, "#main", ["paused, by dashboard"])
    page.locator("#tabs a[data-tab=items]").click()
    page.get_by_label("Verdict").select_option("quarantined")
    shows(page, "#main", ["of 3 items"])
    with page.expect_download() as download:
        page.get_by_role("link", name="Export all").click()
    assert download.value.url.endswith("/items.jsonl")
