"""The search: every prompt with every model, all in one manager at the same time.

Each pair is a run in a directory of its own, ``OUT/PROMPT/MODEL``, and can be resumed. All runs of
one model share its context: a worker loads it once, and the manager decides who has which.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console

import pcm
from apps.fact_verification.claims import read_claims
from apps.fact_verification.comparison import Comparison, Trial
from apps.fact_verification.names import named_models
from apps.fact_verification.options import engine_options
from apps.fact_verification.runs import advise, start
from apps.fact_verification.sampling import sampled
from apps.fact_verification.templates import read_prompt, read_prompts
from apps.fact_verification.together import watch_all


def search(options: argparse.Namespace) -> int:
    """Exit code: 0 all verified, 3 some claims failed, 1 some run failed. Raises pcm.InputError."""
    claims = read_claims(options.claims, options.labels, limit=options.limit)
    claims = sampled(claims, options.sample, options.seed)
    if not any(claim.get("label") for claim in claims):
        raise pcm.InputError(
            "no claim has one, so nothing can be compared",
            file=str(options.claims),
            field="label",
            mend="give the true labels, or use --prompt and --model",
        )
    if options.prompts is None:
        prompts = {options.prompt.stem: read_prompt(options.prompt)}
    else:
        prompts = read_prompts(options.prompts)
    contexts = {
        name: pcm.language_model(model, revision=options.revision, dtype=options.dtype)
        for name, model in named_models(options.models).items()
    }
    with pcm.Manager(options.engine, options.workers, **engine_options(options)) as manager:
        # Models in the inner loop: the manager soon knows all that want workers.
        trials = [
            Trial(
                prompt,
                model,
                start(
                    manager,
                    claims,
                    text,
                    context,
                    labels=options.labels,
                    directory=options.out / prompt / model,
                    batch=options.batch,
                    name=f"{prompt} x {model}",
                ),
            )
            for prompt, text in prompts.items()
            for model, context in contexts.items()
        ]
        advise(manager, trials[0].run)
        watch_all([trial.run for trial in trials])
    return report(trials, claims, options)


def report(
    trials: Sequence[Trial], claims: Sequence[dict[str, Any]], options: argparse.Namespace
) -> int:
    """Print the table, or the JSON, and give the exit code."""
    truth = {claim["id"]: claim.get("label") for claim in claims}
    comparison = Comparison(trials, truth, options.labels)
    summaries = [trial.run.summary() for trial in trials]
    if options.json:
        about = {"claims": len(claims), "sample": options.sample, "seed": options.seed}
        print(json.dumps({**about, **comparison.to_dict()}))
    else:
        console = Console()
        console.print(comparison.table())
        if comparison.best is not None:
            console.print("best: prompt {} with model {}".format(*comparison.best), markup=False)
        succeeded = sum(summary.succeeded for summary in summaries)
        failed = sum(summary.failed for summary in summaries)
        pairs = f"{len(trials)} pairs x {len(claims)} claims"
        console.print(f"{pairs}: {succeeded} verified, {failed} failed")
        console.print(f"verdicts: {options.out}/PROMPT/MODEL/results.jsonl", soft_wrap=True)
    broken = [trial.run for trial in trials if trial.run.outcome != "completed"]
    for run in broken:
        print(f"fact_verification: {run.error or f'run {run.name} is unfinished'}", file=sys.stderr)
    if broken:
        print("What is done is kept: the same command goes on from there.", file=sys.stderr)
        return 1
    return 3 if any(summary.failed for summary in summaries) else 0
