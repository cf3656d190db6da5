"""Ranks of a replica: who is here, and what they agree on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.inference.rank_processes import RankFailed, on_ranks
from workers.inference import ranks
from workers.inference.ranks import ALONE, Ranks


def test_alone_there_is_nothing_to_agree_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ranks.RENDEZVOUS, raising=False)
    assert ranks.here() == ranks.join() == ALONE
    assert ranks.agree(7) == 7
    assert ranks.same(b"x")
    assert ranks.told(b"mine") == b"mine"


@pytest.mark.parametrize(
    ("rank", "count", "problem"),
    [("2", "2", "below WORLD_SIZE=2"), ("-1", "2", "at least 0"), ("one", "2", "numbers")],
)
def test_impossible_ranks_are_told(
    monkeypatch: pytest.MonkeyPatch, rank: str, count: str, problem: str
) -> None:
    monkeypatch.setenv(ranks.RENDEZVOUS, "/nowhere")
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", count)
    with pytest.raises(ValueError, match=problem):
        ranks.here()


def test_the_ranks_of_another_launcher_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv(ranks.RENDEZVOUS, raising=False)
    assert ranks.here() == ranks.join() == ALONE


def test_a_rank_that_does_not_come_is_told() -> None:
    with pytest.raises(RankFailed, match="TimeoutError: rank 0 of 2 did not meet the others"):
        on_ranks(1, _waits_in_vain, environment={"WORLD_SIZE": "2"}, joined=False)


def _waits_in_vain() -> None:
    ranks.join(seconds=0.5)


def test_who_is_here_is_known_without_torch() -> None:
    code = (
        "import sys; from workers.inference import ranks; ranks.here(); ranks.agree(1);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _agreements() -> tuple[Ranks, int, bool, bool, bytes, bytes, Ranks]:
    own = ranks.here().rank
    return (
        ranks.here(),
        ranks.agree(10 - own),
        ranks.same(b"alike"),
        ranks.same(bytes([own])),
        ranks.told(f"rank {own}".encode() * (own + 1)),
        ranks.told(b"" if own == 0 else b"unheard"),
        ranks.join(),
    )


def test_ranks_agree() -> None:
    answers = on_ranks(2, _agreements)
    for rank, answer in enumerate(answers):
        me = Ranks(rank, 2)
        assert answer == (me, 9, True, False, b"rank 0", b"", me)


def _fails_together() -> str:
    try:
        with ranks.together("reading"):
            if ranks.here().rank == 1:
                raise KeyError("what rank 1 lacks")
    except (KeyError, RuntimeError) as error:
        return str(error)
    return ""


def test_what_fails_on_one_fails_on_all() -> None:
    first, second = on_ranks(2, _fails_together)
    assert first.startswith("reading failed on another rank")
    assert second == "'what rank 1 lacks'"


def _fails_on_rank_1() -> int:
    if ranks.here().rank == 1:
        raise KeyError("what rank 1 lacks")
    return ranks.agree(0)  # waits for rank 1


def test_a_rank_that_fails_ends_the_others() -> None:
    with pytest.raises(RankFailed, match="what rank 1 lacks"):
        on_ranks(2, _fails_on_rank_1)
