"""The worker's launcher: started, listened to, and told to leave."""

import argparse
import collections
import os
import signal
import subprocess
import threading
from typing import Deque, Dict, List, Optional

from . import job
from .output import say, write

LEAVING_SECONDS = 5.0
"""What the launcher may take beyond its worker's grace."""
START = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1));"
    " runpy.run_module('workers.launch', run_name='__main__', alter_sys=True)"
)


def command(options: argparse.Namespace, python: str, folder: str) -> List[str]:
    """Of the launcher, which is in the kit."""
    words = [python, "-c", START, os.path.abspath(options.kit), options.manager]
    words += ["--password-file", os.path.abspath(options.password_file)]
    words += ["--id", "{}.{}".format(options.name, job.life()), "--pool", options.pool]
    words += ["--cores", str(options.cores)]
    words += ["--scratch", folder, "--grace", str(options.grace)]
    words += ["--patience", str(options.patience), "--parent-pid", str(os.getpid())]
    return [*words, "--ssl"] if options.ssl else words


class Launcher:
    """Its process. ``connected``: it has said that the manager was there."""

    def __init__(self, words: List[str], environment: Dict[str, str]) -> None:
        say("starting " + " ".join(words[:1] + words[3:]))
        self.connected = False
        self._said: Deque[str] = collections.deque(maxlen=20)
        self._process: "subprocess.Popen[str]" = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            start_new_session=True,
        )
        # A daemon: what the launcher left behind may hold the pipe.
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def wait(self, seconds: float) -> Optional[int]:
        """Its exit status, all that it said being heard; None if it is still running."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._listener.join(LEAVING_SECONDS)
        return code

    def leave(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def outlast(self, grace_seconds: float) -> int:
        """Its exit status, after it was told to leave; it is made to when its time is over."""
        for number in (signal.SIGQUIT, signal.SIGKILL):
            try:
                return self._process.wait(LEAVING_SECONDS + grace_seconds)
            except subprocess.TimeoutExpired:
                self._process.send_signal(number)
        return self._process.wait()

    def end(self) -> None:
        """Whatever happened; what it said last is heard, if no other holds the pipe."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._listener.join(1.0)

    def last_words(self) -> str:
        last = self._said[-1] if self._said else "it said nothing"
        return last.replace("pcm worker: ", "")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line.rstrip("\n"))
            self.connected = self.connected or "connected to manager" in line
            write(line)
