"""``python -m pcm.dashboard``: serve the page, the API and the metrics of runs."""

from __future__ import annotations

import argparse
import logging
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pcm.access import Address, bind, token_of
from pcm.dashboard.server import Server, end_with_parent, names_of
from pcm.dashboard.shelf import Shelf
from pcm.errors import PcmError


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    if options.parent_pid:
        end_with_parent(options.parent_pid)
    shelf = Shelf()
    try:
        token = token_of(options.token_file)
        for directory in options.directories:
            shelf.add(directory)
        address = Address(options.host, options.port)
        if options.fd is not None:
            listener = socket.socket(fileno=options.fd)
        else:
            listener, address = bind(address)
    except PcmError as error:
        shelf.close()
        print(f"error: {error}", file=sys.stderr)
        return 2
    Server(shelf, listener, token, names_of(address)).serve(
        follow_stdin=options.follow_stdin,
        announce=None if options.fd is not None else partial(announce, address, token),
    )
    return 0


def announce(address: Address, token: str) -> None:
    """For the person who started it."""
    print(f"dashboard: {address.url(token)}", file=sys.stderr, flush=True)
    if not address.is_loopback:
        print(
            "warning: the token and all that is shown cross the network in the clear; a tunnel"
            f" does not: ssh -L {address.port}:127.0.0.1:{address.port} HOST",
            file=sys.stderr,
            flush=True,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pcm.dashboard", description=__doc__)
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--host", default=Address().host)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--token-file", type=Path, help="made if it is not there")
    parser.add_argument(
        "--follow-stdin", action="store_true", help="read runs from stdin, and end with it"
    )
    parser.add_argument("--fd", type=int, help="a socket that listens already")
    parser.add_argument("--parent-pid", type=int, default=0, help="end with it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
