"""The page with the server that it is made for, over a run's directory as a manager leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.test_views import shows
from tests.dashboard.runs import at_work, finished, log_more
from tests.dashboard.served import Served
from tests.report.logs import BEGIN, STOPPED

SHOWN = {
    "overview": ["As it developed", "Workers' time"],
    "workers": ["2 lanes", "1 to 2 of 2 workers", "H100"],
    "contexts": ["the model"],
    "items": ["1 to 2 of 2 items", "ValueError"],
    "glideins": ["This run asks for no glideins"],
    "findings": ["Too hot", "look at the fan"],
    "events": ["Finish", "WorkerLeft"],
}


def test_every_view_of_a_finished_run(tmp_path: Path, opened: Open) -> None:
    finished(tmp_path / "run")
    with Served(tmp_path / "run", token_file=tmp_path / "token") as served:
        page = opened(served.url)
        assert "token" not in page.url
        for tab, texts in SHOWN.items():
            page.locator(f"#tabs a[data-tab={tab}]").click()
            shows(page, "#main", texts)
        page.locator("#tabs a[data-tab=items]").click()
        page.locator("#main tbody a[data-open]").first.click()
        shows(page, "#panel", ["What happened to it", "died on w2"])
        page.locator("#main tbody a[data-open]").last.click()
        shows(page, "#panel", [r'<script>alert("x")</script>\x00\u202e'])
        page.locator("#tabs a[data-tab=workers]").click()
        page.locator("#main tbody a[data-open]").first.click()
        shows(page, "#panel", ["Why it got its last batch", "w1"])
        with page.expect_download() as download:
            page.locator("#tabs a[data-tab=items]").click()
            page.get_by_role("link", name="Export all").click()
        assert len(Path(download.value.path()).read_text().splitlines()) == 2
        page.evaluate("at => { location.hash += `&at=${at}` }", BEGIN + 30)
        shows(page, "#link", ["Replay"])


def test_it_goes_on_after_the_server_was_started_again(tmp_path: Path, opened: Open) -> None:
    token = tmp_path / "token"
    with at_work(tmp_path / "run") as journal:
        with Served(tmp_path / "run", token_file=token) as served:
            page = opened(served.url)
            shows(page, "#link", ["Live"])
        page.locator("#banner", has_text="No connection for").wait_for()
        log_more(journal, [(95.0, STOPPED)])
        journal.finish("completed", "", BEGIN + 95)
    with Served(tmp_path / "run", token_file=token, port=served.port):
        page.locator("#link", has_text="Ended").wait_for()
        shows(page, "#main", ["Completed"])


def test_without_the_token_there_is_nothing(tmp_path: Path, browser: Any) -> None:
    finished(tmp_path / "run")
    with Served(tmp_path / "run", token_file=tmp_path / "token") as served:
        context = browser.new_context()
        for path in ("/", "/?token=wrong", "/static/index.html", "/api/runs"):
            answer = context.request.get(f"http://127.0.0.1:{served.port}{path}")
            assert answer.status in (401, 403)
            assert answer.body() == b""
        assert context.cookies() == []
        context.close()
