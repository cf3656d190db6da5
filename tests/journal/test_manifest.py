from __future__ import annotations

from pathlib import Path

import msgspec

from pcm.formats import Jsonl, OpenAIBatch, Parquet
from pcm.identity import Identity
from pcm.journal import Journal, Manifest, changes
from tests.journal.runs import items, manifest


def test_a_manifest_survives_the_journal_with_its_outputs(tmp_path: Path) -> None:
    outputs = [Jsonl("a.jsonl", flat=False), OpenAIBatch("b.jsonl", "e.jsonl", "m"), Parquet()]
    with Journal.create(tmp_path / "run", manifest(outputs=outputs)) as journal:
        journal.add_items(items(2))
        journal.seal()
    with Journal.open(tmp_path / "run") as journal:
        assert journal.manifest.outputs == outputs
        text = (tmp_path / "run" / "run.json").read_bytes()
        assert msgspec.json.decode(text, type=Manifest) == journal.manifest
    assert b'\n  "name": "test"' in text


def test_no_change() -> None:
    other_batch = manifest(run="run-2", created=2.0, options={"batch_items": 7}, outputs=[])
    assert changes(manifest(), other_batch) == []


def test_changes_are_named() -> None:
    old = manifest()
    new = manifest(
        task=Identity.of("verify", {"source": "s2", "argument 'prompt'": "p2"}),
        context=Identity.of("verifier", {"file model.safetensors": "f2", "file x": "1"}),
        key_name="claim_id",
    )
    assert changes(old, new) == [
        "task verify: argument 'prompt' changed",
        "task verify: source changed",
        "context verifier: file model.safetensors changed",
        "context verifier: file x is new",
        "the key was 'id' and is now 'claim_id'",
    ]


def test_another_task() -> None:
    new = manifest(task=Identity.of("summarise", {"source": "s9"}))
    assert changes(manifest(), new) == ["the task was verify and is now summarise"]
