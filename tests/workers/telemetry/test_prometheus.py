from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.workers.telemetry.catalogue import checked
from workers.telemetry import prometheus
from workers.telemetry.prometheus import Prometheus, fetched

URL = "http://127.0.0.1:9400/metrics"
DCGM = """# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_SM_CLOCK{{gpu="0",UUID="GPU-a"}} 1980
DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA H100"}} 75
DCGM_FI_DEV_GPU_UTIL{{gpu="1",UUID="GPU-b",device="nvidia1",modelName="NVIDIA H100"}} 5
DCGM_FI_DEV_PCIE_REPLAY_COUNTER{{gpu="0",UUID="GPU-a"}} {replays}
DCGM_FI_DEV_XID_ERRORS{{gpu="0",UUID="GPU-a",err_code="79"}} {xid}
DCGM_FI_PROF_PCIE_RX_BYTES{{gpu="0",UUID="GPU-a"}} 8000000000
DCGM_FI_PROF_PCIE_TX_BYTES{{gpu="0",UUID="GPU-a"}} 2000000000
DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{{gpu="0",UUID="GPU-a"}} 32
"""
DOCA = """# DOCA Telemetry Service
rx_prio3_pause_duration{{device_name="p0"}} {pause}
rx_out_of_buffer{{device_name="p0"}} {drops}
rx_out_of_buffer{{device_name="p1"}} {drops}
local_ack_timeout_err{{device_name="p0",port_num="1"}} {timeouts}
packet_seq_err {timeouts}
"""


class Exporter:
    """What it says can be set; an exception is what asking for it ends in."""

    def __init__(self, says: str | Exception) -> None:
        self.says = says
        self.asked = 0

    def __call__(self, url: str) -> str:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def test_gpus() -> None:
    exporter = Exporter(DCGM.format(replays=10, xid=0))
    sampler = Prometheus(URL, frozenset({0}), exporter)
    sampler.read(0.0)
    exporter.says = DCGM.format(replays=14, xid=79)
    assert checked(sampler, sampler.read(2.0)) == {
        ("gpu.busy_share", "gpu0"): 0.75,
        ("pcie.h2d_bytes_per_second", "gpu0"): 8e9,
        ("pcie.d2h_bytes_per_second", "gpu0"): 2e9,
        ("pcie.replays_per_second", "gpu0"): 2.0,
        ("gpu.throttled_share", "gpu0"): 1.0,
        ("gpu.errors_per_second", "gpu0"): 0.5,
    }
    assert ("gpu.errors_per_second", "gpu0") not in checked(sampler, sampler.read(3.0))
    exporter.says = DCGM.format(replays=14, xid=31)  # The program's own.
    assert ("gpu.errors_per_second", "gpu0") not in checked(sampler, sampler.read(4.0))
    everything = Prometheus(URL, fetch=exporter)
    assert ("gpu.busy_share", "gpu1") in checked(everything, everything.read(0.0))


def test_cards() -> None:
    exporter = Exporter(DOCA.format(pause=0, drops=0, timeouts=0))
    sampler = Prometheus(URL, fetch=exporter)
    assert sampler.read(0.0) == []
    exporter.says = DOCA.format(pause=500_000, drops=4, timeouts=6)
    assert checked(sampler, sampler.read(2.0)) == {
        ("fabric.pause_share", "p0"): pytest.approx(0.25),
        ("ingress.drops_per_second", ""): 4.0,
        ("fabric.timeouts_per_second", "p0"): 3.0,  # packet_seq_err has no place.
    }


@pytest.mark.parametrize(
    "trouble", [OSError("refused"), ValueError("too large"), "DCGM_FI_DEV_GPU_UTIL{broken 1"]
)
def test_one_that_fails_is_said_once_and_asked_again_later(
    trouble: str | Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    exporter = Exporter(trouble)
    sampler = Prometheus(URL, fetch=exporter)
    for now in (0.0, 1.0, 29.0, 31.0):
        assert sampler.read(now) == []
    assert exporter.asked == 2
    assert capfd.readouterr().err.count(URL) == 1
    exporter.says = DCGM.format(replays=0, xid=0)
    assert sampler.read(70.0)


def test_not_a_url() -> None:
    with pytest.raises(ValueError, match="not the URL of an exporter"):
        Prometheus("file:///etc/passwd")


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path:
            case "/metrics":
                assert self.headers["Accept"].startswith("text/plain")
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"a 1\n")
            case "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "/metrics")
                self.end_headers()
            case "/large":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"x" * 5000)
            case "/bytes":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"\xff\xfe")
            case _:
                self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_over_http(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fetched(f"{server}/metrics") == "a 1\n"
    for path in ("/elsewhere", "/absent"):
        with pytest.raises(OSError):
            fetched(server + path)
    with pytest.raises(ValueError):
        fetched(f"{server}/bytes")
    monkeypatch.setattr(prometheus, "MAX_BYTES", 1000)
    with pytest.raises(ValueError, match="more than"):
        fetched(f"{server}/large")
