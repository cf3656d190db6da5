#!/usr/bin/env python3
"""What vine_factory submits in place of ``vine_worker``: our launcher, named for its job.

Runs in the job's directory, where the kit and the password lie. Options that are vine_worker's own
are not ours; GPUs are given out by CUDA_VISIBLE_DEVICES.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import sys
from pathlib import Path

KIT, PASSWORD = "pcm-worker.zip", "pcm-password"


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--manager", required=True, metavar="HOST:PORT")
    options, _ = parser.parse_known_args()
    ad = Path(os.environ["_CONDOR_JOB_AD"]).read_text(encoding="utf-8")
    name = ".".join(str(_number(ad, part)) for part in ("ClusterId", "ProcId", "NumShadowStarts"))
    sys.path.insert(0, os.path.abspath(KIT))
    sys.argv = ["workers.launch", options.manager, "--id", f"f.{name}"]
    sys.argv += ["--password-file", os.path.abspath(PASSWORD), "--cores", "1", "--grace", "5"]
    sys.argv += ["--scratch", os.environ["_CONDOR_SCRATCH_DIR"], "--patience", "30"]
    sys.argv += ["--parent-pid", str(os.getppid())]
    runpy.run_module("workers.launch", run_name="__main__", alter_sys=True)


def _number(ad: str, name: str) -> int:
    found = re.search(rf"^{name} = (\d+)$", ad, re.MULTILINE)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
