"""Claims in the FEVER format, checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pcm


def read_claims(
    path: Path, labels: Sequence[str], *, limit: int | None = None
) -> list[dict[str, Any]]:
    """Rows ``{"id", "claim"[, "label", "evidence"]}`` of a JSONL file.

    Raises pcm.InputError naming line and field for what is missing, double, of the wrong type, or a
    label that is not among ``labels``.
    """
    claims: list[dict[str, Any]] = []
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
