"""``pcm plan``: KV heads dealt to the GPUs of a replica by what they keep, and what that gains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pcm.cli import exits
from pcm.cli.documents import write_document
from pcm.cli.verbs import AsJson, emit, verb

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workers.heads.plan import HeadPlan
    from workers.heads.profile import HeadProfile

BATCHES = (8, 16, 32)
"""Rows of batches, for what whole rows cost."""


@verb
def command(
    *,
    profile: Annotated[
        Path, typer.Argument(help="What heads keep (JSON); with --model it is written first.")
    ],
    ranks: Annotated[int, typer.Option(min=1, help="GPUs (or processes) of a replica.")],
    model: Annotated[
        str | None, typer.Option(help="Make the profile: a directory or a hub id, loaded here.")
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Prompts for that, 8 to 32 like those to come: JSON lines with a field `prompt`.",
        ),
    ] = None,
    budget: Annotated[
        int, typer.Option(min=33, help="Tokens that a head is to keep of a prompt in the mean.")
    ] = 512,
    copies: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="At most so many copies of heads in all; else as many as help, in each layer.",
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Rows of the batches, if few: heads are cut between rows."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plan, as JSON.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Which GPU has which KV heads, where caches are compressed head by head."""
    from workers.heads.planning import plan_heads

    _make_profile(profile, model, prompts, budget)
    found = _profile(profile)
    kept = found.loads()
    plan = plan_heads(kept, ranks, copies=copies, rows=rows)
    equal = plan_heads(kept, ranks, method="equal")
    if out is not None:
        write_document("plan", out, plan.to_json())
    story = _story(found, kept, equal, plan, rows)
    if as_json:
        emit(story)
        return exits.SUCCEEDED
    typer.echo("\n".join(_lines(found, story)))
    if out is not None:
        typer.echo(f"plan: {out}")
    return exits.SUCCEEDED


def _make_profile(path: Path, model: str | None, prompts: Path | None, budget_tokens: int) -> None:
    """If a model is given: a pass of it over each prompt, on this machine."""
    from pcm.errors import InputError
    from pcm.formats.jsonl_reader import read_jsonl

    if model is None and prompts is None:
        return
    if model is None or prompts is None:
        lacking = "--model" if model is None else "--prompts"
        raise InputError("is missing", field=lacking, mend="give a model and prompts, or neither")
    texts = [row["prompt"] for _, row in read_jsonl(prompts, required={"prompt": str})]
    from workers.inference.fairkv import profile_of

    try:
        profile = profile_of(model, texts, budget_tokens)
    except (ValueError, FileNotFoundError) as error:
        raise InputError(
            str(error), field="--model", mend="give another model or other prompts"
        ) from error
    write_document("profile", path, profile.to_json())


def _profile(path: Path) -> HeadProfile:
    from pcm.errors import InputError
    from workers.heads.profile import HeadProfile

    try:
        return HeadProfile.from_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"the profile cannot be read ({error.strerror})",
            file=str(path),
            mend="give the file that a profiling pass wrote",
        ) from error
    except ValueError as error:
        raise InputError(str(error), file=str(path), mend=HeadProfile.MEND) from error


def _story(
    profile: HeadProfile,
    kept: NDArray[np.float64],
    equal: HeadPlan,
    plan: HeadPlan,
    rows: int | None,
) -> dict[str, Any]:
    """All figures; loads are tokens per row of a batch, summed over layers, and ``slowest`` is the
    sum of those of each layer's slowest rank."""
    before, after = _figures(equal, kept, rows), _figures(plan, kept, rows)
    return {
        "model": profile.model,
        "budget_tokens": profile.budget_tokens,
        "layers": len(plan.layers),
        "heads": plan.heads,
        "ranks": plan.ranks,
        "rows": rows,
        "copies": plan.copies,
        "copies_per_head": plan.copies / (plan.heads * len(plan.layers)),
        "extra_bytes": plan.copies * profile.head_bytes if profile.head_bytes else None,
        "before": before,
        "after": after,
        "gain": before["slowest"] / after["slowest"],
    }


def _figures(plan: HeadPlan, kept: NDArray[np.float64], rows: int | None) -> dict[str, Any]:
    loads = plan.loads(kept, rows)
    heads = [0] * plan.ranks
    for _, rank, _ in plan.shares():
        heads[rank] += 1
    return {
        "utilisation": plan.utilisation(kept, rows),
        "utilisation_by_rows": {str(few): plan.utilisation(kept, few) for few in BATCHES},
        "loads": loads.sum(axis=0).tolist(),
        "slowest": float(loads.max(axis=1).sum()),
        "heads": heads,
    }


def _lines(profile: HeadProfile, story: dict[str, Any]) -> list[str]:
    before, after = sides = story["before"], story["after"]
    layers, heads, ranks = story["layers"], story["heads"], story["ranks"]
    lines = [
        f"{profile.model}: {layers} layers of {heads} KV heads on {ranks} ranks; heads keep "
        f"{profile.loads().mean():,.0f} tokens in the mean, at most {profile.loads().max():,.0f}",
        "",
        f"{'':4}  {'equal split':>22}  {'planned':>22}",
        "rank" + f"  {'tokens':>12}  {'heads':>8}" * 2,
    ]
    for rank in range(ranks):
        tokens = [f"{side['loads'][rank]:>12,.0f}  {side['heads'][rank]:>8,}" for side in sides]
        lines.append(f"{rank:>4}  {'  '.join(tokens)}")
    slowest = [f"{side['slowest']:>12,.0f}  {'':>8}" for side in sides]
    lines += [
        f"{'slow':>4}  {'  '.join(slowest)}".rstrip(),
        "tokens per row of a batch, and heads, summed over layers; slow: the slowest of each layer",
        "",
        f"utilisation {before['utilisation']:.1%} -> {after['utilisation']:.1%}"
        + (f" with batches of {story['rows']} rows" if story["rows"] else ""),
    ]
    for few in map(str, BATCHES):
        of = (side["utilisation_by_rows"][few] for side in sides)
        lines.append(f"  in batches of {few:>2} rows {' -> '.join(f'{each:.1%}' for each in of)}")
    lines += [
        f"copies {story['copies']:,}: {story['copies_per_head']:.1%} more weights of attention, "
        + _memory(story["extra_bytes"]),
        f"expected gain: decode attention is {story['gain']:.2f}x as fast as with the equal split",
    ]
    return lines


def _memory(extra_bytes: int | None) -> str:
    if extra_bytes is None:
        return "whose bytes the profile does not tell"
    return f"{extra_bytes / 1e6:,.1f} MB on all ranks together"
