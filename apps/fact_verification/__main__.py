"""python -m apps.fact_verification --claims FILE --model DIR_OR_ID --out DIR"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

import pcm
from apps.fact_verification.claims import read_claims, read_prompt
from apps.fact_verification.scoring import Confusion
from apps.fact_verification.task import LABELS, verify

HERE = Path(__file__).parent
DEFAULT_PROMPT = HERE / "prompts" / "default.txt"
DEMO_CLAIMS = HERE / "demo" / "claims.jsonl"
DEMO_MODEL = HERE / "demo" / "model"


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fact_verification", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="the claims and model of this project")
    parser.add_argument("--claims", type=Path, help="JSONL with id, claim[, label, evidence]")
    parser.add_argument("--model", help="a directory in Hugging Face layout, or a hub id")
    parser.add_argument("--revision", help="of a hub id")
    parser.add_argument("--dtype", default="auto", help="float32, bfloat16 or auto")
    parser.add_argument("--out", type=Path, help="the run's directory; the same again resumes")
    parser.add_argument("--prompt", type=Path, default=DEFAULT_PROMPT, help="text with {claim}")
    parser.add_argument("--labels", default=",".join(LABELS), help="comma-separated")
    parser.add_argument("--engine", default="local", help="local, or taskvine")
    parser.add_argument("--workers", type=int, help="default: one per GPU, or a few on the CPU")
    parser.add_argument("--listen", type=int, help="taskvine: the port for workers from outside")
    parser.add_argument("--password-file", type=Path, help="taskvine: what workers must know")
    parser.add_argument("--ssl", action="store_true", help="taskvine: encrypt")
    parser.add_argument("--batch", default="auto", help="items per batch, or auto")
    parser.add_argument("--limit", type=int, help="only the first so many claims")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    options = parser.parse_args(argv)
    if options.demo:
        options.claims = options.claims or DEMO_CLAIMS
        options.model = options.model or str(DEMO_MODEL)
        options.out = options.out or Path("runs/demo")
        if options.workers is None and options.listen is None:
            options.workers = min(4, len(os.sched_getaffinity(0)))
    missing = [name for name in ("claims", "model", "out") if getattr(options, name) is None]
    if missing:
        parser.error("missing " + ", ".join(f"--{name}" for name in missing) + " (or --demo)")
    if options.workers == 0 and options.engine == "local":
        parser.error("--workers 0 is for --engine taskvine, whose workers may come from outside")
    if options.batch != "auto":
        if not options.batch.isdigit() or int(options.batch) < 1:
            parser.error("--batch takes auto or a positive number")
        options.batch = int(options.batch)
    return options


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 all verified, 3 some claims failed, 2 bad input, 1 the run failed."""
    options = arguments(argv)
    try:
        return verify_claims(options)
    except pcm.InputError as error:
        print(f"fact_verification: {error}", file=sys.stderr)
        return 2
    except pcm.PcmError as error:
        print(f"fact_verification: {error}", file=sys.stderr)
        print("What is done is kept: the same command goes on from there.", file=sys.stderr)
        return 1


def verify_claims(options: argparse.Namespace) -> int:
    labels = [label.strip() for label in options.labels.split(",")]
    claims = read_claims(options.claims, labels, limit=options.limit)
    prompt = read_prompt(options.prompt)
    context = pcm.language_model(options.model, revision=options.revision, dtype=options.dtype)
    with pcm.Manager(options.engine, options.workers, **engine_options(options)) as manager:
        run = manager.map(
            verify.bind(prompt=prompt, labels=labels),
            claims,
            context=context,
            key="id",
            directory=options.out,
            batch=options.batch,
            cost=lambda claim: 40 + len(claim["claim"]) + len(claim.get("evidence", "")),
            name="fact-verification",
        )
        invitation = manager.invitation()
        if invitation is not None and manager.pool_size == 0:
            print(invitation.advice(run.directory), file=sys.stderr, flush=True)
        pcm.watch(run)
    return report(run, claims, Confusion(labels), as_json=options.json)


def engine_options(options: argparse.Namespace) -> dict[str, Any]:
    """Those that were given; an engine refuses what it does not know."""
    given = {name: getattr(options, name) for name in ("listen", "password_file", "ssl")}
    return {name: value for name, value in given.items() if value}


def report(
    run: pcm.Run, claims: list[dict[str, Any]], confusion: Confusion, *, as_json: bool
) -> int:
    truth = {claim["id"]: claim.get("label") for claim in claims}
    confusion.add(
        (label, row.value["predicted_label"])
        for row in run
        if row.ok and (label := truth[row.key]) is not None
    )
    summary = run.summary()
    if as_json:
        print(json.dumps({**summary.to_dict(), "accuracy": confusion.accuracy}))
    else:
        console = Console()
        if confusion.accuracy is not None:
            console.print(confusion.table())
            console.print(f"accuracy {confusion.accuracy:.1%}")
        console.print(
            f"{summary.succeeded} claims verified, {summary.failed} failed, in "
            f"{summary.seconds:.1f} s ({summary.items_per_second:.0f} per second) on "
            f"{summary.workers} workers with {summary.context_loads} model loads"
        )
        console.print(f"verdicts: {run.directory / 'results.jsonl'}", soft_wrap=True)
    return 3 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
