"""A causal model split over the ranks of a replica: each has its heads, and its part of every
matrix and of the vocabulary.

transformers names, for a model that can be split, how each module is (`tp_plan`): the rows of a
matrix over the ranks (colwise: each has its outputs), or its columns (rowwise: each has its inputs,
and what they give is added up). The plan is its, the cutting is ours: what remains are ordinary
modules with smaller tensors, so that attention of ours, trials with fewer layers and everything
else work on them as on a whole model; the sums are of one order (`collectives`); and a rank reads
of mapped files what it keeps. Written for GPUs too, tried with gloo on CPUs only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import Any

import torch
from torch import nn
from torch.nn.functional import pad

from workers.inference.collectives import add_over_ranks, join_over_ranks
from workers.inference.ranks import Ranks

WHOLE = ("replicate", "replicated_with_grad_allreduce", "local_params")
"""Styles of what every rank has and computes in whole."""

JOINED = ("colwise_gather_output", "colwise_rep")
OF_LINEAR = {
    **dict.fromkeys(("colwise", *JOINED), 0),
    **dict.fromkeys(("rowwise", "rowwise_rep", "rowwise_split_input"), 1),
}
"""Styles of `nn.Linear` that are known here, and the dimension of the weight that they cut."""

SUMS = ("moe_tp_experts", "all_reduce")
"""Styles of modules whose parameters have rules of their own: their outputs are added up."""

OF_PARAMETER = {"colwise": 1, "packed_colwise": 2, "rowwise": 1, "packed_rowwise": 2}
"""Styles of parameters that are not in a module of their own, and the blocks that lie side by side
in them, each of which is cut."""

SPLIT = "pcm_ranks"
"""The attribute of a model that tells over how many ranks it is split."""


@dataclass(frozen=True)
class Cut:
    """A parameter of a module that is cut along a dimension, each of its ``blocks`` for itself."""

    owner: nn.Module
    name: str
    dimension: int
    blocks: int = 1
    padded: bool = False
    """Whether a last part may be filled up with zeros."""

    @property
    def weight(self) -> nn.Parameter:
        weight: nn.Parameter = getattr(self.owner, self.name)
        return weight

    @property
    def units(self) -> int:
        """What the number of ranks has to divide; 0, which all numbers do, if it need not."""
        return 0 if self.padded else self.weight.shape[self.dimension] // self.blocks


def ranks_of(model: Any) -> int:
    """Over how many ranks a model is split."""
    return int(getattr(model, SPLIT, 1))


def split(network: Any, ranks: Ranks, target: torch.device, name: str) -> None:
    """Leave of a model what this rank has of it, on ``target``. Every rank has to do it, and to
    call the model at the same time as the others. Raises ValueError, on all of them and before
    anything is changed, for a model that cannot be split so."""
    rules = list(_rules(network, name))
    cuts = [cut for path, style in rules for cut in _cuts(network, path, style, name)]
    _check_counts(network, rules, cuts, ranks.count, name)
    made: dict[tuple[int, int], tuple[nn.Parameter, nn.Parameter]] = {}
    widths = {path: network.get_submodule(path).weight.shape[0] for path in _joined(rules)}
    for cut in cuts:
        # What two modules have in common, they have in common afterwards. What was cut is kept
        # until then, since its address tells what it is.
        whole = cut.weight
        key = (id(whole), cut.dimension)
        if key not in made:
            made[key] = whole, _part(cut, ranks, target)
        setattr(cut.owner, cut.name, made[key][1])
    for path, style in rules:
        _connect(network, path, style, ranks, widths.get(path, 0))
    setattr(network, SPLIT, ranks.count)


def _rules(network: Any, name: str) -> Iterator[tuple[str, str]]:
    """(name of a module or parameter, style) for all that the model's plan names; the matrix that
    gives the logits is always split and its outputs joined, so that all ranks see the same."""
    plan = getattr(network, "tp_plan", None)
    if not plan:
        raise _refused(name, f"transformers has no plan to split a {type(network).__name__}")
    if getattr(network.config, "quantization_config", None) is not None:
        raise _refused(name, "its weights are quantised")
    head = network.get_output_embeddings()
    patterns = [
        (re.compile(re.escape(k).replace(r"\*", r"\d+")), style) for k, style in plan.items()
    ]
    parameters = (path for path, _ in network.named_parameters(remove_duplicate=False))
    modules = dict(network.named_modules())
    for path in (*modules, *(path for path in parameters if path not in modules)):
        style = next((style for pattern, style in patterns if pattern.fullmatch(path)), None)
        if head is not None and modules.get(path) is head:
            style = JOINED[0]
        if style is not None and style not in WHOLE:
            yield path, style


def _joined(rules: list[tuple[str, str]]) -> list[str]:
    return [path for path, style in rules if style in JOINED]


def _cuts(network: Any, path: str, style: str, name: str) -> Iterator[Cut]:
    """Of one rule."""
    owner_path, _, last = path.rpartition(".")
    owner = network.get_submodule(owner_path)
    it = getattr(owner, last)
    if isinstance(it, nn.Linear) and style in OF_LINEAR:
        dimension = OF_LINEAR[style]
        yield Cut(it, "weight", dimension, padded=style in JOINED)
        if it.bias is not None and dimension == 0:
            yield Cut(it, "bias", 0, padded=style in JOINED)
    elif isinstance(it, nn.Embedding) and style == "embedding_rowwise":
        yield Cut(it, "weight", 0, padded=True)
    elif isinstance(it, nn.Parameter) and style in OF_PARAMETER and it.dim() > 1:
        dimension = it.dim() - (1 if "rowwise" in style else 2)
        yield Cut(owner, last, dimension, OF_PARAMETER[style])
    elif not (isinstance(it, nn.Module) and style in SUMS) or _adds_biases(it):
        raise _refused(name, f"{path} ({type(it).__name__}) would be split as {style!r}")


def _adds_biases(module: nn.Module) -> bool:
    """Whether a sum over ranks would have them as often as there are ranks."""
    return any("bias" in name for name, _ in module.named_parameters())


def _check_counts(
    network: Any, rules: list[tuple[str, str]], cuts: list[Cut], count: int, name: str
) -> None:
    """Every rank has whole heads, and as much as every other."""
    units = [cut.units for cut in cuts]
    told = []
    if any("attn" in path or "attention" in path for path, style in rules if style == "colwise"):
        config = network.config.get_text_config(decoder=True)
        for field in ("num_attention_heads", "num_key_value_heads"):
            found = getattr(config, field, None) or []
            heads = found if isinstance(found, list) else [found]
            units += heads
            told += [f"{field} is {number}" for number in sorted(set(heads)) if number % count]
    if all(number % count == 0 for number in units):
        return
    told = told or [
        f"a dimension of {cut.units} is not divisible" for cut in cuts if cut.units % count
    ]
    most = gcd(*units)
    fitting = [number for number in range(2, most + 1) if most % number == 0]
    mend = f"it can be split over {' or '.join(map(str, fitting))}" if fitting else ""
    raise _refused(name, f"{told[0]}, which {count} ranks cannot share evenly", count, mend)


def _refused(name: str, why: str, count: int = 0, mend: str = "") -> ValueError:
    return ValueError(
        f"{name} cannot be split over {count or 'several'} ranks: {why}; "
        f"{mend + ', or ' if mend else ''}declare its context with ranks=1"
    )


@torch.no_grad()
def _part(cut: Cut, ranks: Ranks, target: torch.device) -> nn.Parameter:
    """What this rank has, in memory of its own."""
    whole = cut.weight.data
    parts = []
    for block in whole.chunk(cut.blocks, cut.dimension):
        size = block.shape[cut.dimension]
        each = -(-size // ranks.count)
        start = min(ranks.rank * each, size)
        part = block.narrow(cut.dimension, start, min(each, size - start))
        missing = each - part.shape[cut.dimension]
        if missing:
            part = pad(part, (0, 0) * (whole.dim() - 1 - cut.dimension) + (0, missing))
        parts.append(part)
    own = torch.cat(parts, cut.dimension) if len(parts) > 1 else parts[0].clone()
    return nn.Parameter(own.to(target).contiguous(), requires_grad=False)


def _connect(network: Any, path: str, style: str, ranks: Ranks, width: int) -> None:
    """Let what a module is given, or gives, be that of all ranks."""
    owner_path, _, last = path.rpartition(".")
    module = getattr(network.get_submodule(owner_path), last)
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    if style in JOINED:
        module.register_forward_hook(lambda _, given, out: join_over_ranks(out, width))
    elif style == "embedding_rowwise":
        VocabularyPart(module, ranks)
    elif style in SUMS or (isinstance(module, nn.Linear) and OF_LINEAR[style] == 1):
        if style == "rowwise_split_input":
            module.register_forward_pre_hook(_own_columns(module.in_features, ranks))
        if ranks.rank and isinstance(module, nn.Linear) and module.bias is not None:
            # One rank adds it; all go the same way.
            module.bias = nn.Parameter(torch.zeros_like(module.bias), requires_grad=False)
        module.register_forward_hook(lambda _, given, out: add_over_ranks(out))


def _own_columns(each: int, ranks: Ranks) -> Any:
    start = ranks.rank * each
    return lambda _, given: (given[0][..., start : start + each], *given[1:])


class VocabularyPart:
    """An embedding of the words that this rank has; the others give zeros, to which the rank that
    has them adds: no bit is lost."""

    def __init__(self, module: nn.Embedding, ranks: Ranks) -> None:
        self._each = module.weight.shape[0]
        self._start = ranks.rank * self._each
        self._elsewhere = torch.empty(0)
        module.num_embeddings = self._each
        module.register_forward_pre_hook(self._before)
        module.register_forward_hook(self._after)

    def _before(self, _: nn.Module, given: Any) -> Any:
        ids = given[0] - self._start
        self._elsewhere = (ids < 0) | (ids >= self._each)
        return (ids.masked_fill(self._elsewhere, 0), *given[1:])

    def _after(self, _: nn.Module, given: Any, out: torch.Tensor) -> torch.Tensor:
        return add_over_ranks(out.masked_fill(self._elsewhere[..., None], 0))
