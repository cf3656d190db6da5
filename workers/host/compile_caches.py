"""Where a replica's libraries keep what they compile: beside the files of models, per context.

A replica's process goes with its context; kernels and graphs that were compiled in it stay on the
machine, and the next replica of the same context finds them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time

from workers.staging.directory import default_directory, prepare
from workers.staging.errors import StagingError

FOLDER = "compiled"
"""In the cache of the worker."""
VARIABLES = {
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "CUDA_CACHE_PATH": "cuda",
    "VLLM_CACHE_ROOT": "vllm",
}
"""By which libraries are told, and the folder of each."""
UNUSED_DAYS = 30
"""What was of no use to any replica for so long is removed."""

_GIVEN = frozenset(name for name in VARIABLES if name in os.environ)
"""What the user has set. Seen here, in the template before it imports anything heavy: libraries set
some of them for themselves."""


def keep(context: str) -> None:
    """Set the variables for this process and its children, but those that the user has set.

    Says in the log, and leaves them alone, if there can be no private directory: what lies there is
    run.
    """
    root = os.path.join(default_directory(), FOLDER)
    own = os.path.join(root, re.sub(r"[^\w.-]", "_", context).lstrip(".") or "_")
    try:
        # Each is ours, and nobody else can write to it.
        prepare(os.path.dirname(root), (FOLDER,))
        prepare(own, tuple(VARIABLES.values()))
        os.utime(own)
    except (StagingError, OSError) as error:
        print(f"what is compiled here is not kept: {error}", file=sys.stderr)
        return
    for variable, folder in VARIABLES.items():
        if variable not in _GIVEN:
            os.environ[variable] = os.path.join(own, folder)
    _remove_unused(root)


def _remove_unused(root: str) -> None:
    before = time.time() - UNUSED_DAYS * 86400
    with contextlib.suppress(OSError):
        for entry in os.scandir(root):
            if entry.stat(follow_symlinks=False).st_mtime < before:
                shutil.rmtree(entry.path, ignore_errors=True)
