"""A log as HTCondor 23.9 wrote it, in a pool where jobs were evicted, held and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from condor.joblog import JobLog

pytest.importorskip("htcondor2")

LOG = """\
000 (001.000.000) 2026-11-21 11:02:13 Job submitted from host: <127.0.0.1:51267?sock=schedd>
...
040 (001.000.000) 2026-11-21 11:02:19 Started transferring input files
...
001 (001.000.000) 2026-11-21 11:02:19 Job executing on host: <127.0.0.1:51267?sock=startd_cyd>
	SlotName: slot1_1@cyd.pool
	CondorScratchDir = "/var/lib/condor/execute/dir_198"
	Cpus = 1
	GPUs = 1
...
004 (001.000.000) 2026-11-21 11:02:22 Job was evicted.
	(0) CPU times
		Usr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage
		Usr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage
	0  -  Run Bytes Sent By Job
	0  -  Run Bytes Received By Job
	User requested the job to vacate
...
012 (002.000.000) 2026-11-21 11:02:24 Job was held.
	machine cyd.pool: no GPU here
	Code 3 Subcode 75
...
013 (002.000.000) 2026-11-21 11:02:25 Job was released.
	The job attribute PeriodicRelease expression evaluated to TRUE
...
005 (002.000.000) 2026-11-21 11:02:26 Job terminated.
	(1) Normal termination (return value 0)
		Usr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage
		Usr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage
		Usr 0 00:00:00, Sys 0 00:00:00  -  Total Remote Usage
		Usr 0 00:00:00, Sys 0 00:00:00  -  Total Local Usage
	0  -  Run Bytes Sent By Job
	0  -  Run Bytes Received By Job
	0  -  Total Bytes Sent By Job
	0  -  Total Bytes Received By Job
...
"""
REMOVED = """\
009 (001.000.000) 2026-11-21 11:02:31 Job was aborted.
	via condor_rm (by user pcm)
...
"""


def test_events_come_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a100.log"
    log = JobLog(path)
    assert log.read(0) == []  # It is not there yet.
    path.write_text(LOG)
    events = log.read(0)
    assert [(event.kind, event.job[0]) for event in events] == [
        ("submitted", 1),
        ("running", 1),
        ("evicted", 1),
        ("held", 2),
        ("released", 2),
        ("ended", 2),
    ]
    assert events[1].machine == "cyd.pool"
    assert events[1].at - events[0].at == 6
    held = events[3]
    assert (held.code, held.subcode, held.detail) == (3, 75, "machine cyd.pool: no GPU here")
    assert (events[5].code, events[5].detail.partition(":")[0]) == (0, "it ended")
    assert log.read(6) == []
    with path.open("a") as file:
        file.write(REMOVED[:40])  # HTCondor is about to write it.
        file.flush()
        assert log.read(6) == []
        file.write(REMOVED[40:])
    (removed,) = log.read(6)
    assert (removed.kind, removed.detail) == ("removed", "via condor_rm (by user pcm)")
    log.close()


def test_another_reader_may_begin_where_the_last_one_was(tmp_path: Path) -> None:
    path = tmp_path / "a100.log"
    path.write_text(LOG + REMOVED)
    log = JobLog(path)
    assert [event.kind for event in log.read(6)] == ["removed"]
    log.close()
