from __future__ import annotations

import msgspec
import pytest

from pcm.control import messages
from pcm.control.messages import Answer, Drain, Pause, RetryFailed
from pcm.errors import InputError


def test_requests_and_answers_are_lines_of_json() -> None:
    asked = messages.request("pause", "run-1.1", by="dashboard")
    assert asked == Pause(run="run-1.1", by="dashboard")
    line = messages.line(asked)
    assert msgspec.json.decode(line) == {"action": "pause", "run": "run-1.1", "by": "dashboard"}
    assert line.endswith(b"}\n")
    assert messages.read_request(line) == asked
    drain = messages.request("drain", "run-1.1", "w1")
    assert messages.read_request(messages.line(drain)) == Drain(run="run-1.1", worker="w1")
    answer = Answer(True, "2 items", 2)
    assert messages.read_answer(messages.line(answer)) == answer
    assert isinstance(messages.request("retry_failed", "r"), RetryFailed)


@pytest.mark.parametrize(
    ("action", "worker", "by", "problem"),
    [
        ("explode", "", "cli", "no action 'explode'; give one of pause, unpause, cancel"),
        ("drain", "", "cli", "worker: drain is of one worker"),
        ("pause", "w1", "cli", "worker: pause is not about a worker"),
        ("pause", "", "CLI\n", "by"),
        ("drain", "w" * 300, "cli", "worker"),
    ],
)
def test_what_is_no_request_is_not_made(action: str, worker: str, by: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        messages.request(action, "run-1.1", worker, by)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"action":"pause"}',
        b'{"action":"pause","run":""}',
        b'{"action":"pause","run":1}',
        b'{"action":"shell","run":"r","command":"true"}',
        b'{"action":"pause","run":"r","command":"true"}',
        b'{"action":"drain","run":"r"}',
        b'{"action":"pause","run":"r","by":"x\\u001b[2J"}',
        b'\xff{"action":"pause","run":"r"}',
    ],
)
def test_nothing_else_is_understood(text: bytes) -> None:
    with pytest.raises(ValueError, match="is no message"):
        messages.read_request(text)
