"""``python -m workers.telemetry.observer --interface IF``: JSON lines of what its packets tell.

It needs CAP_NET_RAW and nothing else. Payload is never seen: the kernel copies headers alone.
Exit status: 0 it was told to end; 2 it cannot observe as asked.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from workers.telemetry import password
from workers.telemetry.observer.flows import DEFAULT_FLOWS
from workers.telemetry.observer.observing import Observing, Send
from workers.telemetry.observer.parties import Parties, Rank
from workers.telemetry.observer.ring import DEFAULT_FRAMES, Ring
from workers.telemetry.observer.watch import Watch
from workers.telemetry.sending import Sender, address


def main() -> int:
    options = _options()
    try:
        with ExitStack() as stack:
            parties = Parties(
                _workers(options.worker),
                dict(map(_rank, options.rank)),
                options.interface[0],
                outgoing_is_inward=not options.on_the_worker,
            )
            if parties.by_interface and len(options.interface) > 1:
                raise ValueError("several interfaces: say with --worker NAME=ADDRESS who is who")
            watch = Watch(
                parties,
                window_seconds=options.window,
                flows=options.flows,
                quiet_seconds=options.quiet,
                busiest=options.busiest,
            )
            rings = [
                stack.enter_context(
                    Ring(
                        name,
                        number=number,
                        frames=options.ring_frames,
                        incoming_only=len(options.interface) > 1,
                    )
                )
                for number, name in enumerate(options.interface)
            ]
            place = options.output
            output = sys.stdout.buffer if place == "-" else stack.enter_context(open(place, "ab"))

            def write(line: bytes) -> None:
                output.write(line)
                output.flush()

            lines = {name: rate / 8 for name, rate in map(_line_rate, options.line_rate)}
            for name in options.interface:
                if name not in lines and (rate := _rate_of_card(name)):
                    lines[name] = rate / 8
            send = stack.enter_context(_sending(options, parties)) if options.to else None
            Observing(rings, watch, write, lines, send).run(options.window)
    except BrokenPipeError:  # Nobody reads on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PermissionError as error:
        return _refuse(f"{error.strerror}: give it CAP_NET_RAW, or run it as root")
    except (OSError, ValueError) as error:
        return _refuse(str(error))
    return 0


@contextmanager
def _sending(options: argparse.Namespace, parties: Parties) -> Iterator[Send]:
    """To the manager's endpoint. Raises OSError or ValueError for a password that is not there."""
    name = f"observer of {options.interface[0]} at {socket.gethostname()}"
    secret = password.read(options.password_file)
    sender = Sender(options.to, secret, name, list(parties.names[1:]))
    sender.start()
    try:
        yield sender.send
    finally:
        sender.close()


def _refuse(reason: str) -> int:
    print(f"observer: {reason}", file=sys.stderr)
    return 2


def _workers(texts: list[str]) -> dict[str, list[str]]:
    """From NAME=ADDRESS; a name may come several times. Raises ValueError."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, _, address = text.partition("=")
        if not name or not address:
            raise ValueError(f"--worker {text}: say NAME=ADDRESS")
        found.setdefault(name, []).append(address)
    return found


def _rank(text: str) -> tuple[Rank, str]:
    """From GROUP:NUMBER=ADDRESS. Raises ValueError."""
    place, _, address = text.partition("=")
    group, _, number = place.rpartition(":")
    if not group or not number.isdigit() or not address:
        raise ValueError(f"--rank {text}: say GROUP:NUMBER=ADDRESS")
    return Rank(group, int(number)), address


def _line_rate(text: str) -> tuple[str, float]:
    """From INTERFACE=BITS. Raises ValueError."""
    name, _, bits = text.partition("=")
    try:
        return name, float(bits)
    except ValueError:
        raise ValueError(f"--line-rate {text}: say INTERFACE=BITS_PER_SECOND") from None


def _rate_of_card(interface: str) -> float:
    """Bits per second, if it is a card; what is made of software says a rate that means nothing."""
    try:
        os.stat(f"/sys/class/net/{interface}/device")
        with open(f"/sys/class/net/{interface}/speed", encoding="ascii") as file:
            return max(0.0, float(file.read()) * 1e6)
    except (OSError, ValueError):
        return 0.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m workers.telemetry.observer", description=__doc__
    )
    parser.add_argument(
        "--interface",
        metavar="IF",
        action="append",
        required=True,
        help="what to watch; of several, what comes in from each, so that no packet is seen twice"
        " where they are ports of one bridge",
    )
    parser.add_argument(
        "--worker",
        metavar="NAME=ADDRESS",
        action="append",
        default=[],
        help="which address is which worker (default: what the interface leads to is one)",
    )
    parser.add_argument(
        "--rank",
        metavar="GROUP:NUMBER=ADDRESS",
        action="append",
        default=[],
        help="which address is which rank of a group whose collectives are watched",
    )
    parser.add_argument(
        "--on-the-worker",
        action="store_true",
        help="the interface is the worker's own, not one that leads to it",
    )
    parser.add_argument("--output", metavar="FILE", default="-", help="lines are added to it")
    parser.add_argument(
        "--to", type=address, metavar="HOST:PORT", help="the manager's telemetry endpoint, as well"
    )
    parser.add_argument("--password-file", metavar="FILE", help="what is to be known there")
    parser.add_argument("--window", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument(
        "--flows", type=int, default=DEFAULT_FLOWS, help="flows kept at once (%(default)s)"
    )
    parser.add_argument(
        "--ring-frames",
        type=int,
        default=DEFAULT_FRAMES,
        metavar="PACKETS",
        help="packets kept until they are handled, 256 bytes each (%(default)s)",
    )
    parser.add_argument(
        "--quiet",
        type=float,
        metavar="SECONDS",
        help="between two collectives of a group (default: learned)",
    )
    parser.add_argument(
        "--line-rate",
        metavar="IF=BITS",
        action="append",
        default=[],
        help="bits per second that the interface can carry (default: what a card says)",
    )
    parser.add_argument(
        "--busiest", type=int, default=0, metavar="N", help="tell of so many flows one by one"
    )
    options = parser.parse_args()
    if (options.to is None) != (options.password_file is None):
        parser.error("--to and --password-file go together")
    if options.window <= 0 or options.ring_frames <= 0:
        parser.error("--window and --ring-frames are greater than 0")
    return options


if __name__ == "__main__":
    sys.exit(main())
