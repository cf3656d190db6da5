"""What was found out about a model on a kind of machine, for the next replica there."""

from __future__ import annotations

import json
import platform
import re
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
import transformers

from workers.inference.keeping import keep, kept_place
from workers.inference.ranks import are_joined, told
from workers.inference.tensor_parallel import ranks_of

CPUINFO = Path("/proc/cpuinfo")

PASSES = "3"
"""To be counted up when passes are computed in another way: what was proved before is void."""


class Memo:
    """A file with the tokens per pass for which there was memory, the rungs by tokens, and whether
    the fast ways are this model's.

    It is a convenience: what cannot be read or written is found out again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Tells the model, the kind of machine and how it computes apart from all others."""
        return self._path.name

    def pass_tokens(self) -> int | None:
        """None if memory never ran out."""
        with suppress(KeyError, TypeError, ValueError):
            return int(self._known()["pass_tokens"])
        return None

    def rungs(self, size: int, kind: str = "rungs") -> tuple[int, ...] | None:
        """Those of this kind below ``size``; None if they were never tried."""
        with suppress(KeyError, TypeError, ValueError):
            return tuple(int(rung) for rung in self._known()[kind][str(size)])
        return None

    def takes_cascades(self) -> bool | None:
        """Whether attention of ours gives the model's own answers; None if it was never tried."""
        found = self._known().get("takes_cascades")
        return found if isinstance(found, bool) else None

    def write_takes_cascades(self, found: bool) -> None:
        self._write({**self._read(), "takes_cascades": found})

    def write_pass_tokens(self, tokens: int) -> None:
        self._write({**self._read(), "pass_tokens": tokens})

    def write_rungs(self, size: int, rungs: tuple[int, ...], kind: str = "rungs") -> None:
        found = self._read()
        known = found.get(kind)
        rest = known if isinstance(known, dict) else {}
        self._write({**found, kind: {**rest, str(size): rungs}})

    def _known(self) -> dict[str, Any]:
        """What rank 0 reads: whoever knows something leaves out trials, and all have to do that or
        none. Another replica may write in between."""
        if not are_joined():
            return self._read()
        found = json.loads(told(json.dumps(self._read()).encode()))
        return found if isinstance(found, dict) else {}

    def _read(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found = json.loads(self._path.read_text())
            return found if isinstance(found, dict) else {}
        return {}

    def _write(self, found: dict[str, Any]) -> None:
        with suppress(OSError):
            keep(self._path, json.dumps(found).encode())


def memo_of(name: str, model: Any) -> Memo:
    """That of a model which is loaded: by its shapes, number format and kind of device, by the
    threads of torch, and by what settles how it is computed: the versions of the libraries, and of
    our own passes."""
    device = model.device
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    shapes = blake2b(model.config.to_json_string().encode(), digest_size=6).hexdigest()
    threads = f"{torch.get_num_threads()}t"
    number = str(model.dtype).removeprefix("torch.")
    versions = (torch.__version__, transformers.__version__, PASSES)
    split = ranks_of(model)
    ranks = [f"{split}r"] if split > 1 else []
    parts = (Path(name).name, shapes, number, kind, threads, *versions, *ranks)
    safe = re.sub(r"[^\w.-]", "_", "-".join(parts))
    return Memo(kept_place("models", f"{safe}.json"))


def _processor() -> str:
    """A home may be shared by machines that are not alike."""
    with suppress(OSError, StopIteration):
        lines = CPUINFO.read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return platform.machine()
