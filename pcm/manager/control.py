"""Takes what people ask of a manager at work: over a socket, from processes of its own user only.

The socket is in a private directory that goes with the manager; every run that it works on has a
note of where that is. A fault in here is logged and costs nobody a run.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pcm.control import connection as lines
from pcm.control import messages, note
from pcm.control.messages import Answer, AnyRequest

log = logging.getLogger("pcm")

SOCKET_FILE = "socket"
PATH_BYTES = 107
"""The system takes no longer path of a socket."""
REQUEST_SECONDS = 2.0
"""Within which a request must have come..."""
ANSWER_SECONDS = 2.0
"""...and its answer be taken."""
PAUSE_SECONDS = 0.2
"""After a connection that could not be taken."""

Handle = Callable[[AnyRequest, str], Answer]
"""What is asked for, and by whom, for people. Called in a thread of its own; may wait."""


class ControlServer:
    """From ``start`` to ``close``. One request and one answer for each connection."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._folder: Path | None = None
        self._listener: socket.socket | None = None
        self._since = 0.0
        self._stopped = False
        self._thread = threading.Thread(target=self._main, name="pcm-control", daemon=True)

    def start(self) -> None:
        """If it cannot listen, nobody can ask for anything: that is logged."""
        try:
            folder = self._folder = _folder()
            listener = self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(folder / SOCKET_FILE))
            os.chmod(folder / SOCKET_FILE, 0o600)
            listener.listen(16)
        except OSError as error:
            log.warning("runs of this manager cannot be paused from outside: %s", error)
            self.close()
            return
        self._since = time.time()
        self._thread.start()

    def announce(self, directory: Path, run: str) -> None:
        """Leave a note in the directory of a run, which is ``run`` in this sitting."""
        if self._folder is not None:
            try:
                note.post(directory, self._folder / SOCKET_FILE, run, self._since)
            except OSError as error:
                log.warning("nobody finds this manager by the run's directory: %s", error)

    def close(self) -> None:
        """Safe to call twice, and without a start."""
        self._stopped = True
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            if self._thread.ident is not None:
                self._thread.join()
            self._listener.close()
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / SOCKET_FILE).unlink(missing_ok=True)
                self._folder.rmdir()
            self._folder = None

    def _main(self) -> None:
        assert self._listener is not None
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed, or without descriptors for a while
                if not self._stopped:
                    time.sleep(PAUSE_SECONDS)
                continue
            with connection:
                try:
                    self._serve(connection)
                except OSError:  # it is gone, or too slow
                    pass
                except Exception:
                    log.exception("a request could not be dealt with")

    def _serve(self, connection: socket.socket) -> None:
        answer = self._answer(connection)
        deadline = time.monotonic() + ANSWER_SECONDS
        lines.send(connection, messages.line(answer), deadline)

    def _answer(self, connection: socket.socket) -> Answer:
        try:
            text = lines.receive_line(connection, time.monotonic() + REQUEST_SECONDS)
            user = lines.user_of(connection)
            if user != os.geteuid():  # told only now: who is still writing would not hear it
                return Answer(False, f"this manager belongs to user {os.geteuid()}, not to {user}")
            request = messages.read_request(text)
        except TimeoutError:
            return Answer(False, f"no request came within {REQUEST_SECONDS:g} s")
        except (lines.BadLineError, ValueError) as error:
            return Answer(False, f"the request is not understood: {error}")
        try:
            return self._handle(request, f"{request.by} (uid {user})")
        except Exception as error:
            return Answer(False, f"it could not be done: {error}")


def _folder() -> Path:
    """A new one, of this user only, whose path is short enough. Raises OSError."""
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):
        folder = Path(tempfile.mkdtemp(prefix=note.FOLDER_PREFIX, dir=place))
        if len(os.fsencode(folder / SOCKET_FILE)) <= PATH_BYTES:
            return folder
        folder.rmdir()
    raise OSError("no directory for temporary files has a path that is short enough")
