"""Loading a `FairModel` on the ranks of a replica, with its profile and its plan of heads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from workers.heads.plan import HeadPlan
from workers.heads.planning import plan_heads
from workers.heads.profile import HeadProfile
from workers.inference.checkpoint import read_checkpoint
from workers.inference.fairkv.budgets import Rule, at_work
from workers.inference.fairkv.documents import read_document
from workers.inference.fairkv.following import Following
from workers.inference.fairkv.model import FairModel
from workers.inference.fairkv.observing import Observer
from workers.inference.fairkv.profiling import profiled
from workers.inference.fairkv.shards import check_model, head_shape
from workers.inference.preparing import prepared
from workers.inference.ranks import here, join, together, told

Follow = Literal["plan", "budgets", "nothing"]


def load_fair(
    model: str,
    revision: str | None = None,
    dtype: str = "auto",
    *,
    budget_tokens: int = 512,
    prompts: Sequence[str] = (),
    profile: str | Path | None = None,
    plan: str | Path | None = None,
    copies: int | None = None,
    slots: int = 32,
    follow: Follow = "plan",
) -> FairModel:
    """Load a causal language model in the Hugging Face layout whose KV heads keep
    ``budget_tokens`` tokens of a prompt in the mean, on all ranks of this replica.

    What each head keeps is measured on ``prompts``, which should be like those to come (8 to 32
    do), and kept for the next replica; or it is read from a ``profile``. The plan is made for it,
    or read from a ``plan`` as ``pcm plan --out`` writes it; it may have ``copies`` of heads in all,
    None: as many as help. ``follow``: a new plan is made when items are other than those of the
    profile; with "budgets" new budgets too, with "nothing" neither. Other arguments are those of
    `workers.inference.load`.

    Raises FileNotFoundError for what is not there, and ValueError for a model that cannot be dealt,
    for a profile or a plan of another model, for another word in ``follow``, and without prompts
    and profile.
    """
    if not prompts and profile is None:
        raise ValueError(
            "nothing tells what the heads keep: give prompts like those to come, or a profile"
        )
    if follow not in get_args(Follow):
        known = ", ".join(get_args(Follow))
        raise ValueError(f"follow={follow!r} is unknown; give one of {known}")
    target = prepared(dtype, "auto")
    ranks = join(target)
    with together("reading its profile and its plan"):
        given = None if profile is None else read_document(HeadProfile, Path(profile))
        planned = None if plan is None else read_document(HeadPlan, Path(plan))
    fair = _evenly(target, model, revision, dtype, budget_tokens, slots)
    found = given or profiled(fair, prompts, budget_tokens)
    # One rank's word for all: files and time limits might make a difference.
    found = HeadProfile.from_json(told(found.to_json()))
    made = planned or plan_heads(found.loads(), ranks.count, copies=copies, rows=slots)
    made = HeadPlan.from_json(told(made.to_json()))
    budgets = at_work(found)
    fair.deal(made, budgets)
    if follow != "nothing" and ranks.count > 1:
        observer = None
        if follow == "budgets":
            layers, heads = len(made.layers), made.heads
            observer = Observer(fair.rule, found.budget_tokens, layers, heads)
        fair.follow(Following(made, budgets, slots=slots, copies=copies, observer=observer))
    return fair


def profile_of(
    model: str,
    prompts: Sequence[str],
    budget_tokens: int,
    revision: str | None = None,
    dtype: str = "auto",
) -> HeadProfile:
    """What the KV heads of a model keep of these prompts, as `load_fair` finds it out. Arguments
    and errors are those of `load_fair`."""
    target = prepared(dtype, "auto")
    join(target)
    fair = _evenly(target, model, revision, dtype, budget_tokens, slots=1)
    return profiled(fair, prompts, budget_tokens)


def _evenly(
    target: torch.device,
    model: str,
    revision: str | None,
    dtype: str,
    budget_tokens: int,
    slots: int,
) -> FairModel:
    """Heads dealt equally, each with the same budget: what a profiling pass begins with."""
    with together(f"loading {model}"):
        network, tokenizer = read_checkpoint(model, revision, dtype, target, on_host=True)
        check_model(network)
        layers, heads = network.config.num_hidden_layers, head_shape(network.config)[0]
        even = plan_heads(np.ones((layers, heads)), here().count, method="equal")
        budgets = tuple((budget_tokens,) * heads for _ in range(layers))
        fair = FairModel(network, tokenizer, even, budgets, slots=slots, rule=Rule(), name=model)
        network.to(target).eval()
    return fair
