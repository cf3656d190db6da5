"""One browser for all tests, a fresh page for each, and what every page must hold to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from tests.dashboard.browser.fake_server import FakeServer
from tests.dashboard.browser.scene import Scene

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE_MS = 30_000
"""A busy machine draws slowly; nothing waits longer than it must."""

Open = Callable[..., Any]


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """It ends with the tests of this folder: others would take its processes for theirs."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip("no chromium is installed here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(autouse=True)
def no_leaks(browser: Any) -> Iterator[None]:
    """In place of the check for the whole suite: a browser starts and ends processes of its own
    when it likes. What a test listened on must be closed."""
    before = _listening()
    yield
    assert _listening() <= before


def _listening() -> set[int]:
    found = psutil.Process().net_connections(kind="tcp")
    return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}


@pytest.fixture
def served() -> Iterator[Callable[..., FakeServer]]:
    """Makes servers of scenes, and ends them."""
    servers: list[FakeServer] = []

    def serve(*scenes: Scene, port: int = 0) -> FakeServer:
        servers.append(FakeServer(list(scenes or [Scene()]), port=port))
        return servers[-1]

    yield serve
    for server in servers:
        if not server.stopping:
            server.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens pages. None may ask another origin for anything, log an error, or raise one."""
    contexts: list[Any] = []
    said: list[str] = []

    def open_page(url: str, *, dark: bool = False, phone: bool = False, **options: Any) -> Any:
        context = browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        origin = "/".join(url.split("/")[:3])
        page.on("request", lambda asked: _check_origin(asked.url, origin, said))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("console", lambda text: _check_console(text, said))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def _check_origin(url: str, origin: str, said: list[str]) -> None:
    if not url.startswith((f"{origin}/", "data:")):
        said.append(f"it asked {url}")


def _check_console(text: Any, said: list[str]) -> None:
    # A server that is gone is no fault of the page: the browser says so by itself.
    if text.type in ("error", "warning") and "Failed to load resource" not in text.text:
        said.append(f"console: {text.text}")
