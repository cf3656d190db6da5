"""Claims in the FEVER format, checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pcm

PLACEHOLDER = "{claim}"


def read_claims(
    path: Path, labels: Sequence[str], *, limit: int | None = None
) -> list[dict[str, Any]]:
    """Rows ``{"id", "claim"[, "label", "evidence"]}`` of a JSONL file.

    Raises pcm.InputError naming line and field for what is missing, double, of the wrong type, or a
    label that is not among ``labels``.
    """
    claims = []
    for line, row in pcm.read_jsonl(path, key="id", limit=limit, required={"claim": str}):
        label = row.get("label")
        if label is not None and label not in labels:
            raise pcm.InputError(
                f"unknown label {label!r}",
                file=str(path),
                line=line,
                field="label",
                mend=f"give one of {', '.join(labels)}, or set --labels",
            )
        if not isinstance(row.get("evidence", ""), str):
            raise pcm.InputError(
                "is no text", file=str(path), line=line, field="evidence", mend="give a string"
            )
        claims.append(
            {name: row[name] for name in ("id", "claim", "label", "evidence") if name in row}
        )
    return claims


def read_prompt(path: Path) -> str:
    """The text of a prompt file. Raises pcm.InputError if ``{claim}`` is not in it exactly once."""
    try:
        prompt = path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise pcm.InputError(
            f"cannot be read ({error})", file=str(path), field="--prompt"
        ) from error
    if prompt.count(PLACEHOLDER) != 1:
        raise pcm.InputError(
            f"has {prompt.count(PLACEHOLDER)} places for the claim",
            file=str(path),
            field="--prompt",
            mend=f"write {PLACEHOLDER} exactly once",
        )
    return prompt
