"""What the papers on pervasive context management published, as far as it is known here.

``V``: read in a paper. ``R``: reconstructed, from secondary notes or the field's common knowledge.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Published(NamedTuple):
    value: float
    source: Literal["V", "R"]


INFERENCES = 150_000

SECONDS = {
    "pv0": Published(40_900, "R"),
    "pv1": Published(10_400, "R"),
    "pv2": Published(5_300, "R"),
    "pv4_100": Published(2_900, "R"),
    "pv6": Published(783, "V"),
}
"""Makespans. Of the other experiments no figure is known, but words: pv3_1 is "catastrophic", pv4_k
"nearly flat" in k."""

CALIBRATED_ON = ("pv0", "pv1")

REDUCTIONS = {
    ("pv1", "pv4_100"): Published(0.721, "V"),
    ("pv0", "pv6"): Published(0.981, "V"),
}
"""By how much the second is shorter than the first."""

BATCH_ITEMS = (1, 100, 1_000, 3_000, 7_500)
"""Of pv3_k and pv4_k."""

TWENTY = ("a10", "titan") * 10
"""The GPUs of pv1 to pv5 (R), in the order in which they are taken away in pv5 (not known)."""

TITAN_SLOWER = 2.3
"""How much slower than an A10 a TITAN X Pascal is (R)."""

ENVIRONMENT_PACKED_BYTES = 3.7e9
ENVIRONMENT_UNPACKED_BYTES = 10.5e9
WEIGHTS_BYTES = 3.7e9
"""On disk; all three R."""

PEER_STREAMS = 3
"""The cap on transfers per source that was best (V)."""

DRAIN_BEGINS_SECONDS, DRAIN_GAP_SECONDS = 900.0, 60.0

GPUS = (
    *((35, 7), (175, 13), (200, 53), (250, 81), (320, 104), (350, 107), (420, 120)),
    *((425, 133), (519, 146), (520, 170), (600, 170), (670, 177), (765, 186)),
)
"""pv6: GPUs at seconds, read from its figure (V, within 3 GPUs and 10 s). A fall by 4 at 355 s,
within what can be read, is left out."""

DONE = (
    *((35, 0), (200, 500), (250, 2_000), (320, 5_000), (350, 7_000), (420, 13_000)),
    *((520, 30_000), (560, 47_000), (600, 62_000), (670, 100_000), (765, 148_000)),
    (783, 150_000),
)
"""pv6: inferences done at seconds, from the same figure (V)."""
