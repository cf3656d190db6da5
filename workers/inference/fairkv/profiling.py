"""Profiles of heads, kept for the next replica: what a pass over some prompts found of a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from workers.heads.profile import HeadProfile
from workers.inference.fairkv.documents import read_document
from workers.inference.fairkv.model import FairModel
from workers.inference.keeping import keep, kept_place
from workers.inference.ranks import here, told


def profiled(fair: FairModel, prompts: Sequence[str], budget_tokens: int) -> HeadProfile:
    """What heads keep of these prompts, from its file if it was found out before: about one pass
    per prompt else. Every rank has to ask, and gets the same. Errors: see `FairModel.profile`."""
    path = profile_path(fair, prompts, budget_tokens)
    known = b""
    with suppress(OSError, ValueError):
        known = read_document(HeadProfile, path).to_json()
    if known := told(known):
        return HeadProfile.from_json(known)
    profile = fair.profile(prompts, budget_tokens)
    if here().rank == 0:
        with suppress(OSError):  # a convenience: without it the next replica finds it out again
            keep(path, profile.to_json())
    return profile


def profile_path(fair: FairModel, prompts: Sequence[str], budget_tokens: int) -> Path:
    """By the model's name and configuration, the rule, the budget and the prompts: all that it
    follows from, but for the weights behind the name."""
    digest = blake2b(digest_size=8)
    rule = repr((fair.name, budget_tokens, fair.rule, list(prompts)))
    for part in (fair.model.config.to_json_string(), rule):
        digest.update(part.encode(errors="surrogatepass") + b"\0")
    name = re.sub(r"[^\w.-]", "_", Path(fair.name).name)
    return kept_place("heads", f"{name}-{budget_tokens}-{digest.hexdigest()}.json")
