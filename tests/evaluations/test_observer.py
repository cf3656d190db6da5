"""The evaluation of the observer: it runs, and nothing that was sent slowly is lost."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from evaluations.observer.plan import FULL, MOST, QUICK
from tests.evaluations import program


def test_it_prints_its_figures() -> None:
    if any(shutil.which(name) is None for name in ("ip", "unshare", "nsenter")):
        pytest.skip("needs ip, unshare and nsenter")
    if os.geteuid() or subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("no namespaces here")
    printed = program.quick("observer", timeout_seconds=110)
    (flows,) = QUICK.flow_counts
    (step,) = printed["figures"]["by_flows"][str(flows)]
    assert step["seen"] > 0
    assert step["lost"] == step["dropped"] == 0
    (watched,) = printed["figures"]["application"].values()
    assert watched["median_seconds"]["without"]["median"] >= 0.005
    program.assert_complete(printed["targets"], 3)


def test_the_full_plan_goes_beyond_what_must_be_kept_up_with() -> None:
    assert MOST in FULL.rates
    assert max(FULL.rates) > FULL.kept_up_rate in FULL.rates
    assert FULL.rounds % 2 == 0
