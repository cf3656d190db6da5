"""The application as a user runs it, with the model and the claims that the project brings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.manager.processes import first, replicas, supervisors

pytestmark = pytest.mark.models

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "apps" / "fact_verification" / "demo"
FEVER = ROOT.parent / "shared" / "data" / "fever" / "dev-half.jsonl"
CLAIMS = 120
LABELS = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")


def command(out: Path, *options: str) -> list[str]:
    given = ["--claims", str(DEMO / "claims.jsonl"), "--model", str(DEMO / "model")]
    limits = ["--limit", str(CLAIMS), "--workers", "2", "--batch", "20", "--json"]
    module = [sys.executable, "-m", "apps.fact_verification"]
    return [*module, *given, "--out", str(out), *limits, *options]


def verify(out: Path, *options: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        command(out, *options), check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def verdicts(out: Path) -> dict[int, tuple[str, dict[str, float]]]:
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return {row["id"]: (row["predicted_label"], row["scores"]) for row in rows}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    code, summary = verify(out)
    assert code == 0
    assert summary["succeeded"] == CLAIMS
    # Not `duplicates`: on a busy machine a late batch may have been copied to the other worker.
    assert summary["failed"] == summary["lost_batches"] == 0
    # One for each that computed; the other of the two may have been too late for that.
    rows = map(json.loads, (out / "results.jsonl").read_text().splitlines())
    computed = {row["provenance"]["worker"] for row in rows}
    assert 1 <= len(computed) <= summary["context_loads"] <= 2
    assert summary["accuracy"] > 0.9
    return out


def test_another_batch_size_gives_the_same_scores_to_the_bit(
    undisturbed: Path, tmp_path: Path
) -> None:
    verify(tmp_path / "run", "--batch", "7", "--workers", "1")
    assert verdicts(tmp_path / "run") == verdicts(undisturbed)


def test_a_killed_replica_changes_no_verdict_and_no_score(
    undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        command(out), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as app:
        victim = first(lambda: [replica for s in supervisors(app.pid) for replica in replicas(s)])
        os.kill(victim.pid, signal.SIGKILL)
        assert app.stdout is not None
        summary = json.loads(app.stdout.read().splitlines()[-1])
    assert app.returncode == 0
    assert summary["succeeded"] == CLAIMS
    assert verdicts(out) == verdicts(undisturbed)


def test_a_killed_manager_resumes_by_the_same_command(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        command(out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as app:
        assert app.stderr is not None
        app.stderr.readline()  # the first line of progress: some claims are verified
        os.kill(app.pid, signal.SIGKILL)
    code, summary = verify(out)
    assert code == 0
    assert summary["succeeded"] == CLAIMS
    assert verdicts(out) == verdicts(undisturbed)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id": 1, "claim": "a"}\nnonsense\n', ":2:"),
        ('{"id": 1, "claim": "a"}\n{"claim": "b"}\n', ":2: id"),
        ('{"id": 1, "claim": "a"}\n{"id": 1, "claim": "b"}\n', ":2: id"),
        ('{"id": 1, "claim": "a", "label": "PERHAPS"}\n', ":1: label: unknown label 'PERHAPS'"),
        ("", "no lines"),
    ],
)
def test_bad_claims_are_named_by_line_and_field(tmp_path: Path, text: str, words: str) -> None:
    claims = tmp_path / "claims.jsonl"
    claims.write_text(text)
    out = tmp_path / "run"
    done = subprocess.run(
        command(out, "--claims", str(claims)), check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "0"], "--workers 0 is for --engine taskvine"),
        (["--listen", "9123"], "listen: the local engine has no such option"),
    ],
)
def test_workers_from_outside_need_taskvine(tmp_path: Path, options: list[str], words: str) -> None:
    done = subprocess.run(
        command(tmp_path / "run", *options), check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not FEVER.exists(), reason="the FEVER claims are not here")
def test_fever_claims_get_the_labels_of_a_plain_loop(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests.inference.oracle import score_labels

    code, summary = verify(tmp_path / "run", "--claims", str(FEVER))
    assert code == 0
    assert summary["succeeded"] == CLAIMS
    model = AutoModelForCausalLM.from_pretrained(DEMO / "model", dtype="float32")
    tokenizer = AutoTokenizer.from_pretrained(DEMO / "model")
    prompt = (DEMO.parent / "prompts" / "default.txt").read_text().rstrip("\n")
    found = verdicts(tmp_path / "run")
    for line in FEVER.read_text().splitlines()[:CLAIMS]:
        row = json.loads(line)
        text = prompt.replace("{claim}", row["claim"])
        scores = score_labels(model, tokenizer, text, [f" {label}" for label in LABELS])
        assert found[row["id"]][0] == max(scores, key=scores.__getitem__).strip()
