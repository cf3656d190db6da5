from __future__ import annotations

import time
from pathlib import Path

import msgspec

from pcm.cli.failures import described, failures
from pcm.identity import Identity
from pcm.journal import Item, Journal, JournalReader, Manifest, Outcome
from workers.protocol import ErrorReport


def test_alike_failures_are_told_together(tmp_path: Path) -> None:
    who = Identity("f", "0" * 32, {})
    manifest = Manifest(1, "r1", "products", time.time(), "0", "id", who, who, {}, {}, [])
    journal = Journal.create(tmp_path, manifest)
    journal.add_items([Item(f'"{n}"', b"\xc0") for n in range(6)])
    journal.seal()
    for item in range(5):
        report = ErrorReport("KeyError", "'b'") if item == 0 else ErrorReport("ValueError", "bad")
        error = msgspec.msgpack.encode(report)
        journal.record([Outcome(item, None, error, "w1", "cpu", 1, 1, 0.1, 1.0)])
        journal.give_up(item, "failed", ("attempt 1 failed",), 1.0)
    journal.record([Outcome(5, b"\x01", None, "w1", "cpu", 1, 1, 0.1, 1.0)])
    journal.commit()
    journal.close()
    with JournalReader(tmp_path) as reader:
        found = failures(reader)
    assert [(one.error, one.count, one.key) for one in found] == [
        ("ValueError: bad", 4, "1"),
        ("KeyError: 'b'", 1, "0"),
    ]
    assert described(found[0]) == "4 items failed (such as '1'): ValueError: bad"


def test_a_long_error_is_cut_and_its_traceback_is_indented() -> None:
    from pcm.cli.failures import Failure

    failure = Failure("E: " + "x" * 300, "failed", 1, 7, "Traceback:\n  line 3\n")
    text = described(failure, with_traceback=True).splitlines()
    assert len(text[0]) < 250
    assert text[1:] == ["    Traceback:", "      line 3"]
