"""The directory of a glidein, for all that it and its worker write."""

import os
import shutil
import tempfile

from .trouble import MACHINE_UNFIT, Trouble

LEAST_BYTES = 64 << 20
"""Free space below which nothing works."""


def make_folder(parent: str) -> str:
    """A new one below ``parent``; by default in the job's own directory.

    Raises Trouble if there can be none, or its disk is full.
    """
    parent = parent or os.environ.get("_CONDOR_SCRATCH_DIR") or os.getcwd()
    try:
        folder = tempfile.mkdtemp(prefix="pcm-glidein-", dir=parent)
        status = os.statvfs(folder)
    except OSError as error:
        raise Trouble(MACHINE_UNFIT, "no scratch directory: {}".format(error))
    free_bytes = status.f_bavail * status.f_frsize
    if free_bytes < LEAST_BYTES:
        shutil.rmtree(folder, ignore_errors=True)
        text = "only {} MB are free in {}".format(free_bytes // 10**6, parent)
        raise Trouble(MACHINE_UNFIT, text)
    return folder
