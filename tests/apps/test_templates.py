"""Prompt templates: what a file of them may say, and how what it may not is named."""

from __future__ import annotations

from pathlib import Path

import pytest

import pcm
from apps.fact_verification.templates import read_prompt, read_prompts


def test_prompts_come_in_order_from_texts_and_files(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("Think.\nClaim: {claim}\nEvidence: {evidence}\n\n")
    file = tmp_path / "prompts.yaml"
    file.write_text('long: {file: long.txt}\nb.2: |\n  A {b}\n  {claim}:\na: "{claim}?"\n')
    prompts = read_prompts(file)
    assert list(prompts.items()) == [
        ("long", "Think.\nClaim: {claim}\nEvidence: {evidence}"),
        ("b.2", "A {b}\n{claim}:"),
        ("a", "{claim}?"),
    ]
    assert read_prompt(tmp_path / "long.txt") == prompts["long"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "prompts.yaml: --prompts: holds no prompts; write `NAME: |`"),
        ("- a\n- b\n", "prompts.yaml: --prompts: holds no prompts"),
        ("{}", "prompts.yaml: --prompts: holds no prompts"),
        ("ok: '{claim}'\nbad: Claim: {claim}\n", "prompts.yaml:2: --prompts: not YAML: mapping"),
        ("a: '{claim}'\n---\nb: '{claim}'\n", "prompts.yaml:2: --prompts: not YAML"),
        ("a: '{claim}'\nb: {claim}\n", "prompts.yaml:2: b: is no text; write `NAME: |`"),
        ("a: 3\n", "prompts.yaml:1: a: is no text"),
        ("a: {file: [x]}\n", "prompts.yaml:1: a: is no text"),
        ("a: '{claim}'\n\na: '{claim}?'\n", "prompts.yaml:3: a: is given twice; remove one"),
        ("a/b: '{claim}'\n", "prompts.yaml:1: a/b: is no name; use letters"),
        ("..: '{claim}'\n", "prompts.yaml:1: ..: is no name"),
        ("? [a]\n: '{claim}'\n", "is no name"),
        ("a: |\n  no place\n", "prompts.yaml:1: a: has 0 places for the claim; write {claim}"),
        ("a: '{claim} {claim}'\n", "prompts.yaml:1: a: has 2 places"),
        ("a: '{evidence} {claim}'\n", "a: has {evidence} before {claim}; write it after"),
        ("a: '{claim}'\nb: {file: gone.txt}\n", "prompts.yaml:2: b: "),
        ("a: {file: empty.txt}\n", "empty.txt has 0 places for the claim"),
    ],
)
def test_bad_prompts_are_named_by_file_line_and_name(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "empty.txt").touch()
    file = tmp_path / "prompts.yaml"
    file.write_text(text)
    with pytest.raises(pcm.InputError) as caught:
        read_prompts(file)
    assert words in str(caught.value)
    assert caught.value.file == str(file)
    assert caught.value.mend


@pytest.mark.parametrize("content", [None, b"\xff{claim}"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "prompts.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(pcm.InputError, match=r"prompts\.yaml: --prompts: cannot be read"):
        read_prompts(file)
    with pytest.raises(pcm.InputError, match=r"prompts\.yaml: --prompt: cannot be read"):
        read_prompt(file)
