"""Signals that follow from two others of the same place, window by window."""

from __future__ import annotations

from typing import NamedTuple

from pcm.telemetry.signals import SIGNALS, Scope


class Quotient(NamedTuple):
    """``above / below``; not read where ``below`` is less than ``least``."""

    above: str
    below: str
    least: float
    """Of the denominator, in its unit: what is divided by less says nothing."""
    unit: str


DERIVED = {
    "pcie.h2d_bytes_per_transfer": Quotient(
        "pcie.h2d_bytes_per_second", "pcie.h2d_transfers_per_second", 1.0, "B"
    ),
    "pcie.d2h_bytes_per_transfer": Quotient(
        "pcie.d2h_bytes_per_second", "pcie.d2h_transfers_per_second", 1.0, "B"
    ),
    "pcie.h2d_transfers_per_launch": Quotient(
        "pcie.h2d_transfers_per_second", "pcie.launches_per_second", 20.0, "1"
    ),
    "queue.wait_seconds": Quotient("queue.items", "queue.done_per_second", 0.1, "s"),
    "decode.tokens_per_stream": Quotient("decode.tokens_per_second", "decode.active", 0.5, "1/s"),
    "ingress.retransmits_per_byte": Quotient(
        "ingress.retransmits_per_second", "ingress.bytes_per_second", 1e4, "1/B"
    ),
    "egress.retransmits_per_byte": Quotient(
        "egress.retransmits_per_second", "egress.bytes_per_second", 1e4, "1/B"
    ),
}


def scope_of(signal: str) -> Scope:
    known = DERIVED.get(signal)
    return SIGNALS[known.above if known else signal].scope


def unit_of(signal: str) -> str:
    known = DERIVED.get(signal)
    return known.unit if known else SIGNALS[signal].unit


def sources(signal: str) -> tuple[str, ...]:
    """The signals of the catalogue that it takes."""
    known = DERIVED.get(signal)
    return (known.above, known.below) if known else (signal,)
