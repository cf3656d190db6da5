"""The program: its options, and one life of a job."""

import argparse
import sys
from typing import List

from .life import Life


def parse(words: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pcm-glidein", description=__doc__)
    parser.add_argument("--manager", required=True, metavar="HOST:PORT")
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--kit", required=True, help="a zip of the workers package")
    parser.add_argument("--name", required=True, help="of the worker, but for its number")
    parser.add_argument("--pool", required=True, help="that the worker belongs to")
    parser.add_argument("--python-version", required=True, help="that the worker's must have")
    parser.add_argument("--python", default="", help="the worker's Python")
    parser.add_argument("--archive", default="", help="an environment to unpack")
    parser.add_argument("--packed", action="store_true", help="the job brings its software along")
    parser.add_argument("--scratch", default="", help="a directory for the worker's files")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--gpus", type=int, default=0)
    parser.add_argument(
        "--gpu-memory", type=int, default=0, metavar="MIB", help="that each GPU must have; 0: any"
    )
    parser.add_argument("--trust-gpus", action="store_true", help="do not look for them")
    parser.add_argument("--grace", type=float, default=60.0, help="seconds")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds")
    parser.add_argument("--walltime", type=float, default=0.0, help="seconds; 0: no limit")
    parser.add_argument("--ssl", action="store_true")
    return parser.parse_args(words)


def main() -> None:
    sys.exit(Life(parse(sys.argv[1:])).run())


if __name__ == "__main__":
    main()
