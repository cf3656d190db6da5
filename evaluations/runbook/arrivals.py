"""Requests that arrive: times, prompts and answers of the Azure traces, with their real bursts.

Where the traces are absent, ``fallback`` makes requests with the same mean, spread and burstiness
(gamma gaps whose rate changes slowly; log-normal lengths fitted to the traces' quantiles). What is
measured on it is named ``fallback`` in the figures.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluations import traces

Floats = NDArray[np.float64]

CONVERSATION, CODE = "conversation", "code"
SOURCES = {CONVERSATION: 1, CODE: 10}
"""A worker's requests come from so many places of the trace. Code of one place alone comes in
bursts with minutes of silence between: nobody would give it a worker of its own."""


class Requests(NamedTuple):
    """All of shape (requests,), in order of time."""

    at_seconds: Floats
    prompt_tokens: Floats
    answer_tokens: Floats
    sessions: NDArray[np.int64]
    """Whose request it is."""


def source() -> str:
    """Where requests come from: ``azure-2023``, or ``fallback``."""
    return "azure-2023" if _files() else "fallback"


def _files() -> dict[str, Path]:
    place = traces.directory()
    found = {name: place / "llm" / f"azure-2023-{name}.csv" for name in SOURCES} if place else {}
    return {name: path for name, path in found.items() if path.is_file()}


@cache
def _trace(name: str) -> Floats:
    """Shape (3, requests): seconds, prompt tokens, answer tokens."""
    path = _files().get(name)
    if path is None:
        return _fallback(name)
    rows = []
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = np.datetime64(row["TIMESTAMP"][:26].replace(" ", "T"), "us")
            rows.append((at.astype(np.int64) / 1e6, row["ContextTokens"], row["GeneratedTokens"]))
    trace = np.array(rows, np.float64).T
    trace[0] -= trace[0, 0]
    return trace


def _fallback(name: str) -> Floats:
    chance = np.random.default_rng(7)
    per_second, shape, tokens = {
        CONVERSATION: (5.5, 1.0, ((6.9, 0.9), (4.9, 0.9))),
        CODE: (2.6, 0.25, ((7.2, 1.0), (2.6, 0.9))),
    }[name]
    count = int(3400 * per_second)
    gaps = chance.gamma(shape, 1 / shape / per_second, count)
    gaps *= np.repeat(chance.lognormal(0, 0.5, count // 50 + 1), 50)[:count]
    lengths = [np.clip(chance.lognormal(*fit, count), 1, 7500) for fit in tokens]
    return np.array([np.cumsum(gaps), *lengths])


def draw(
    name: str, per_second: float, seconds: float, sessions: int, chance: Generator
) -> Requests:
    """Requests over ``seconds`` at about ``per_second``. The trace is stretched or pressed by at
    most 1.5; what is left of the difference is thinned out, or laid over from other places."""
    trace = _trace(name)
    own = len(trace[0]) / trace[0, -1]
    parts = []
    for _ in range(SOURCES[name]):
        need = per_second / SOURCES[name] / own
        while need > 0:
            press = float(np.clip(need, 1 / 1.5, 1.5))
            parts.append(_piece(trace, press, min(1.0, need / press), seconds, chance))
            need -= press
    joined = np.concatenate(parts, axis=1)
    at, prompts, answers = joined[:, np.argsort(joined[0], kind="stable")]
    weights = chance.pareto(2.5, sessions) + 0.5
    whose = chance.choice(sessions, len(at), p=weights / weights.sum())
    return Requests(at, prompts, answers, whose)


def _piece(trace: Floats, press: float, share: float, seconds: float, chance: Generator) -> Floats:
    length = seconds * press
    start = chance.uniform(0, trace[0, -1] - length)
    low, high = np.searchsorted(trace[0], (start, start + length))
    piece = trace[:, low:high][:, chance.random(high - low) < share].copy()
    piece[0] = (piece[0] - start) / press
    return piece


def diurnal(requests: Requests, seconds: float, chance: Generator) -> Requests:
    """A slow change of the load (up to 15%) and perhaps one lasting change of phase: some requests
    are left out where the load is lower."""
    at = requests.at_seconds
    keep = 1 - 0.15 * (1 + np.sin(2 * np.pi * (at / chance.uniform(400, 900) + chance.random())))
    if chance.random() < 0.3:
        later = at > chance.uniform(0.2, 0.8) * seconds
        keep = keep * np.where(later == (chance.random() < 0.5), 1.0, 0.6)
    return select(requests, chance.random(len(at)) < keep)


def select(requests: Requests, which: NDArray[np.bool_] | NDArray[np.int64]) -> Requests:
    at, prompts, answers, sessions = requests
    return Requests(at[which], prompts[which], answers[which], sessions[which])


def shifted(requests: Requests, at_seconds: Floats) -> Requests:
    """The same requests at other times."""
    order = np.argsort(at_seconds, kind="stable")
    return select(requests._replace(at_seconds=at_seconds), order)
