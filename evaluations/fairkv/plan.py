"""How much is measured, fully or quickly."""

from __future__ import annotations

from dataclasses import dataclass

from evaluations.fairkv.profiles import BUDGETS, SHAPES


@dataclass(frozen=True)
class Plan:
    """``rows``: of small batches, for which plans are made at ``rows_budget`` tokens per head.
    ``timings``: of each plan of the model with most layers and heads. ``proven_layers``: so many of
    each model, with searches of ``proof_nodes`` steps, for the distance from the optimum.
    ``decode_rounds``: by turns on real ranks."""

    models: tuple[str, ...] = tuple(SHAPES)
    budgets: tuple[int, ...] = BUDGETS
    ranks: tuple[int, ...] = (2, 4, 8)
    rows: tuple[int, ...] = (8, 16, 32)
    rows_budget: int = 512
    timings: int = 5
    proven_layers: int = 8
    proof_nodes: int = 50_000
    decode_rounds: int = 24


FULL = Plan()
QUICK = Plan(
    models=("Llama-3.1-8B", "Gemma-2-27B"),
    budgets=(512,),
    ranks=(2, 4),
    rows=(16,),
    timings=1,
    proven_layers=2,
    proof_nodes=1_000,
    decode_rounds=1,
)
