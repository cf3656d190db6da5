"""Runs on glideins alone: as many as pay come from a real pool, and the queue is empty after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pcm
from apps.fact_verification.task import verify
from condor.personal_pool import CondorPool
from condor.provisioner import origin
from pcm.journal import JournalReader
from pcm.journal.entries import GlideinsStand
from pcm.journal.kinds import decode
from tests.cluster import rootfs
from tests.cluster.glidein_classes import glideins
from tests.cluster.glidein_runs import begun_and_killed, manager_with
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.manager.workloads import digest, expected, salt

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

APP = rootfs.CHECKOUT / "apps" / "fact_verification"
DEMO = APP / "demo"
PROMPT = (APP / "prompts" / "default.txt").read_text().rstrip("\n")


def test_a_run_gets_its_workers_from_classes_and_leaves_an_empty_queue(
    pool: CondorPool, directory: Path
) -> None:
    classes = [
        glideins("big", most=2, gpu_memory="40 GB"),
        glideins("any", most=2, requirements='Machine =!= "ada.pool"'),
    ]
    with manager_with(directory, *classes) as manager:
        where = directory / "run"
        run = manager.map(digest.bind(seconds=0.02), range(400), context=salt(), directory=where)
        rows = {row.key: row.value for row in run}
        assert rows == expected(400)
        pools = {view.capacity.pool for view in manager.workers()}
        assert pools <= {"glidein:big", "glidein:any"}
        assert pools
        assert sum(status.joined for status in manager.glideins()) >= 1
    assert pool.queue("ClusterId") == []
    with JournalReader(where) as reader:
        stands = [decode(entry) for entry in reader.events(kinds=["GlideinsStand"])]
    first, *later = (one for one in stands if isinstance(one, GlideinsStand))
    assert [(one.name, one.running) for one in first.classes] == [("big", 0), ("any", 0)]
    assert any(one.wanted and one.joined for stand in later for one in stand.classes)


def test_a_manager_that_was_killed_finds_its_glideins_again(
    pool: CondorPool, directory: Path
) -> None:
    where = directory / "run"
    jobs = begun_and_killed(pool, where, 600, home=directory / "home")
    with manager_with(directory, glideins()) as manager:
        rows = list(manager.resume(where))
        assert {row.key: row.value for row in rows} == expected(600)
        assert manager.glideins()[0].submitted == len(jobs)
        assert {job_of(row.worker) for row in rows} <= jobs
    assert pool.queue("ClusterId") == []


def test_claims_are_verified_on_glideins_as_on_this_machine(directory: Path) -> None:
    read = (DEMO / "claims.jsonl").read_text().splitlines()[:120]
    claims = [json.loads(line) for line in read]

    def verdicts(manager: pcm.Manager) -> dict[str | int, str]:
        model = pcm.language_model(str(DEMO / "model"))
        rows = manager.map(verify.bind(prompt=PROMPT), claims, context=model, key="id")
        return {row.key: json.dumps(row.value, sort_keys=True) for row in rows}

    with pcm.Manager(workers=1, threads_per_worker=1) as manager:
        here = verdicts(manager)
    class_ = glideins(memory="2 GB", disk="500 MB", gpu_memory="20 GB")
    with manager_with(directory, class_) as manager:
        assert verdicts(manager) == here
    assert len(here) == 120


def job_of(worker: str) -> tuple[int, int]:
    found = origin(worker)
    assert found is not None, worker
    return found.job
