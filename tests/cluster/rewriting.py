"""A connection through which a worker seems to say something else."""

from __future__ import annotations

import re
import selectors
import socket
import threading
from typing import Self


class Rewriting:
    """Passes on what comes to its ``port``, to another, with each match of a pattern replaced.

    Use it as a context manager. What is to be replaced must arrive in one piece, as lines do.
    """

    def __init__(self, port: int, pattern: bytes, replacement: bytes) -> None:
        self._pattern, self._replacement = re.compile(pattern), replacement
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._end, self._other_end = socket.socketpair()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._other_end.close()
        self._thread.join()
        self._end.close()
        self._listener.close()

    def _run(self) -> None:
        """Until ``__exit__``; ``data`` of a watched socket is its peer, and whether it is ours."""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._end, selectors.EVENT_READ)
            waiting.register(self._listener, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    if key.fileobj is self._end:
                        self._close_all(waiting)
                        return
                    if key.fileobj is self._listener:
                        self._connect(waiting)
                    elif key.fd in waiting.get_map():
                        self._pass_on(waiting, key)

    def _connect(self, waiting: selectors.BaseSelector) -> None:
        worker, _ = self._listener.accept()
        manager = socket.create_connection(("127.0.0.1", self._target))
        waiting.register(worker, selectors.EVENT_READ, (manager, True))
        waiting.register(manager, selectors.EVENT_READ, (worker, False))

    def _pass_on(self, waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        source = key.fileobj
        assert isinstance(source, socket.socket)
        peer, from_worker = key.data
        try:
            data = source.recv(1 << 16)
            if data and from_worker:
                data = self._pattern.sub(self._replacement, data)
            peer.sendall(data)
        except OSError:
            data = b""
        if not data:
            for one in (source, peer):
                waiting.unregister(one)
                one.close()

    def _close_all(self, waiting: selectors.BaseSelector) -> None:
        for key in waiting.get_map().values():
            if key.data is not None:
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()
