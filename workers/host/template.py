"""The template: imports heavy libraries once and forks replicas that have them at once.

``python -m workers.host.template --fd N --parent-pid P``, where N is a packet socket to the
supervisor. Single-threaded; it runs none of the user's functions and never touches a GPU: a process
that has run a forward pass (OpenMP's threads) or initialised CUDA must not be forked.

It ends when the supervisor does, and takes the process groups of all its replicas with it.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import importlib
import os
import signal
import socket
import traceback
import warnings

from workers.host import resident
from workers.host.forking import (
    MAX_PACKET_BYTES,
    Exited,
    Fork,
    Forked,
    NotForked,
    Prepare,
    Prepared,
    decode_request,
    encode,
)
from workers.host.processes import STACK_SIGNAL, kill_group, kill_members, set_parent_death_signal
from workers.host.tracebacks import report


class Template:
    """Serves the supervisor's requests until it is gone."""

    def __init__(self, control: socket.socket, supervisor: int) -> None:
        self._control = control
        self._supervisor = supervisor
        self._replicas: set[int] = set()

    def serve(self) -> None:
        """Until the supervisor closes its end, or dies."""
        faulthandler.enable(file=2)
        faulthandler.register(STACK_SIGNAL, file=2)
        signal.signal(signal.SIGCHLD, self._on_child)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Sent to the whole group perhaps; the supervisor decides what ends when.
            signal.signal(number, signal.SIG_IGN)
        try:
            while True:
                packet, files, _, _ = socket.recv_fds(self._control, MAX_PACKET_BYTES, 1)
                if not packet:
                    return
                request = decode_request(packet)
                if isinstance(request, Prepare):
                    self._prepare(request)
                    continue
                with socket.socket(fileno=files[0]) as link:
                    link.set_inheritable(False)
                    self._answer(request, link)
        except ConnectionError:
            return
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for pid in self._replicas:
                kill_group(pid)

    def _answer(self, request: Fork, link: socket.socket) -> None:
        try:
            self._import(request.imports)
            self._fork(request, link)
        except BaseException as error:
            traceback.print_exc()
            self._say(encode(NotForked(request.number, report(error))))

    def _prepare(self, request: Prepare) -> None:
        try:
            self._import(request.imports)
            _freeze()
        except BaseException:
            traceback.print_exc()
        self._say(encode(Prepared(request.number)))

    def _import(self, modules: tuple[str, ...]) -> None:
        # An import may hang, and then we would not notice the end of the supervisor.
        set_parent_death_signal(signal.SIGKILL)
        try:
            if os.getppid() != self._supervisor:
                raise ConnectionError("the supervisor is gone")
            for module in modules:
                try:
                    importlib.import_module(module.removesuffix("?"))
                except Exception:
                    if not module.endswith("?"):
                        raise
        finally:
            set_parent_death_signal(0)

    def _fork(self, request: Fork, link: socket.socket) -> None:
        _freeze()
        template = os.getpid()
        # Its end must not be told before its beginning.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            with warnings.catch_warnings():
                # Libraries for linear algebra start threads when they are imported. They are made
                # to be forked while these are idle, and here they always are.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid:
                self._replicas.add(pid)
                self._say(encode(Forked(request.number, pid)))
                return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        try:
            self._control.close()
            resident.live(link, request.log, template, request.ranks)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _on_child(self, number: int, frame: object) -> None:
        # Only replicas: an import may have started a process of its own, and waits for it itself.
        for replica in list(self._replicas):
            pid, status, usage = os.wait4(replica, os.WNOHANG)
            if pid:
                self._replicas.discard(pid)
                kill_members(pid)
                # ru_maxrss is in units of 1024 bytes.
                self._say(encode(Exited(pid, status, usage.ru_maxrss * 1024)))

    def _say(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            self._control.send(packet)


def _freeze() -> None:
    """What exists now is never collected in a replica: its memory pages stay shared."""
    gc.collect()
    gc.freeze()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workers.host.template")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    arguments = parser.parse_args()
    with socket.socket(fileno=arguments.fd) as control:
        control.set_inheritable(False)
        Template(control, arguments.parent_pid).serve()


if __name__ == "__main__":
    main()
