"""The dashboard of a manager: it listens at once, and is served by a process of its own as soon as
somebody comes. What nobody looks at costs a socket.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pcm.access import Address, DashboardNote, bind, token_of
from workers.host.processes import search_path

log = logging.getLogger("pcm.dashboard")
"""What is said here is for people."""

MODULE = "pcm.dashboard"
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
STEADY_SECONDS = 60.0
"""A process that was there for so long has not failed at its start."""
PATIENCE_SECONDS = 3.0
SAID_CHARACTERS = 500


class Dashboard:
    """Listens from its making to ``close``; any thread. Raises InputError if it cannot.

    The process reads journals only. However it fails, it is started again, less and less often;
    runs do not notice.
    """

    def __init__(
        self,
        address: Address,
        *,
        or_any_port: bool = False,
        token_file: Path | None = None,
        module: str = MODULE,
    ) -> None:
        """``or_any_port``: where the port is taken, another."""
        self._token = token_of(token_file)
        self._token_file = token_file
        self._module = module
        self._listener, self.address = bind(address, or_any_port=or_any_port)
        self._note = DashboardNote.of(self.address, self._token)
        self._lock = threading.Lock()  # Of what is below.
        self._directories: list[Path] = []
        self._noted: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._keep, name="pcm-dashboard", daemon=True)
        self._thread.start()
        if not self.address.is_loopback:
            log.warning(
                "the dashboard listens on %s:%d without encryption: whoever can read the network"
                " in between gets its token; better leave it on 127.0.0.1 and use ssh -L",
                *self.address,
            )

    @property
    def url(self) -> str:
        """What a person opens; the token is in it."""
        return self._note.url

    @property
    def is_served(self) -> bool:
        """Whether its process is there."""
        with self._lock:
            return self._process is not None

    def show(self, directory: Path) -> None:
        """Show this run too, and leave a note of it there."""
        with self._lock:
            if directory not in self._directories:
                self._directories.append(directory)
                self._tell(directory)
        try:
            self._note.post(directory)
        except OSError as error:
            log.warning("`pcm dashboard` will not find the manager by its run: %s", error)
        else:
            self._noted.append(directory)

    def forget(self, directory: Path) -> None:
        """It is not there any more, so a process that is started later need not look for it."""
        with self._lock:
            if directory in self._directories:
                self._directories.remove(directory)

    def close(self) -> None:
        """End the process. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._wake.send(b".")
            if self._process is not None and self._process.stdin is not None:
                self._process.terminate()
        self._thread.join()
        for directory in self._noted:
            try:
                self._note.withdraw(directory)
            except OSError as error:
                log.warning("a note of the dashboard stays behind: %s", error)
        for connection in (self._listener, self._wake, self._woken):
            connection.close()

    # -- the thread ------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Start the process when somebody comes, and again if it ends."""
        pause = FIRST_PAUSE_SECONDS
        while self._somebody_comes():
            begun = time.monotonic()
            said = self._serve()
            if self._closed:
                return
            if time.monotonic() - begun > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            log.warning("the dashboard has ended (%s); it is started again", said)
            if self._is_woken(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _somebody_comes(self) -> bool:
        """Wait for that; False if we are closed before."""
        _wait([self._listener, self._woken])
        return not self._closed

    def _is_woken(self, seconds: float) -> bool:
        _wait([self._woken], seconds)
        return self._closed

    def _serve(self) -> str:
        """Start it and wait for its end; its last words."""
        try:
            process = self._start()
        except OSError as error:
            return str(error)
        last = ""
        with process:
            assert process.stderr is not None
            for line in process.stderr:
                text = line.decode(errors="replace").strip()[:SAID_CHARACTERS]
                if text and not self._closed:
                    log.warning("dashboard: %s", text)
                last = text or last
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            with self._lock:
                self._process = None
        return last or f"exit code {process.returncode}"

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        command = [sys.executable, "-m", self._module, "--follow-stdin", "--fd", str(descriptor)]
        command += ["--parent-pid", str(os.getpid()), "--host", self.address.host]
        if self._token_file is not None:
            command += ["--token-file", str(self._token_file)]
        with self._lock:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[descriptor],
                env={**os.environ, "PYTHONPATH": search_path()},
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the manager, and it stays until that ends.
            )
            assert process.stdin is not None
            os.set_blocking(process.stdin.fileno(), False)
            self._process = process
            if self._closed:
                process.terminate()
            for directory in self._directories:
                self._tell(directory)
        return process

    def _tell(self, directory: Path) -> None:
        """With the lock. A process that has ended is told again when it is started again, and one
        that does not read is ended: nobody waits for it."""
        process = self._process
        if process is None or process.stdin is None:
            return
        line = msgspec.json.encode({"directory": str(directory)}) + b"\n"
        try:
            if os.write(process.stdin.fileno(), line) < len(line):
                process.kill()
        except BlockingIOError:
            process.kill()
        except OSError:
            pass


def dashboard_of(wish: bool | int | str | Dashboard) -> Dashboard | None:
    """As ``pcm.Manager`` is told. Raises InputError."""
    if wish is False:
        return None
    return wish if isinstance(wish, Dashboard) else Dashboard(Address.of(wish))


def _wait(connections: Sequence[socket.socket], seconds: float | None = None) -> None:
    """Until one can be read."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    poll.poll(None if seconds is None else seconds * 1000)
