"""Files of the next context come while a worker computes with the present one, by TaskVine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import msgspec
import psutil
import pytest

import pcm
from pcm.core import scheduler
from pcm.core.commands import Load
from pcm.core.events import ReplicaChanged
from pcm.core.policy import Policy
from pcm.engines.taskvine import TaskVineEngine
from pcm.journal import JournalReader
from tests.cluster.needs import needs_taskvine
from tests.cluster.outside import ended, launch
from tests.cluster.waiting import until

pytestmark = [pytest.mark.cluster, needs_taskvine]

MODEL_BYTES = 9 << 20
"""More than one piece."""
MOST_OF_IT = int(psutil.virtual_memory().total * 0.6)
"""No worker can hold two contexts of this size."""
SHORT_TURNS = Policy(turn_seconds=0.0, turn_loads=0.0, ahead_seconds=0.0)


@pcm.context(memory=MOST_OF_IT)
def sum_of(model: str) -> int:
    return sum(Path(model).joinpath("weights").read_bytes())


@pcm.task
def tell(model: int, items: Sequence[int], gate: str = "") -> Iterator[int]:
    """Nothing before the gate is there."""
    for _ in items:
        while gate and not Path(gate).exists():
            time.sleep(0.01)
        yield model


def a_model(folder: Path, byte: int) -> Path:
    folder.mkdir()
    (folder / "weights").write_bytes(bytes([byte]) * MODEL_BYTES)
    return folder


class Log:
    """What a run's journal says so far of a context."""

    def __init__(self, run: pcm.Run, context: str) -> None:
        self._directory, self._context = run.directory, context

    def read(self) -> list[Load | ReplicaChanged]:
        kinds: dict[str, type[Load] | type[ReplicaChanged]] = {
            kind.__name__: kind for kind in (Load, ReplicaChanged)
        }
        with JournalReader(self._directory) as reader:
            found = [
                msgspec.json.decode(entry.body, type=kinds[entry.kind])
                for entry in reader.events(kinds=kinds)
            ]
        return [entry for entry in found if entry.context == self._context]

    def until(self, matches: Callable[[Load | ReplicaChanged], bool]) -> None:
        until(lambda: any(matches(entry) for entry in self.read()), self.read, within_seconds=40)


def told(entry: Load | ReplicaChanged) -> tuple[str, str]:
    return ("load", entry.tier) if isinstance(entry, Load) else (entry.tier, entry.status)


def test_files_of_the_next_context_come_while_the_present_one_computes(
    tmp_path: Path, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCM_VALIDATE", "1")
    gate = tmp_path / "gate"
    engine = TaskVineEngine(workers=0, password_file=password)
    first, second = (sum_of(str(a_model(tmp_path / str(n), n))) for n in (1, 2))
    with (
        patch.object(scheduler, "Policy", lambda: SHORT_TURNS),
        pcm.Manager(engine, workers=0) as manager,
    ):
        one = manager.map(tell.bind(gate=str(gate)), range(3), context=first, batch=1)
        cache = str(tmp_path / "cache")
        launcher = launch(engine.port, password, "--once", "--never-shared", "--cache", cache)
        Log(one, first.identity.digest).until(lambda entry: told(entry) == ("gpu", "warm"))
        two = manager.map(tell, range(3), context=second, batch=1)
        log = Log(two, second.identity.digest)
        log.until(lambda entry: told(entry) == ("disk", "warm"))
        assert one.progress().finished == 0, "it computes meanwhile"
        gate.touch()
        assert [row.value for row in one] == [MODEL_BYTES] * 3
        assert [row.value for row in two] == [2 * MODEL_BYTES] * 3
        figures = engine.staging_figures()
    ended(launcher)
    heard = [told(entry) for entry in log.read()]
    begun = [("load", "disk"), ("disk", "warm"), ("load", "gpu"), ("gpu", "loading")]
    assert heard[: len(begun)] == begun
    assert figures.piece_bytes == 2 * MODEL_BYTES
