"""What the counters of NVIDIA's network cards are to us: the one table.

The same names are used by the driver's statistics (``ethtool -S``), by the files of
``/sys/class/infiniband`` and by DOCA Telemetry Service, which reads these. Kernel documentation:
``networking/device_drivers/ethernet/mellanox/mlx5/counters.rst``; for RDMA
``ABI/stable/sysfs-class-infiniband`` and NVIDIA's "Understanding mlx5 RDMA counters".

Left out, for no signal says what they do: ``outbound_pci_stalled_*`` (the card's own PCIe slot, not
an accelerator's), ``port_xmit_wait`` (ticks of no documented length).
"""

from __future__ import annotations

from typing import NamedTuple


class Counter(NamedTuple):
    """A counter that only grows. Several of one signal are summed, or the greatest counts."""

    signal: str
    of_link: bool = True
    """Whether the reading is about the interface; else about the worker."""
    factor: float = 1.0
    greatest: bool = False


_IN_DROPS = Counter("ingress.drops_per_second", of_link=False)
_OUT_DROPS = Counter("egress.drops_per_second", of_link=False)
_ERRORS = Counter("link.errors_per_second")
_MARKS = Counter("fabric.ecn_marks_per_second")
_PAUSE = Counter("fabric.pause_share", factor=1e-6, greatest=True)
"""Microseconds for which the other side had us pause."""
_NAKS = Counter("fabric.naks_per_second")
PRIORITIES = range(8)

ETHTOOL: dict[str, Counter] = {
    "rx_out_of_buffer": _IN_DROPS,
    "dev_out_of_buffer": _IN_DROPS,
    "rx_discards_phy": _IN_DROPS,
    "tx_discards_phy": _OUT_DROPS,
    "rx_crc_errors_phy": _ERRORS,
    "rx_symbol_err_phy": _ERRORS,
    "rx_global_pause_duration": _PAUSE,
    **{f"rx_prio{number}_pause_duration": _PAUSE for number in PRIORITIES},
    **{f"rx_prio{number}_cong_discard": _IN_DROPS for number in PRIORITIES},
    **{f"rx_prio{number}_marked": _MARKS for number in PRIORITIES},
}
RX_BYTES, TX_BYTES = "rx_bytes_phy", "tx_bytes_phy"
"""All that the port carries, RDMA too: against its rate the utilisation."""

HARDWARE: dict[str, Counter] = {
    "out_of_buffer": _IN_DROPS,
    "out_of_sequence": Counter("ingress.out_of_order_per_second", of_link=False),
    "duplicate_request": Counter("ingress.retransmits_per_second", of_link=False),
    "packet_seq_err": _NAKS,
    "implied_nak_seq_err": _NAKS,
    "local_ack_timeout_err": Counter("fabric.timeouts_per_second"),
    "rnr_nak_retry_err": Counter("fabric.not_ready_per_second"),
    "roce_adp_retrans": Counter("fabric.retransmits_per_second"),
    "np_ecn_marked_roce_packets": _MARKS,
}
"""In ``hw_counters``. Each read asks the card's firmware, so no file beside these is opened."""
PORT: dict[str, Counter] = {"symbol_error": _ERRORS}
"""In ``counters``."""
PORT_RX_WORDS, PORT_TX_WORDS = "port_rcv_data", "port_xmit_data"
WORD_BYTES = 4
UTILISATION = "link.utilisation"

ALL = ETHTOOL | HARDWARE | PORT
SIGNALS = frozenset({*(counter.signal for counter in ALL.values()), UTILISATION})
