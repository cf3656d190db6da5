"""The search over prompts and models as a user runs it, with models of a few kilobytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from apps.fact_verification.__main__ import main
from pcm.journal import JournalReader, is_run

pytestmark = pytest.mark.models

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "apps" / "fact_verification" / "demo"
LABELS = ("copper", "honey", "salt")
"""Of one token each, so that tiny models do not prefer the shortest."""
PROMPTS = {"short": "Claim: {claim}\nVerdict:", "long": "Judge what people sell.\n{claim}\nIt is"}
MODELS = ("first", "second")
PAIRS = [(prompt, model) for prompt in PROMPTS for model in MODELS]
CLAIMS = 60
DEADLINE_SECONDS = 60.0

Searched = tuple[Path, dict[str, Any]]
"""The directory of a search, and its JSON."""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``claims.jsonl``, ``prompts.yaml`` and two models."""
    from tests.inference.tiny_models import llama, texts, tokenizer

    directory = tmp_path_factory.mktemp("given")
    for seed, name in enumerate(MODELS):
        llama(seed=seed).save_pretrained(directory / name)
        tokenizer().save_pretrained(directory / name)
    claims = [
        {"id": f"c{index}", "claim": text, "label": LABELS[index % 3]}
        for index, text in enumerate(texts(CLAIMS, longest_words=12))
    ]
    (directory / "claims.jsonl").write_text("".join(json.dumps(c) + "\n" for c in claims))
    write_prompts(directory, PROMPTS)
    return directory


def write_prompts(directory: Path, prompts: dict[str, str]) -> Path:
    file = directory / "prompts.yaml"
    file.write_text(json.dumps(prompts))  # every JSON text is YAML
    return file


def options(given: Path, out: Path, *more: str) -> list[str]:
    models = ["--models", *(str(given / name) for name in MODELS)]
    files = ["--claims", str(given / "claims.jsonl"), "--prompts", str(given / "prompts.yaml")]
    workers = ["--labels", ",".join(LABELS), "--workers", "2", "--json"]
    return [*files, *models, "--out", str(out), *workers, *more]


def verdicts(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What each pair says of each claim, with the scores."""
    found = {}
    for prompt, model in PAIRS:
        lines = (out / prompt / model / "results.jsonl").read_text().splitlines()
        rows = map(json.loads, lines)
        found[prompt, model] = {r["id"]: (r["predicted_label"], r["scores"]) for r in rows}
    return found


def events(out: Path, kind: str) -> list[dict[str, Any]]:
    """All of one kind in the logs of all runs, each once."""
    found = {}
    for prompt, model in PAIRS:
        with JournalReader(out / prompt / model) as reader:
            found.update({(e.at, e.body): json.loads(e.body) for e in reader.events(kinds=[kind])})
    return list(found.values())


@pytest.fixture(scope="module")
def searched(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Searched:
    out = tmp_path_factory.mktemp("searched") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "apps.fact_verification", *options(given, out)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return out, json.loads(done.stdout.splitlines()[-1])


def test_the_table_is_that_of_a_plain_loop(given: Path, searched: Searched) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests.inference.oracle import score_labels

    out, answer = searched
    found, accuracies = verdicts(out), {}
    claims = [json.loads(line) for line in (given / "claims.jsonl").read_text().splitlines()]
    for prompt, model in PAIRS:
        network = AutoModelForCausalLM.from_pretrained(given / model, dtype="float32").eval()
        tokenizer = AutoTokenizer.from_pretrained(given / model)
        right = 0
        for claim in claims:
            text = PROMPTS[prompt].replace("{claim}", claim["claim"])
            scores = score_labels(network, tokenizer, text, [f" {label}" for label in LABELS])
            label = max(scores, key=scores.__getitem__).strip()
            assert found[prompt, model][claim["id"]][0] == label
            right += label == claim["label"]
        accuracies[prompt, model] = right / CLAIMS
    assert {(p["prompt"], p["model"]): p["accuracy"] for p in answer["pairs"]} == accuracies
    best = answer["best"]
    assert accuracies[best["prompt"], best["model"]] == max(accuracies.values())
    assert len(set(accuracies.values())) > 1, "the pairs must differ for this to show anything"


def test_a_model_is_loaded_once_per_worker_for_all_its_prompts(
    searched: Searched,
) -> None:
    out, answer = searched
    loads = Counter((load["worker"], load["context"]) for load in events(out, "Load"))
    assert set(loads.values()) == {1}
    assert len({context for _, context in loads}) == len(MODELS)
    assert len({worker for worker, _ in loads}) <= 2
    for pair in answer["pairs"]:
        assert pair["summary"]["succeeded"] == CLAIMS
        assert pair["summary"]["failed"] == pair["summary"]["duplicates"] == 0


def test_all_pairs_are_worked_on_at_the_same_time(searched: Searched) -> None:
    """The last run is opened before the first has finished."""
    out, _ = searched
    with JournalReader(out / PAIRS[0][0] / PAIRS[0][1]) as reader:
        end = max(event.at for event in reader.events(kinds=["BatchDone"]))
    with JournalReader(out / PAIRS[-1][0] / PAIRS[-1][1]) as reader:
        assert min(event.at for event in reader.events(kinds=["RunOpened"])) < end


def test_a_new_prompt_is_all_that_a_second_start_computes(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    some = options(given, out, "--sample", "6")
    prompts = write_prompts(tmp_path, {"short": PROMPTS["short"]})
    assert main([*some, "--prompts", str(prompts)]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert first["claims"] == 6
    before = {model: (out / "short" / model / "results.jsonl").read_bytes() for model in MODELS}
    dispatched = {model: dispatches(out / "short" / model) for model in MODELS}
    assert main(some) == 0
    second = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {model: dispatches(out / "short" / model) for model in MODELS} == dispatched
    assert {m: (out / "short" / m / "results.jsonl").read_bytes() for m in MODELS} == before
    assert [(p["prompt"], p["model"]) for p in second["pairs"]] == PAIRS
    assert [p["accuracy"] for p in second["pairs"][:2]] == [p["accuracy"] for p in first["pairs"]]


def dispatches(directory: Path) -> int:
    with JournalReader(directory) as reader:
        return sum(1 for _ in reader.events(kinds=["Dispatch"]))


@pytest.mark.kills
def test_killed_and_started_again_it_gives_the_same_to_the_bit(
    given: Path, searched: Searched, tmp_path: Path
) -> None:
    undisturbed, answer = searched
    out = tmp_path / "out"
    command = [sys.executable, "-m", "apps.fact_verification"]
    with subprocess.Popen(
        [*command, *options(given, out, "--batch", "1")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as app:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not finished(out):
            assert app.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(app.pid, signal.SIGKILL)
    kept = finished(out)
    assert 0 < kept < CLAIMS * len(PAIRS)
    again = subprocess.run(
        [*command, *options(given, out)], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert verdicts(out) == verdicts(undisturbed)
    resumed = json.loads(again.stdout.splitlines()[-1])
    assert resumed["best"] == answer["best"]
    assert all(p["summary"]["succeeded"] == CLAIMS for p in resumed["pairs"])


def finished(out: Path) -> int:
    count = 0
    for prompt, model in PAIRS:
        if is_run(out / prompt / model):
            with JournalReader(out / prompt / model) as reader:
                count += reader.counts().finished
    return count


def test_a_model_that_does_not_load_spoils_only_its_column(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.inference.tiny_models import tokenizer

    broken = tmp_path / "broken"
    tokenizer().save_pretrained(broken)
    (broken / "config.json").write_text('{"model_type": "llama", "vocab_size": 400}')
    (broken / "model.safetensors").write_bytes(b"no weights")
    some = options(given, tmp_path / "out", "--sample", "6")
    assert main([*some, "--models", str(given / "first"), str(broken)]) == 1
    output = capsys.readouterr()
    pairs = json.loads(output.out.splitlines()[-1])["pairs"]
    assert [pair["accuracy"] is None for pair in pairs] == [False, True, False, True]
    assert all("broken" in pair["error"] for pair in pairs[1::2])
    assert "fact_verification: run short x broken failed" in output.err
    assert "Traceback" in output.err


def test_a_claim_too_long_for_a_prompt_counts_as_wrong(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = tmp_path / "claims.jsonl"
    claim = {"id": 1, "claim": "salt", "label": "salt"}
    long = {"id": 2, "claim": "salt " * 300, "label": "salt"}
    claims.write_text(json.dumps(claim) + "\n" + json.dumps(long) + "\n")
    some = options(given, tmp_path / "out", "--claims", str(claims), "--labels", "salt")
    assert main(some) == 3
    pairs = json.loads(capsys.readouterr().out.splitlines()[-1])["pairs"]
    assert [pair["summary"]["failed"] for pair in pairs] == [1] * 4
    assert [pair["accuracy"] for pair in pairs] == [0.5] * 4


def test_a_changed_prompt_is_refused_under_its_old_name(
    given: Path, searched: Searched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = searched
    before = verdicts(out)
    prompts = write_prompts(tmp_path, PROMPTS | {"long": "Otherwise: {claim}"})
    assert main(options(given, out, "--prompts", str(prompts))) == 2
    error = capsys.readouterr().err
    assert str(out / "long" / "first") in error
    assert "prompt" in error
    assert verdicts(out) == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--prompts", "{tmp}/bad.yaml"], "bad.yaml:2: b: has 0 places for the claim"),
        (["--claims", "{tmp}/unlabelled.jsonl"], "unlabelled.jsonl: label: no claim has one"),
        (["--models", "{tmp}/a/x", "{tmp}/b/x"], "--models: '"),
        (["--models", "./not-there"], "not-there"),
        (["--model", "x"], "--model and --models: give one of them"),
        (["--prompt", "x"], "--prompt and --prompts: give one of them"),
        (["--revision", "x"], "--revision is of one hub id"),
        (["--sample", "0"], "--sample takes a positive number"),
    ],
)
def test_bad_input_is_named_before_anything_starts(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    (tmp_path / "bad.yaml").write_text("a: '{claim}'\nb: none\n")
    (tmp_path / "unlabelled.jsonl").write_text('{"id": 1, "claim": "a"}\n')
    more = [text.replace("{tmp}", str(tmp_path)) for text in more]
    try:
        code: Any = main(options(given, tmp_path / "out", *more))
    except SystemExit as left:
        code = left.code
    assert code == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_demonstration_prefers_the_prompt_its_model_was_trained_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = DEMO.parent / "prompts" / "all.yaml"
    out = ["--out", str(tmp_path / "out"), "--workers", "2", "--sample", "60"]
    assert main(["--demo", "--prompts", str(prompts), *out]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "best: prompt default with model model" in lines
    assert any(line.startswith("│ default") and " * │" in line for line in lines)
    assert "3 pairs x 60 claims: 180 verified, 0 failed" in lines
