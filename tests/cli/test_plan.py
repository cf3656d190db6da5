from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from pcm.cli.app import app
from workers.heads.plan import HeadPlan
from workers.heads.profile import HeadProfile

MODEL = Path(__file__).parents[2] / "apps" / "fact_verification" / "demo" / "model"
KEPT = ((700.0, 100.0, 100.0, 100.0), (250.0, 250.0, 250.0, 250.0))


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.json"
    known = HeadProfile("tiny", 250, 8, 2000, KEPT, head_bytes=1_000_000)
    path.write_bytes(known.to_json())
    return path


def plan(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, arguments)])


def told(*arguments: object) -> dict[str, Any]:
    shown = plan(*arguments, "--json")
    assert shown.exit_code == 0, shown
    answer: dict[str, Any] = msgspec.json.decode(shown.stdout)
    return answer


def test_loads_before_and_after(profile: Path) -> None:
    shown = plan(profile, "--ranks", 2)
    assert shown.exit_code == 0, shown
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[0] == (
        "tiny: 2 layers of 4 KV heads on 2 ranks; heads keep 250 tokens in the mean, at most 700"
    )
    assert "0 1,300 4 1,000 3" in lines
    assert "slow 1,300 1,000" in lines
    assert "utilisation 76.9% -> 100.0%" in lines
    assert "copies 1: 12.5% more weights of attention, 1.0 MB on all ranks together" in lines
    assert lines[-1] == ("expected gain: decode attention is 1.30x as fast as with the equal split")


def test_the_same_as_json(profile: Path) -> None:
    story = told(profile, "--ranks", 2)
    assert (story["layers"], story["heads"], story["copies"]) == (2, 4, 1)
    assert story["extra_bytes"] == 1_000_000
    assert story["gain"] == pytest.approx(1.3)
    assert story["before"]["loads"] == [1300.0, 700.0]
    assert story["after"]["loads"] == pytest.approx([1000.0, 1000.0])
    assert story["after"]["utilisation_by_rows"]["8"] < 1


def test_without_copies_and_in_few_rows(profile: Path) -> None:
    assert told(profile, "--ranks", 2, "--copies", 0)["gain"] == pytest.approx(1300 / 1200)
    few = told(profile, "--ranks", 2, "--rows", 2)
    assert few["rows"] == 2
    assert few["after"]["utilisation"] == few["after"]["utilisation_by_rows"]["8"]
    assert "with batches of 2 rows" in plan(profile, "--ranks", 2, "--rows", 2).stdout


def test_the_plan_is_written(profile: Path, tmp_path: Path) -> None:
    shown = plan(profile, "--ranks", 2, "--out", tmp_path / "plan.json")
    assert shown.stdout.splitlines()[-1] == f"plan: {tmp_path / 'plan.json'}"
    written = HeadPlan.from_json((tmp_path / "plan.json").read_bytes())
    assert (written.ranks, written.heads, written.copies) == (2, 4, 1)


def test_a_profile_is_made_of_a_model_and_prompts(tmp_path: Path) -> None:
    prompts, path = tmp_path / "prompts.jsonl", tmp_path / "made.json"
    text = "the river rose and the bridge fell, " * 9
    prompts.write_text(f'{{"prompt": "{text}"}}\n' * 2)
    options = ("--ranks", 2, "--model", MODEL, "--prompts", prompts, "--budget", 40)
    story = told(path, *options)
    assert (story["layers"], story["heads"], story["budget_tokens"]) == (3, 4, 40)
    profile = HeadProfile.from_json(path.read_bytes())
    assert profile.prompts == 2
    assert profile.loads().mean() == pytest.approx(40, abs=1)
    assert story["extra_bytes"] == story["copies"] * profile.head_bytes > 0


def test_a_model_without_prompts_or_with_wrong_ones(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    alone = plan(path, "--ranks", 2, "--model", MODEL)
    assert (alone.exit_code, "--prompts: is missing" in alone.stderr) == (2, True)
    wrong = tmp_path / "prompts.jsonl"
    wrong.write_text('{"text": "none"}\n')
    shown = plan(path, "--ranks", 2, "--model", MODEL, "--prompts", wrong)
    assert (shown.exit_code, f"{wrong}:1: prompt: is missing" in shown.stderr) == (2, True)
    wrong.write_text('{"prompt": "short"}\n')
    nowhere = plan(path, "--ranks", 2, "--model", tmp_path / "none", "--prompts", wrong)
    assert (nowhere.exit_code, "does not exist" in nowhere.stderr) == (2, True)
    assert not path.exists()


def test_bytes_that_are_not_known_are_not_told(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(HeadProfile("tiny", 250, 8, 2000, KEPT).to_json())
    assert "whose bytes the profile does not tell" in plan(path, "--ranks", 2).stdout
    assert told(path, "--ranks", 2)["extra_bytes"] is None


def test_bad_input_says_where_and_how_to_mend_it(profile: Path, tmp_path: Path) -> None:
    missing = plan(tmp_path / "none.json", "--ranks", 2)
    assert missing.exit_code == 2
    assert f"{tmp_path / 'none.json'}: the profile cannot be read (No such file" in missing.stderr
    broken = tmp_path / "broken.json"
    broken.write_text('{"model": 1}')
    shown = plan(broken, "--ranks", 2)
    assert shown.exit_code == 2
    assert f"error: {broken}: this is no profile of heads: " in shown.stderr
    assert "write it anew by a profiling pass" in shown.stderr
    nowhere = plan(profile, "--ranks", 2, "--out", tmp_path / "none" / "plan.json")
    assert nowhere.exit_code == 2
    assert "the plan cannot be written (No such file" in nowhere.stderr
    assert plan(profile, "--ranks", 0).exit_code == 2
