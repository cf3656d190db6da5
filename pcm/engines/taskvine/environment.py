"""A Python environment as an archive, which TaskVine takes to workers and unpacks there.

TaskVine's manager sends files of a library to each worker itself. That it has workers fetch the
archive from each other takes a call that needs the same unpacked archive, and that this is not to
be fetched as such: then the source that TaskVine looks for is one of the archive, and the library,
which is sent with that call, gets it from there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pcm.engines.taskvine.bindings import cvine

FOLDER = "environment"
"""Its name in the sandbox of library and call."""
UNPACKED = ".pcm-unpacked"
"""What ``conda-unpack`` was done in has this file."""


def command(kit: str) -> str:
    """The library's: the kit, run by the Python of the environment."""
    return (
        f'E=$(cd {FOLDER} && pwd -P) && unset PYTHONPATH PYTHONHOME && export PATH="$E/bin:$PATH"'
        f' && {{ [ ! -e "$E/bin/conda-unpack" ] || [ -e "$E/{UNPACKED}" ] ||'
        f' {{ "$E/bin/python" "$E/bin/conda-unpack" && : > "$E/{UNPACKED}"; }}; }}'
        f' && exec "$E/bin/python" {kit}'
    )


class Environment:
    """One archive that is declared to TaskVine."""

    def __init__(self, queue: Any, archive: Path) -> None:
        level = cvine.VINE_CACHE_LEVEL_WORKFLOW
        packed = cvine.vine_declare_file(queue, str(archive), level, 0)
        self._unpacked = cvine.vine_declare_untar(queue, packed, level, cvine.VINE_PEER_NOSHARE)

    def add_to(self, task: Any) -> None:
        """The library needs it, and one call to each worker."""
        cvine.vine_task_add_input(task, self._unpacked, FOLDER, cvine.VINE_MOUNT_SYMLINK)
