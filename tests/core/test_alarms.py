from __future__ import annotations

from pcm.core.alarms import Alarms


def test_alarms_go_off_in_order_and_once() -> None:
    alarms = Alarms()
    alarms.set(("b",), 2.0)
    alarms.set(("a",), 1.0)
    alarms.set(("c",), 3.0)
    assert alarms.next() == 1.0
    assert list(alarms.due(2.0)) == [("a",), ("b",)]
    assert list(alarms.due(2.0)) == []
    assert alarms.next() == 3.0


def test_an_alarm_can_be_made_earlier_but_not_later() -> None:
    alarms = Alarms()
    alarms.set(("a",), 5.0)
    alarms.set(("a",), 9.0)
    assert alarms.next() == 5.0
    alarms.set(("a",), 1.0)
    assert list(alarms.due(9.0)) == [("a",)]
    assert alarms.next() is None


def test_a_cleared_alarm_is_silent() -> None:
    alarms = Alarms()
    alarms.set(("a",), 5.0)
    alarms.clear(("a",))
    assert alarms.next() is None
