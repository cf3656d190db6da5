"""Keeps so many processes of one command running: a program of its own.

``crew COUNT COMMAND ...``: a process that ended is started again at once, whatever ended it. It
ends, with all of them, when its input does. Where a word of the command is ``{number}``, it is the
number of the process, from 0.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def keep(number: int, command: list[str]) -> None:
    """For ever."""
    while True:
        words = [word.replace("{number}", str(number)) for word in command]
        subprocess.run(
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if "PCM_PEERS_LOUD" in os.environ else subprocess.DEVNULL,
        )


def main() -> None:
    os.setpgid(0, 0)
    for number in range(int(sys.argv[1])):
        threading.Thread(target=keep, args=(number, sys.argv[2:]), daemon=True).start()
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
