from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from pcm.identity import identify

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def loader(model: str, adapter: str | None = None, revision: str | None = None) -> None: ...


def test_several_arguments_with_files_are_told_apart(tmp_path: Path) -> None:
    for name in ("base", "lora"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "w.bin").write_text(name)
    arguments = {"model": str(tmp_path / "base"), "adapter": str(tmp_path / "lora")}
    parts = identify("c", loader, arguments, files=("model", "adapter")).parts
    assert {"file model/w.bin", "file adapter/w.bin"} < parts.keys()


def test_the_identity_does_not_depend_on_where_the_files_are(tmp_path: Path) -> None:
    digests = set()
    for place in ("one", "two/deeper"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "w.bin").write_text("same")
        arguments = {"model": str(tmp_path / place)}
        digests.add(identify("c", loader, arguments, files=("model",)).digest)
    assert len(digests) == 1


def test_a_hub_model_counts_by_id_and_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    unknown = identify("c", loader, {"model": "org/m"}, files=("model",))
    (tmp_path / "models--org--m" / "refs").mkdir(parents=True)
    (tmp_path / "models--org--m" / "refs" / "main").write_text(COMMIT)
    known = identify("c", loader, {"model": "org/m"}, files=("model",))
    assert known.parts["commit of 'model'"] == COMMIT
    assert known.changes_since(unknown) == []
    other = identify("c", loader, {"model": "org/n"}, files=("model",))
    assert other.changes_since(known) == ["argument 'model' changed"]


SCRIPT = """
import sys
from pcm.identity import identify
LABELS = {"SUPPORTED", "REFUTED", "UNKNOWN"}
class Scale:
    def __init__(self, x): self.x = x
def score(items): return [i in LABELS for i in items]
def verify(llm, items, scale=Scale(2)):
    return score(items), (lambda: {"a", "b", "c"})
print(identify("verify", verify, {"scale": Scale(3), "names": {"x", "y", "z"}}).digest)
"""


def test_the_identity_is_the_same_in_every_process_place_and_form(tmp_path: Path) -> None:
    digests = set()
    for seed, place, text in (
        ("1", "a", SCRIPT),
        ("2", "b/c", "# comment\n\n" + SCRIPT.replace("score(items):", "score( items ):  # c\n  ")),
    ):
        (tmp_path / place).mkdir(parents=True)
        script = tmp_path / place / f"script_{seed}.py"
        script.write_text(dedent(text))
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        digests.add(subprocess.check_output([sys.executable, script], env=environment))
    assert len(digests) == 1
