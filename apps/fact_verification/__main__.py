"""python -m apps.fact_verification --claims FILE --model DIR_OR_ID --out DIR

Or ``--prompts FILE --models DIR_OR_ID...``: every prompt with every model, and a table.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from rich.console import Console

import pcm
from apps.fact_verification.claims import read_claims
from apps.fact_verification.options import arguments, engine_options
from apps.fact_verification.runs import advise, start
from apps.fact_verification.sampling import sampled
from apps.fact_verification.scoring import Confusion
from apps.fact_verification.search import search
from apps.fact_verification.templates import read_prompt


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 all verified, 3 some claims failed, 2 bad input, 1 the run failed."""
    options = arguments(argv)
    try:
        return search(options) if options.search else verify_claims(options)
    except pcm.InputError as error:
        print(f"fact_verification: {error}", file=sys.stderr)
        return 2
    except pcm.PcmError as error:
        print(f"fact_verification: {error}", file=sys.stderr)
        print("What is done is kept: the same command goes on from there.", file=sys.stderr)
        return 1


def verify_claims(options: argparse.Namespace) -> int:
    claims = read_claims(options.claims, options.labels, limit=options.limit)
    claims = sampled(claims, options.sample, options.seed)
    prompt = read_prompt(options.prompt)
    context = pcm.language_model(options.model, revision=options.revision, dtype=options.dtype)
    with pcm.Manager(options.engine, options.workers, **engine_options(options)) as manager:
        run = start(
            manager,
            claims,
            prompt,
            context,
            labels=options.labels,
            directory=options.out,
            batch=options.batch,
        )
        advise(manager, run)
        pcm.watch(run)
    return report(run, claims, Confusion(options.labels), as_json=options.json)


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
