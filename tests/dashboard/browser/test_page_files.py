"""The page's files: light, all its own, and in colours that every eye tells apart."""

from __future__ import annotations

import gzip
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from tests.dashboard.browser.fake_server import STATIC

FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
MOST_BYTES = 300_000
MOST_SENT_BYTES = 100_000
USES = ("useful", "loading", "lost", "idle", "no_work")
LEAST_DIFFERENCE = 10.0
"""Of two uses, as distance in CIELAB; some 2.3 can just be told apart side by side."""

# What an eye without one sort of cones makes of linear RGB (Viénot, Brettel and Mollon 1999).
SIGHTS = {
    "all": np.eye(3),
    "no red": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "no green": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def test_the_page_is_light() -> None:
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES
    assert sum(len(gzip.compress(path.read_bytes())) for path in FILES) < MOST_SENT_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_nothing_is_fetched_from_elsewhere_and_nothing_is_inline(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w-]+\.\w+", text) == []
    raw = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\("
    assert re.findall(raw, text) == []
    if path.suffix == ".html":
        assert re.findall(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", text) == []
    assert len(text.splitlines()) <= 400


def test_all_modules_are_asked_for_at_once() -> None:
    """Else a far browser asks for those that the first ones name, then for what these name."""
    page = (STATIC / "index.html").read_text()
    named = re.findall(r'(?:src|modulepreload" href)="/static/(js/[\w/.]+)"', page)
    there = [path.relative_to(STATIC).as_posix() for path in FILES if path.suffix == ".js"]
    assert sorted(named) == there


def colours(theme: int) -> dict[str, str]:
    text = (STATIC / "css" / "palette.css").read_text()
    found = re.findall(r"--use-(\w+): light-dark\((#\w{6}), (#\w{6})\)", text)
    return {use: pair[theme] for use, *pair in found}


def lab(colour: str, sight: np.ndarray) -> np.ndarray:
    coded = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(sight @ linear, 0, 1) / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_uses_are_told_apart_by_every_eye(theme: int, sight: str) -> None:
    seen = {use: lab(colours(theme)[use], SIGHTS[sight]) for use in USES}
    near = {
        pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]]))
        for pair in itertools.combinations(USES, 2)
    }
    assert {pair: gap for pair, gap in near.items() if gap < LEAST_DIFFERENCE} == {}
