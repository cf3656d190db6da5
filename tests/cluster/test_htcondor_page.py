"""The five commands of docs/htcondor.md, on a pool: each says what the page shows of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from condor.personal_pool import CondorPool
from pcm.cli.glidein.show import classes_of_file
from tests.cli.conftest import ended
from tests.cluster import rootfs
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.test_condor_containers import dry_run
from tests.pages import Page

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

DEADLINE_SECONDS = 60.0
EXAMPLE = Path("docs", "examples", "campus_pool.yaml")
APP = Path("apps", "fact_verification")
PYTHON_THERE = "/software/pcm/bin/python"
ITEMS = 400


def lay_out(directory: Path, items: int | None = None) -> None:
    """The part of a checkout that the page uses, with what the tests' pool needs, as it says."""
    here = rootfs.CHECKOUT
    shutil.copytree(here / APP, directory / APP, ignore=shutil.ignore_patterns("__pycache__"))
    text = (here / EXAMPLE).read_text()
    assert text.count(PYTHON_THERE) == 2
    python = f"{rootfs.VENV}/bin/python\n    check_gpus: false"
    text = text.replace(PYTHON_THERE, python) + "host: 127.0.0.1\n"
    if items is not None:
        text = text.replace("  key: id\n", f"  key: id\n  limit: {items}\n")
    (directory / EXAMPLE).parent.mkdir(parents=True)
    (directory / EXAMPLE).write_text(text)


def start(directory: Path, command: str) -> subprocess.Popen[str]:
    program, *words = command.split()
    assert program == "pcm"
    return subprocess.Popen(
        [sys.executable, "-m", "pcm.cli", *words],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(rootfs.CHECKOUT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def said(directory: Path, command: str) -> list[str]:
    end = ended(start(directory, command))
    assert end.code == 0, end
    return end.stdout.splitlines()


def labels(lines: list[str]) -> list[str]:
    """What indented lines begin with: the checks of the doctor, the classes in the queue."""
    indented = [line.strip() for line in lines if re.match(r"  \S", line)]
    return [line.partition("  ")[0].partition(":")[0] for line in indented]


def of_pool(lines: list[str]) -> list[str]:
    """The checks that the doctor made of the pool, the last of its sections."""
    return labels(lines[lines.index("HTCondor pool: works") :])


def commands_in(lines: list[str]) -> set[str]:
    """The names of submit commands."""
    return {line.partition(" = ")[0] for line in lines if re.match(r"[\w.]+ = ", line)}


def until_running(directory: Path, command: str, manager: subprocess.Popen[str]) -> list[str]:
    """What ``pcm glidein status`` says when each class has a running job."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        assert manager.poll() is None, manager.communicate()
        assert time.monotonic() < deadline
        if (directory / "runs" / "claims" / "run.json").exists():
            lines = said(directory, command)
            if len([line for line in lines if re.search(r" [1-9]\d* running", line)]) == 2:
                return lines
        time.sleep(0.1)


def test_the_five_commands(pool: CondorPool, directory: Path) -> None:
    lay_out(directory, ITEMS)
    doctor, show, run, status, report = Page("htcondor.md").sessions()[:5]

    assert of_pool(said(directory, doctor.command)) == of_pool(doctor.output)

    description = said(directory, show.command)
    assert commands_in(show.output) <= commands_in(description)
    assert "# Glideins of class big, 2 at most." in description

    manager = start(directory, run.command)
    try:
        standing = until_running(directory, status.command, manager)
    finally:
        end = ended(manager, 180.0)
    assert end.code == 0, end
    assert sorted(labels(standing)) == sorted(labels(status.output))
    lines = end.stdout.splitlines()
    assert any(alike(line, run.output[0]) for line in lines), lines
    assert any(alike(line, run.output[-2]) for line in lines), lines
    assert lines[-1].partition(":")[0] == run.output[-1].partition(":")[0] == "results"
    assert len((directory / "runs/claims/results.jsonl").read_text().splitlines()) == ITEMS

    found = said(directory, report.command)
    assert alike(found[0], report.output[0])
    told = [line for line in report.output if line != "..." and not line.startswith("g.")]
    assert [line for line in told if not any(alike(line, other) for other in found)] == []
    assert pool.queue("ClusterId") == []


def test_htcondor_takes_the_example_of_many_sites(pool: CondorPool, directory: Path) -> None:
    (class_,) = classes_of_file(rootfs.CHECKOUT / EXAMPLE.with_name("ospool.yaml"))
    ad = dry_run(pool, directory, class_)
    assert (ad["ProjectName"], ad["JobDurationCategory"]) == ('"MyProject"', '"Medium"')
    assert ad["ContainerImageSource"] == '"osdf"'
    assert "Capability >= 7.5" in ad["RequireGPUs"]


def alike(one: str, other: str) -> bool:
    """But for numbers, directories and the width of columns."""
    return bare(one) == bare(other)


def bare(line: str) -> str:
    return " ".join(re.sub(r"\S*/\S+|(\d+ (h|min) )*\d[\d.,]*", "_", line).split())
