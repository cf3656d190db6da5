"""Replicas of several ranks: processes that do the same work together, and live and die as one.

    supervisor  <- link ->  keeper  <- link, agreement, output ->  rank 0
                               `---- the same ------------------>  rank 1 ...

The process that the template forked becomes the *keeper* of the ranks, before anything is loaded,
and forks them. To each of them it stands for the supervisor, and to the supervisor it is the
replica (``keeper.py``). They lead no process groups of their own, and end with it.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import traceback
import warnings

from workers import probe
from workers.host.agreement import Agreement
from workers.host.keeper import Keeper, Rank
from workers.host.link import Link
from workers.host.processes import set_parent_death_signal
from workers.host.rank_environment import enter, environments
from workers.host.rank_output import RankOutput

EXIT_OF_KEEPER = 1
"""Why it ended is told by a fault, and in the log."""


def become_ranks(upstream: socket.socket, count: int) -> tuple[socket.socket, Agreement]:
    """Fork so many ranks, and return in each of them, with its own link in place of ``upstream``.
    In the calling process, which must have one thread, this never returns: it keeps them.

    Raises OSError where the system gives no processes, sockets or pipes.
    """
    keeper = os.getpid()
    rendezvous = os.memfd_create("pcm-rendezvous")
    gpus = [gpu.uuid for gpu in probe.gpus()]
    settings = environments(count, f"/proc/{keeper}/fd/{rendezvous}", gpus)
    chances = random.getstate()  # Of the whole replica; Python itself gives a child others.
    ranks: list[Rank] = []
    for number, environment in enumerate(settings):
        link, its_link = socket.socketpair()
        steps, its_steps = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output, its_output = os.pipe()
        with warnings.catch_warnings():
            # As in the template, libraries may have threads that are idle.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        rank = Rank(number, pid, Link(link), steps, RankOutput(number, output))
        if not pid:
            set_parent_death_signal(signal.SIGKILL)
            if os.getppid() != keeper:
                os._exit(0)
            os.dup2(its_output, 1)
            os.dup2(its_output, 2)
            upstream.close()
            os.close(rendezvous)
            for other in [*ranks, rank]:
                other.close()
            os.close(its_output)
            random.setstate(chances)
            enter(environment)
            return its_link, Agreement(its_steps)
        its_link.close()
        its_steps.close()
        os.close(its_output)
        ranks.append(rank)
    try:
        Keeper(upstream, ranks, shares_memory=not settings[0]["CUDA_VISIBLE_DEVICES"]).keep()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(EXIT_OF_KEEPER)
