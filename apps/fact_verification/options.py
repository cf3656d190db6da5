"""The command line: one prompt with one model, or a search over several of them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from apps.fact_verification.task import LABELS

HERE = Path(__file__).parent
DEFAULT_PROMPT = HERE / "prompts" / "default.txt"
DEMO_CLAIMS = HERE / "demo" / "claims.jsonl"
DEMO_MODEL = HERE / "demo" / "model"
ABOUT = """Verifies claims with a language model. With --prompts or --models, a search: every
prompt with every model, all at once, and a table of how right each pair is."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The options, with those of the demonstration filled in; ``search`` says which of both it is.

    ``labels`` is a list, ``batch`` auto or a number, ``models`` a list in a search. Exits with 2
    for options that do not go together.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    options.search = options.prompts is not None or options.models is not None
    if options.model and options.models:
        parser.error("--model and --models: give one of them")
    if options.prompt and options.prompts:
        parser.error("--prompt and --prompts: give one of them")
    if options.demo:
        options.claims = options.claims or DEMO_CLAIMS
        if not options.models:
            options.model = options.model or str(DEMO_MODEL)
        options.out = options.out or Path("runs/demo-search" if options.search else "runs/demo")
        if options.workers is None and options.listen is None:
            options.workers = min(4, len(os.sched_getaffinity(0)))
    if options.search and options.model:
        options.models = [options.model]
    required = ("claims", "models" if options.search else "model", "out")
    missing = [name for name in required if getattr(options, name) is None]
    if missing:
        parser.error("missing " + ", ".join(f"--{name}" for name in missing) + " (or --demo)")
    if options.revision and len(options.models or ()) > 1:
        parser.error("--revision is of one hub id, and there are several --models")
    if options.workers == 0 and options.engine == "local":
        parser.error("--workers 0 is for --engine taskvine, whose workers may come from outside")
    if options.sample is not None and options.sample < 1:
        parser.error("--sample takes a positive number")
    options.labels = [label.strip() for label in options.labels.split(",")]
    options.prompt = options.prompt or DEFAULT_PROMPT
    if options.batch != "auto":
        if not options.batch.isdigit() or int(options.batch) < 1:
            parser.error("--batch takes auto or a positive number")
        options.batch = int(options.batch)
    return options


def engine_options(options: argparse.Namespace) -> dict[str, Any]:
    """Those that were given; an engine refuses what it does not know."""
    given = {name: getattr(options, name) for name in ("listen", "password_file", "ssl")}
    return {name: value for name, value in given.items() if value}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fact_verification", description=ABOUT)
    add = parser.add_argument
    add("--demo", action="store_true", help="the claims and model of this project")
    add("--claims", type=Path, help="JSONL with id, claim[, label, evidence]")
    add("--model", help="a directory in Hugging Face layout, or a hub id")
    add("--models", nargs="+", help="several to compare; NAME=DIR_OR_ID gives one a name")
    add("--revision", help="of a hub id")
    add("--dtype", default="auto", help="float32, bfloat16 or auto")
    add("--out", type=Path, help="the run's directory; the same again resumes")
    add("--prompt", type=Path, help="text with {claim}, and perhaps {evidence} after it")
    add("--prompts", type=Path, help="several to compare: YAML with NAME: TEXT or {file: PATH}")
    add("--labels", default=",".join(LABELS), help="comma-separated")
    add("--engine", default="local", help="local, or taskvine")
    add("--workers", type=int, help="default: one per GPU, or a few on the CPU")
    add("--listen", type=int, help="taskvine: the port for workers from outside")
    add("--password-file", type=Path, help="taskvine: what workers must know")
    add("--ssl", action="store_true", help="taskvine: encrypt")
    add("--batch", default="auto", help="items per batch, or auto")
    add("--limit", type=int, help="only the first so many claims")
    add("--sample", type=int, help="only so many claims, each label in its proportion")
    add("--seed", type=int, default=0, help="which sample")
    add("--json", action="store_true", help="one JSON object on the last line")
    return parser
