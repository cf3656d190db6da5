"""Times and counts as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds in the two largest units that matter: ``48 s``, ``3 min 20 s``, ``2 d 4 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def rate(per_second: float) -> str:
    """A speed: per second, or per minute or hour where that is below one."""
    for size, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if per_second * size >= 1 or unit == "h":
            value = per_second * size
            return f"{value:,.0f}/{unit}" if value >= 100 else f"{value:.1f}/{unit}"
    raise AssertionError


def counted(number: int, noun: str) -> str:
    """``1 item``, ``1,200 items``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
