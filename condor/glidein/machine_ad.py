"""What HTCondor says of the slot in its ad: the GPUs that it assigned, and whose machine it is."""

import os
import re
from typing import Dict, List, NamedTuple

PREFIXES = ("GPUs_", "CUDA")
"""Of attributes that say what all GPUs of the slot have in common, in new pools and in old ones."""
SITES = ("GLIDEIN_Site", "GLIDEIN_ResourceName")
"""Of pools of many sites: attributes that name the machine's, the better one first."""
_ENTRY = re.compile(r'(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\]]*)')


class Gpu(NamedTuple):
    """A GPU, or a MIG instance of one; ``memory_mebibytes`` is 0 if it is not known."""

    id: str
    name: str
    memory_mebibytes: int


def assigned() -> List[Gpu]:
    """In HTCondor's order. None if there is no ad, or it tells of none."""
    ad = _ad()
    names = [name.strip() for name in _text(ad.get("AssignedGPUs", "")).split(",")]
    return [_gpu(name, ad) for name in names if name]


def zone() -> str:
    """The site whose machines are taken away together; empty if the ad names none."""
    ad = {name.lower(): value for name, value in _ad().items()}
    told = [ad.get(name.lower(), "") for name in SITES]
    # What is no string is no name: undefined, or an expression.
    return next((_text(value) for value in told if len(value) > 2 and value.startswith('"')), "")


def _ad() -> Dict[str, str]:
    """Its attributes, as they are written there; none without an ad."""
    try:
        with open(os.environ["_CONDOR_MACHINE_AD"]) as file:
            fields = [line.partition(" = ") for line in file]
    except (KeyError, OSError, ValueError):
        return {}
    return {name.strip(): value.strip() for name, _, value in fields}


def _gpu(id_: str, ad: Dict[str, str]) -> Gpu:
    """Its own attributes; else those that all of the slot's have."""
    own = dict(_ENTRY.findall(ad.get("GPUs_" + re.sub(r"\W", "_", id_), "").strip("[] ")))

    def found(name: str) -> str:
        shared = (ad[prefix + name] for prefix in PREFIXES if prefix + name in ad)
        return _text(str(own.get(name) or next(shared, "")))

    memory = found("GlobalMemoryMb")
    mebibytes = int(float(memory)) if re.match(r"\d+(\.\d+)?$", memory) else 0
    # Of a MIG instance no name is told. Those of one size are equally fast, or nearly so.
    name = found("DeviceName") or "{} {} GB".format(id_[:3], round(mebibytes / 1024))
    return Gpu(id_, name, mebibytes)


def _text(value: str) -> str:
    """Without the quotes of a ClassAd."""
    value = value.strip()
    return value[1:-1].replace('\\"', '"') if value.startswith('"') else value
