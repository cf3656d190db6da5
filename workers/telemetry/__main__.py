"""``python -m workers.telemetry --to HOST:PORT --password-file FILE --worker NAME``: an agent.

Beside a worker, or on a data processing unit: reads samplers, and sends what they give to the
manager's telemetry endpoint as that worker's. Ends by SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial

from workers.host.loop import Loop
from workers.telemetry import password
from workers.telemetry.base import Sampler
from workers.telemetry.sampling import PERIOD_SECONDS, Sampling
from workers.telemetry.sending import Sender, address
from workers.telemetry.sources import REPLAY_VARIABLE, URLS_VARIABLE, found


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    sender = Sender(options.to, options.password, options.name, [options.worker])
    loop = Loop()
    sampling = Sampling(
        loop,
        partial(sender.send, options.worker),
        period_seconds=options.period,
        find=_finder(options),
    )
    loop.on_signal(signal.SIGTERM, loop.stop)
    loop.on_signal(signal.SIGINT, loop.stop)
    sender.start()
    sampling.start()
    try:
        loop.run()
    finally:
        sampling.close()
        sender.close()
        loop.close()


def _finder(options: argparse.Namespace) -> Callable[[float], list[Sampler]]:
    environment = dict(os.environ)
    if options.prometheus:
        environment[URLS_VARIABLE] = ",".join(options.prometheus)
    if options.replay:
        environment[REPLAY_VARIABLE] = options.replay
    if options.exporters_only and not options.replay:
        return partial(_exporters, options.prometheus)
    return partial(found, environment=environment)


def _exporters(urls: Sequence[str], period_seconds: float) -> list[Sampler]:
    from workers.telemetry.background import BackgroundSampler
    from workers.telemetry.prometheus import Prometheus

    return [BackgroundSampler("exporter", partial(Prometheus, url), period_seconds) for url in urls]


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.telemetry", description=__doc__)
    parser.add_argument("--to", required=True, type=address, metavar="HOST:PORT")
    parser.add_argument("--password-file", required=True, metavar="FILE")
    parser.add_argument("--worker", required=True, metavar="NAME", help="whose telemetry it is")
    parser.add_argument("--name", default="", help="of this source (default: worker and host)")
    parser.add_argument(
        "--prometheus", action="append", default=[], metavar="URL", help="an exporter to ask"
    )
    parser.add_argument(
        "--exporters-only",
        action="store_true",
        help="read nothing of this machine, which is not the worker's",
    )
    parser.add_argument("--replay", default="", metavar="FILE", help="recorded windows, instead")
    parser.add_argument("--period", type=float, default=PERIOD_SECONDS, metavar="SECONDS")
    options = parser.parse_args(argv)
    if not 0 < options.period < float("inf"):
        parser.error("--period must be a number of seconds above 0")
    if options.exporters_only and not (options.prometheus or options.replay):
        parser.error("--exporters-only needs --prometheus URL")
    for url in options.prometheus:
        if not url.startswith(("http://", "https://")):
            parser.error(f"--prometheus: not a URL of http or https: {url}")
    if options.replay and not os.access(options.replay, os.R_OK):
        parser.error(f"--replay: cannot be read: {options.replay}")
    try:
        options.password = password.read(options.password_file)
    except (OSError, ValueError) as error:
        parser.error(f"--password-file: {error}")
    options.name = options.name or f"{options.worker} at {socket.gethostname()}"
    return options


if __name__ == "__main__":
    main()
