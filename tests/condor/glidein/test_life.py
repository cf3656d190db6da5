"""One life of a job, with a launcher that is told how to end."""

from __future__ import annotations

import itertools
import os
import platform
import signal
import time

import pytest

from condor.glidein.launcher import LEAVING_SECONDS
from condor.glidein.trouble import AGAIN, BROKEN, DONE, MACHINE_UNFIT
from tests.condor.glidein.node import Node

NOWHERE = "255.255.255.255:9"
"""An address that no system connects to: it says so at once."""


def test_the_launcher_gets_what_it_needs(node: Node) -> None:
    ad = node.scratch / ".job.ad"
    ad.write_text('Owner = "me"\nNumShadowStarts = 3\n')
    node.variables["_CONDOR_JOB_AD"] = str(ad)
    status, output = node.run("--grace", "7", "--cores", "2", "--ssl")
    assert status == DONE
    (line,) = [line for line in output.splitlines() if "connected to manager" in line]
    words = line.split()
    options = dict(itertools.pairwise(words))
    assert options["for"] == "127.0.0.1:9"
    assert (options["--id"], options["--grace"], options["--cores"]) == ("g.a.1.0.3", "7.0", "2")
    assert options["--password-file"] == str(node.scratch / "pcm-password")
    assert options["--scratch"].startswith(str(node.scratch / "pcm-glidein-"))
    assert "--ssl" in words


@pytest.mark.parametrize(
    ("plan", "status", "reason"),
    [
        ("exit 0", DONE, ""),
        ("exit 1", MACHINE_UNFIT, "the worker could not work: worker w has ended: as planned"),
        ("exit 2", BROKEN, "the worker was refused: worker w has ended: as planned"),
        ("die", MACHINE_UNFIT, "killed by signal 9"),
    ],
)
def test_how_the_launcher_ends_decides(node: Node, plan: str, status: int, reason: str) -> None:
    seen, output = node.run(plan=plan)
    assert seen == status
    assert reason in output


def test_a_manager_that_cannot_be_reached_from_this_machine(node: Node) -> None:
    """It may be from another: the job is to be held for a while, and not to leave the queue."""
    status, output = node.run("--manager", NOWHERE, plan="unconnected 0")
    assert status == MACHINE_UNFIT
    assert f"the manager at {NOWHERE} cannot be reached from here" in output


def test_a_manager_that_is_gone(node: Node) -> None:
    status, output = node.run(plan="unconnected 0")
    assert (status, "nobody listens at 127.0.0.1:9" in output) == (DONE, True)


def test_sigterm_is_passed_on(node: Node) -> None:
    process = node.start(plan="work")
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        pass
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == AGAIN
    assert "leaving" in output


def test_a_launcher_that_does_not_leave_is_made_to(node: Node) -> None:
    process = node.start("--grace", "0", plan="stay")
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        pass
    started = time.monotonic()
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == AGAIN
    assert time.monotonic() - started < 25


def test_it_leaves_before_its_walltime(node: Node) -> None:
    status, output = node.run("--walltime", "12", "--grace", "1", plan="work")
    assert status == AGAIN
    assert "the walltime is almost over" in output


def told(output: str, variable: str) -> str:
    (line,) = [line for line in output.splitlines() if line.startswith(variable + " ")]
    return line.partition(" ")[2]


def test_the_worker_knows_when_it_will_be_told_to_leave(node: Node) -> None:
    before = time.time()
    _, output = node.run("--walltime", "3600", "--grace", "60")
    leave_seconds = 3600 - 60 - 2 * LEAVING_SECONDS
    assert before <= float(told(output, "PCM_LEAVES_AT")) - leave_seconds <= time.time()
    _, output = node.run()
    assert told(output, "PCM_LEAVES_AT") == "None"


def test_the_worker_knows_its_site_unless_the_user_knows_better(node: Node) -> None:
    ad = node.scratch / ".machine.ad"
    ad.write_text('GLIDEIN_Site = "East"\n')
    node.variables["_CONDOR_MACHINE_AD"] = str(ad)
    assert told(node.run()[1], "PCM_ZONE") == "East"
    node.variables["PCM_ZONE"] = "rack 7"
    assert told(node.run()[1], "PCM_ZONE") == "rack 7"


def test_a_launcher_ends_with_a_glidein_that_is_killed(node: Node) -> None:
    """Which our launcher does by itself: it is told whose child it is."""
    process = node.start(plan="work")
    assert process.stdout is not None
    while "ready" not in (line := process.stdout.readline()):
        if "--parent-pid" in line:
            words = line.split()
    assert words[words.index("--parent-pid") + 1] == str(process.pid)
    process.terminate()
    process.communicate(timeout=30)


def test_a_scratch_directory_that_is_not_there(node: Node) -> None:
    status, output = node.run("--scratch", "/nowhere")
    assert (status, "no scratch directory" in output) == (MACHINE_UNFIT, True)


def test_signals_before_there_is_a_worker(node: Node) -> None:
    node.program("slow", f"echo $$ >{node.scratch}/pid; exec sleep 60")
    process = node.start("--python", str(node.bin / "slow"))
    deadline = time.monotonic() + 20
    while not (node.scratch / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, platform.node() in output) == (AGAIN, True)
