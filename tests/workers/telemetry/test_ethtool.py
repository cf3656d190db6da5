from __future__ import annotations

import pytest

from tests.workers.telemetry import namespaces
from workers.telemetry.ethtool import Ethtool, driver


def test_statistics_of_a_real_driver() -> None:
    """veth names its peer's index among its statistics, and counts packets."""
    found = namespaces.run(
        """
        import json, socket
        from workers.telemetry.ethtool import Ethtool, driver

        ethtool = Ethtool("v0")
        everything = dict(ethtool.values(list(range(len(ethtool.names)))))
        print(json.dumps({
            "values": {ethtool.names[index]: value for index, value in everything.items()},
            "peer": socket.if_nametoindex("v1"),
            "driver": driver("v0"),
        }))
        """
    )
    assert found["values"]["peer_ifindex"] == found["peer"]
    assert all(name.isprintable() and name for name in found["values"])
    assert found["driver"] == ""


def test_statistics_that_changed_are_read_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ethtool = Ethtool.__new__(Ethtool)
    ethtool.names = ["a", "b"]
    monkeypatch.setattr(ethtool, "_count", lambda: 3)
    monkeypatch.setattr(ethtool, "_read_names", lambda: ["a", "b", "c"])
    assert list(ethtool.values([0])) == []
    assert ethtool.names == ["a", "b", "c"]


def test_no_such_interface() -> None:
    assert Ethtool.find("nosuch0") is None
    with pytest.raises(OSError):
        Ethtool("nosuch0")
    assert driver("nosuch0") == ""
