"""What exporters on or near the machine offer: NVIDIA's for GPUs (DCGM) and DOCA Telemetry Service.

Names of DCGM's are those of its exporter. DOCA's are the names of the underlying counters; which
label has the interface is not documented, so several are looked for. This has not met a real DPU.
"""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage
from typing import IO, ClassVar

from workers.telemetry import nic_counters
from workers.telemetry.base import Reading, Sampler
from workers.telemetry.exposition import Sample, samples
from workers.telemetry.tally import Tally
from workers.telemetry.throttling import APPLICATION_XIDS, throttled

MAX_BYTES = 4 << 20
PATIENCE_SECONDS = 2.0
RETRY_SECONDS = 30.0
"""An exporter that failed is left alone for so long."""
INTERFACE_LABELS = ("interface", "netdev", "device", "device_name", "dev")

GAUGES = {
    "DCGM_FI_DEV_GPU_UTIL": ("gpu.busy_share", 0.01),
    "DCGM_FI_PROF_PCIE_RX_BYTES": ("pcie.h2d_bytes_per_second", 1.0),
    "DCGM_FI_PROF_PCIE_TX_BYTES": ("pcie.d2h_bytes_per_second", 1.0),
}
"""As they are, times a factor. Received is what comes from the host; bytes per second both."""
COUNTERS = {
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": "pcie.replays_per_second",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": "gpu.errors_per_second",
}
LAST_XID = "DCGM_FI_DEV_XID_ERRORS"
"""The number of the last error; that there was another shows by its change."""
REASONS = frozenset(("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"))
WANTED = frozenset(
    {*GAUGES, *COUNTERS, LAST_XID, *REASONS, *nic_counters.ETHTOOL, *nic_counters.HARDWARE}
)


class Prometheus(Sampler):
    """One exporter, by its URL. That it does not answer is said once; it may come back."""

    signals: ClassVar[frozenset[str]] = frozenset(
        {*(signal for signal, _ in GAUGES.values()), *COUNTERS.values()}
        | {"gpu.throttled_share"}
        | (nic_counters.SIGNALS - {nic_counters.UTILISATION})
    )

    def __init__(
        self,
        url: str,
        gpus: frozenset[int] = frozenset(),
        fetch: Callable[[str], str] | None = None,
    ) -> None:
        """``gpus``: the worker's own, by index; empty for all that the exporter knows. Raises
        ValueError for a URL that is not http or https."""
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"not the URL of an exporter (http:// or https://): {url}")
        self._url = url
        self._gpus = gpus
        self._fetch = fetch or fetched
        self._tally = Tally()
        self._xids: dict[str, float] = {}
        self._xid_at: float | None = None
        self._not_before = 0.0
        self._said = False

    def read(self, now_seconds: float) -> list[Reading]:
        if now_seconds < self._not_before:
            return []
        try:
            found = list(samples(self._fetch(self._url), WANTED))
        except (OSError, ValueError, HTTPException) as failure:
            self._not_before = now_seconds + RETRY_SECONDS
            if not self._said:
                self._said = True
                print(f"no telemetry from {self._url}: {failure}", file=sys.stderr)
            return []
        passed = now_seconds - self._xid_at if self._xid_at is not None else 0.0
        self._xid_at = now_seconds
        for sample in found:
            if sample.name.startswith("DCGM_"):
                self._gpu(sample, now_seconds, passed)
            else:
                self._card(sample, now_seconds)
        return self._tally.take()

    def _gpu(self, sample: Sample, now_seconds: float, passed_seconds: float) -> None:
        index = sample.labels.get("gpu", "")
        if not index.isdecimal() or (self._gpus and int(index) not in self._gpus):
            return
        name, place, value = sample.name, f"gpu{int(index)}", sample.value
        if name in GAUGES:
            signal, factor = GAUGES[name]
            self._tally.add(signal, place, value * factor, greatest=True)
        elif name in COUNTERS:
            key = name, tuple(sorted(sample.labels.items()))
            self._tally.count(key, value, now_seconds, COUNTERS[name], place)
        elif name == LAST_XID:
            before = self._xids.get(place)
            self._xids[place] = value
            is_new = before is not None and value not in (0, before)
            if passed_seconds > 0 and is_new and value not in APPLICATION_XIDS:
                self._tally.add("gpu.errors_per_second", place, 1.0 / passed_seconds)
        elif name in REASONS and value >= 0:
            self._tally.add(
                "gpu.throttled_share", place, float(throttled(int(value))), greatest=True
            )

    def _card(self, sample: Sample, now_seconds: float) -> None:
        labels = sample.labels
        place = next((labels[label] for label in INTERFACE_LABELS if labels.get(label)), "")
        counter = nic_counters.ETHTOOL.get(sample.name) or nic_counters.HARDWARE[sample.name]
        if counter.of_link and not place:
            return
        self._tally.count(
            (sample.name, tuple(sorted(labels.items()))),
            sample.value,
            now_seconds,
            counter.signal,
            place[:64] if counter.of_link else "",
            factor=counter.factor,
            greatest=counter.greatest,
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Nobody else than who was named is asked."""


def fetched(url: str) -> str:
    """The body at a URL. Raises OSError, HTTPException or ValueError: not there, too slow, too
    large, not text."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    request = urllib.request.Request(url, headers={"Accept": "text/plain;version=0.0.4"})
    body = bytearray()
    with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
        while chunk := answer.read1(1 << 16):
            body += chunk
            if len(body) > MAX_BYTES:
                raise ValueError(f"more than {MAX_BYTES >> 20} MiB")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not complete within {PATIENCE_SECONDS:g} s")
    return body.decode("utf-8")
