"""How many GPUs of a pool a class matches, and if none, what excludes them.

On the ads of the pool's slots and nothing else, so that it can be said before anything is
submitted. Whether a machine's owner would let the job in is not known here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from condor.description import gpu_conditions, image_condition
from condor.glideins import Glideins

_MEBIBYTE = 1 << 20


class Demand(msgspec.Struct, frozen=True):
    """Conditions by the field of ``Glideins`` that makes them: of each GPU, and of its machine."""

    gpus: int
    gpu: dict[str, str]
    machine: dict[str, str]


class Match(msgspec.Struct, frozen=True):
    """Of so many GPUs (of machines, for a class without) so many match; ``text`` says so."""

    total: int
    matching: int
    text: str


def demand(glideins: Glideins) -> Demand:
    machine = {
        "gpus": f"TotalSlotGPUs >= {glideins.gpus}" if glideins.gpus > 1 else "",
        "cpus": f"TotalSlotCpus >= {glideins.cpus}",
        "memory": f"TotalSlotMemory >= {math.ceil(glideins.memory_bytes / _MEBIBYTE)}",
        "disk": f"TotalSlotDisk >= {math.ceil(glideins.disk_bytes / 1024)}",
        "image": image_condition(glideins),
        "requirements": glideins.requirements,
    }
    conditions = gpu_conditions(glideins) if glideins.gpus else {}
    return Demand(glideins.gpus, conditions, {key: text for key, text in machine.items() if text})


def match(ads: Iterable[Any], wanted: Demand) -> Match:
    """``ads``: slot ads (``classad2.ClassAd``), those of dynamic slots too, which count not.

    ``htcondor2`` has been imported, as for getting ads: only since then are names without a scope
    sought in the machine's ad too.
    """
    import classad2

    empty = classad2.ClassAd({})
    trees = {
        name: classad2.ExprTree(text) for name, text in {**wanted.gpu, **wanted.machine}.items()
    }
    noun = "GPUs" if wanted.gpus else "machines"
    lacking: list[tuple[frozenset[str], Any, Any]] = []
    for ad in ads:
        if ad.get("DynamicSlot", False):
            continue
        of_machine = {name for name in wanted.machine if trees[name].eval(empty, ad) is not True}
        for gpu in gpus(ad) if wanted.gpus else [empty]:
            of_gpu = {name for name in wanted.gpu if trees[name].eval(gpu, ad) is not True}
            lacking.append((frozenset(of_machine | of_gpu), ad, gpu))
    matching = sum(1 for fields, _, _ in lacking if not fields)
    head = f"{matching} of {len(lacking)} {noun} match"
    if matching:
        return Match(len(lacking), matching, head)
    return Match(len(lacking), 0, "; ".join([head, *_relaxed(lacking)]))


def gpus(ad: Any) -> Iterator[Any]:
    """The properties of each GPU of a slot, by the slot's ad, as a ``classad2.ClassAd`` each."""
    names = str(ad.get("AssignedGPUs", "")).replace(" ", "").split(",")
    for name in filter(None, names):
        properties = ad.get(f"GPUs_{name.replace('-', '_')}")
        yield properties if properties is not None else _common(ad)


def _common(ad: Any) -> Any:
    """Older pools say of GPUs only what is common to all of a machine's."""
    import classad2

    found = {}
    for plain, older in (
        ("GlobalMemoryMb", "CUDAGlobalMemoryMb"),
        ("Capability", "CUDACapability"),
        ("DeviceName", "CUDADeviceName"),
    ):
        value = ad.get(f"GPUs_{plain}", ad.get(older))
        if value is not None:
            found[plain] = value
    return classad2.ClassAd(found)


def _relaxed(lacking: list[tuple[frozenset[str], Any, Any]]) -> list[str]:
    """What one change would bring, the most helpful first."""
    alone: dict[str, list[tuple[Any, Any]]] = {}
    for fields, ad, gpu in lacking:
        if len(fields) == 1:
            alone.setdefault(next(iter(fields)), []).append((ad, gpu))
    if not alone:
        common = Counter(field for fields, _, _ in lacking for field in fields)
        if not common:
            return []
        ordered = sorted(common.items(), key=lambda pair: (-pair[1], pair[0]))
        names = ", ".join(f"{field} ({number})" for field, number in ordered)
        return [f"each fails several conditions: {names}"]
    said = []
    for field, those in sorted(alone.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        best = _best(field, those)
        number = len(those) if best is None else best[1]
        change = f"without {field}" if best is None else f"with {field} {best[0]}"
        said.append(f"{number} would {change}")
    return said


_NUMBERS: Mapping[str, tuple[bool, str]] = {
    "gpu_memory": (True, "GlobalMemoryMb"),
    "capability": (True, "Capability"),
    "memory": (False, "TotalSlotMemory"),
    "disk": (False, "TotalSlotDisk"),
    "cpus": (False, "TotalSlotCpus"),
    "gpus": (False, "TotalSlotGPUs"),
}
"""Whether a GPU's or a machine's, and its attribute."""


def _best(field: str, those: list[tuple[Any, Any]]) -> tuple[str, int] | None:
    """The least change of a number that helps, as text, and how many it would let in."""
    if field not in _NUMBERS:
        return None
    of_gpu, attribute = _NUMBERS[field]
    values = [(gpu if of_gpu else ad).get(attribute) for ad, gpu in those]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if not numbers:
        return None
    best = max(numbers)
    return f"<= {_text(field, best)}", numbers.count(best)


def _text(field: str, value: float) -> str:
    """As it would be given to ``Glideins``."""
    size = {"gpu_memory": _MEBIBYTE, "memory": _MEBIBYTE, "disk": 1024}.get(field)
    if size is None:
        return f"{value:g}"
    unit, name = (1e9, "GB") if value * size >= 1e9 else (1e6, "MB")
    return f"{math.floor(value * size / unit * 10) / 10:g} {name}"
