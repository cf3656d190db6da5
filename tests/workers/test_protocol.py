from __future__ import annotations

import msgspec
import pytest

from workers import protocol
from workers.protocol import Notice, Telemetry

HOSTILE = {
    "nothing": b"",
    "no array": b"\xc0",
    "another message": msgspec.msgpack.encode([["Unknown", 1]]),
    "an order": msgspec.msgpack.encode([["DropContext", "c"]]),
    "nested without end": b"\x91" * 100_000 + b"\xc0",
    "no UTF-8": b"\x91\x92\xa6Notice\xa2\xff\xfe",
    "cut off": protocol.encode([Notice(1.0)])[:-1],
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_report_is_refused_in_one_way(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        protocol.decode_reports(body)


def test_reports_come_through() -> None:
    reports = [Notice(2.0), Telemetry(1.0, 1.0, [("host.cpu_share", "", 0.5)])]
    assert protocol.decode_reports(protocol.encode([*reports])) == reports
