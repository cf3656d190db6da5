"""One run of verification: claims, one prompt and one model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pcm
from apps.fact_verification.task import verify


def start(
    manager: pcm.Manager,
    claims: Sequence[dict[str, Any]],
    prompt: str,
    context: pcm.Recipe,
    *,
    labels: Sequence[str],
    directory: Path,
    batch: int | Literal["auto"] = "auto",
    name: str = "fact-verification",
) -> pcm.Run:
    """Begin it, or take it up again if the directory holds it. Raises as ``Manager.map`` does."""
    return manager.map(
        verify.bind(prompt=prompt, labels=labels),
        claims,
        context=context,
        key="id",
        directory=directory,
        batch=batch,
        cost=lambda claim: 40 + len(claim["claim"]) + len(claim.get("evidence", "")),
        name=name,
    )


def advise(manager: pcm.Manager, run: pcm.Run) -> None:
    """Say on stderr how workers are started, where they come only from outside."""
    invitation = manager.invitation()
    if invitation is not None and manager.pool_size == 0:
        print(invitation.advice(run.directory), file=sys.stderr, flush=True)
