"""A live run as it is computed, one of its workers killed meanwhile, watched to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pcm.access import DashboardNote
from tests.cluster import vine_processes
from tests.cluster.needs import needs_taskvine
from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.test_views import shows
from tests.dashboard.served import Served
from tests.manager.disturbing import GATE_SHUTS, ITEMS, assert_exact, run_disturbed
from tests.manager.processes import kill, supervisors

SHOWN = {
    "overview": ["As it developed", "Workers' time"],
    "workers": ["2 lanes", "1 to 2 of 2 workers"],
    "contexts": ["salt"],
    "items": ["None: every item that was computed has an answer."],
    "glideins": ["This run asks for no glideins"],
    "findings": ["None:"],
    "events": ["Dispatch", "WorkerJoined", "RunOpened"],
}


def kill_a_worker(engine: str) -> None:
    if engine == "local":
        kill(supervisors()[0])
    else:
        vine_processes.workers()[0].vine_worker.kill()


class Watcher:
    """Looks at the page when both workers stand in the midst of a batch, and kills one then."""

    def __init__(self, directory: Path, engine: str, opened: Open) -> None:
        self.directory, self.engine, self.opened = directory, engine, opened
        self.page: Any = None

    def __call__(self, rows: int) -> None:
        if rows == GATE_SHUTS + 1:
            self._look()
        elif rows == ITEMS:
            shows(self.page, "#main", ["WorkerLeft"])

    def _look(self) -> None:
        note = DashboardNote.read(self.directory)
        assert note is not None
        self.page = self.opened(note.url)
        shows(self.page, "#link", ["Live"])
        for tab, texts in SHOWN.items():
            self.page.locator(f"#tabs a[data-tab={tab}]").click()
            shows(self.page, "#main", texts)
        kill_a_worker(self.engine)
        self.page.locator("#main tbody", has_text="WorkerLeft").wait_for()


@pytest.mark.kills
@pytest.mark.parametrize(
    "engine",
    ["local", pytest.param("taskvine", marks=[pytest.mark.cluster, needs_taskvine])],
)
def test_a_worker_is_killed_while_one_looks(tmp_path: Path, opened: Open, engine: str) -> None:
    watcher = Watcher(tmp_path / "run", engine, opened)
    run = run_disturbed(tmp_path / "run", watcher, engine=engine, dashboard=True)
    assert_exact(run)
    # The manager is gone, and its dashboard with it; the run is looked at anew.
    watcher.page.locator("#banner", has_text="No connection for").wait_for()
    with Served(run.directory, token_file=tmp_path / "token") as served:
        page = opened(served.url)
        shows(page, "#main", ["Completed", "100.0%"])
        page.locator("#tabs a[data-tab=workers]").click()
        shows(page, "#main", ["3 lanes"])
        page.locator("#main .chip.worker-gone").first.wait_for()
        page.locator("#tabs a[data-tab=events]").click()
        page.get_by_role("button", name="workers", exact=True).click()
        shows(page, "#main", ["WorkerLeft", "WorkerJoined"])
