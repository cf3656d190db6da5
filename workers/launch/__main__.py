"""``python -m workers.launch HOST:PORT``: a worker for that manager.

Exit status: 0 it left in good order, or no manager was there for as long as its patience lasts,
or the password file is gone, which a manager removes with its run; 1 it cannot work here; 2 it was
refused.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import socket
import sys
import time
from typing import TYPE_CHECKING

from workers.host.processes import adopt_orphans

if TYPE_CHECKING:
    from workers.launch.pilot import Outcome

SHORT_LIFE_SECONDS = 10.0
SHORT_LIVES = 5
"""After so many short lives in a row it gives up."""


def main() -> int:
    began = time.monotonic()
    options = _options()
    leave_at = began + options.walltime - options.grace if options.walltime else None
    lack = _lack()
    if lack:
        say(lack)
        return 1
    from workers.launch.pilot import Pilot  # Not before it is known that it can be.

    program = shutil.which(options.vine_worker)
    if program is None:
        say(
            f"{options.vine_worker} is not here; install TaskVine: Debian package"
            " coop-computing-tools, or ndcctools from conda-forge"
        )
        return 1
    adopt_orphans()
    name = options.id or f"{socket.gethostname()}-{os.getpid()}"
    if not options.once:
        name += f"-{secrets.token_hex(3)}"  # Never used before, even if the user's id was.
    short = 0
    for life in range(1, 1 << 30):
        worker = name if life == 1 else f"{name}.{life}"
        try:
            pilot = Pilot(program, options, worker, say, leave_at)
        except (OSError, ValueError) as error:
            say(str(error))
            return 1
        outcome = pilot.run()
        if pilot.reason:
            say(f"worker {worker} has ended: {pilot.reason}")
        if (
            outcome == "lost"
            and options.password_file
            and not os.path.exists(options.password_file)
        ):
            say("the password file is gone: the run that this worker was for has no manager")
            outcome = "left"
        if outcome != "lost" or options.once:
            return _status(outcome)
        lasted = time.monotonic() - (pilot.joined_at or time.monotonic())
        short = short + 1 if lasted < SHORT_LIFE_SECONDS else 0
        if short == SHORT_LIVES:
            say(f"{short} short lives in a row: giving up")
            return 1
        time.sleep(0.1 * short)
    return 0


def _lack() -> str:
    """What is missing of the packages that a worker cannot do without, and the mend."""
    try:
        import cloudpickle  # noqa: F401 - what the manager sends is made with it
        import msgspec  # noqa: F401
    except ImportError as error:
        return (
            f"this Python ({sys.executable}) lacks a package that workers need ({error}); install"
            f" it with: {sys.executable} -m pip install msgspec cloudpickle"
        )
    return ""


def _status(outcome: Outcome) -> int:
    return {"refused": 2, "lost": 1}.get(outcome, 0)


def say(text: str) -> None:
    """One line, in one call: several launchers may have the same output, and where that is not
    buffered ``print`` would let another's words in before the end of the line."""
    sys.stdout.write(f"pcm worker: {text}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.launch", description=__doc__)
    parser.add_argument("manager", metavar="HOST:PORT")
    parser.add_argument("--password-file", metavar="FILE", default="", help="the manager's")
    parser.add_argument("--ssl", action="store_true", help="the manager uses TLS")
    parser.add_argument("--id", default="", help="the worker's name; made up by default")
    parser.add_argument("--pool", default="", help="the pool that it belongs to, if it is one's")
    parser.add_argument("--scratch", default="", help="where it makes its directory")
    parser.add_argument("--logs", default="", help="a directory for logs (default: the scratch)")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        default="",
        help="where model files are kept for later workers of this host; best on a local disk"
        " (default: $PCM_CACHE, or a directory of this user below the temporary folder)",
    )
    parser.add_argument(
        "--never-shared",
        action="store_true",
        help="do not read model files by the manager's paths even where they can be seen here,"
        " for instance on a slow shared file system",
    )
    parser.add_argument("--gpus", default=None, help="CUDA_VISIBLE_DEVICES of this worker")
    parser.add_argument("--cores", type=int, default=0, help="threads it may use; 0: all cores")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds from SIGTERM to the end")
    parser.add_argument(
        "--patience", type=float, default=300.0, help="seconds without a manager before it ends"
    )
    parser.add_argument(
        "--walltime",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="it leaves in good order before so long, and the manager knows; 0: it is not known",
    )
    parser.add_argument(
        "--zone", default="", help="whose machines are taken away together with this one"
    )
    parser.add_argument("--once", action="store_true", help="end when the connection does")
    parser.add_argument("--parent-pid", type=int, default=0, help="end when this parent is gone")
    parser.add_argument("--vine-worker", default="vine_worker", help="the program to start")
    options = parser.parse_args()
    if options.walltime and not options.walltime > options.grace:
        parser.error(f"--walltime {options.walltime:g} leaves no time to work in")
    return options


if __name__ == "__main__":
    sys.exit(main())
