"""The manager's endpoint and an agent: how far what it makes of the agent's clock is off."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evaluations.clocks.plan import Plan
from evaluations.clocks.skewed import Skewed
from pcm.telemetry.endpoint import Endpoint

PASSWORD = b"of one measurement on the loopback"
CONNECT_SECONDS = 30.0


def exchange(plan: Plan) -> dict[str, Any]:
    """Milliseconds that it was off, and that it said it could be off, at every check."""
    manager = Skewed(plan.offset_seconds, plan.drift)
    endpoint = Endpoint(PASSWORD, lambda *_: None, clock=manager)
    endpoint.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            password = Path(folder) / "password"
            password.write_bytes(PASSWORD)
            agent = subprocess.Popen(
                [
                    *(sys.executable, "-m", "workers.telemetry"),
                    *("--to", "{}:{}".format(*endpoint.address), "--password-file", password),
                    *("--worker", "w1", "--name", "agent", "--replay", "/dev/null"),
                ]
            )
            try:
                return _checked(endpoint, manager, plan)
            finally:
                agent.terminate()
                agent.wait()
    finally:
        endpoint.close()


def _checked(endpoint: Endpoint, manager: Skewed, plan: Plan) -> dict[str, Any]:
    deadline = time.monotonic() + CONNECT_SECONDS
    while not (sources := endpoint.sources()) or sources[0].error_seconds > plan.offset_seconds:
        if time.monotonic() > deadline:
            raise TimeoutError("the agent did not connect")
        time.sleep(0.01)
    off, stated = [], []
    begun = time.monotonic()
    while time.monotonic() - begun < plan.exchange_seconds:
        time.sleep(1 / plan.checks_per_second)
        now = time.time()  # The agent's clock is the machine's own.
        told = endpoint.to_manager("agent", now)
        if told is None:
            raise ConnectionError("the agent is gone")
        off.append(1e3 * abs(told[0] - manager.shows(now)))
        stated.append(1e3 * told[1])
    (source,) = endpoint.sources()
    return {
        "off_milliseconds": _spread(off),
        "stated_milliseconds": _spread(stated),
        "within_stated_share": sum(map(float.__le__, off, stated)) / len(off),
        "drift_off_ppm": 1e6 * abs(-source.drift - plan.drift),
        "steps": source.steps,
        "checks": len(off),
    }


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
        "max": ordered[-1],
    }
