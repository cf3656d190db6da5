"""Readings of hosts, accelerators and the links between them."""

from __future__ import annotations

import numpy as np

from evaluations.runbook.cluster import Layout
from evaluations.runbook.habits import Habits
from evaluations.runbook.levers import Floats, Levers
from evaluations.runbook.recording import Recorder
from evaluations.runbook.serving import Served
from evaluations.runbook.steps import Steps

_SLEEPY = frozenset(("V100", "A10"))
"""Kinds whose PCIe link slows down when nothing uses it."""
_PASS_TOKENS = 2048
"""Of a prompt, that one pass reads."""


def hosts(recorder: Recorder, levers: Levers, steps: Steps) -> None:
    everyone = range(levers.present.shape[1])
    stands = levers.hiccup_seconds
    loads = (levers.weights_per_second > 0).astype(np.float64)
    pressure = np.minimum(steps.cpu_wait_share + 0.2 * stands, 1)
    recorder.add("host.cpu_pressure", everyone, pressure, noise=0.15)
    recorder.add("host.memory_pressure", everyone, 0.001 + 0.1 * stands, noise=0.3)
    recorder.add("host.io_pressure", everyone, 0.006 + 0.4 * loads, noise=0.3)
    recorder.add("host.cpu_share", everyone, np.minimum(0.08 + levers.cores_wanted, 1.0))
    recorder.add("host.steal_share", everyone, levers.steal, noise=0.3)


def decoding(recorder: Recorder, layout: Layout, levers: Levers, served: Served) -> None:
    """Every worker of a group takes part in each step and knows its streams; of a split pair, the
    one that decodes."""
    for number, server in enumerate(layout.cluster.servers):
        workers = server.workers[-1:] if server.form == "split" else server.workers
        same = (1, len(workers))
        active = served.active[:, [number]]
        ended = levers.early[:, layout.gpu_server == number].mean(1, keepdims=True)
        empty = 1 - (1 - served.empty_share[:, [number]]) * (1 - ended)
        empty = np.where(active > 0.05, empty, np.nan)
        recorder.add(
            "decode.tokens_per_second",
            workers,
            np.tile(served.tokens[:, [number]], same),
            noise=0.01,
        )
        recorder.add("decode.active", workers, np.tile(active, same), noise=0.01)
        recorder.add("decode.empty_share", workers, np.tile(empty, same), noise=0.02)


class Accelerators:
    """Readings of each GPU and of its link. Arrays of shape (windows, GPUs)."""

    def __init__(
        self,
        recorder: Recorder,
        layout: Layout,
        levers: Levers,
        habits: Habits,
        steps: Steps,
        served: Served,
    ) -> None:
        self.recorder, self.layout, self.levers = recorder, layout, levers
        self.habits, self.steps, self.served = habits, steps, served
        of = self.of = layout.gpu_server
        self.owner = layout.gpu_worker
        self.servers = [layout.cluster.servers[server] for server in of]
        self.forms = np.array([server.form for server in self.servers])
        kinds = [layout.cluster.kinds[worker] for worker in self.owner]
        self.bus = np.array([kind.pcie_bytes_per_second for kind in kinds]) * levers.width
        self.is_sleepy = np.array([kind.name in _SLEEPY for kind in kinds])
        split, first = self.forms == "split", self.owner == layout.heads[of]
        self.reads, decodes = ~split | first, ~split | ~first
        rate = served.decode_share / np.maximum(served.step_seconds, 1e-6)
        self.rate = np.where(decodes, rate[:, of], 0)
        """Steps per second."""
        self.tokens = served.tokens[:, of] * decodes
        self.read_tokens = served.prefill_tokens[:, of] * self.reads
        self.passes = served.admitted[:, of] * self.reads + self.read_tokens / _PASS_TOKENS
        self.works = (self.rate > 0) | (self.passes > 0)
        # Ranks that wait for others in a collective run its kernel: they look busy.
        waits_inside = np.isin(self.forms, ("tensor", "across", "experts"))
        computing = np.where(waits_inside, steps.scale[:, of], steps.factor)
        computing = np.minimum(
            computing * served.compute_seconds[:, of], served.step_seconds[:, of]
        )
        self.busy = served.prefill_share[:, of] * self.reads + self.rate * computing

    def read(self) -> None:
        self._running()
        self._copies()
        self._launches()
        self._peers()

    def _add(self, signal: str, values: Floats, noise: float = 0.04) -> None:
        places = [self.layout.gpu_place(gpu) for gpu in range(len(self.of))]
        same = np.broadcast_to(values, self.levers.slow.shape)
        self.recorder.add(signal, self.owner, same, places, noise)

    def _running(self) -> None:
        levers = self.levers
        self._add("gpu.busy_share", (self.busy * (1 - 0.5 * levers.early)).clip(0, 1), 0.02)
        self._add("gpu.clock_share", levers.clock, 0.008)
        self._add("gpu.throttled_share", levers.throttled, 0.15)
        self._add("gpu.errors_per_second", np.full(len(self.of), 1e-6))

    def _copies(self) -> None:
        levers, habits, of, rate = self.levers, self.habits, self.of, self.rate
        in_step = rate * habits.step_input_bytes[of] * levers.part
        in_prompt = self.read_tokens * habits.prompt_input_bytes[of] * levers.part
        loads = np.minimum(levers.bus_others + levers.bus_load, 0.98) * self.bus
        own = np.minimum(in_step + in_prompt, self.bus - loads)
        out = self.tokens * habits.output_bytes[of] * levers.part * (1 - 0.6 * levers.early)
        out /= [server.gpus if server.form == "replicas" else 1 for server in self.servers]
        out = np.minimum(out, self.bus)
        share = np.maximum(own + loads, out) / self.bus
        self._add("pcie.h2d_bytes_per_second", own + loads)
        self._add("pcie.d2h_bytes_per_second", out + 1e3)
        each = np.maximum(2, habits.step_input_bytes[of] / levers.chunk_bytes)
        copies = rate * each + in_prompt / levers.chunk_bytes + loads / 4e6
        self._add("pcie.h2d_transfers_per_second", copies)
        self._add("pcie.d2h_transfers_per_second", rate * 2 + 0.1)
        wait = np.where(self.works, self.steps.input_wait, np.nan)
        self._add("pcie.h2d_wait_seconds", wait, 0.1)
        delay = np.where(rate > 0, self.steps.output_delay, np.nan)
        self._add("pcie.d2h_delay_seconds", delay, 0.1)
        several = np.array([server.gpus_per_worker > 1 for server in self.servers])
        early = np.where(several & (rate > 0), 0.03 + levers.early, np.nan)
        self._add("pcie.d2h_early_share", early, 0.3)
        self._add("pcie.utilisation", share, 0.02)
        stalled = 0.001 + 0.6 * ((share - 0.7) / 0.3).clip(0, 1) ** 2
        self._add("pcie.stall_share", stalled, 0.15)
        asleep = self.is_sleepy & (self.busy < 0.02)
        self._add("pcie.width_share", np.where(asleep, 0.25, 1) * levers.width)
        self._add("pcie.replays_per_second", np.full(len(of), 1e-3))

    def _launches(self) -> None:
        levers, steps = self.levers, self.steps
        launches = (self.rate + self.passes * 1.5) * self.habits.launches[self.of] + 0.5
        self._add("pcie.launches_per_second", launches)
        waits = steps.cpu_wait_share[:, self.owner]
        stands = levers.hiccup_seconds[:, self.owner]
        spread = levers.launch_jitter * (1 + 5 * np.where(waits > 0.1, waits, 0)) * (1 + 2 * stands)
        self._add("pcie.launch_gap_spread", np.where(self.works, spread, np.nan), 0.1)
        mapped = 0.4 + self.rate * levers.mappings_per_step + 60 * (levers.bus_load > 0)
        self._add("pcie.mappings_per_second", mapped, 0.5)

    def _peers(self) -> None:
        tensor = self.forms == "tensor"
        per_token = np.array([4 * s.model.layers * s.model.hidden for s in self.servers])
        moved = (self.tokens + self.read_tokens) * per_token * self.levers.part
        self._add("pcie.peer_bytes_per_second", np.where(tensor, moved, np.nan))
        moving = tensor & (moved > 0)
        seconds = np.where(moving, self.steps.peer_seconds_per_gigabyte, np.nan)
        self._add("pcie.peer_seconds_per_gigabyte", seconds, 0.06)
        self._add("pcie.peer_bounced_share", np.where(moving, self.levers.bounced, np.nan))
