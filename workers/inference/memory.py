"""What memory allows: sizes from what is free, smaller ones after memory ran out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from workers.inference import ranks
from workers.inference.graphs import Verdict
from workers.inference.ladder import Ladder
from workers.inference.memo import Memo
from workers.inference.packing import Packing
from workers.inference.tensor_parallel import ranks_of

Result = TypeVar("Result")

LEAST_PASS_TOKENS = 32
MOST_PASS_TOKENS = {"cpu": 512}
MOST_PASS_TOKENS_ELSEWHERE = 2048
"""Where arithmetic is the limit, not the reading of weights, larger passes gain nothing and leave
more of the last one empty."""

PASS_SHARE, PREFIX_SHARE, CACHE_SHARE = 0.25, 0.2, 0.4
"""Of the memory that is free after loading: for a pass, for kept prefixes, for what is decoded."""

GRAPH_WORKSPACE_BYTES = 64 << 20
"""Of the library of matrix products, while steps are recorded; on the largest GPUs 32 MiB."""

SLOTS = "slots"
"""The kind of rungs that a memo keeps for decoding."""

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is an allocation that failed, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY)


def free_bytes(device: torch.device) -> int:
    """Memory that is free on the device; of the host within its control group."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    rows = (line.split() for line in MEMINFO.read_text().splitlines())
    free = next(int(row[1]) * 1024 for row in rows if row[0] == "MemAvailable:")
    with suppress(OSError, ValueError):
        limit = int((CGROUP / "memory.max").read_text())
        free = min(free, limit - int((CGROUP / "memory.current").read_text()))
    return max(0, free)


def cache_bytes_per_token(model: Any) -> int:
    """Keys and values of one token in all layers; of a model that is split, this rank's."""
    config = model.config.get_text_config(decoder=True)
    heads = config.num_attention_heads
    dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    heads = (getattr(config, "num_key_value_heads", None) or heads) / ranks_of(model)
    return int(2 * config.num_hidden_layers * heads * dim * model.dtype.itemsize)


def pass_bytes_per_token(model: Any) -> int:
    """About what a token of a pass takes while it is computed: activations, and logits in
    float32 for the share of tokens that are asked for them."""
    config = model.config.get_text_config(decoder=True)
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    activations = (12 * config.hidden_size + 4 * inner) * model.dtype.itemsize
    return int(activations + 4 * config.vocab_size)


def graph_bytes(model: Any, rows: int) -> int:
    """About what recorded steps hold, of so many rows, of half as many, and so on; 0 where none is
    recorded."""
    if model.device.type != "cuda":
        return 0
    return int(2 * rows * pass_bytes_per_token(model)) + GRAPH_WORKSPACE_BYTES


@dataclass
class Sizes:
    """How much goes through the model at once, and how much is kept."""

    packing: Packing
    slots: int
    prefix_bytes: int
    cache_bytes: int
    memo: Memo | None = None
    """Remembers for the next replica on this kind of machine."""
    rungs_known: bool = False
    ladder: Ladder | None = None
    """How many rows decode together, once it is proved."""
    graphs: Verdict = field(default_factory=Verdict)
    """Whether replays of recorded steps are of use to the model."""

    def prove_rungs(self, prove: Callable[[int], tuple[int, ...]]) -> None:
        """Let few items run in smaller passes: those that ``prove`` finds below a number of tokens,
        unless they are known."""
        if self.rungs_known:
            return
        tokens = self.packing.tokens
        rungs = self.memo.rungs(tokens) if self.memo is not None else None
        if rungs is None:
            rungs = prove(tokens)
            if self.memo is not None:
                self.memo.write_rungs(tokens, rungs)
        self.packing = replace(self.packing, rungs=rungs)
        self.rungs_known = True

    def prove_ladder(self, prove: Callable[[int], tuple[int, ...]]) -> Ladder:
        """The slots, and the fewer rows below them that ``prove`` finds, unless they are known."""
        if self.ladder is None:
            rungs = self.memo.rungs(self.slots, SLOTS) if self.memo is not None else None
            if rungs is None:
                rungs = prove(self.slots)
                if self.memo is not None:
                    self.memo.write_rungs(self.slots, rungs, SLOTS)
            self.ladder = Ladder((self.slots, *rungs))
        return self.ladder

    def ran_out(self, error: BaseException) -> bool:
        """Whether the error is that memory ran out, so that the caller may go on with less.

        Of several ranks this one would go on alone, while the others wait for it within a pass. So
        it ends, and the replica with it; the next one makes smaller passes.
        """
        if not is_out_of_memory(error):
            return False
        if ranks.are_joined():
            self.halve_passes()
            ranks.end(
                f"memory ran out ({error}); the next replica makes passes of "
                f"{self.packing.tokens} tokens, unless pass_tokens= sets them: give load() fewer, "
                "or fewer slots"
            )
        return True

    def watched(self, results: Iterator[Result]) -> Iterator[Result]:
        """The same results; where memory runs out and nobody can go on with less, see `ran_out`."""
        try:
            yield from results
        except Exception as error:
            self.ran_out(error)
            raise

    def halve_passes(self) -> bool:
        """Smaller passes, because memory ran out; False if they cannot be smaller."""
        tokens = self.packing.tokens // 2
        if tokens < LEAST_PASS_TOKENS:
            return False
        rungs = tuple(rung for rung in self.packing.rungs if rung < tokens)
        self.packing = replace(self.packing, tokens=tokens, rungs=rungs)
        if self.memo is not None:
            self.memo.write_pass_tokens(tokens)
        return True


def sizes(
    model: Any, slots: int, *, pass_tokens: int | None = None, memo: Memo | None = None
) -> Sizes:
    """Sizes for a model that is loaded, by the memory that is free now.

    ``pass_tokens`` sets the tokens of a pass. Raises ValueError if it is too small. Several ranks
    have the same sizes: those of the one with the least memory.
    """
    device = model.device.type
    # On a CPU all that is free is seen by each of them.
    sharing = ranks_of(model) if device == "cpu" else 1
    free = ranks.agree(free_bytes(model.device) // sharing)
    if pass_tokens is None:
        most = MOST_PASS_TOKENS.get(device, MOST_PASS_TOKENS_ELSEWHERE)
        known = memo.pass_tokens() if memo is not None else None
        pass_tokens = min(most, max(known or most, LEAST_PASS_TOKENS))
        fitting = free * PASS_SHARE / pass_bytes_per_token(model)
        while pass_tokens > max(fitting, LEAST_PASS_TOKENS):
            pass_tokens //= 2
    if pass_tokens < LEAST_PASS_TOKENS:
        raise ValueError(f"pass_tokens must be at least {LEAST_PASS_TOKENS}, not {pass_tokens}")
    packing = Packing(pass_tokens, unit=1 if device == "cpu" else 16)
    allowed = Sizes(packing, slots, int(free * PREFIX_SHARE), int(free * CACHE_SHARE), memo)
    if ranks_of(model) > 1:
        allowed.graphs.refused = "each rank would find out for itself whether a replay pays"
    return allowed
