"""python -m evaluations NAME [--json]; without a name, lists what there is."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

import msgspec

from evaluations.base import Evaluation, Result, machine

EVALUATIONS = {
    "ablation": "what each policy is worth: pcm without it, on simulated pools",
    "bound": "how far schedulers stay from what none could beat, on simulated pools",
    "clocks": "how well clocks are told: by exchanges with an agent, by events that both see",
    "cold-start": "the first answer of a model, by part: pcm, and from_pretrained in a new process",
    "context-reuse": "naive, partial and pervasive context management on real model loading",
    "dashboard": "what looking at a run costs, and how soon and smoothly it is seen",
    "dispatch": "batches through TaskVine, beside its own function calls (in the cluster root)",
    "fairkv": "heads dealt to ranks by what they keep: plans of models, and decode on real ranks",
    "glideins": "provisioning of HTCondor glideins, beside two other ways (in the cluster root)",
    "inference": "the resident model beside plain transformers: verification and generation",
    "observer": "what watching costs: the inline observer by packets per second, the samplers",
    "packets": "real packets and real faults: what is found of them, what a remedy gains",
    "residency": "contexts that take turns on a worker that fits one: by tier host, and by reload",
    "runbook": "generated signals of 28 conditions: which are told, how soon, what is told falsely",
    "scale": "what a decision costs the manager, from 100 to 10,000 workers",
    "skew": "runs with workers that become slow: without telemetry, with it, and with it known",
    "staging": "a model's files on their way to workers without a shared file system",
    "overhead": "what pcm adds per batch and per item, empty batches per second, memory per item",
    "trace": "40 workers come and go by a script on the real TaskVine (in the cluster root)",
    "paper": "pv0 to pv6 of the papers: published, their policy simulated, and pcm",
    "peers": "the same work under the same kills: Ray, Dask, Parsl, TaskVine, and pcm",
    "phases": "prefill and decode told from packets, beside the engine's own word",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="evaluations", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(EVALUATIONS))
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="as little as shows that it works (where there is such)",
    )
    options = parser.parse_args()
    if options.name is None:
        for name, what in sorted(EVALUATIONS.items()):
            print(f"{name:16} {what}")
        return 0
    module = import_module(f"evaluations.{options.name.replace('-', '_')}")
    if options.quick and not hasattr(module, "quick"):
        parser.error(f"{options.name} has no --quick")
    evaluate: Evaluation = module.quick if options.quick else module.evaluate
    found = machine()  # Before the evaluation's own load.
    figures, targets = evaluate(lambda text: print(text, file=sys.stderr, flush=True))
    result = Result(options.name, figures, targets, found)
    if options.json:
        print(msgspec.json.encode(result).decode())
    else:
        print(msgspec.json.format(msgspec.json.encode(figures), indent=2).decode())
        for target in targets:
            verdict = "met   " if target.met else "MISSED"
            print(f"{verdict} {target.what}: {target.value:.4g} ({target.target})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
