"""From a directory to a model over ranks: profile, plan and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.inference import tiny_models
from tests.inference.rank_processes import on_ranks
from tests.inference.tiny_models import texts
from workers.heads.plan import HeadPlan
from workers.heads.planning import plan_heads
from workers.heads.profile import HeadProfile
from workers.inference.fairkv import load_fair
from workers.inference.fairkv.documents import read_document

pytestmark = pytest.mark.models

PROFILED_BY = ["the river flows past a town whose people sell copper " * 4] * 2
PROMPTS = texts(5, seed=1, longest_words=40)
BUDGET = 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _load_and_answer(directory: str, **arguments: Any) -> tuple[list[Any], Any]:
    """On a rank."""
    model = load_fair(directory, budget_tokens=BUDGET, slots=4, **arguments)
    return list(model.generate(PROMPTS, 9)), model.budgets


def _loaded_on_a_rank(directory: str, profile: str | None) -> tuple[list[Any], Any]:
    return _load_and_answer(directory, prompts=PROFILED_BY, profile=profile)


def test_ranks_answer_as_one_and_find_the_profile_again(model_directory: Path, cache: Path) -> None:
    alone, budgets = _load_and_answer(str(model_directory), prompts=PROFILED_BY)
    (kept,) = (cache / "pcm" / "heads").iterdir()
    found = read_document(HeadProfile, kept)
    assert (found.budget_tokens, found.prompts) == (BUDGET, 2)
    assert found.head_bytes > 0
    assert [sum(layer) for layer in found.kept] == pytest.approx([2 * BUDGET] * 2, abs=2)
    kept.write_bytes(kept.read_bytes().replace(b'"prompts":2', b'"prompts":3'))
    stamp = kept.stat().st_mtime_ns
    (first, first_budgets), (second, _) = on_ranks(
        2,
        _loaded_on_a_rank,
        str(model_directory),
        None,
        environment={"XDG_CACHE_HOME": str(cache)},
    )
    assert kept.stat().st_mtime_ns == stamp
    assert first == second == alone
    assert first_budgets == budgets


def test_a_profile_and_a_plan_may_be_given(model_directory: Path, tmp_path: Path) -> None:
    profile = HeadProfile("m", BUDGET, 1, 90, ((70.0, 10.0), (20.2, 60.0)))
    (tmp_path / "profile.json").write_bytes(profile.to_json())
    plan = plan_heads(profile.loads(), 1, method="equal")
    (tmp_path / "plan.json").write_bytes(plan.to_json())
    paths: dict[str, Any] = {"profile": tmp_path / "profile.json", "plan": tmp_path / "plan.json"}
    model = load_fair(str(model_directory), **paths)
    assert model.budgets == ((70, 10), (20, 60))
    assert model.plan == plan
    other = HeadPlan(2, 2, "equal", plan_heads(profile.loads(), 2, method="equal").layers)
    (tmp_path / "plan.json").write_bytes(other.to_json())
    with pytest.raises(ValueError, match="on 2 ranks, the model has 2 of 2 and runs on 1"):
        load_fair(str(model_directory), **paths)


def test_what_cannot_be_loaded_says_why(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(ValueError, match="give prompts like those to come, or a profile"):
        load_fair("anything")
    unknown: Any = "plans"
    with pytest.raises(ValueError, match="follow='plans' is unknown; give one of plan, budgets"):
        load_fair("anything", prompts=PROMPTS, follow=unknown)
    with pytest.raises(FileNotFoundError):
        load_fair(str(tmp_path / "nothing"), prompts=PROFILED_BY)
    tiny_models.gpt2().save_pretrained(tmp_path / "gpt2")
    tiny_models.tokenizer().save_pretrained(tmp_path / "gpt2")
    with pytest.raises(ValueError, match="gpt2 model cannot be dealt"):
        load_fair(str(tmp_path / "gpt2"), prompts=PROFILED_BY)
    tiny_models.llama().save_pretrained(tmp_path / "llama")
    tiny_models.tokenizer().save_pretrained(tmp_path / "llama")
    with pytest.raises(ValueError, match="leaves nothing beside the window"):
        load_fair(str(tmp_path / "llama"), prompts=PROFILED_BY, budget_tokens=32)
    with pytest.raises(ValueError, match="at most 256"):
        load_fair(str(tmp_path / "llama"), prompts=["river " * 300])
