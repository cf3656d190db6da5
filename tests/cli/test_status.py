from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from pcm.cli.app import app
from pcm.identity import Identity
from pcm.journal import Item, Journal, Manifest, Outcome


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    who = Identity("f", "0" * 32, {})
    manifest = Manifest(1, "r1", "products", time.time(), "0", "id", who, who, {}, {}, [])
    journal = Journal.create(tmp_path, manifest)
    journal.add_items([Item(f'"{n}"', b"\xc0") for n in range(100)])
    journal.seal()
    now = time.time()
    journal.record([outcome(item, at=now + item) for item in range(11)])
    journal.commit()
    return journal


def outcome(item: int, at: float) -> Outcome:
    return Outcome(item, msgspec.msgpack.encode(1), None, "w1", "cpu", 1, 1, 0.1, at)


def status(directory: Path, *options: str) -> str:
    shown = CliRunner().invoke(app, ["status", str(directory), *options])
    assert shown.exit_code == 0, shown
    return shown.stdout


def test_a_run_that_goes_on(journal: Journal, tmp_path: Path) -> None:
    state = msgspec.json.decode(status(tmp_path, "--json"))
    assert state["state"] == "running"
    assert (state["items"], state["finished"], state["remaining"]) == (100, 11, 89)
    assert state["items_per_second"] == pytest.approx(1.0)
    assert state["eta_seconds"] == pytest.approx(89.0)
    assert state["owner"]["pid"] > 0
    text = status(tmp_path)
    assert text.startswith("products: running; 11 of 100 items finished, 1.0/s, 1 min 29 s left\n")
    assert "worked on by process" in text
    journal.close()


def test_the_speed_is_that_of_the_present_sitting(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        # The first sitting was an hour ago; and many rows were failures that are tried again now.
        connection.execute("UPDATE results SET at = at - 3600")
        connection.execute("UPDATE sqlite_sequence SET seq = 5000")
    connection.close()
    journal = Journal.open(tmp_path)
    assert msgspec.json.decode(status(tmp_path, "--json"))["items_per_second"] is None
    now = time.time()
    journal.record([outcome(11 + n, at=now + 2.0 * n) for n in range(11)])
    journal.commit()
    state = msgspec.json.decode(status(tmp_path, "--json"))
    assert state["items_per_second"] == pytest.approx(0.5)
    assert state["eta_seconds"] == pytest.approx(2.0 * 78)
    journal.close()


def test_a_run_whose_manager_is_gone(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    text = status(tmp_path, "--watch")
    assert "products: interrupted; 11 of 100 items finished" in text
    assert f"go on with: pcm resume {tmp_path}" in text


def test_a_run_that_has_failed(journal: Journal, tmp_path: Path) -> None:
    journal.finish("failed", "the loader raised LookupError", time.time())
    journal.close()
    text = status(tmp_path)
    assert text.splitlines()[0].startswith("products: failed; ")
    assert text.splitlines()[1] == "the loader raised LookupError"
