"""The page in a browser: what it weighs, when it shows an event, how smooth its timeline is."""

from __future__ import annotations

import importlib.util
import shutil
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from evaluations.dashboard.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

CHROMIUM = "chromium"
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZE: ViewportSize = {"width": 1280, "height": 800}

# When a state reaches the page, and when the frame after it has been drawn.
_WATCH = """
window.seen = [];
const parse = JSON.parse;
JSON.parse = (text, ...rest) => {
  const found = parse(text, ...rest);
  if (found && found.crew && found.seq !== undefined) {
    const seq = found.seq;
    const shown = () => window.seen.push([seq, Date.now() / 1000]);
    requestAnimationFrame(() => requestAnimationFrame(shown));
  }
  return found;
};
"""

# Asked for so, since the page's policy allows no evaluation that comes later.
_FIRST = """
async () => {
  while (!window.seen.length) await new Promise(requestAnimationFrame);
}
"""

# Keys as a person presses them, and the frames that come meanwhile.
_FRAMES = """
async (seconds) => {
  const canvases = [...document.querySelectorAll('canvas')];
  const canvas = canvases.sort((a, b) => b.width * b.height - a.width * a.height)[0];
  if (!canvas) return null;
  const target = canvas.closest('[tabindex]') ?? canvas;
  target.focus();
  const times = [];
  const until = performance.now() + seconds * 1000;
  let number = 0;
  const keys = ['+', '+', 'ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowDown', '-'];
  while (performance.now() < until) {
    const at = await new Promise(requestAnimationFrame);
    times.push(at);
    const key = keys[number++ % keys.length];
    target.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  }
  return times;
}
"""


def missing() -> str:
    """Why there is no browser here; empty if there is one."""
    if importlib.util.find_spec("playwright") is None:
        return "this Python lacks playwright"
    return "" if shutil.which(CHROMIUM) else f"there is no {CHROMIUM} on PATH"


def look(served: Served, run: str, look_seconds: float, frame_seconds: float) -> dict[str, Any]:
    """Figures, and under ``seen`` the states that were shown: seq and unix seconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which(CHROMIUM), args=list(OPTIONS)
        )
        try:
            page = browser.new_page(viewport=SIZE)
            weights: list[int] = []
            page.on(
                "response",
                lambda answer: weights.append(int(answer.headers.get("content-length", 0))),
            )
            page.add_init_script(_WATCH)
            begun = time.perf_counter()
            page.goto(f"{served.url}#run={run}")
            page.evaluate(_FIRST)
            shown = time.perf_counter() - begun
            weight = sum(weights)
            page.wait_for_timeout(look_seconds * 1000)
            seen = page.evaluate("window.seen")
            page.goto(f"{served.url.partition('?')[0]}#run={run}&tab=workers")
            page.wait_for_selector("canvas", timeout=30_000)
            page.wait_for_timeout(1000)
            times = page.evaluate(_FRAMES, frame_seconds)
            return {
                "first_shown_seconds": shown,
                "first_view_bytes": weight,
                "seen": [(int(seq), float(at)) for seq, at in seen],
                "frames_per_second": _rate(times),
                "longest_frame_seconds": _longest(times),
                "version": browser.version,
            }
        finally:
            browser.close()


def _rate(times: list[float] | None) -> float | None:
    if not times or len(times) < 2:
        return None
    return (len(times) - 1) / (times[-1] - times[0]) * 1000


def _longest(times: list[float] | None) -> float | None:
    if not times or len(times) < 2:
        return None
    return max(later - former for former, later in pairwise(times)) / 1000
