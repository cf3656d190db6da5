#!/usr/bin/env python3
"""A TaskVine library process of our own: one process, a thread per running call.

It speaks the protocol between vine_worker and a library (TaskVine 7.14: taskvine/src/worker,
`check_library_startup` and `vine_process_execute`) and needs no module of TaskVine. Every message
on the two pipes is its length in bytes, a newline, and that many bytes:

    library -> worker   {"name": LIBRARY, "taskid": T, "exec_mode": "fork"}      once, when ready
    worker -> library   CALL_ID FUNCTION SANDBOX STDOUT_FILE                     for each call
    library -> worker   CALL_ID EXIT_CODE                                        when it is done

The worker sleeps until SIGCHLD, so each message to it is followed by that signal. Arguments lie in
SANDBOX/infile, the result goes to SANDBOX/outfile; both are pickles here because the Python class
`FunctionCall` writes and reads them so. Functions: `echo(value)`, `fail(text)`, `sleep(seconds)`,
and `exit(status)`, which ends the whole library.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

LIBRARY = "echo"


def fail(text: str) -> None:
    raise ValueError(text)


FUNCTIONS: dict[str, Callable[..., object]] = {
    "echo": lambda value: value,
    "fail": fail,
    "sleep": time.sleep,
    "exit": os._exit,
}


class Worker:
    """The pipe towards vine_worker; calls end in several threads, so one message at a time."""

    def __init__(self, pipe: int, pid: int) -> None:
        self._pipe, self._pid, self._lock = pipe, pid, threading.Lock()

    def tell(self, message: str) -> None:
        with self._lock:
            os.write(self._pipe, f"{len(message)}\n{message}".encode())
            os.kill(self._pid, signal.SIGCHLD)


def run(call: str, worker: Worker) -> None:
    """Run one call. An exception becomes its result and never ends the library."""
    number, function, folder, _ = call.split(" ", maxsplit=3)
    result, reason = None, None
    sandbox = Path(folder)
    try:
        arguments = pickle.loads((sandbox / "infile").read_bytes())
        result = FUNCTIONS[function](*arguments["fn_args"], **arguments["fn_kwargs"])
    except BaseException:
        reason = traceback.format_exc()
    answer = {"Result": result, "Success": reason is None, "Reason": reason}
    try:
        (sandbox / "outfile").write_bytes(pickle.dumps(answer))
    except FileNotFoundError:
        return  # the call was cancelled: its sandbox is gone and nobody waits for an answer
    worker.tell(f"{number} 0")


def serve(calls: BinaryIO, worker: Worker) -> None:
    """Start a thread for each call; return when the worker closes the pipe."""
    while length := calls.readline():
        call = calls.read(int(length)).decode()
        threading.Thread(target=run, args=(call, worker), daemon=True).start()


def lead_group() -> None:
    """Make this process the leader of its process group, which is how vine_worker kills a library.

    vine_worker tries to do that itself, but does not succeed once the child has executed its
    program; it then kills nothing and waits for the library for ever, deaf to its manager. That
    this process is the one that vine_worker started takes `exec` in the library's command.
    """
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def main() -> None:
    lead_group()
    parser = argparse.ArgumentParser()
    for name in ("in-pipe-fd", "out-pipe-fd", "task-id", "worker-pid"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options, _ = parser.parse_known_args()  # also --library-cores and --function-slots
    worker = Worker(options.out_pipe_fd, options.worker_pid)
    worker.tell(json.dumps({"name": LIBRARY, "taskid": options.task_id, "exec_mode": "fork"}))
    with open(options.in_pipe_fd, "rb") as calls:
        serve(calls, worker)


if __name__ == "__main__":
    main()
