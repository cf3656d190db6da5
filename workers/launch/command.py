"""The command line of ``vine_worker``, and the environment that its library will find."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping

from workers import carriage
from workers.library.presence import ADDRESS
from workers.probe import ZONE_VARIABLE
from workers.staging.directory import CACHE_VARIABLE, NEVER_SHARED_VARIABLE, default_directory
from workers.walltime import LEAVES_AT_VARIABLE

MAX_BACKOFF_SECONDS = 4
NEVER_IDLE_SECONDS = 10**8
"""A worker of ours is never idle to TaskVine: its library is always there."""


def address(manager: str) -> tuple[str, str]:
    """Host and port. Raises ValueError for what is not ``HOST:PORT``."""
    host, _, port = manager.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{manager!r} is not HOST:PORT")
    return host, port


def vine_worker(
    program: str, options: argparse.Namespace, worker: str, workspace: str
) -> list[str]:
    host, port = address(options.manager)
    identity = carriage.Identity(
        worker, carriage.python_version(), carriage.CARRIAGE_VERSION, options.pool
    )
    command = [program, "--single-shot", "--workspace", workspace]
    command += ["--arch", identity.text(platform.machine())]
    command += ["--feature", carriage.WORKER_FEATURE, "--feature", carriage.pin(worker)]
    # The library has the whole worker. GPUs are given out by CUDA_VISIBLE_DEVICES: TaskVine would
    # replace what the batch system assigned by numbers of its own.
    command += ["--cores", str(options.cores or len(os.sched_getaffinity(0))), "--gpus", "0"]
    command += ["--connect-timeout", str(max(1, round(options.patience)))]
    command += ["--idle-timeout", str(NEVER_IDLE_SECONDS)]
    command += ["--max-backoff", str(MAX_BACKOFF_SECONDS)]
    if options.password_file:
        command += ["--password", os.path.abspath(options.password_file)]
    if options.ssl:
        command.append("--ssl")
    return [*command, host, port]


def environment(
    options: argparse.Namespace,
    worker: str,
    scratch: str,
    launcher: str,
    log: str,
    leave_at: float | None = None,
) -> Mapping[str, str]:
    """``leave_at``: when it will be told to leave, by the monotonic clock, if that is known."""
    given = dict(os.environ)
    if options.gpus is not None:
        given["CUDA_VISIBLE_DEVICES"] = options.gpus
    if options.never_shared:
        given[NEVER_SHARED_VARIABLE] = "1"
    if options.zone:
        given[ZONE_VARIABLE] = options.zone
    if leave_at is not None:
        given[LEAVES_AT_VARIABLE] = str(time.time() + leave_at - time.monotonic())
    return given | {
        ADDRESS: launcher,
        carriage.VERSION_VARIABLE: str(carriage.CARRIAGE_VERSION),
        "PCM_WORKER": worker,
        "PCM_PYTHON": sys.executable,
        "PCM_SCRATCH": scratch,
        "PCM_LOGS": os.path.abspath(options.logs or scratch),
        "PCM_LOG": log,
        "PCM_GRACE": str(options.grace),
        # Named here, since vine_worker gives its library a temporary folder of its own.
        CACHE_VARIABLE: os.path.abspath(options.cache or default_directory()),
        "TOKENIZERS_PARALLELISM": "false",
    }
