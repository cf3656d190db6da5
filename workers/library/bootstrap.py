"""The program of the kit: unpack what it came with, and run it with the right Python.

This file is the ``__main__`` of the kit, a zip file that TaskVine sends to a worker and that Python
runs as it is. It uses the standard library alone, and of that what every Python 3 has: the worker's
Python may be the wrong one, and then has to say so.
"""

import json
import os
import socket
import sys
import zipfile

REQUIREMENTS = "requirements.json"
FOLDER = "kit"


def main() -> None:
    with zipfile.ZipFile(sys.argv[0]) as kit:
        required = json.loads(kit.read(REQUIREMENTS))
        refuse_others(required)
        kit.extractall(FOLDER)
    sys.path[0] = os.path.abspath(FOLDER)
    try:
        from workers.library.program import main as program
    except ImportError as error:
        refuse(
            f"the worker's Python ({sys.executable}) lacks a module: {error};"
            f" install {', '.join(required['packages'])} for it"
        )
    program()


def refuse_others(required: dict) -> None:  # type: ignore[type-arg]
    here = "{}.{}".format(*sys.version_info[:2])
    if here != required["python"]:
        refuse(
            f"the manager runs Python {required['python']}, this worker {here} ({sys.executable});"
            " code is pickled for one minor version: start the worker with the manager's"
        )
    version = os.environ.get("PCM_LAUNCHER_VERSION", "")
    if version != required["launcher"]:
        refuse(
            f"the manager's pcm works with launchers of version {required['launcher']}, this is"
            f" {version or 'none'}: install the same version of pcm on both sides"
        )


def refuse(reason: str) -> None:
    """Tell the launcher, which tells its user, and ends the worker."""
    print(reason, flush=True)
    launcher = os.environ.get("PCM_LAUNCHER")
    if launcher:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(launcher)
            link.sendall(json.dumps({"refused": reason}).encode() + b"\n")
            link.recv(1)  # the launcher ends us
    sys.exit(2)


if __name__ == "__main__":
    main()
